/**
 * Many peers: the bound on connections, who gets a slot, who gives it up.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { Download, OUTPUT, type PeerPart, scene } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import { SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;

function many(count: number, part: (index: number) => PeerPart): PeerPart[] {
  return Array.from({ length: count }, (_, index) => part(index));
}

Deno.test("of 200 reachable peers never more than 40 are connected, and the download completes", async () => {
  const link = { upRate: 50_000 };
  const { download, peers } = await scene({
    seed: 1,
    content: makeTorrent({ length: 16 * MIB, pieceLength: 131_072 }),
    peers: many(200, () => ({ link })),
  });
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
  assertLessOrEqual(download.maxSockets, 40);
  assertGreater(download.maxSockets, 35);
  assertLess(peers.reduce((sum, peer) => sum + peer.connections, 0), 200);
});

Deno.test("of 200 peers that dial us never more than 40 are connected, and the download completes", async () => {
  const content = makeTorrent({ length: 8 * MIB, pieceLength: 131_072 });
  const { download, world } = await scene({ seed: 2, content, peers: [] });
  const link = { upRate: 50_000 };
  const target = { host: "10.0.0.1", port: download.session.port };
  for (let i = 0; i < 200; i++) {
    const peer = await FakePeer.start(world.host(`10.0.2.${i}`, link), content);
    const dial = async () => {
      for (;;) {
        await peer.dial(target).catch(() => {});
        await world.clock.sleep(5_000);
      }
    };
    dial();
  }
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
  assertLessOrEqual(download.maxSockets, 40);
  assertGreater(download.maxSockets, 30);
});

Deno.test("two torrents of a session share the 40", async () => {
  const world = new SimWorld({ seed: 3 });
  const contents = [1, 2].map((seed) =>
    makeTorrent({ seed, name: `t${seed}`, length: 4 * MIB, pieceLength: 131_072 })
  );
  const texts: string[][] = [[], []];
  for (let i = 0; i < 100; i++) {
    const content = contents[i % 2]!;
    const peer = await FakePeer.start(world.host(`10.0.1.${i}`, { upRate: 40_000 }), content);
    texts[i % 2]!.push(peer.text);
  }
  const host = world.host("10.0.0.1");
  const first = await Download.start(host, contents[0]!, { peers: texts[0]! });
  const second = first.session.add({
    metainfo: contents[1]!.metainfo,
    output: OUTPUT,
    peers: texts[1]!,
  });
  let maxSockets = 0;
  let ended = 0;
  second.finished.then(() => ended++);
  first.torrent.finished.then(() => ended++);
  await world.runUntil(() => {
    maxSockets = Math.max(maxSockets, host.sockets);
    return ended === 2;
  }, { within: 120_000 });
  assertEquals([await first.torrent.finished, await second.finished], [
    { kind: "complete" },
    { kind: "complete" },
  ]);
  assertLessOrEqual(maxSockets, 40);
  assertGreater(maxSockets, 35);
});

Deno.test("useless peers give their slots up when others wait", async () => {
  // Whoever is behind them all in the book must still be reached.
  for (let seed = 1; seed <= 5; seed++) {
    const { download, world, peers } = await scene({
      seed,
      session: { maxPeers: 5 },
      content: makeTorrent({ length: MIB }),
      peers: many(25, (i) => i === 24 ? {} : { unchokeMs: Infinity }),
    });
    assertEquals(await download.outcome(300_000), { kind: "complete" }, `seed ${seed}`);
    assertLessOrEqual(download.maxSockets, 5);
    assertLess(world.clock.now(), 150_000);
    assertEquals(peers[24]!.connections, 1);
  }
});

Deno.test("slow peers give their slots up to faster ones that wait", async () => {
  const { download, world } = await scene({
    seed: 4,
    session: { maxPeers: 8 },
    content: makeTorrent({ length: 32 * MIB, pieceLength: 262_144 }),
    peers: many(24, (i) => ({ link: { upRate: i < 16 ? 4_000 : 100_000 } })),
  });
  assertEquals(await download.outcome(900_000), { kind: "complete" });
  // All at eight fast peers would take 42 s, at a third fast ones 126 s.
  assertLess(world.clock.now(), 126_000);
});

Deno.test("useful peers keep their slots though others wait", async () => {
  const link = { upRate: 50_000 };
  const { download, peers } = await scene({
    seed: 5,
    session: { maxPeers: 5 },
    content: makeTorrent({ length: 16 * MIB, pieceLength: 262_144 }),
    peers: many(30, () => ({ link })),
  });
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  assertEquals(peers.filter((peer) => peer.connections > 0).length, 5);
});

Deno.test("dead and refusing addresses delay a download by seconds only", async () => {
  const dead = Array.from({ length: 100 }, (_, i) => `10.9.0.${i}:6881`);
  for (let seed = 1; seed <= 3; seed++) {
    const { download, world } = await scene({
      seed,
      peers: [{}],
      morePeers: [...dead, "10.0.1.0:7000", "10.0.1.0:7001"],
    });
    assertEquals(await download.outcome(60_000), { kind: "complete" });
    assertLessOrEqual(download.maxSockets, 40);
    assertLess(world.clock.now(), 16_000);
  }
});

Deno.test("a host name given as a peer is resolved; one that does not resolve is warned about", async () => {
  const content = makeTorrent();
  const world = new SimWorld({ seed: 6 });
  world.network.names.set("seed.example", ["10.0.1.0"]);
  await FakePeer.start(world.host("10.0.1.0"), content);
  const peers = ["nowhere.example:6881", "seed.example:6881"];
  const download = await Download.start(world.host("10.0.0.1"), content, { peers });
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  const warnings = download.events.filter((event) => event.type === "warning");
  assert(warnings.some((event) => event.message.includes("nowhere.example")));
});

Deno.test("a seed that dials us is used; one for another torrent is turned away", async () => {
  const content = makeTorrent();
  const { download, world } = await scene({ seed: 7, content, peers: [] });
  const other = makeTorrent({ seed: 2 });
  const target = { host: "10.0.0.1", port: download.session.port };
  const stranger = await FakePeer.start(world.host("10.0.2.1"), other);
  await world.wait(stranger.dial(target));
  assertEquals([stranger.requests.length, stranger.open], [0, 0]);
  const seed = await FakePeer.start(world.host("10.0.2.2"), content);
  seed.dial(target);
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles();
});

Deno.test("two connections of one peer count as one", async () => {
  const content = makeTorrent({ length: 4 * MIB });
  const peerId = new Uint8Array(20).fill(65);
  const link = { upRate: 500_000 };
  const { download, world, peers } = await scene({ seed: 8, content, peers: [{ peerId, link }] });
  await world.run(1_000);
  peers[0]!.dial({ host: "10.0.0.1", port: download.session.port });
  await world.run(1_000);
  assertEquals(download.stats.peers, 1);
  assertEquals(await download.outcome(30_000), { kind: "complete" });
});

Deno.test("a cut of the network that heals costs time and nothing else", async () => {
  const content = makeTorrent({ length: 4 * MIB });
  const link = { upRate: 500_000 };
  const { download, world, peers } = await scene({ seed: 9, content, peers: [{ link }] });
  await world.run(2_000);
  world.network.cut(world.host("10.0.0.1").net, peers[0]!.host.net);
  await world.run(40_000);
  world.network.heal();
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
});

Deno.test("a download over a bad line completes", async () => {
  const link = { latencyMs: 150, loss: 0.1, upRate: 300_000 };
  const { download } = await scene({
    seed: 10,
    content: makeTorrent({ length: 4 * MIB }),
    link: { latencyMs: 100, loss: 0.05, downRate: 400_000 },
    peers: [{ link }, { link }, { link }],
  });
  assertEquals(await download.outcome(120_000), { kind: "complete" });
  download.assertFiles();
});

Deno.test("eighty useless addresses of the user hold up the tracker's seed for a minute at most", async () => {
  for (
    const part of [{ unchokeMs: Infinity }, { stallAfter: 0 }, { handshake: "silent" as const }]
  ) {
    const content = makeTorrent({ length: 1 << 20 });
    const world = new SimWorld({ seed: 21 });
    const seed = await FakePeer.start(world.host("10.9.0.1"), content, {});
    const tracker = new SimTracker(world.host("10.9.0.2"), { peers: [seed.address] });
    const texts: string[] = [];
    for (let i = 1; i <= 80; i++) {
      texts.push((await FakePeer.start(world.host(`10.8.0.${i}`), content, part)).text);
    }
    const download = await Download.start(world.host("10.0.0.1"), content, {
      peers: texts,
      trackers: [tracker.url],
    });
    assertEquals(await download.outcome(300_000), { kind: "complete" }, JSON.stringify(part));
    assertLess(world.clock.now(), 60_000, JSON.stringify(part));
    await download.close();
  }
});
