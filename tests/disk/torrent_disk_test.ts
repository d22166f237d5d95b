/**
 * One torrent on a disk in memory: what is written, what is read, what a run leaves behind.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { fill, makeTorrent } from "./support/torrent.ts";
import {
  assertWhole,
  bits,
  check,
  OUTPUT,
  PIECE,
  setup,
  shown,
  sideFiles,
  THREE_FILES,
  write,
} from "./support/torrent_disk_lab.ts";

Deno.test("writePiece() writes nothing when the piece is corrupt, and tells the blocks", async () => {
  const { torrent, disk, open } = setup();
  await using torrentDisk = await open();
  await check(torrentDisk);
  const bad = torrent.piece(0).slice();
  bad[3]! ^= 1;
  const buffer = fill(torrentDisk.allocate(), bad);
  const verdict = await torrentDisk.writePiece(torrent.pieces[0]!, buffer);
  assert(!verdict.isGood);
  assertEquals(verdict.blockDigests, Uint8Array.from(systemHasher.sha1(bad)));
  assertEquals(shown(disk), []);
  assertEquals(bits(torrentDisk), ".......");
});

Deno.test("writePiece() tells the blocks of a good piece when asked", async () => {
  const { torrent, open } = setup();
  await using disk = await open();
  await check(disk);
  const buffer = fill(disk.allocate(), torrent.piece(0));
  const verdict = await disk.writePiece(torrent.pieces[0]!, buffer, { wantBlockDigests: true });
  assertEquals(verdict.blockDigests, Uint8Array.from(systemHasher.sha1(torrent.piece(0))));
});

Deno.test("open() refuses when the torrent is open in the folder already", async () => {
  const { open } = setup();
  await using _first = await open();
  const error = await assertRejects(open, DiskError);
  assertEquals(error.kind, "locked");
});

Deno.test("open() lets different torrents share a folder", async () => {
  const { disk, open } = setup();
  await using _first = await open();
  const other = makeTorrent(["other 10"], { pieceLength: PIECE });
  await using _second = await TorrentDisk.open(disk, {
    metainfo: other.metainfo,
    output: OUTPUT,
    allocate: "sparse",
    bufferBytes: 0,
    hasher: systemHasher,
  });
});

Deno.test("finish() leaves the files and nothing else when the torrent is whole", async () => {
  const { torrent, disk, open } = setup(["t/a 250", "t/empty 0", "pad 50", "t/c 320"]);
  await using torrentDisk = await open();
  await check(torrentDisk);
  await write(torrentDisk, torrent, torrent.pieces);
  await torrentDisk.save();
  assertEquals(sideFiles(disk).length, 1);
  assert(torrentDisk.isComplete);
  await torrentDisk.finish({ fsync: true });
  assertWhole(disk, torrent);
  assertEquals(shown(disk), ["out/t/a", "out/t/c", "out/t/empty"]);
  assertEquals(sideFiles(disk), []);
  await torrentDisk.save();
  assertEquals(sideFiles(disk), []);
});

Deno.test("finish() succeeds when the side file cannot be removed any more", async () => {
  const { torrent, disk, open } = setup();
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, torrent.pieces);
    await torrentDisk.save();
    disk.options = { ...disk.options, isReadOnly: true };
    await torrentDisk.finish({ fsync: false });
    assertWhole(disk, torrent);
    assertEquals(sideFiles(disk).length, 1);
  }
  disk.options = { ...disk.options, isReadOnly: false };
  await using torrentDisk = await open();
  await check(torrentDisk);
  await torrentDisk.finish({ fsync: false });
  assertEquals(sideFiles(disk), []);
});

Deno.test("dispose leaves nothing behind when nothing was there and nothing written", async () => {
  for (const isChecked of [true, false]) {
    const { disk, open } = setup();
    {
      await using torrentDisk = await open();
      if (isChecked) await check(torrentDisk);
    }
    assertEquals([...disk.files.keys()], []);
  }
});

Deno.test("dispose keeps what was remembered when the check was stopped", async () => {
  const { torrent, hasher, open } = setup();
  {
    await using disk = await open();
    await check(disk);
    await write(disk, torrent, [3, 4]);
  }
  {
    await using disk = await open();
    const stopped = new AbortController();
    stopped.abort(new Error("enough"));
    await assertRejects(() => disk.check({ signal: stopped.signal }), Error, "enough");
  }
  hasher.pieces = 0;
  await using disk = await open();
  await check(disk);
  assertEquals(bits(disk), "...xx..");
  assertEquals(hasher.pieces, 0);
});

Deno.test("a full disk fails the piece, and another run goes on", async () => {
  const { torrent, disk, open } = setup(THREE_FILES, { fullAfterBytes: 100_000 });
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await write(torrentDisk, torrent, [0, 1]);
    await torrentDisk.save();
    disk.options = { ...disk.options, fullAfterBytes: 0 };
    const error = await assertRejects(() => write(torrentDisk, torrent, [4]), DiskError);
    assertEquals(error.kind, "full");
  }
  disk.options = { ...disk.options, fullAfterBytes: Infinity };
  await using torrentDisk = await open();
  await check(torrentDisk);
  assertEquals(bits(torrentDisk), "xx.....");
});

Deno.test("read() fails when a file has become shorter", async () => {
  const { torrent, disk, open } = setup();
  await using torrentDisk = await open();
  await check(torrentDisk);
  await write(torrentDisk, torrent, [0]);
  disk.put("out/t/a", new Uint8Array(50));
  const into = new Uint8Array(PIECE);
  const error = await assertRejects(() => torrentDisk.read(torrent.pieces[0]!, 0, into), DiskError);
  assertEquals(error.operation, "read");
});

Deno.test("read() gives every range of a piece with padding", async () => {
  const { torrent, open } = setup(["t/a 30", "pad 20", "t/b 25", "t/c 25", "t/d 55"]);
  await using disk = await open([0, 2]);
  await check(disk);
  await write(disk, torrent, [0]);
  for (let begin = 0; begin < PIECE; begin += 7) {
    for (let end = begin + 1; end <= PIECE; end += 11) {
      const into = new Uint8Array(end - begin).fill(255);
      await disk.read(torrent.pieces[0]!, begin, into);
      assertEquals(into, torrent.piece(0).slice(begin, end));
    }
  }
});

Deno.test("allocate() gives the budget, and buffers come back when released", async () => {
  const { open } = setup();
  await using disk = await open();
  assertEquals(disk.freeBuffers, 4);
  const buffers = [1, 2, 3, 4].map(() => disk.allocate()!);
  assertEquals([disk.freeBuffers, disk.allocate()], [0, undefined]);
  buffers[0]!.release();
  buffers[0]!.release();
  assertEquals(disk.freeBuffers, 1);
});

Deno.test("save() and writePiece() may overlap", async () => {
  const { torrent, open } = setup();
  {
    await using disk = await open();
    await check(disk);
    const work: Promise<unknown>[] = [];
    for (const piece of [0, 1, 2]) {
      work.push(write(disk, torrent, [piece]), disk.save(), disk.save());
    }
    await Promise.all(work);
  }
  await using disk = await open();
  await check(disk);
  assertEquals(bits(disk), "xxx....");
});

Deno.test("dispose waits for a piece that is being written", async () => {
  const { torrent, open } = setup();
  {
    await using disk = await open();
    await check(disk);
    void disk.writePiece(torrent.pieces[5]!, fill(disk.allocate(), torrent.piece(5)));
  }
  await using disk = await open();
  await check(disk);
  assertEquals(bits(disk), ".....x.");
});
