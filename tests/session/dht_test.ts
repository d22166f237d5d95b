/**
 * The DHT of sessions in the simulated world: no tracker, no peer known.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { encode } from "../../src/bencode/encode.ts";
import { BencodeDict, decode } from "../../src/bencode/decode.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { DhtService } from "../../src/session/dht_service.ts";
import type { DatagramSocket } from "../../src/ports/network.ts";
import { Download, type DownloadOptions, OUTPUT, putAll } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { testHasher } from "../sim/hasher.ts";
import { ID, message } from "../sim/raw_wire.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";

const HUB = "10.0.9.9:6881";

/** A node that was there before the others. */
async function startHub(world: SimWorld, ip = "10.0.9.9"): Promise<DhtService> {
  const hub = new DhtService(world.host(ip).process, {
    port: () => 6881,
    onWarning: (message) => world.log(ip, message),
  });
  assert(await world.wait(hub.start()));
  return hub;
}

async function seedOn(
  host: SimHost,
  content: TestTorrent,
  options: DownloadOptions = {},
): Promise<Download> {
  putAll(host, content);
  return await Download.start(host, content, { isUploadOnly: true, ...options });
}

/** A host where every datagram is counted, by where it came from. */
async function listen(host: SimHost, port: number): Promise<string[]> {
  const socket: DatagramSocket = await host.world.wait(host.process.network.bindUdp({ port }));
  const heard: string[] = [];
  (async () => {
    for (let got = await socket.receive(); got; got = await socket.receive()) {
      heard.push(got.from.host);
    }
  })();
  return heard;
}

Deno.test("three hosts without a tracker find each other through one node", async () => {
  const world = new SimWorld({ seed: 1 });
  const content = makeTorrent({ length: 2 << 20 });
  const session = { dhtNodes: [HUB] };
  const hub = await startHub(world);
  const seed = await seedOn(world.host("10.0.0.1", { upRate: 200_000 }), content, { session });
  const leeches: Download[] = [];
  for (const ip of ["10.0.0.2", "10.0.0.3"]) {
    leeches.push(await Download.start(world.host(ip), content, { session, seed: true }));
  }
  const isDone = () => leeches.every((leech) => leech.stats.state === "seeding");
  await world.runUntil(isDone, { within: 60_000 });
  for (const leech of leeches) leech.assertFiles();
  await world.run(30_000);
  assert(leeches.some((leech) => leech.stats.bytesUploaded > 0), "the leeches know each other");
  const { families: [v4], isReachable, port } = seed.session.dhtReport();
  assertEquals([isReachable, port, v4!.confirmedNodes], [true, 6881, 3]);
  for (const download of [...leeches, seed]) await download.close();
  await world.wait(hub[Symbol.asyncDispose]());
});

Deno.test("a download that starts before its seed finds it soon after", async () => {
  const world = new SimWorld({ seed: 2 });
  const content = makeTorrent();
  const session = { dhtNodes: [HUB] };
  await startHub(world);
  const leech = await Download.start(world.host("10.0.0.2"), content, { session });
  await world.run(20_000);
  await seedOn(world.host("10.0.0.1"), content, { session });
  assertEquals(await leech.outcome(30_000), { kind: "complete" });
});

Deno.test("a bare infohash is enough", async () => {
  const world = new SimWorld({ seed: 15 });
  const content = makeTorrent();
  const session = { dhtNodes: [HUB] };
  await startHub(world);
  await seedOn(world.host("10.0.0.1"), content, { session });
  const leech = await Download.start(world.host("10.0.0.2"), content, { session, magnet: {} });
  assertEquals(await leech.outcome(30_000), { kind: "complete" });
  leech.assertFiles();
});

Deno.test("hosts of IPv6 alone find each other", async () => {
  const world = new SimWorld({ seed: 16 });
  const content = makeTorrent();
  const hub = new DhtService(world.host(["10.0.9.9", "fd00::99"]).process, {
    port: () => 6881,
    onWarning: () => {},
  });
  await world.wait(hub.start());
  const session = { dhtNodes: ["[fd00::99]:6881"] };
  await seedOn(world.host("fd00::1"), content, { session });
  const leech = await Download.start(world.host("fd00::2"), content, { session });
  assertEquals(await leech.outcome(30_000), { kind: "complete" });
  const { families } = leech.session.dhtReport();
  assertEquals(families.map(({ confirmedNodes }) => confirmedNodes > 0), [false, true]);
});

Deno.test("a name is looked up when a user gives it, and one that leads nowhere is told of", async () => {
  const world = new SimWorld({ seed: 3 });
  world.network.names.set("hub.example", ["10.0.9.9"]);
  const content = makeTorrent();
  await startHub(world);
  await seedOn(world.host("10.0.0.1"), content, { session: { dhtNodes: [HUB] } });
  const dhtNodes = ["hub.example:6881", "no.example:1"];
  const leech = await Download.start(world.host("10.0.0.2"), content, { session: { dhtNodes } });
  assertEquals(await leech.outcome(30_000), { kind: "complete" });
  const warnings = leech.events.filter((event) => event.type === "warning");
  assertEquals(warnings.map((event) => event.message), [
    "Cannot use DHT node no.example:1: no such name",
  ]);
});

Deno.test("a torrent's own nodes are enough to start from", async () => {
  const world = new SimWorld({ seed: 4 });
  const plain = makeTorrent();
  const root = decode(plain.bytes);
  assert(root instanceof BencodeDict);
  const bytes = encode({ info: root.get("info"), nodes: [["10.0.9.9", 6881]] });
  const content = { ...plain, bytes, metainfo: parseTorrent(bytes, { hasher: testHasher }) };
  await startHub(world);
  await seedOn(world.host("10.0.0.1"), plain, { session: { dhtNodes: [HUB] } });
  const leech = await Download.start(world.host("10.0.0.2"), content);
  assertEquals(await leech.outcome(30_000), { kind: "complete" });
});

Deno.test("a private torrent asks and tells nothing, and says nothing of the DHT to peers", async () => {
  const world = new SimWorld({ seed: 5 });
  const heard = await listen(world.host("10.0.9.9"), 6881);
  const content = makeTorrent({ isPrivate: true });
  const peer = await FakePeer.start(world.host("10.0.1.0", { upRate: 50_000 }), content, {
    dht: true,
  });
  const host = world.host("10.0.0.1");
  const session = { dhtNodes: [HUB] };
  const download = await Download.start(host, content, { session, peers: [peer.text] });
  await world.run(1000);
  peer.tell(message(ID.port, Uint8Array.of(0x1a, 0xe1)));
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  assertEquals([heard, host.net.udp.size, download.session.dhtReport().state], [[], 0, "idle"]);
  assertEquals(peer.dhtPorts, []);
});

Deno.test("peers tell each other of their nodes, which is enough to find others", async () => {
  const world = new SimWorld({ seed: 6 });
  const [one, other] = [1, 2].map((seed) => makeTorrent({ seed, name: `t${seed}` }));
  // Two who know each other by the first torrent; one of them alone knows the hub.
  await startHub(world);
  await seedOn(world.host("10.0.0.1"), one!, { session: { dhtNodes: [HUB] } });
  const second = await Download.start(world.host("10.0.0.2"), one!, {
    peers: ["10.0.0.1:6881"],
    seed: true,
  });
  await seedOn(world.host("10.0.0.3"), other!, { session: { dhtNodes: [HUB] } });
  await world.runUntil(() => second.session.dhtReport().isReachable, { within: 30_000 });
  const found = second.session.add({ metainfo: other!.metainfo, output: OUTPUT });
  assertEquals(await world.wait(found.finished, { within: 60_000 }), { kind: "complete" });
});

Deno.test("a short-lived session answers nobody, and one that lasts does", async () => {
  const world = new SimWorld({ seed: 7 });
  const content = makeTorrent();
  const hub = await startHub(world);
  const session = { dhtNodes: [HUB], isShortLived: true };
  const leech = await Download.start(world.host("10.0.0.2"), content, { session });
  await world.run(300_000);
  const [seen] = hub.report().families;
  assertEquals([seen!.nodes, leech.session.dhtReport().isReadOnly], [0, true]);
  await world.run(600_000);
  assertEquals(hub.report().families[0]!.nodes, 1);
  assertEquals(leech.session.dhtReport().isReadOnly, false);
});

Deno.test("without UDP there is one warning, and the download goes on", async () => {
  const world = new SimWorld({ seed: 8 });
  const contents = [1, 2].map((seed) => makeTorrent({ seed, name: `t${seed}` }));
  const peers = await Promise.all(
    contents.map((content, i) => FakePeer.start(world.host(`10.0.1.${i}`), content)),
  );
  const host = world.host("10.0.0.1");
  host.process.network.bindUdp = () =>
    Promise.reject(new NetworkError("other", "Cannot bind UDP port 1: permission denied"));
  const first = await Download.start(host, contents[0]!, { peers: [peers[0]!.text] });
  const second = first.session.add({
    metainfo: contents[1]!.metainfo,
    output: OUTPUT,
    peers: [peers[1]!.text],
  });
  assertEquals(await first.outcome(60_000), { kind: "complete" });
  assertEquals(await world.wait(second.finished), { kind: "complete" });
  const warnings = first.events.filter((event) => event.type === "warning");
  assertEquals(warnings.map((event) => event.message), ["Cannot use the DHT: permission denied"]);
  assertEquals(first.session.dhtReport().error, "permission denied");
});

Deno.test("the DHT takes any port when its own is taken", async () => {
  const world = new SimWorld({ seed: 9 });
  const host = world.host("10.0.0.1");
  await listen(host, 6881);
  await startHub(world);
  const content = makeTorrent();
  const seed = await seedOn(host, content, { session: { dhtNodes: [HUB] } });
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    session: { dhtNodes: [HUB] },
  });
  assertEquals(await leech.outcome(60_000), { kind: "complete" });
  assert(seed.session.dhtReport().port > 6889);
});

Deno.test("well-known nodes are looked up when nobody else is known, again and again, and quietly", async () => {
  const world = new SimWorld({ seed: 10 });
  const content = makeTorrent();
  const leech = await Download.start(world.host("10.0.0.2"), content);
  await world.run(600_000);
  assertEquals(leech.events.filter((event) => event.type === "warning"), []);
  world.network.names.set("dht.libtorrent.org", ["10.0.9.9"]);
  const heard = await listen(world.host("10.0.9.9"), 25_401);
  await world.runUntil(() => heard.length > 0, { within: 600_000 });
  assertEquals(heard[0], "10.0.0.2");
});

Deno.test("well-known nodes are left alone when the user names others", async () => {
  const world = new SimWorld({ seed: 11 });
  world.network.names.set("router.bittorrent.com", ["10.0.9.8"]);
  const heard = await listen(world.host("10.0.9.8"), 6881);
  const content = makeTorrent();
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    session: { dhtNodes: [HUB] },
  });
  await world.run(900_000);
  assertEquals(heard, []);
  await leech.close();
});

Deno.test("a second start needs nobody to start from", async () => {
  const world = new SimWorld({ seed: 13 });
  const nodes: DhtService[] = [];
  for (let i = 0; i < 12; i++) {
    const host = world.host(`10.0.8.${i}`);
    const options = { port: () => 6881, nodes: i === 0 ? [] : ["10.0.8.0:6881"] };
    nodes.push(new DhtService(host.process, { ...options, onWarning: () => {} }));
    await world.wait(nodes[i]!.start());
    await world.run(1000);
  }
  const content = makeTorrent();
  await seedOn(world.host("10.0.0.1"), content, { session: { dhtNodes: ["10.0.8.0:6881"] } });
  const host = world.host("10.0.0.2");
  const session = { dhtNodes: ["10.0.8.0:6881"] };
  const first = await Download.start(host, makeTorrent({ seed: 2, name: "u" }), { session });
  await world.run(10_000);
  await first.close();
  assertGreater(host.cache.get("dht4")!.length, 9 * 26);
  host.boot();
  world.host("10.0.8.0").kill();
  const start = world.clock.now();
  const second = await Download.start(host, content);
  assertEquals(await second.outcome(60_000), { kind: "complete" });
  assertLess(world.clock.now() - start, 2000);
  await second.close();
  const asked = world.events.filter((line) => line.includes("router."));
  assertEquals(asked, []);
});

Deno.test("a table that was spoilt does no harm, and none replaces a good one", async () => {
  const world = new SimWorld({ seed: 14 });
  const content = makeTorrent();
  await startHub(world);
  await seedOn(world.host("10.0.0.1"), content, { session: { dhtNodes: [HUB] } });
  const host = world.host("10.0.0.2");
  host.cache.set("dht4", new Uint8Array(500).fill(0x64));
  const session = { dhtNodes: [HUB] };
  const first = await Download.start(host, content, { session });
  assertEquals(await first.outcome(60_000), { kind: "complete" });
  await first.close();
  const kept = host.cache.get("dht4")!;
  assertLess(kept.length, 200);
  host.boot();
  for (const ip of ["10.0.9.9", "10.0.0.1"]) world.network.cut(host.net, world.host(ip).net);
  const more = makeTorrent({ seed: 2, name: "u" });
  const second = await Download.start(host, more, { session });
  await world.run(20_000);
  await second.close();
  assertEquals(host.cache.get("dht4"), kept);
});

Deno.test("the end waits for no answer", async () => {
  const world = new SimWorld({ seed: 12 });
  await listen(world.host("10.0.9.9"), 6881);
  const content = makeTorrent();
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    session: { dhtNodes: [HUB] },
  });
  await world.run(3000);
  const before = world.clock.now();
  await leech.close();
  assertLess(world.clock.now() - before, 10);
  assertEquals(leech.host.net.udp.size, 0);
});
