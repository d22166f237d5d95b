/**
 * Random worlds: honest peers among every kind of bad one, bad lines, kills, a small memory. Whatever the
 * mix, the files come out whole, the honest stay unblamed, and the bounds hold.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { Download, type PeerPart, scene } from "../sim/download.ts";
import type { HostOptions } from "../sim/net_host.ts";
import { ID, message, pieceMessage, u32 } from "../sim/raw_wire.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { below, pick, prng, randomBytes } from "../support/prng.ts";

const SEEDS = 10;
type Next = () => number;

function randomLink(next: Next): HostOptions {
  return {
    latencyMs: next() * 80,
    loss: next() < 0.3 ? next() * 0.1 : 0,
    upRate: next() < 0.7 ? 50_000 + below(next, 1_000_000) : Infinity,
    downRate: next() < 0.9 ? Infinity : 50_000,
  };
}

function honest(next: Next): PeerPart {
  return { link: randomLink(next), fast: next() < 0.5, unchokeMs: below(next, 3) * 700 };
}

function bad(next: Next, content: TestTorrent): PeerPart {
  const link = randomLink(next);
  const fast = next() < 0.5;
  const { pieceCount } = content.metainfo.pieceMap;
  const seed = below(next, 1000);
  const opening = pick(next, [
    randomBytes(next, 1 + below(next, 500)),
    message(below(next, 25), randomBytes(next, below(next, 30))),
    pieceMessage(below(next, pieceCount + 1), below(next, 4) * 8_192, new Uint8Array(16_384)),
    message(ID.have, u32(below(next, pieceCount + 2))),
    message(ID.request, [...u32(below(next, pieceCount)), ...u32(0), ...u32(below(next, 200_000))]),
    new Uint8Array(4),
  ]);
  return pick<PeerPart>(next, [
    { link, fast, spoil: (block, request) => (request.piece + seed) % 5 === 0 && block.reverse() },
    { link, fast, spoil: (block, _request, count) => count % 9 === seed % 9 && (block[0]! ^= 1) },
    { link, fast, stallAfter: below(next, 40) },
    { link, fast, closeAfter: below(next, 40), closeWithReset: next() < 0.5 },
    { link, fast, unchokeMs: Infinity },
    { link, fast: true, rejects: true },
    { link, fast, blockMs: 500 + below(next, 5_000) },
    { link, fast, has: (piece) => (piece * 7 + seed) % 3 === 0 },
    { link, handshake: pick(next, ["silent", "half", "garbage"]) },
    { link, infoHash: randomBytes(next, 20) },
    { link, peerId: "echo" },
    { link, fast, bitfield: message(ID.bitfield, randomBytes(next, below(next, 20))) },
    { link, fast, opening },
    { link, fast, opening, repeatMs: 1 + below(next, 1_000) },
    { link: { firewall: "drop" } },
  ]);
}

async function chaos(seed: number) {
  const next = prng(seed);
  const content = makeTorrent({
    seed,
    pieceLength: pick(next, [16_384, 40_000, 65_536, 262_144]),
    files: Array.from({ length: 1 + below(next, 6) }, (_, i) => ({
      path: `f${i}`,
      length: below(next, 1_500_000) + (i === 0 ? 1 : 0),
    })),
  });
  const good = Array.from({ length: 1 + below(next, 4) }, () => honest(next));
  const peers = [...good, ...Array.from({ length: below(next, 25) }, () => bad(next, content))];
  const maxPeers = pick(next, [3, 8, 40]);
  const bufferBytes = pick(next, [1, 1 << 20, 32 << 20]);
  const parts = await scene({
    seed,
    content,
    peers,
    link: { latencyMs: next() * 50, loss: next() < 0.3 ? 0.03 : 0 },
    session: { maxPeers, bufferBytes },
    stallTimeoutMs: 300_000,
  });
  parts.download.host.disk.faults.operationMs = pick(next, [0, 0.05, 5, 40]);
  return { ...parts, next, maxPeers, honest: parts.peers.slice(0, good.length) };
}

/** What holds at every end. */
function assertBounds(seed: number, download: Download, maxPeers: number): void {
  assertLessOrEqual(download.maxSockets, maxPeers, `seed ${seed}`);
  const { stats } = download;
  assertLessOrEqual(stats.bytesDone, stats.bytesTotal, `seed ${seed}`);
  assertLessOrEqual(stats.bytesWasted, stats.bytesDownloaded, `seed ${seed}`);
}

Deno.test("a download beside any mix of peers completes, and no honest peer is blamed", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { download, maxPeers, honest } = await chaos(seed);
    assertEquals(await download.outcome(900_000), { kind: "complete" }, `seed ${seed}`);
    download.assertFiles();
    assertBounds(seed, download, maxPeers);
    const { banned } = download.stats;
    for (const peer of honest) assert(!banned.includes(peer.text), `seed ${seed}: ${peer.text}`);
    await download.close();
    assertEquals(download.host.sockets, 0, `seed ${seed}`);
  }
});

Deno.test("a download that is stopped at any moment ends within a second, with nothing left open", async () => {
  for (let seed = 101; seed <= 100 + SEEDS; seed++) {
    const { download, world, next, maxPeers } = await chaos(seed);
    await world.run(pick(next, [0, 0.1, 1, 50, 300, 2_000, 8_000]));
    const isOver = download.ended !== undefined;
    const stopping = next() < 0.5 ? download.torrent.stop() : download.close();
    // What was handed to the disk is written; beyond that it ends within a second.
    const deadline = Math.max(world.clock.now(), download.host.disk.busyUntil) + 1_000;
    const outcome = await download.outcome(60_000);
    if (!isOver) {
      assert(["stopped", "complete"].includes(outcome.kind), `seed ${seed}: ${outcome.kind}`);
    }
    assertLessOrEqual(world.clock.now(), deadline, `seed ${seed}`);
    await world.wait(stopping);
    await download.close();
    assertEquals(download.host.sockets, 0, `seed ${seed}`);
    assertBounds(seed, download, maxPeers);
  }
});

Deno.test("a download that is killed at any moment completes in the next run", async () => {
  for (let seed = 201; seed <= 200 + SEEDS; seed++) {
    const { download, world, next, peers } = await chaos(seed);
    await world.run(next() * 5_000);
    download.host.boot();
    const texts = peers.map((peer) => peer.text);
    const again = await Download.start(download.host, download.content, { peers: texts });
    assertEquals(await again.outcome(900_000), { kind: "complete" }, `seed ${seed}`);
    again.assertFiles();
  }
});
