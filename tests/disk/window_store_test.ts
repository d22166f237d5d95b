/**
 * A torrent in memory alone: what is held, what is let go, and that nothing ever reaches the disk.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { fill, makeTorrent } from "./support/torrent.ts";

const PIECE = 100;

async function setup(files: readonly string[], selection?: readonly number[]) {
  const torrent = makeTorrent(files, { pieceLength: PIECE });
  const disk = new MemoryDisk({ hasher: systemHasher });
  disk.put("out/t/a", torrent.file(0));
  const open = await TorrentDisk.open(disk, {
    metainfo: torrent.metainfo,
    output: "out",
    allocate: "full",
    bufferBytes: 3 * PIECE,
    hasher: systemHasher,
    isInMemory: true,
    ...(selection && { selection }),
  });
  await open.check({ signal: new AbortController().signal });
  const write = async (index: number) => {
    const piece = torrent.pieces[index]!;
    const buffer = fill(open.allocate(), torrent.piece(piece));
    assert((await open.writePiece(piece, buffer)).isGood);
    buffer.release();
  };
  return { torrent, disk, open, write };
}

Deno.test("a torrent in memory looks at nothing on the disk and writes nothing", async () => {
  const { disk, open, write } = await setup(["t/a 250", "t/b 130"]);
  assertEquals(open.have.count, 0);
  for (const piece of [0, 1, 2]) await write(piece);
  await open.save();
  await open[Symbol.asyncDispose]();
  assertEquals([...disk.files.keys()], ["out/t/a"]);
});

Deno.test("a piece in memory keeps its buffer until it is let go", async () => {
  const { torrent, open, write } = await setup(["t/a 250", "t/b 130"]);
  for (const piece of [0, 1, 2]) await write(piece);
  assertEquals([open.freeBuffers, open.allocate()], [0, undefined]);
  const into = new Uint8Array(60);
  await open.read(torrent.pieces[1]!, 20, into);
  assertEquals(into, torrent.piece(1).slice(20, 80));
  open.letGo(1);
  open.letGo(1);
  assertEquals(open.freeBuffers, 1);
  await assertRejects(() => open.read(torrent.pieces[1]!, 20, into), DiskError);
  await write(3);
  await open[Symbol.asyncDispose]();
});

Deno.test("a piece in memory is whole, neighbours and padding included", async () => {
  const { torrent, open, write } = await setup(["t/a 130", "pad 70", "t/b 30", "t/c 90"], [2]);
  await write(2);
  await write(2);
  assertEquals(open.freeBuffers, 2);
  const into = new Uint8Array(PIECE);
  await open.read(torrent.pieces[2]!, 0, into);
  assertEquals(into, torrent.piece(2).slice());
  const batch = open.newBatch();
  const memory = batch.begin();
  batch.add({ piece: 2, begin: 10, length: 80 }, 5);
  assertEquals(await batch.read(), []);
  assertEquals(memory.slice(5, 85), torrent.piece(2).slice(10, 90));
  batch.end();
  open.letGo(2);
  batch.begin();
  batch.add({ piece: 2, begin: 10, length: 80 }, 5);
  assertEquals((await batch.read()).map(({ block, error }) => [block, error.kind]), [[
    0,
    "missing",
  ]]);
  batch.end();
  await open[Symbol.asyncDispose]();
});

Deno.test("a corrupt piece is not held", async () => {
  const { torrent, open } = await setup(["t/a 250"]);
  const buffer = fill(open.allocate(), torrent.piece(1));
  assertEquals((await open.writePiece(torrent.pieces[0]!, buffer)).isGood, false);
  buffer.release();
  assertEquals([open.freeBuffers, open.have.count], [3, 0]);
  await open[Symbol.asyncDispose]();
});
