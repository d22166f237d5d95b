/**
 * One torrent on a disk in memory: what is written, what is believed, what is refused.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { MemoryDisk, type MemoryDiskOptions } from "../../src/disk/memory_disk.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import type { CheckOptions } from "../../src/disk/torrent_disk_options.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import type { Hasher } from "../../src/ports/hash.ts";
import { fill, type KnownTorrent, makeTorrent } from "./support/torrent.ts";

const OUTPUT = "out";
const PIECE = 100;
const THREE_FILES = ["t/a 250", "t/b 130", "t/c 320"];

// Counts how many pieces were hashed.
class CountingHasher implements Hasher {
  pieces = 0;
  sha1(data: Uint8Array): Uint8Array {
    if (data.length === PIECE) this.pieces++;
    return systemHasher.sha1(data);
  }
  sha256(data: Uint8Array): Uint8Array {
    return systemHasher.sha256(data);
  }
}

function setup(files = THREE_FILES, options: Partial<MemoryDiskOptions> = {}) {
  const torrent = makeTorrent(files, { pieceLength: PIECE });
  const hasher = new CountingHasher();
  const disk = new MemoryDisk({ hasher, ...options });
  const open = (selection?: readonly number[]) =>
    TorrentDisk.open(disk, {
      metainfo: torrent.metainfo,
      output: OUTPUT,
      allocate: "sparse",
      bufferBytes: 4 * PIECE,
      hasher,
      ...(selection && { selection }),
    });
  return { torrent, hasher, disk, open };
}

async function check(disk: TorrentDisk, options: Partial<CheckOptions> = {}): Promise<void> {
  await disk.check({ signal: new AbortController().signal, ...options });
}

async function write(disk: TorrentDisk, torrent: KnownTorrent, pieces: Iterable<number>) {
  for (const index of pieces) {
    const piece = torrent.pieces[index]!;
    const buffer = fill(disk.allocate(), torrent.piece(piece));
    const { isGood } = await disk.writePiece(piece, buffer);
    assert(isGood);
    buffer.release();
  }
}

function shown(disk: MemoryDisk): string[] {
  return [...disk.files.keys()].filter((path) => !path.includes("/.")).sort();
}

function sideFiles(disk: MemoryDisk): string[] {
  return [...disk.files.keys()].filter((path) => path.endsWith(".starling"));
}

function bits(disk: TorrentDisk): string {
  let out = "";
  for (let i = 0; i < disk.have.length; i++) out += disk.have.has(i) ? "x" : ".";
  return out;
}

function assertWhole(disk: MemoryDisk, torrent: KnownTorrent): void {
  torrent.metainfo.files.forEach(({ path, isPad }, file) => {
    if (isPad) return;
    assertEquals(disk.files.get(`${OUTPUT}/${path.join("/")}`)?.bytes, torrent.file(file).slice());
  });
}

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
  torrent.metainfo.files.forEach(({ path }, file) =>
    disk.put(`${OUTPUT}/${path.join("/")}`, torrent.file(file))
  );
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
  torrent.metainfo.files.forEach(({ path }, file) =>
    disk.put(`${OUTPUT}/${path.join("/")}`, torrent.file(file))
  );
  {
    await using torrentDisk = await open();
    await check(torrentDisk);
    await torrentDisk.finish({ fsync: false });
  }
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

Deno.test("a selection writes its files only, and is complete without the others", async () => {
  const { torrent, disk, hasher, open } = setup();
  // Pieces: 0 a, 1 a, 2 ab, 3 bc, 4 c, 5 c, 6 c.
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
  torrent.metainfo.files.forEach(({ path }, file) =>
    disk.put(`${OUTPUT}/${path.join("/")}`, torrent.file(file))
  );
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
