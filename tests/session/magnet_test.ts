/**
 * Whole downloads that start from a magnet link, in the simulated world.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { torrentOf } from "../../src/session/metadata_cache.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { Download, OUTPUT, scene } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { ID, message } from "../sim/raw_wire.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import { SimWorld } from "../sim/world.ts";

/** A torrent whose info dictionary has several parts: 20 bytes a piece. */
const LARGE: TestTorrent = makeTorrent({ length: 8 << 20, pieceLength: 512 });
const HONEST = { metadata: {} };

function cacheName(content: TestTorrent): string {
  return `metadata/${hex(content.metainfo.infoHash)}.torrent`;
}

Deno.test("a magnet downloads from one seed, on one connection", async () => {
  const { download, peers, world } = await scene({ seed: 1, magnet: {}, peers: [HONEST] });
  assertEquals(download.stats.state, "fetching-metadata");
  assertEquals([download.stats.name, download.stats.bytesTotal], ["t", 0]);
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles();
  assertEquals([peers[0]!.connections, peers[0]!.served], [1, 16]);
  // Round trips of 40 ms: the connection, the handshake, the metadata, the blocks, and no tick between them.
  assertLess(world.clock.now(), 250);
  await download.close();
});

Deno.test("a magnet tells its story in events, the metadata when it is there", async () => {
  const { download } = await scene({ seed: 1, magnet: { name: "promised" }, peers: [HONEST] });
  await download.outcome(10_000);
  await download.close();
  const types = download.events.map((event) => event.type);
  assertEquals(types.slice(0, 4), ["listening", "start", "metadata", "check"]);
  const [start, metadata] = [download.events[1]!, download.events[2]!];
  assert(start.type === "start" && start.name === "promised");
  assert(metadata.type === "metadata" && metadata.name === "t");
  assertEquals([metadata.bytesTotal, metadata.piecesTotal, metadata.files], [262_144, 8, 1]);
});

Deno.test("what peers said before the metadata came is not lost", async () => {
  // Each has a part of the pieces: without the early bitfields nothing would ever be asked of them.
  const peers = [0, 1, 2, 3].map((n) => ({
    has: (piece: number) => piece % 4 === n,
    fast: n % 2 === 0,
    metadata: { partMs: 300 },
  }));
  const { download, peers: fakes } = await scene({ seed: 2, magnet: {}, peers });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  download.assertFiles();
  assertEquals(fakes.map((peer) => peer.connections), [1, 1, 1, 1]);
});

Deno.test("a magnet asks several peers for parts of a large info dictionary", async () => {
  const { download, peers } = await scene({
    seed: 3,
    content: LARGE,
    magnet: {},
    isMetadataOnly: true,
    peers: [1, 2, 3].map(() => ({ metadata: { partMs: 20 } })),
  });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  const asked = peers.map((peer) => new Set(peer.partsAsked).size);
  assertEquals(asked.every((count) => count > 0), true, `${asked}`);
  assertEquals(hex(download.torrent.metainfo!.infoHash), hex(LARGE.metainfo.infoHash));
});

const LIARS = [
  { size: 5 << 20 },
  { size: 96 << 20, manner: "lies" },
  { manner: "lies" },
  { manner: "mute" },
  { manner: "rejects" },
  { manner: "floods" },
  { manner: "other-size" },
  { manner: "long" },
  { size: 17, manner: "lies" },
  { size: 0 },
] as const;

for (const liar of LIARS) {
  Deno.test(`a magnet completes beside a liar: ${JSON.stringify(liar)}`, async () => {
    const { download } = await scene({
      seed: 4,
      content: LARGE,
      magnet: {},
      isMetadataOnly: true,
      peers: [{ metadata: liar }, { metadata: { partMs: 5 } }],
    });
    assertEquals(await download.outcome(60_000), { kind: "complete" });
  });
}

Deno.test("a magnet completes when most peers lie, whatever they lie about", async () => {
  const { download } = await scene({
    seed: 5,
    content: LARGE,
    magnet: {},
    isMetadataOnly: true,
    peers: [
      ...LIARS.map((metadata) => ({ metadata })),
      ...LIARS.map((metadata) => ({ metadata })),
      { metadata: { partMs: 20 } },
    ],
  });
  assertEquals(await download.outcome(90_000), { kind: "complete" });
});

Deno.test("a liar whose part spoils the whole is found out, and banned", async () => {
  const { download, peers } = await scene({
    seed: 6,
    content: LARGE,
    magnet: {},
    isMetadataOnly: true,
    peers: [
      { metadata: { partMs: 10 } },
      { metadata: { partMs: 10, manner: "lies", only: (part: number) => part % 2 === 1 } },
      { metadata: { partMs: 10, manner: "lies", only: (part: number) => part % 3 === 2 } },
    ],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  assertEquals(peers[0]!.connections, 1);
});

Deno.test("a lone liar ends in time, with the reason in words", async () => {
  const { download } = await scene({
    seed: 7,
    magnet: {},
    metadataTimeoutMs: 30_000,
    peers: [{ metadata: { manner: "lies" } }],
  });
  const outcome = await download.outcome(40_000);
  assert(outcome.kind === "failed");
  assertEquals(outcome.reason, "metadata-timeout");
  assertEquals(
    outcome.message,
    "no metadata after 30 s: 1 peer sent wrong metadata and nobody else can be reached",
  );
  assertEquals(download.host.sockets, 0);
});

Deno.test("a mute peer gives its place up after a while", async () => {
  const { download, peers, world } = await scene({
    seed: 8,
    magnet: {},
    peers: [{ metadata: { manner: "mute" } }],
  });
  await world.run(60_000);
  assert(peers[0]!.closedAt.length > 0 && peers[0]!.closedAt[0]! < 45_000, `${peers[0]!.closedAt}`);
  await download.close();
});

Deno.test("the stall timeout runs while the metadata is awaited, with no peer at all too", async () => {
  const { download } = await scene({ seed: 9, magnet: {}, stallTimeoutMs: 20_000, peers: [] });
  const outcome = await download.outcome(30_000);
  assert(outcome.kind === "failed");
  assertEquals([outcome.reason, outcome.message], [
    "stalled",
    "no progress for 20 s: no peers found and no tracker is used",
  ]);
});

Deno.test("a magnet finds its peers through its trackers, and tells them that something is left", async () => {
  const world = new SimWorld({ seed: 10 });
  const content = makeTorrent();
  const seed = await FakePeer.start(world.host("10.0.1.1"), content, HONEST);
  const tracker = new SimTracker(world.host("10.0.2.1"), { peers: [seed.address] });
  const download = await Download.start(world.host("10.0.0.1"), content, {
    magnet: { trackers: [tracker.url] },
  });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  await download.close();
  const [first] = tracker.announces;
  assertEquals(first!.event, "started");
  assert(Number(first!.query.get("left")) > 0);
  assertEquals(tracker.announces.filter((one) => one.event === "started").length, 1);
  assertEquals(tracker.announces.some((one) => one.event === "completed"), true);
});

Deno.test("a magnet uses the peers it names", async () => {
  const world = new SimWorld({ seed: 11 });
  const content = makeTorrent();
  const seed = await FakePeer.start(world.host("10.0.1.1"), content, HONEST);
  const download = await Download.start(world.host("10.0.0.1"), content, {
    magnet: { peers: [seed.text] },
  });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
});

Deno.test("the metadata is kept, and a finished magnet needs no network the next time", async () => {
  const { download, peers, world } = await scene({ seed: 12, magnet: {}, peers: [HONEST] });
  await download.outcome(10_000);
  await download.close();
  const { host, content } = download;
  assertEquals([...host.cache.keys()], [cacheName(content)]);
  host.boot();
  const again = await Download.start(host, content, { magnet: {} });
  assertEquals(await again.outcome(1_000), { kind: "complete" });
  assertEquals(peers[0]!.connections, 1);
  assertEquals(world.events.filter((line) => line.includes("dials")).length, 1);
});

Deno.test("a kept file is believed only if it has the right hash", async () => {
  const other = makeTorrent({ seed: 5 });
  const { info } = { info: other.metainfo.infoBytes };
  const damages: Uint8Array[] = [torrentOf(info), Uint8Array.of(1, 2, 3), new Uint8Array(0)];
  for (const damage of damages) {
    const world = new SimWorld({ seed: 13 });
    const content = makeTorrent();
    const seed = await FakePeer.start(world.host("10.0.1.1"), content, HONEST);
    const host = world.host("10.0.0.1");
    host.cache.set(cacheName(content), damage);
    const download = await Download.start(host, content, { magnet: {}, peers: [seed.text] });
    assertEquals(await download.outcome(10_000), { kind: "complete" });
    download.assertFiles();
  }
});

const FILES = [100_000, 70_000, 5_000].map((length, i) => ({ path: `f${i}`, length }));

Deno.test("a link selects files (BEP 53), and whoever adds it may choose otherwise", async () => {
  const content = makeTorrent({ files: FILES });
  const link = { selection: [1, 7] };
  const linked = await scene({ seed: 14, content, magnet: link, peers: [HONEST] });
  assertEquals(await linked.download.outcome(10_000), { kind: "complete" });
  linked.download.assertFiles([1]);
  const chosen = await scene({
    seed: 14,
    content,
    magnet: link,
    peers: [HONEST],
    onMetadata: (metainfo) => ({ selection: [metainfo.files.length - 1] }),
  });
  assertEquals(await chosen.download.outcome(10_000), { kind: "complete" });
  chosen.download.assertFiles([2]);
});

Deno.test("a link that selects nothing there is ends as a usage error", async () => {
  const { download } = await scene({ seed: 15, magnet: { selection: [3] }, peers: [HONEST] });
  const outcome = await download.outcome(10_000);
  assert(outcome.kind === "failed");
  assertEquals(outcome.reason, "usage");
  assertEquals(download.host.disk.contents(`${OUTPUT}/t`), undefined);
});

/** What a peer says by ut_pex (BEP 11) of one other on IPv4. */
function pexOf(host: string, port: number): Uint8Array {
  const address = [...host.split(".").map(Number), port >> 8, port & 255];
  const ascii = (text: string) => [...new TextEncoder().encode(text)];
  const dict = [...ascii("d5:added6:"), ...address, ...ascii("7:added.f1:"), 0, ...ascii("e")];
  return message(ID.extended, [EXTENSION_IDS.ut_pex, ...dict]);
}

for (const isPrivate of [false, true]) {
  Deno.test(`a peer of PEX ${isPrivate ? "goes when the torrent is private" : "stays"}`, async () => {
    const world = new SimWorld({ seed: 18 });
    const content = makeTorrent({ length: 4 << 20, isPrivate });
    const other = await FakePeer.start(world.host("10.0.1.2"), content, HONEST);
    const seed = await FakePeer.start(world.host("10.0.1.1", { upRate: 500_000 }), content, {
      metadata: { partMs: 5_000 },
      opening: pexOf(other.address.host, other.address.port),
    });
    other.behaviour = { metadata: { manner: "mute" }, unchokeMs: 1_000 };
    const download = await Download.start(world.host("10.0.0.1"), content, {
      magnet: {},
      peers: [seed.text],
    });
    await world.run(4_000);
    assertEquals([download.stats.state, other.open], ["fetching-metadata", 1]);
    assertEquals(await download.outcome(60_000), { kind: "complete" });
    assertEquals(other.served > 0, !isPrivate);
    if (isPrivate) assertEquals(other.connections, 1);
  });
}

Deno.test("we give the metadata to whoever asks, in the middle of a download too", async () => {
  const content = makeTorrent({ length: 2 << 20 });
  const world = new SimWorld({ seed: 16 });
  const seed = await FakePeer.start(world.host("10.0.1.1", { upRate: 300_000 }), content);
  const first = await Download.start(world.host("10.0.0.1"), content, {
    peers: [seed.text],
    seed: true,
  });
  await world.run(2_000);
  const second = await Download.start(world.host("10.0.0.2"), content, {
    magnet: {},
    peers: [`10.0.0.1:${first.session.port}`],
  });
  assertEquals(await second.outcome(30_000), { kind: "complete" });
  second.assertFiles();
});

Deno.test("a leech that has just got the metadata gives it to the next", async () => {
  const content = makeTorrent({ length: 1 << 20 });
  const world = new SimWorld({ seed: 17 });
  const link = { magnet: {} };
  const [a, b] = [world.host("10.0.0.1"), world.host("10.0.0.2")];
  const second = await Download.start(b, content, { ...link, peers: ["10.0.0.1:6881"] });
  await world.run(3_000);
  assertEquals(second.stats.state, "fetching-metadata");
  // It is connected to somebody who knows no more; then a seed tells the first, and it tells the other.
  const first = await Download.start(a, content, { ...link, peers: ["10.0.0.2:6881"], seed: true });
  await world.run(3_000);
  const seed = await FakePeer.start(world.host("10.0.1.1"), content, HONEST);
  seed.dial({ host: "10.0.0.1", port: first.session.port }).catch(() => {});
  assertEquals(await second.outcome(60_000), { kind: "complete" });
  second.assertFiles();
  await first.close();
});

Deno.test("a magnet is stopped while it waits for what is to be done with its metadata", async () => {
  const { world, download } = await scene({
    seed: 19,
    magnet: {},
    peers: [HONEST],
    onMetadata: () => new Promise(() => {}),
  });
  await world.run(10_000);
  assertEquals(download.stats.state, "fetching-metadata");
  await world.wait(download.torrent.stop(), { within: 5_000 });
  assertEquals(download.ended, { kind: "stopped" });
  await download.close();
});
