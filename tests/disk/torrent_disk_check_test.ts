/**
 * The check of a torrent on a disk in memory: what is believed, what is hashed, what is in the way.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { bits, check, putAll, setup, sideFiles, write } from "./support/torrent_disk_lab.ts";

Deno.test("check() hashes nothing when an earlier run left everything as it is", async () => {
  const { torrent, hasher, open } = setup();
  {
    await using disk = await open();
    await check(disk);
    await write(disk, torrent, [0, 2, 5]);
  }
  hasher.pieces = 0;
  await using disk = await open();
  await check(disk);
  assertEquals(bits(disk), "x.x..x.");
  assertEquals(hasher.pieces, 0);
});

Deno.test("check() hashes the pieces of a file when it was touched", async () => {
  const { torrent, disk, hasher, open } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 1, 5, 6]);
  }
  const changed = disk.files.get("out/t/a")!;
  changed.bytes[7]! ^= 1;
  disk.touch(changed);
  hasher.pieces = 0;
  await using torrentDisk = await open();
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), ".x...xx");
  // Pieces 0 to 2 touch the file; what is known of 3 to 6 is believed.
  assertEquals(hasher.pieces, 2);
});

Deno.test("check() hashes everything that is there when the machine has started anew", async () => {
  const { torrent, disk, hasher, open } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 1]);
  }
  disk.options = { ...disk.options, bootMark: "another" };
  hasher.pieces = 0;
  await using torrentDisk = await open();
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), "xx.....");
  assert(hasher.pieces >= 2);
});

Deno.test("check() hashes everything that is there when forced, or without a boot mark", async () => {
  const { torrent, hasher, open, disk } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 1]);
  }
  for (const round of ["forced", "unmarked"]) {
    if (round === "unmarked") disk.options = { ...disk.options, bootMark: "" };
    hasher.pieces = 0;
    await using torrentDisk = await open();
    await check(torrentDisk, { isForced: round === "forced" });
    assertEquals(bits(torrentDisk), "xx.....");
    assert(hasher.pieces >= 2, round);
  }
});

Deno.test("check() finds everything when all is there and no side file", async () => {
  const { torrent, disk, open } = setup();
  putAll(disk, torrent);
  const told: number[][] = [];
  {
    await using torrentDisk = await open();
    await check(torrentDisk, { onProgress: (checked, good) => told.push([checked, good]) });
    assert(torrentDisk.isComplete);
    await torrentDisk.finish({ fsync: false });
  }
  assertEquals(told.at(-1), [7, 7]);
  assertEquals(sideFiles(disk), []);
});

Deno.test("check() drops the side file of an earlier run when everything is there", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 1, 2]);
  }
  assertEquals(sideFiles(disk).length, 1);
  putAll(disk, torrent);
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await torrentDisk.finish({ fsync: false });
  }
  assertEquals(sideFiles(disk), []);
});

Deno.test("check() refuses when a selected file is longer than the torrent says", async () => {
  const { disk, open } = setup();
  disk.put("out/t/b", new Uint8Array(131));
  await using torrentDisk = await open();
  const error = await assertRejects(() => check(torrentDisk), DiskError);
  assertEquals(error.kind, "in-the-way");
  assert(error.hint !== undefined);
  assertEquals(disk.files.get("out/t/b")?.bytes.length, 131);
});

Deno.test("check() passes over a file that is longer when it is not selected", async () => {
  const { disk, open } = setup();
  disk.put("out/t/b", new Uint8Array(131));
  await using torrentDisk = await open([0]);
  await check(torrentDisk);
  assertEquals(torrentDisk.have.count, 0);
});

Deno.test("check() uses what a shorter file has", async () => {
  const { torrent, disk, open } = setup();
  disk.put("out/t/a", torrent.file(0).slice(0, 199));
  await using torrentDisk = await open();
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), "x......");
});

Deno.test("check() succeeds in a folder that is read-only when all is there", async () => {
  const { torrent, disk, open } = setup();
  putAll(disk, torrent);
  disk.options = { ...disk.options, isReadOnly: true };
  await using torrentDisk = await open();
  await check(torrentDisk);
  await torrentDisk.finish({ fsync: true });
  assert(torrentDisk.isComplete);
});

Deno.test("check() fails in a folder that is read-only when something is missing", async () => {
  const { torrent, disk, open } = setup();
  disk.put("out/t/a", torrent.file(0));
  disk.options = { ...disk.options, isReadOnly: true };
  await using torrentDisk = await open();
  const error = await assertRejects(() => check(torrentDisk), DiskError);
  assertEquals(error.kind, "permission");
  await using other = await open();
  await check(other, { isReadOnly: true });
  assertEquals(bits(other), "xx.....");
});
