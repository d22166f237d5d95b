/**
 * Downloads that are killed, meddled with and started again.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { Download, type DownloadOptions, OUTPUT, scene } from "../sim/download.ts";
import type { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";

const MIB = 1 << 20;

/** Starts the same download in a new process of the same host. */
async function again(
  download: Download,
  peers: readonly FakePeer[],
  options: DownloadOptions = {},
): Promise<Download> {
  download.host.boot();
  const texts = peers.map((peer) => peer.text);
  return await Download.start(download.host, download.content, { peers: texts, ...options });
}

/** A finished download, its process gone. */
async function finished(content: TestTorrent) {
  const parts = await scene({ seed: 1, content, peers: [{}] });
  assertEquals(await parts.download.outcome(60_000), { kind: "complete" });
  await parts.download.close();
  return parts;
}

Deno.test("a download that is killed fetches only what was missing", async () => {
  for (const share of [0.01, 1 / 3, 2 / 3, 0.99]) {
    const content = makeTorrent({ length: 16 * MIB, pieceLength: 131_072 });
    const link = { upRate: 500_000 };
    const { download, world, peers } = await scene({
      seed: 2,
      content,
      peers: [{ link }, { link }],
    });
    while (download.stats.bytesDone < share * 16 * MIB) await world.run(50);
    const { bytesDone } = download.stats;
    const next = await again(download, peers);
    assertEquals(await next.outcome(60_000), { kind: "complete" }, `killed at ${share}`);
    next.assertFiles();
    const missing = 16 * MIB - bytesDone;
    assertLess(next.stats.bytesDownloaded, missing * 1.05 + 2 * MIB, `killed at ${share}`);
  }
});

Deno.test("a download that is killed again and again gets there", async () => {
  const content = makeTorrent({
    pieceLength: 65_536,
    files: Array.from({ length: 20 }, (_, i) => ({ path: `f${i}`, length: 100_000 + 70_000 * i })),
  });
  const link = { upRate: 1e6 };
  const parts = await scene({ seed: 3, content, peers: [{ link }] });
  let { download } = parts;
  let kills = 0;
  for (; download.ended === undefined; kills++) {
    await parts.world.run(1_500);
    if (download.ended === undefined) download = await again(download, parts.peers);
  }
  assertEquals(download.ended, { kind: "complete" });
  download.assertFiles();
  assertGreater(kills, 5);
  assertLess(kills, 30);
});

Deno.test("a download that was stopped goes on without fetching anything twice", async () => {
  const content = makeTorrent({ length: 8 * MIB, pieceLength: 131_072 });
  const link = { upRate: 1e6 };
  const { download, world, peers } = await scene({ seed: 4, content, peers: [{ link }] });
  await world.run(4_000);
  await world.wait(download.torrent.stop());
  const { bytesDone } = download.stats;
  assertGreater(bytesDone, MIB);
  await download.close();
  const next = await again(download, peers);
  assertEquals(await next.outcome(60_000), { kind: "complete" });
  next.assertFiles();
  assertEquals(next.stats.bytesDownloaded, 8 * MIB - bytesDone);
});

Deno.test("nothing is left beside a download that is complete", async () => {
  const { download } = await finished(makeTorrent());
  assertEquals([...download.host.disk.files.keys()], [`${OUTPUT}/t`]);
});

Deno.test("damaged, shortened and missing data are noticed and fetched again, and nothing else is", async () => {
  const content = makeTorrent({
    pieceLength: 32_768,
    files: [0, 1, 2, 3].map((i) => ({ path: `f${i}`, length: 131_072 })),
  });
  const meddle: readonly ((disk: Download["host"]["disk"]) => void)[] = [
    (disk) => {
      const bytes = disk.contents(`${OUTPUT}/t/f1`)!;
      bytes[40_000]! ^= 1;
      disk.put(`${OUTPUT}/t/f1`, bytes, 5);
    },
    (disk) => disk.put(`${OUTPUT}/t/f1`, disk.contents(`${OUTPUT}/t/f1`)!.subarray(0, 100_000), 5),
    (disk) => disk.files.delete(`${OUTPUT}/t/f1`),
    (disk) => disk.put(`${OUTPUT}/t/f1`, new Uint8Array(131_072), 5),
  ];
  const expected = [32_768, 32_768, 131_072, 131_072];
  for (const [i, change] of meddle.entries()) {
    const { download, peers } = await finished(content);
    change(download.host.disk);
    const next = await again(download, peers);
    assertEquals(await next.outcome(60_000), { kind: "complete" }, `case ${i}`);
    next.assertFiles();
    assertEquals(next.stats.bytesDownloaded, expected[i], `case ${i}`);
  }
});

Deno.test("data that somebody else put there is used, without a resume file", async () => {
  const content = makeTorrent({ length: MIB });
  const { download, peers } = await scene({ seed: 5, content, peers: [{}] });
  download.host.kill();
  const bytes = content.content.slice();
  bytes.fill(0, 300_000, 310_000); // Within piece 9.
  download.host.disk.files.clear();
  download.host.disk.put(`${OUTPUT}/t`, bytes);
  const next = await again(download, peers);
  assertEquals(await next.outcome(60_000), { kind: "complete" });
  next.assertFiles();
  assertEquals(next.stats.bytesDownloaded, 32_768);
});

Deno.test("a resume file full of garbage is as good as none", async () => {
  const content = makeTorrent({ length: 4 * MIB });
  const link = { upRate: 1e6 };
  for (let seed = 1; seed <= 6; seed++) {
    const { download, world, peers } = await scene({ seed, content, peers: [{ link }] });
    await world.run(2_500);
    download.host.kill();
    const { disk } = download.host;
    const side = [...disk.files.keys()].find((path) => path !== `${OUTPUT}/t`);
    assert(side !== undefined, "there is a resume file");
    const bytes = disk.contents(side)!;
    if (seed === 1) bytes.fill(0xff);
    else if (seed === 2) bytes.fill(0);
    else for (let at = seed; at < bytes.length; at += 37 * seed) bytes[at]! ^= 0x55;
    disk.put(side, seed === 3 ? bytes.subarray(0, bytes.length >> 1) : bytes);
    const next = await again(download, peers);
    assertEquals(await next.outcome(60_000), { kind: "complete" }, `seed ${seed}`);
    next.assertFiles();
    assertLess(next.stats.bytesDownloaded, 2.6 * MIB);
  }
});

Deno.test("a disk that damages what it is given never ends in a wrong file after the next run", async () => {
  const content = makeTorrent({ length: 2 * MIB });
  const link = { upRate: 1e6 };
  const { download, world, peers } = await scene({ seed: 6, content, peers: [{ link }] });
  download.host.disk.faults.corruptAfterBytes = 300_000;
  await world.run(1_000);
  download.host.kill();
  download.host.disk.faults.corruptAfterBytes = Infinity;
  for (const path of download.host.disk.files.keys()) {
    // The stamps of the files no longer say that nothing has changed.
    download.host.disk.put(path, download.host.disk.contents(path)!, 9);
  }
  const next = await again(download, peers);
  assertEquals(await next.outcome(60_000), { kind: "complete" });
  next.assertFiles();
});

Deno.test("a selection that grows fetches the rest only, and neighbours appear when they are wanted", async () => {
  const content = makeTorrent({
    pieceLength: 65_536,
    files: [50_000, 60_000, 70_000, 200_000].map((length, i) => ({ path: `f${i}`, length })),
  });
  const { download, peers } = await scene({ seed: 7, content, selection: [1], peers: [{}] });
  assertEquals(await download.outcome(10_000), { kind: "complete" });
  download.assertFiles([1]);
  const first = download.stats.bytesDownloaded;
  await download.close();
  const next = await again(download, peers);
  assertEquals(await next.outcome(10_000), { kind: "complete" });
  next.assertFiles();
  assertLessOrEqual(first + next.stats.bytesDownloaded, content.content.length);
});
