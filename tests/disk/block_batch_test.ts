/**
 * Batches of blocks for peers: read to where they leave from, whatever the pieces are made of, and nothing
 * of files that are not what they were.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { BlockBatch } from "../../src/disk/block_batch.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { below, prng } from "../support/prng.ts";
import { fill, type KnownTorrent, makeTorrent } from "./support/torrent.ts";

const PIECE = 100;
const FILES = ["t/a 250", "t/b 130", "pad 20", "t/c 320", "t/d 45"];

interface Setup {
  readonly torrent: KnownTorrent;
  readonly files: MemoryDisk;
  readonly disk: TorrentDisk;
}

async function withDisk(
  body: (setup: Setup) => Promise<void>,
  options: { selection?: readonly number[]; isReadOnly?: boolean } = {},
): Promise<void> {
  const torrent = makeTorrent(FILES, { pieceLength: PIECE });
  const files = new MemoryDisk({ hasher: systemHasher });
  const { isReadOnly = options.selection === undefined } = options;
  if (isReadOnly) {
    torrent.metainfo.files.forEach(({ isPad, path }, i) => {
      if (!isPad) files.put(`out/${path.join("/")}`, torrent.file(i));
    });
  }
  await using disk = await TorrentDisk.open(files, {
    metainfo: torrent.metainfo,
    output: "out",
    allocate: "sparse",
    bufferBytes: 4 * PIECE,
    hasher: systemHasher,
    ...options,
    isReadOnly,
  });
  await disk.check({ signal: new AbortController().signal });
  for (const piece of torrent.pieces) {
    if (isReadOnly || !disk.wanted.has(piece)) continue;
    const buffer = fill(disk.allocate(), torrent.piece(piece));
    assert((await disk.writePiece(piece, buffer)).isGood);
    buffer.release();
  }
  await body({ torrent, files, disk });
}

type Block = readonly [piece: number, begin: number, length: number];

// Reads blocks, 13 bytes apart, and gives the kinds of error by block; the others must be right.
async function read(
  { torrent }: Setup,
  batch: BlockBatch,
  blocks: readonly Block[],
): Promise<Record<number, string>> {
  const bytes = batch.begin();
  bytes.fill(0xee);
  let place = 13;
  for (const [piece, begin, length] of blocks) {
    batch.add({ piece, begin, length }, place);
    place += length + 13;
  }
  const lost = Object.fromEntries(
    (await batch.read()).map(({ block, error }) => [block, error.kind]),
  );
  assertEquals(batch.count, blocks.length);
  blocks.forEach(([piece, begin, length], i) => {
    assertEquals([batch.lengthOf(i), batch.blockAt(i)], [length, { piece, begin, length }]);
    if (lost[i] !== undefined) return;
    const at = batch.placeOf(i);
    const expected = torrent.piece(piece).slice(begin, begin + length);
    assertEquals(bytes.slice(at, at + length), expected, `block ${i}`);
    assertEquals(bytes[at - 1], 0xee, "the headers are not touched");
  });
  batch.end();
  return lost;
}

const ALL: readonly Block[] = [[2, 0, 100], [0, 0, 100], [7, 0, 65], [3, 10, 80], [4, 99, 1]];

Deno.test("read() puts blocks of any pieces, files and padding to their places", async () => {
  await withDisk(async (setup) => {
    const batch = setup.disk.newBatch();
    assertEquals(await read(setup, batch, ALL), {});
    for (let seed = 1; seed <= 20; seed++) {
      const next = prng(seed);
      const blocks = Array.from({ length: 1 + below(next, 60) }, (): Block => {
        const piece = below(next, setup.torrent.pieces.length);
        const whole = setup.torrent.piece(piece).length;
        const begin = below(next, whole);
        return [piece, begin, 1 + below(next, whole - begin)];
      });
      assertEquals(await read(setup, batch, blocks), {}, `seed ${seed}`);
    }
  });
});

Deno.test("read() reads what the side file keeps", async () => {
  await withDisk(async (setup) => {
    const batch = setup.disk.newBatch();
    const blocks: Block[] = [[2, 10, 80], [3, 0, 100], [2, 40, 20]];
    assertEquals(await read(setup, batch, blocks), {});
    assert(!setup.files.files.has("out/t/a"));
  }, { selection: [1] });
});

Deno.test("read() names the blocks of a file that was cut or deleted", async () => {
  await withDisk(async (setup) => {
    const { files, torrent, disk } = setup;
    files.put("out/t/c", torrent.file(3).slice(0, 150));
    files.files.delete("out/t/d");
    const batch = disk.newBatch();
    const lost = await read(setup, batch, [
      [0, 0, 100],
      [4, 0, 100],
      [5, 10, 20],
      [6, 0, 10],
      [7, 30, 35],
    ]);
    assertEquals(lost, { 2: "changed", 3: "changed", 4: "missing" });
    assertEquals(await read(setup, batch, [[6, 0, 10], [1, 0, 100]]), { 0: "changed" });
  });
});

Deno.test("read() gives of a changed file what is still right", async () => {
  await withDisk(async (setup) => {
    const { files, torrent, disk } = setup;
    const changed = torrent.file(3).slice();
    changed[250]! ^= 1;
    const [batch, other] = [disk.newBatch(), disk.newBatch()];
    assertEquals(await read(setup, batch, ALL), {});
    files.put("out/t/c", changed);
    const blocks: Block[] = [[4, 0, 100], [6, 0, 1], [5, 0, 100], [0, 0, 100]];
    const both = [read(setup, batch, blocks), read(setup, other, blocks)];
    for (const lost of await Promise.all(both)) assertEquals(lost, { 1: "changed" });
    assertEquals(await read(setup, batch, blocks), { 1: "changed" });
    files.put("out/t/c", torrent.file(3));
    assertEquals(await read(setup, batch, blocks), {});
  });
});

Deno.test("read() minds changes of a file only when it is complete and watched", async () => {
  await withDisk(async (setup) => {
    const { files, disk } = setup;
    const batch = disk.newBatch();
    const file = files.files.get("out/t/c")!;
    files.touch(file);
    assertEquals(await read(setup, batch, [[5, 0, 10]]), {});
    await disk.look();
    assertEquals(await read(setup, batch, [[5, 0, 10]]), {});
    file.bytes[150]! ^= 1;
    files.touch(file);
    assertEquals(await read(setup, batch, [[5, 0, 10], [6, 0, 10]]), { 0: "changed" });
  }, { selection: [0, 1, 2, 3, 4] });
});

Deno.test("a batch takes its memory when it begins and gives it back at its end", async () => {
  await withDisk(({ disk }) => {
    const [one, two] = [disk.newBatch(), disk.newBatch()];
    const memory = one.begin();
    assert(one.begin() === memory);
    assert(two.begin() !== memory);
    one.end();
    one.end();
    two.end();
    return Promise.resolve();
  });
});
