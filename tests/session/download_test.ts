/**
 * Whole downloads from honest peers in the simulated world.
 *
 * @module
 */

import { assert, assertEquals, assertLess, assertMatch, assertNotEquals } from "@std/assert";
import { Download, OUTPUT, scene } from "../sim/download.ts";
import { makeTorrent } from "../sim/torrents.ts";

Deno.test("a download completes when there is one seed", async () => {
  const { download, peers, world } = await scene({ seed: 1, peers: [{}] });
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles();
  assertEquals(peers[0]!.served, 16);
  const { stats } = download;
  assertEquals([stats.state, stats.bytesDone, stats.bytesWasted], ["complete", 262_144, 0]);
  assertEquals(stats.sources.map(({ source, bytes }) => [source, bytes]), [["user", 262_144]]);
  await download.close();
  await world.run(100);
  assertEquals([download.host.sockets, peers[0]!.open], [0, 0]);
});

Deno.test("a download tells its story in events, in order", async () => {
  const content = makeTorrent({ length: 4 << 20 });
  const { download } = await scene({ seed: 1, content, peers: [{ link: { upRate: 500_000 } }] });
  await download.outcome(60_000);
  await download.close();
  const types = download.events.map((event) => event.type);
  assertEquals(types.filter((type, i) => type !== types[i - 1]), [
    "listening",
    "start",
    "metadata",
    "check",
    "progress",
    "file",
    "progress",
  ]);
  const progress = download.events.filter((event) => event.type === "progress");
  assert(progress.length >= 8 && progress.length <= 11, `${progress.length} progress events`);
  for (const [i, event] of progress.entries()) {
    const before = progress[i - 1];
    assert(!before || i === progress.length - 1 || event.at - before.at >= 1000);
    assert(!before || event.bytesDone >= before.bytesDone);
  }
  assertEquals(progress.at(-1)?.bytesDone, 4 << 20);
});

Deno.test("a download uses three seeds at once, each in full", async () => {
  const content = makeTorrent({ length: 6 << 20, pieceLength: 65_536 });
  const link = { upRate: 500_000 };
  const { download, peers, world } = await scene({
    seed: 2,
    content,
    peers: [{ link }, { link, fast: true }, { link }],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  // 6 MiB at 1.5 MB/s are 4.2 s; endgame and start may cost a little.
  assertLess(world.clock.now(), 5_500);
  for (const peer of peers) assert(peer.served > 80, `${peer.served} blocks`);
  assertLess(download.stats.bytesWasted, 40 * 16_384);
});

Deno.test("a download fills a long fat pipe", async () => {
  const content = makeTorrent({ length: 32 << 20, pieceLength: 1 << 20 });
  const link = { latencyMs: 50, upRate: 20e6 };
  const { download, world } = await scene({
    seed: 3,
    content,
    link: { latencyMs: 50 },
    peers: [{ link }],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  // 32 MiB at 20 MB/s are 1.7 s; a window of 1 MiB at 100 ms one way allows 10 MB/s: 3.4 s.
  assertLess(world.clock.now(), 7_000);
});

Deno.test("a download finds pieces that are spread over peers that have a part each", async () => {
  const content = makeTorrent({ length: 3_000_001, pieceLength: 16_384 });
  const { download, peers } = await scene({
    seed: 4,
    content,
    peers: [0, 1, 2, 3].map((n) => ({ has: (piece: number) => piece % 4 === n })),
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  for (const [n, peer] of peers.entries()) {
    assert(peer.requests.every((request) => request.piece % 4 === n));
  }
});

Deno.test("a download takes odd sizes: short pieces, short blocks, many files, empty ones", async () => {
  const recipes = [
    { length: 1, pieceLength: 16_384 },
    { length: 16_385, pieceLength: 16_384 },
    { length: 100_000, pieceLength: 10_000 },
    { length: 100_000, pieceLength: 49_999 },
    {
      pieceLength: 32_768,
      files: [0, 1, 50_000, 0, 32_768, 3, 20_000].map((length, i) => ({
        path: `d${i % 2}/f${i}`,
        length,
      })),
    },
  ];
  for (const recipe of recipes) {
    const content = makeTorrent(recipe);
    const { download } = await scene({ seed: 5, content, peers: [{}] });
    assertEquals(await download.outcome(10_000), { kind: "complete" });
    download.assertFiles();
  }
});

Deno.test("a download is the same story when the seed is the same", async () => {
  const story = async (seed: number) => {
    const { download, world } = await scene({
      seed,
      content: makeTorrent({ length: 2 << 20 }),
      link: { loss: 0.02 },
      peers: [
        { blockMs: 3 },
        { fast: true, link: { upRate: 200_000, loss: 0.05 } },
        { spoil: (block, _request, count) => count % 7 === 3 && (block[5]! ^= 1) },
        { stallAfter: 9 },
        { closeAfter: 11 },
      ],
    });
    assertEquals(await download.outcome(120_000), { kind: "complete" });
    download.assertFiles();
    await download.close();
    return world.fingerprint();
  };
  const first = await story(7);
  assertEquals(await story(7), first);
  assertNotEquals(await story(8), first);
});

Deno.test("a download takes only the files that were selected", async () => {
  const content = makeTorrent({
    pieceLength: 32_768,
    files: [100_000, 70_000, 5_000, 200_000, 1_000].map((length, i) => ({ path: `f${i}`, length })),
  });
  const { download, peers } = await scene({ seed: 9, content, selection: [1, 4], peers: [{}] });
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles([1, 4]);
  assertEquals([download.stats.bytesTotal, download.stats.bytesDone], [71_000, 71_000]);
  const { fileMap } = content.metainfo;
  const wanted = fileMap.wantedPieces([1, 4]);
  assert(peers[0]!.requests.every((request) => wanted.has(request.piece)));
  const files = download.events.filter((event) => event.type === "file").map((event) => event.path);
  assertEquals(files.toSorted(), ["f1", "f4"]);
});

Deno.test("a download takes pieces in order when it is sequential", async () => {
  const content = makeTorrent({ length: 2 << 20 });
  const link = { upRate: 500_000 };
  const { download, peers } = await scene({
    seed: 10,
    content,
    sequential: true,
    peers: [{ link }],
  });
  assertEquals(await download.outcome(30_000), { kind: "complete" });
  const order = peers[0]!.requests.map((request) => request.piece);
  assertEquals(order, order.toSorted((a, b) => a - b));
});

Deno.test("a download needs no network when all is there, and says so", async () => {
  const content = makeTorrent();
  const { download, world, peers } = await scene({ seed: 11, content, peers: [{}] });
  await download.outcome(10_000);
  await download.close();
  download.host.boot();
  const again = await Download.start(download.host, content, { peers: [peers[0]!.text] });
  assertEquals(await again.outcome(1_000), { kind: "complete" });
  assertEquals(peers[0]!.connections, 1);
  assertEquals(again.stats.bytesDownloaded, 0);
  again.assertFiles();
  assertEquals(world.events.filter((line) => line.includes("dials")).length, 1);
});

Deno.test("a download keeps to its rate limit, whatever the number of peers", async () => {
  for (const [count, rate, length] of [[3, 200_000, 2 << 20], [30, 1_000_000, 8 << 20]] as const) {
    const { download, world } = await scene({
      seed: 12,
      content: makeTorrent({ length, pieceLength: 131_072 }),
      session: { downLimit: rate },
      peers: Array.from({ length: count }, () => ({})),
    });
    assertEquals(await download.outcome(120_000), { kind: "complete" });
    const got = download.stats.bytesDownloaded / world.clock.now() * 1000;
    assert(Math.abs(got / rate - 1) < 0.06, `${got} bytes per second, ${rate} asked for`);
  }
});

Deno.test("a slow disk holds the peers back and the download completes", async () => {
  const content = makeTorrent({ length: 8 << 20, pieceLength: 262_144 });
  const { download, world, peers } = await scene({
    seed: 13,
    content,
    session: { bufferBytes: 1 << 20 },
    peers: [{}, {}],
  });
  download.host.disk.faults.bytesPerSecond = 1e6;
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  assert(world.clock.now() > 7_000);
  assertEquals(peers.map((peer) => peer.connections), [1, 1]);
});

Deno.test("stop() ends a download in good order and what was verified stays", async () => {
  const content = makeTorrent({ length: 2 << 20 });
  const link = { upRate: 500_000 };
  const { download, world } = await scene({ seed: 14, content, peers: [{ link }] });
  await world.run(2_000);
  const stop = download.torrent.stop();
  assertEquals(await download.outcome(1_000), { kind: "stopped" });
  await world.wait(stop);
  assert(download.host.disk.contents(`${OUTPUT}/t`) !== undefined);
  assertEquals(download.host.sockets, 0);
  await download.close();
});

Deno.test("a download that is out of time while it moves says how far it came", async () => {
  const content = makeTorrent({ length: 4 << 20 });
  const link = { upRate: 100_000 };
  const { download } = await scene({ seed: 3, content, peers: [{ link }], timeoutMs: 10_500 });
  const outcome = await download.outcome(20_000);
  assert(outcome.kind === "failed" && outcome.reason === "timeout");
  assertMatch(
    outcome.message,
    /^not done after 10\.5 s: 2\d(?:\.\d)? % is there, and the rest takes 3\d s at this rate$/,
  );
  await download.close();
});

Deno.test("a download that is out of time and stands still says why", async () => {
  const content = makeTorrent({ length: 4 << 20 });
  const { download } = await scene({
    seed: 3,
    content,
    peers: [{ has: () => false }],
    timeoutMs: 9_000,
  });
  const outcome = await download.outcome(20_000);
  assert(outcome.kind === "failed" && outcome.reason === "timeout");
  assertMatch(outcome.message, /^not done after 9 s: none of 1 connected peer has the missing/);
  await download.close();
});

Deno.test("a download that nobody stays for says how they left", async () => {
  const other = { infoHash: new Uint8Array(20).fill(1) };
  const one = await scene({ seed: 4, peers: [other], timeoutMs: 20_000 });
  const alone = await one.download.outcome(30_000);
  assert(alone.kind === "failed");
  assertMatch(
    alone.message,
    /^not done after 20 s: the only known peer had another torrent and no/,
  );
  await one.download.close();
  const two = await scene({
    seed: 5,
    peers: [other, { handshake: "silent" }],
    timeoutMs: 60_000,
  });
  const both = await two.download.outcome(70_000);
  assert(both.kind === "failed");
  assertMatch(
    both.message,
    /: none of 2 known peers stays: they had another torrent (?:\d+ times|once), said nothing/,
  );
  await two.download.close();
  const odd = await scene({ seed: 6, peers: [{ handshake: "garbage" }], timeoutMs: 20_000 });
  const garbage = await odd.download.outcome(30_000);
  assert(garbage.kind === "failed");
  assertMatch(garbage.message, /: 1 peer broke the protocol and nobody else can be reached$/);
  await odd.download.close();
});
