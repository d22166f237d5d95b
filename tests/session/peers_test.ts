/**
 * Peers that change their minds, have little, or come back: the finer points of living with them.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { Download, scene } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { handshake, ID, message, u32 } from "../sim/raw_wire.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import { SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;

Deno.test("a peer that refuses every request is not asked busily, and holds nobody up", async () => {
  const { download, peers, world } = await scene({
    seed: 1,
    content: makeTorrent({ length: 4 * MIB }),
    peers: [{ fast: true, rejects: true }, { link: { upRate: 500_000 } }],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  assertLess(world.clock.now(), 11_000);
  assertLess(peers[0]!.requests.length, 1_000);
});

Deno.test("a peer that refuses everything and is alone ends in stalled", async () => {
  const { download, peers } = await scene({
    seed: 1,
    stallTimeoutMs: 60_000,
    peers: [{ fast: true, rejects: true }],
  });
  const outcome = await download.outcome(70_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled");
  assertLess(peers[0]!.requests.length, 5_000);
});

Deno.test("a peer that chokes now and then loses no time and no bytes", async () => {
  for (const fast of [false, true]) {
    const content = makeTorrent({ length: 4 * MIB });
    const link = { upRate: 500_000 };
    const { download, world, peers } = await scene({ seed: 2, content, peers: [{ fast, link }] });
    const flap = async () => {
      for (;;) {
        await world.clock.sleep(900);
        peers[0]!.choke();
        await world.clock.sleep(100);
        peers[0]!.unchoke();
      }
    };
    flap();
    assertEquals(await download.outcome(60_000), { kind: "complete" });
    download.assertFiles();
    assertLess(world.clock.now(), 11_000);
    assertEquals(download.stats.bytesWasted, 0);
  }
});

Deno.test("a peer that gets its pieces one by one is asked for them as they come", async () => {
  const content = makeTorrent({ length: 2 * MIB, pieceLength: 65_536 });
  const { download, world, peers } = await scene({
    seed: 3,
    content,
    peers: [{ has: () => false }],
  });
  const gain = async () => {
    for (let piece = 0; piece < 32; piece++) {
      await world.clock.sleep(500);
      peers[0]!.tell(message(ID.have, u32(piece)));
    }
  };
  gain();
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  assertLess(world.clock.now(), 17_500);
  for (const request of peers[0]!.requests) assert(request.at >= 500 * (request.piece + 1));
});

Deno.test("pieces that nobody has end in stalled with all the others kept, and a word about it", async () => {
  const content = makeTorrent({ length: 2 * MIB });
  const has = (piece: number) => piece !== 13 && piece !== 40;
  const { download, peers } = await scene({
    seed: 4,
    content,
    stallTimeoutMs: 30_000,
    peers: [{ has }, { has, fast: true }],
  });
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled");
  assert(/\b2\b.*piece|piece.*\b2\b/.test(outcome.message), outcome.message);
  assertEquals(download.stats.bytesDone, 2 * MIB - 2 * 32_768);
  await download.close();
  download.host.boot();
  const late = await FakePeer.start(download.host.world.host("10.0.2.1"), content);
  const next = await Download.start(download.host, content, { peers: [peers[0]!.text, late.text] });
  assertEquals(await next.outcome(30_000), { kind: "complete" });
  assertEquals(next.stats.bytesDownloaded, 2 * 32_768);
});

Deno.test("a stalled peer cannot hold all the memory", async () => {
  const { download, world } = await scene({
    seed: 5,
    content: makeTorrent({ length: 8 * MIB, pieceLength: MIB }),
    session: { bufferBytes: 1 },
    peers: [{ stallAfter: 1 }, { stallAfter: 3 }, { unchokeMs: 1_000, link: { upRate: 1e6 } }],
  });
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
  assertLess(world.clock.now(), 45_000);
});

Deno.test("a liar on a public address is turned away when it dials back from other ports", async () => {
  const world = new SimWorld({ seed: 6 });
  const content = makeTorrent({ length: 4 * MIB, pieceLength: 131_072 });
  const honest = await FakePeer.start(world.host("10.0.1.0", { upRate: 200_000 }), content);
  const host = world.host("198.51.100.1");
  const download = await Download.start(host, content, { peers: [honest.text] });
  const liar = await FakePeer.start(world.host("203.0.113.9"), content, {
    spoil: (block) => block.fill(1),
  });
  const target = { host: host.ip, port: download.session.port };
  const insist = async () => {
    for (;;) {
      await liar.dial(target).catch(() => {});
      await world.clock.sleep(100);
    }
  };
  insist();
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
  assertGreater(liar.connections, 50);
  assertLess(liar.served, 100);
  assertEquals(honest.connections, 1);
});

Deno.test("silent strangers that fill the listening side leave room for dialling", async () => {
  const world = new SimWorld({ seed: 7 });
  const content = makeTorrent({ length: 2 * MIB });
  const host = world.host("10.0.0.1");
  const download = await Download.start(host, content, { noTrackers: true });
  const target = { host: host.ip, port: download.session.port };
  for (let i = 0; i < 100; i++) {
    const stranger = await FakePeer.start(world.host(`10.0.2.${i}`), content, {
      handshake: "silent",
    });
    const insist = async () => {
      for (;;) await stranger.dial(target).catch(() => {});
    };
    insist();
  }
  await world.run(1_000);
  assert(host.sockets <= 40, `${host.sockets} sockets`);
  await download.close();
  host.boot();
  const honest = await FakePeer.start(world.host("10.0.1.0"), content);
  const next = await Download.start(host, content, { peers: [honest.text] });
  assertEquals(await next.outcome(20_000), { kind: "complete" });
});

Deno.test("an idle peer is kept alive by us, and dropped when it is silent for minutes", async () => {
  const content = makeTorrent({ length: 64 * MIB, pieceLength: MIB });
  const { download, world, peers } = await scene({
    seed: 8,
    content,
    peers: [{ unchokeMs: Infinity }],
  });
  await world.run(140_000);
  assertEquals([peers[0]!.connections, peers[0]!.open], [1, 1]);
  await world.run(30_000);
  assertEquals(peers[0]!.closedAt.length, 1);
  assertEquals(download.stats.closed.idle, 1);
});

Deno.test("one peer with two addresses is one peer", async () => {
  const peerId = new TextEncoder().encode("-XX0001-abcdefghijkl");
  const { download, world } = await scene({
    seed: 9,
    content: makeTorrent({ length: 4 * MIB }),
    peers: [{ peerId, link: { upRate: 500_000 } }, { peerId, link: { upRate: 500_000 } }],
  });
  await world.run(3_000);
  assertEquals(download.stats.peers, 1);
  assertEquals(await download.outcome(60_000), { kind: "complete" });
});

Deno.test("IPv6 peers are dialled and accepted", async () => {
  const world = new SimWorld({ seed: 10 });
  const content = makeTorrent({ length: 2 * MIB });
  const peer = await FakePeer.start(
    world.host(["10.0.1.0", "2001:db8::5"], { upRate: 500_000 }),
    content,
  );
  const host = world.host(["10.0.0.1", "2001:db8::1"]);
  const download = await Download.start(host, content, { peers: ["[2001:db8::5]:6881"] });
  const other = await FakePeer.start(
    world.host(["10.0.1.1", "2001:db8::6"], { upRate: 500_000 }),
    content,
  );
  other.dial({ host: "2001:db8::1", port: download.session.port });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  assertGreater(peer.served, 20);
  assertGreater(other.served, 20);
});

Deno.test("a peer that dials while its torrent ends is let go, and its slot is free again", async () => {
  const world = new SimWorld({ seed: 20 });
  const content = makeTorrent();
  const tracker = new SimTracker(world.host("10.0.0.9"));
  const host = world.host("10.0.0.1");
  const download = await Download.start(host, content, { trackers: [tracker.url] });
  await world.run(5_000);
  // The goodbye takes as long as it may.
  tracker.override = { body: new Uint8Array(0), delayMs: 60_000 };
  const stopping = download.torrent.stop();
  await world.run(50);
  const late = world.host("10.0.0.2");
  const stream = await world.wait(
    late.process.network.dial({ host: host.ip, port: download.session.port }),
  );
  const id = new TextEncoder().encode("-RL0000-abcdefghijkl");
  await world.wait(stream.write(handshake(content.metainfo.infoHash, id)));
  await world.run(50);
  assertEquals(download.ended, undefined);
  assertEquals(await world.wait(stream.read(new Uint8Array(1)), { within: 5_000 }), null);
  await world.wait(stopping);
  assertEquals(download.session.peers, 0);
  await download.close();
});
