/**
 * Files that another program changes, cuts or removes while a torrent is at work on them.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { Download, OUTPUT, scene, seedOn } from "../sim/download.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;
const PORT = 6881;
const LINK = { upRate: 500_000 };

/** What another program does to a file. */
type Deed = (host: SimHost, path: string) => void;

const DEEDS: Readonly<Record<string, Deed>> = {
  "overwrites a part of it": (host, path) => scribble(host, path, 100_000),
  "cuts it": ({ disk }, path) => disk.files.get(path)!.size = 100_000,
  "deletes it": ({ disk }, path) => void disk.files.delete(path),
  "puts another in its place": ({ disk }, path) =>
    disk.put(path, new Uint8Array(disk.files.get(path)!.size), 1),
};

function scribble(host: SimHost, path: string, offset: number): void {
  const now = host.world.clock.epochMs();
  host.disk.scribble(path, { offset, now }, new Uint8Array(500_000).fill(0xee));
}

function warningsOf(download: Download): string[] {
  return download.events.flatMap((event) => event.type === "warning" ? [event.message] : []);
}

function twoFiles(seed: number): TestTorrent {
  const files = [{ path: "d/a", length: MIB }, { path: "d/b", length: MIB }];
  return makeTorrent({ seed, pieceLength: 65_536, files });
}

for (const [what, deed] of Object.entries(DEEDS)) {
  Deno.test(`a download fetches again what is lost when another program ${what}`, async () => {
    for (const part of [0.6, 0.95]) {
      const content = twoFiles(1);
      const { download, world } = await scene({
        seed: 1,
        content,
        peers: [{ link: LINK }],
      });
      const isFar = () => download.stats.bytesDone >= part * 2 * MIB;
      await world.runUntil(isFar, { within: 30_000 });
      await world.run(20);
      deed(download.host, `${OUTPUT}/t/d/a`);
      const outcome = await download.outcome(60_000);
      assertEquals(outcome, { kind: "complete" }, `at ${part}`);
      download.assertFiles();
      const warnings = warningsOf(download);
      assertEquals(warnings.length, 1, warnings.join("\n"));
      assert(warnings[0]!.startsWith('"d/a" was changed or removed'), warnings[0]);
      assertEquals(download.stats.bytesDone, 2 * MIB);
      assertGreater(download.stats.bytesDownloaded, 2 * MIB);
      assertLess(download.stats.bytesDownloaded, 3.3 * MIB);
      await download.close();
    }
  });
}

Deno.test("a download is not done before it has looked whether its files are as it left them", async () => {
  const content = twoFiles(2);
  const { download, world } = await scene({ seed: 2, content, peers: [{ link: LINK }] });
  // The last write is under way when the file of which all is there is changed.
  await world.runUntil(() => download.stats.piecesDone === 31, { within: 30_000 });
  download.host.disk.faults.operationMs = 200;
  await world.run(1);
  const path = `${OUTPUT}/t/d/${download.host.disk.contents(`${OUTPUT}/t/d/a`) ? "a" : "b"}`;
  scribble(download.host, path, 0);
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  assertEquals(warningsOf(download).length, 1);
});

Deno.test("a file that another program touches is hashed again, and nothing is fetched twice", async () => {
  const content = twoFiles(3);
  const { download, world } = await scene({ seed: 3, content, peers: [{ link: LINK }] });
  await world.runUntil(() => download.stats.bytesDone > MIB, { within: 30_000 });
  download.host.disk.files.get(`${OUTPUT}/t/d/a`)!.mtimeMs = world.clock.epochMs();
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  assertEquals(warningsOf(download), []);
  assertLess(download.stats.bytesDownloaded, 2 * MIB + 65_536);
});

Deno.test("a download that is not left in peace fails as storage", async () => {
  const content = twoFiles(4);
  const { download, world } = await scene({ seed: 4, content, peers: [{ link: LINK }] });
  const path = `${OUTPUT}/t/d/a`;
  for (let i = 0; i < 200 && download.ended === undefined; i++) {
    await world.run(100);
    if (download.host.disk.files.has(path)) scribble(download.host, path, 300_000);
  }
  const outcome = await download.outcome(1);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assert(outcome.error instanceof DiskError && outcome.error.kind === "changed");
  assertEquals(outcome.message, 'Cannot use "t/d/a": another program keeps changing it');
  assertEquals(warningsOf(download).length, 1);
});

Deno.test("a file that grows beyond its length fails the download as storage", async () => {
  const content = twoFiles(5);
  const { download, world } = await scene({ seed: 5, content, peers: [{ link: LINK }] });
  await world.runUntil(() => download.stats.bytesDone > MIB, { within: 30_000 });
  const { disk } = download.host;
  const file = disk.files.get(`${OUTPUT}/t/d/a`)!;
  disk.resize(file, MIB + 1);
  file.mtimeMs = world.clock.epochMs();
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assert(outcome.error instanceof DiskError && outcome.error.kind === "in-the-way");
});

Deno.test("what was changed before a download is killed is not believed by the next run", async () => {
  const content = twoFiles(6);
  const { download, world, peers } = await scene({ seed: 6, content, peers: [{ link: LINK }] });
  await world.runUntil(() => download.stats.bytesDone > 1.5 * MIB, { within: 30_000 });
  scribble(download.host, `${OUTPUT}/t/d/a`, 300_000);
  await world.wait(download.torrent.stop());
  await download.close();
  const again = await Download.start(download.host, content, { peers: [peers[0]!.text] });
  assertEquals(await again.outcome(60_000), { kind: "complete" });
  again.assertFiles();
});

Deno.test("everybody hears that a piece is gone, and again when it is back", async () => {
  const content = twoFiles(7);
  const world = new SimWorld({ seed: 7 });
  const source = await seedOn(world.host("10.0.0.1", LINK), content);
  const peers = [`10.0.0.1:${PORT}`];
  const first = await Download.start(world.host("10.0.0.2"), content, { peers });
  const second = await Download.start(world.host("10.0.0.3"), content, {
    peers: [...peers, `10.0.0.2:${PORT}`],
  });
  await world.runUntil(() => first.stats.bytesDone > MIB, { within: 30_000 });
  first.host.disk.files.delete(`${OUTPUT}/t/d/a`);
  for (const download of [first, second]) {
    assertEquals(await download.outcome(60_000), { kind: "complete" });
    download.assertFiles();
  }
  assertEquals(warningsOf(first).length, 1);
  await source.close();
});

Deno.test("a seed of which nothing is left ends as bad data, after one warning", async () => {
  const content = makeTorrent({ length: MIB, pieceLength: 65_536 });
  const path = `${OUTPUT}/t`;
  const deeds: Readonly<Record<string, (host: SimHost) => void>> = {
    emptied: ({ disk }) => disk.files.get(path)!.size = 0,
    replaced: ({ disk }) => disk.put(path, content.content.toReversed(), 1),
    overwritten: ({ disk, world }) =>
      disk.scribble(path, { offset: 0, now: world.clock.epochMs() }, content.content.toReversed()),
    deleted: ({ disk }) => void disk.files.delete(path),
  };
  for (const isAsked of [false, true]) {
    for (const [what, deed] of Object.entries(deeds)) {
      const world = new SimWorld({ seed: 8 });
      const seed = await seedOn(world.host("10.0.0.1"), content);
      assertEquals(seed.stats.bytesDone, MIB);
      deed(seed.host);
      const peers = [`10.0.0.1:${PORT}`];
      if (isAsked) await Download.start(world.host("10.0.0.2"), content, { peers });
      const outcome = await seed.outcome(10_000);
      assert(outcome.kind === "failed" && outcome.reason === "bad-data", what);
      assertEquals(outcome.message, `nothing of it in ${OUTPUT} verifies any more`, what);
      assertEquals([seed.stats.bytesDone, seed.stats.piecesDone], [0, 0], what);
      assertEquals(warningsOf(seed).length, 1, what);
    }
  }
});

Deno.test("a seed of which a part is lost says so, gives the rest, and counts what it has", async () => {
  const content = twoFiles(9);
  const world = new SimWorld({ seed: 9 });
  const seed = await seedOn(world.host("10.0.0.1"), content);
  scribble(seed.host, `${OUTPUT}/t/d/b`, MIB - 500_000);
  await world.run(4_000);
  assertEquals(seed.stats.bytesDone, 2 * MIB - 8 * 65_536);
  assertEquals(warningsOf(seed).length, 1);
  seed.host.disk.files.delete(`${OUTPUT}/t/d/a`);
  await world.run(4_000);
  assertEquals(seed.stats.bytesDone, MIB - 8 * 65_536);
  assertEquals(warningsOf(seed).length, 2);
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    peers: [`10.0.0.1:${PORT}`],
    stallTimeoutMs: 20_000,
  });
  const outcome = await leech.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled");
  assertEquals(leech.stats.bytesDone, MIB - 8 * 65_536);
  assertEquals(seed.ended, undefined);
});

Deno.test("a download that goes on to seed ends as bad data when all of it is lost", async () => {
  const content = twoFiles(10);
  const world = new SimWorld({ seed: 10 });
  const source = await seedOn(world.host("10.0.0.1"), content);
  const peers = [`10.0.0.1:${PORT}`];
  const download = await Download.start(world.host("10.0.0.2"), content, { peers, seed: true });
  await world.runUntil(() => download.stats.state === "seeding", { within: 30_000 });
  download.host.disk.files.delete(`${OUTPUT}/t/d/a`);
  await world.run(4_000);
  assertEquals([download.ended, download.stats.bytesDone], [undefined, MIB]);
  download.host.disk.files.delete(`${OUTPUT}/t/d/b`);
  const outcome = await download.outcome(5_000);
  assert(outcome.kind === "failed" && outcome.reason === "bad-data", JSON.stringify(outcome));
  assertEquals(warningsOf(download).length, 2);
  await source.close();
});

Deno.test("a change of one of very many files is seen within the rounds that it takes", async () => {
  const files = Array.from({ length: 2_500 }, (_, i) => ({ path: `f${i}`, length: 40 }));
  const content = makeTorrent({ seed: 11, pieceLength: 16_384, files });
  const world = new SimWorld({ seed: 11 });
  const seed = await seedOn(world.host("10.0.0.1"), content);
  seed.host.disk.files.delete(`${OUTPUT}/t/f2400`);
  await world.run(15_000);
  assertEquals(warningsOf(seed).length, 1);
  assertEquals(seed.stats.piecesDone, seed.stats.piecesTotal - 1);
});
