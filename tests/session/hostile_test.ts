/**
 * Peers that lie, stall, flood and break the protocol: each costs itself its slot and nothing else.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { PeerCloseReason } from "../../src/base/errors.ts";
import { type PeerPart, scene } from "../sim/download.ts";
import { ID, message, pieceMessage, u32 } from "../sim/raw_wire.ts";
import { makeTorrent } from "../sim/torrents.ts";

const MIB = 1 << 20;

/** Downloads 1 MiB from an honest peer that is slow to start, beside a bad one; gives what became of it. */
async function beside(bad: PeerPart, seed = 1) {
  const parts = await scene({
    seed,
    content: makeTorrent({ length: MIB }),
    peers: [bad, { unchokeMs: 2_000, link: { upRate: 500_000 } }],
  });
  assertEquals(await parts.download.outcome(60_000), { kind: "complete" });
  parts.download.assertFiles();
  const [, honest] = parts.peers;
  assertEquals(honest!.connections, 1, "the honest peer stays");
  return { ...parts, bad: parts.peers[0]!, closed: parts.download.stats.closed };
}

Deno.test("a liar among honest peers is found by its block and banned, its fellows stay", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const link = { upRate: 400_000 };
    const { download, peers } = await scene({
      seed,
      content: makeTorrent({ length: 8 * MIB, pieceLength: 262_144 }),
      peers: [
        { link, spoil: (block, request) => request.begin === 65_536 && (block[9]! ^= 4) },
        { link },
        { link },
        { link, fast: true },
      ],
    });
    assertEquals(await download.outcome(120_000), { kind: "complete" });
    download.assertFiles();
    const { stats } = download;
    assertEquals(stats.peersBanned, 1, `seed ${seed}`);
    assertEquals(stats.closed["corrupt-data"], 1);
    assertEquals(peers.map((peer) => peer.connections), [1, 1, 1, 1]);
    assertLess(stats.bytesDownloaded, 8 * MIB * 1.3);
  }
});

Deno.test("a liar that is alone ends in bad-data, and is banned after one piece", async () => {
  const { download, peers } = await scene({
    seed: 1,
    stallTimeoutMs: 30_000,
    peers: [{ spoil: (block) => block.reverse() }],
  });
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "bad-data", JSON.stringify(outcome));
  assertEquals(peers[0]!.connections, 1);
  // A peer that has not proven itself yet takes part in two pieces at most.
  assertLess(peers[0]!.served, 2 * 2 + 1);
  assertEquals(download.host.disk.contents("/downloads/t"), undefined);
});

Deno.test("five liars among twenty do not stop a download", async () => {
  const link = { upRate: 200_000 };
  const { download, world } = await scene({
    seed: 3,
    content: makeTorrent({ length: 16 * MIB, pieceLength: 262_144 }),
    peers: Array.from({ length: 20 }, (_, i) => ({
      link,
      ...(i < 5 && { spoil: (block: Uint8Array) => block.fill(i) }),
    })),
  });
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
  assertEquals(download.stats.peersBanned, 5);
  // 15 honest peers give 3 MB/s: 5.6 s.
  assertLess(world.clock.now(), 12_000);
});

Deno.test("what a stalled peer holds is asked of another within 20 s", async () => {
  const link = { upRate: 50_000 };
  const { download, peers, world } = await scene({
    seed: 4,
    content: makeTorrent({ length: 2 * MIB, pieceLength: 131_072 }),
    peers: [{ link, stallAfter: 10 }, { link }],
  });
  await download.outcome(120_000);
  download.assertFiles();
  const [stalled, honest] = peers;
  // It may be tried again with a single block at a time.
  const unanswered = new Map(stalled!.requests.slice(10).map((r) => [`${r.piece} ${r.begin}`, r]));
  assertGreater(unanswered.size, 0);
  for (const lost of unanswered.values()) {
    const again = honest!.requests.find((r) => r.piece === lost.piece && r.begin === lost.begin);
    assert(again && again.at - lost.at <= 20_000, JSON.stringify([lost, again]));
  }
  // The honest peer's link is never idle: 2 MiB less what the other gave, at 50 kB/s.
  assertLess(world.clock.now(), (2 * MIB - 10 * 16_384) / 50 + 5_000);
});

Deno.test("a peer that chokes for ever ends in stalled, when the stall timeout says so", async () => {
  const { download, world } = await scene({
    seed: 5,
    stallTimeoutMs: 45_000,
    peers: [{ unchokeMs: Infinity }],
  });
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled", JSON.stringify(outcome));
  assert(outcome.hint !== undefined && outcome.message.includes("45 s"), outcome.message);
  assert(Math.abs(world.clock.now() - 45_000) < 1_500, `${world.clock.now()}`);
});

Deno.test("no peer at all ends in stalled, and the total deadline in timeout", async () => {
  const none = await scene({ seed: 6, stallTimeoutMs: 20_000, peers: [] });
  const stalled = await none.download.outcome(30_000);
  assert(stalled.kind === "failed" && stalled.reason === "stalled");
  const link = { upRate: 10_000 };
  const slow = await scene({
    seed: 6,
    timeoutMs: 15_000,
    stallTimeoutMs: 60_000,
    peers: [{ link }],
  });
  const late = await slow.download.outcome(30_000);
  assert(late.kind === "failed" && late.reason === "timeout");
  assert(Math.abs(slow.world.clock.now() - 15_000) < 1_500);
});

Deno.test("lies do not feed the stall clock", async () => {
  const { download, world } = await scene({
    seed: 7,
    stallTimeoutMs: 30_000,
    content: makeTorrent({ length: 4 * MIB, pieceLength: 262_144 }),
    peers: Array.from({ length: 30 }, (_, i) => ({
      unchokeMs: 3_000 * i + 1,
      spoil: (block: Uint8Array) => block.fill(7),
    })),
  });
  const outcome = await download.outcome(120_000);
  assert(outcome.kind === "failed", JSON.stringify(outcome));
  assert(world.clock.now() < 36_000, `${world.clock.now()}`);
});

Deno.test("a peer that breaks the protocol is dropped alone, for the right reason", async () => {
  const pieces = MIB / 32_768;
  const full = Math.ceil(pieces / 8);
  const bits = (length: number, last = 0xff) => {
    const out = new Uint8Array(length).fill(0xff);
    out[length - 1] = last;
    return message(ID.bitfield, out);
  };
  const cases: readonly (readonly [string, PeerPart, PeerCloseReason])[] = [
    ["garbage handshake", { handshake: "garbage" }, "bad-handshake"],
    ["other infohash", { infoHash: new Uint8Array(20) }, "wrong-info-hash"],
    ["our own peer id", { peerId: "echo" }, "self"],
    ["short bitfield", { bitfield: bits(full - 1) }, "bad-bitfield"],
    ["long bitfield", { bitfield: bits(full + 1) }, "bad-bitfield"],
    ["huge length", { opening: Uint8Array.of(...u32(0xffffffff), 7) }, "message-too-long"],
    ["long piece", { opening: Uint8Array.of(...u32(9 + 16_385), 7) }, "message-too-long"],
    ["long have", { opening: message(ID.have, [0, 0, 0, 0, 0]) }, "bad-message"],
    ["short have", { opening: message(ID.have, [0, 0, 0]) }, "bad-message"],
    ["have out of range", { opening: message(ID.have, u32(pieces)) }, "bad-index"],
    ["have -1", { opening: message(ID.have, u32(0xffffffff)) }, "bad-index"],
    [
      "piece out of range",
      { opening: pieceMessage(pieces, 0, new Uint8Array(16_384)) },
      "bad-block",
    ],
    ["odd begin", { opening: pieceMessage(0, 1, new Uint8Array(16_384)) }, "bad-block"],
    [
      "begin out of range",
      { opening: pieceMessage(0, 32_768, new Uint8Array(16_384)) },
      "bad-block",
    ],
    ["short block", { opening: pieceMessage(0, 0, new Uint8Array(100)) }, "bad-block"],
    ["have-all without fast", { opening: message(ID.haveAll) }, "bad-message"],
    ["have-all after bitfield", { fast: true, opening: message(ID.haveAll) }, "bad-bitfield"],
  ];
  for (const [name, behaviour, reason] of cases) {
    const { closed, bad } = await beside({ ...behaviour, unchokeMs: Infinity });
    assertGreater(closed[reason] ?? 0, 0, `${name}: ${JSON.stringify(closed)}`);
    assertLess(bad.connections, 3, name);
  }
});

Deno.test("a bitfield with spare bits set costs the peer its connection or nothing", async () => {
  const content = makeTorrent({ length: 300_000 });
  const spare = message(ID.bitfield, [0xff, 0xff]);
  const { download } = await scene({ seed: 1, content, peers: [{ bitfield: spare }, {}] });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  download.assertFiles();
});

Deno.test("a peer that floods with blocks nobody asked for is dropped", async () => {
  const block = pieceMessage(3, 0, new Uint8Array(16_384));
  const { closed, bad, download } = await beside({
    opening: block,
    repeatMs: 0,
    unchokeMs: Infinity,
  });
  assertEquals(closed.flood, 1);
  assertLess(bad.connections, 3);
  assertLess(download.stats.bytesWasted, 2 * MIB);
});

Deno.test("a peer that storms with small messages is dropped, and costs nobody else anything", async () => {
  const storm = (one: Uint8Array, count: number) => {
    const out = new Uint8Array(one.length * count);
    for (let i = 0; i < count; i++) out.set(one, i * one.length);
    return out;
  };
  const cases: readonly Uint8Array[] = [
    storm(message(ID.have, u32(1)), 1000),
    storm(new Uint8Array(4), 1000),
    storm(Uint8Array.of(...message(ID.choke), ...message(ID.unchoke)), 1000),
    storm(Uint8Array.of(...message(ID.interested), ...message(ID.notInterested)), 1000),
    storm(message(ID.request, [...u32(0), ...u32(0), ...u32(16_384)]), 500),
    storm(message(ID.cancel, [...u32(0), ...u32(0), ...u32(16_384)]), 500),
    storm(message(99, new Uint8Array(8)), 1000),
    storm(message(ID.extended, [0, ...new TextEncoder().encode("d1:md1:ai1eee")]), 100),
  ];
  for (const opening of cases) {
    const link = { upRate: 2e6 };
    const { bad, closed } = await beside({ opening, repeatMs: 10, unchokeMs: Infinity, link });
    // A second chance and no third. Whoever asks for what we lack is cut for that.
    const dropped = (closed.flood ?? 0) + (closed["bad-request"] ?? 0);
    assertGreater(dropped, 0, `it stays with ${opening.slice(0, 20)}`);
    assertLess(bad.connections, 3);
  }
});

Deno.test("a peer that never finishes its handshake frees its slot within 10 s", async () => {
  for (const handshake of ["silent", "half"] as const) {
    const { download, world, peers } = await scene({
      seed: 8,
      session: { maxPeers: 1 },
      peers: [{ handshake }, { handshake }, {}],
    });
    assertEquals(await download.outcome(60_000), { kind: "complete" });
    assertLess(world.clock.now(), 21_000);
    for (const peer of peers) assert(peer.connections <= 1);
  }
});

Deno.test("blocks are kept when a peer goes in the middle of a piece", async () => {
  for (const closeWithReset of [false, true]) {
    const { download, peers } = await scene({
      seed: 9,
      content: makeTorrent({ length: 2 * MIB, pieceLength: MIB }),
      peers: [{ closeAfter: 37, closeWithReset }, { unchokeMs: 3_000 }],
    });
    assertEquals(await download.outcome(30_000), { kind: "complete" });
    download.assertFiles();
    const { bytesDownloaded } = download.stats;
    if (!closeWithReset) assertEquals(bytesDownloaded, 2 * MIB);
    assertLess(peers[1]!.requests.length, 128 - 30 + (closeWithReset ? 20 : 0));
  }
});

Deno.test("a peer that flaps is not dialled busily", async () => {
  const { download, peers } = await scene({
    seed: 10,
    stallTimeoutMs: 600_000,
    peers: [{ closeAfter: 0, unchokeMs: 1, opening: message(ID.port, [26, 225]) }],
  });
  await download.outcome(700_000);
  assertGreater(peers[0]!.connections, 3);
  assertLess(peers[0]!.connections, 20);
});

Deno.test("a peer that breaks the protocol is given a second chance and no third", async () => {
  const openings = [
    message(ID.port, []),
    message(ID.have, u32(1 << 30)),
    message(ID.extended, [0, 1, 2]),
    message(99, new Uint8Array(1 << 21)),
  ];
  const { download, peers } = await scene({
    seed: 13,
    stallTimeoutMs: 600_000,
    peers: openings.map((opening) => ({ unchokeMs: Infinity, opening })),
  });
  await download.outcome(700_000);
  assertEquals(peers.map((peer) => peer.connections), [2, 2, 2, 2]);
  assertEquals(download.stats.peersBanned, 4);
});

Deno.test("endgame does not wait for a slow peer", async () => {
  const { download, world } = await scene({
    seed: 11,
    content: makeTorrent({ length: 4 * MIB, pieceLength: 262_144 }),
    peers: [{ blockMs: 4_000 }, { link: { upRate: 1e6 } }],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  assertLess(world.clock.now(), 6_500);
});

Deno.test("a peer that is asked twice for nothing is told to forget it", async () => {
  const { peers, download } = await scene({
    seed: 12,
    content: makeTorrent({ length: MIB, pieceLength: 262_144 }),
    peers: [{ blockMs: 1_500 }, { link: { upRate: 500_000 }, fast: true }],
  });
  await download.outcome(60_000);
  assertGreater(peers[0]!.cancels.length, 0);
  assertLess(download.stats.bytesWasted, 5 * 16_384);
});

Deno.test("slow drips of single bytes hold nobody up", async () => {
  const { world } = await beside({
    bitfield: new Uint8Array(),
    opening: new Uint8Array(1),
    repeatMs: 900,
    unchokeMs: Infinity,
  });
  assertLess(world.clock.now(), 6_000);
});

Deno.test("the endgame fetches little twice when a rate limit holds thirty seeds back", async () => {
  const content = makeTorrent({ length: 8 << 20, pieceLength: 131_072 });
  const peers = Array.from({ length: 30 }, () => ({ link: { upRate: 300_000 } }));
  const { download, world } = await scene({
    seed: 12,
    content,
    peers,
    session: { downLimit: 1_000_000 },
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  assertLess(download.stats.bytesWasted, 1 << 20);
  assertLess(world.clock.now(), 9_500);
});
