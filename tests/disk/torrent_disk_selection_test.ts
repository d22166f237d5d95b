/**
 * Some files of a torrent on a disk in memory: which are written, and the bytes of others that are kept.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import {
  assertWhole,
  bits,
  check,
  PIECE,
  setup,
  shown,
  sideFiles,
  write,
} from "./support/torrent_disk_lab.ts";

Deno.test("a selection writes its files only, and is complete without the others", async () => {
  const { torrent, disk, hasher, open } = setup();
  {
    await using torrentDisk = await open([1]);
    await check(torrentDisk);
    assertEquals(torrentDisk.wanted.count, 2);
    await write(torrentDisk, torrent, [2, 3]);
    assert(torrentDisk.isComplete);
    assert(torrentDisk.isFileComplete(1));
    assert(!torrentDisk.isFileComplete(0));
    await torrentDisk.finish({ fsync: false });
    const into = new Uint8Array(PIECE);
    await torrentDisk.read(torrent.pieces[2]!, 0, into);
    assertEquals(into, torrent.piece(2).slice());
  }
  assertEquals(shown(disk), ["out/t/b"]);
  assertEquals(disk.files.get("out/t/b")?.bytes, torrent.file(1).slice());
  hasher.pieces = 0;
  await using torrentDisk = await open([1]);
  await check(torrentDisk);
  assertEquals([bits(torrentDisk), hasher.pieces], ["..xx...", 0]);
  const into = new Uint8Array(30);
  await torrentDisk.read(torrent.pieces[3]!, 70, into);
  assertEquals(into, torrent.piece(3).slice(70));
});

Deno.test("a larger selection gets the kept bytes without fetching them again", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open([1]);
    await check(torrentDisk);
    await write(torrentDisk, torrent, [2, 3]);
  }
  {
    await using torrentDisk = await open([1, 2]);
    await check(torrentDisk);
    assertEquals(bits(torrentDisk), "..xx...");
    assertEquals(shown(disk), ["out/t/b", "out/t/c"]);
    assertEquals(disk.files.get("out/t/c")?.bytes.slice(0, 20), torrent.file(2).slice(0, 20));
    await write(torrentDisk, torrent, [4, 5, 6]);
    await torrentDisk.finish({ fsync: false });
  }
  assertEquals(sideFiles(disk).length, 1, "the torrent is not whole");
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    assertEquals(bits(torrentDisk), "..xxxxx");
    await write(torrentDisk, torrent, [0, 1]);
    await torrentDisk.finish({ fsync: false });
  }
  assertWhole(disk, torrent);
  assertEquals(sideFiles(disk), []);
});

Deno.test("a smaller selection leaves the files of the larger one alone", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 4]);
  }
  const before = disk.files.get("out/t/a")!.bytes.slice();
  {
    await using torrentDisk = await open([1]);
    await check(torrentDisk);
    assertEquals(bits(torrentDisk), "x...x..");
    await write(torrentDisk, torrent, [2, 3]);
  }
  assertEquals(disk.files.get("out/t/a")?.bytes, before);
  await using torrentDisk = await open();
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), "x.xxx..");
});

Deno.test("the kept bytes are not believed when the side file was damaged", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open([1]);
    await check(torrentDisk);
    await write(torrentDisk, torrent, [2, 3]);
  }
  const [path] = sideFiles(disk);
  const { bytes } = disk.files.get(path!)!;
  bytes[bytes.length - 1]! ^= 1;
  await using torrentDisk = await open([1, 2]);
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), "..x....");
});

Deno.test("read() fails each time when the kept bytes were changed", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open([1]);
    await check(torrentDisk);
    await write(torrentDisk, torrent, [2]);
  }
  const { bytes } = disk.files.get(sideFiles(disk)[0]!)!;
  bytes[bytes.length - 1]! ^= 1;
  await using torrentDisk = await open([1]);
  await check(torrentDisk);
  for (const _ of [1, 2]) {
    const into = new Uint8Array(PIECE);
    await assertRejects(() => torrentDisk.read(torrent.pieces[2]!, 0, into), DiskError);
  }
});
