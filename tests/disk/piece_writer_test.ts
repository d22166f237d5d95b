/**
 * Pieces that came together on their way to a disk in memory.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import type { FileWatch } from "../../src/disk/file_watch.ts";
import { PieceLedger } from "../../src/disk/piece_ledger.ts";
import { PieceWriter } from "../../src/disk/piece_writer.ts";
import type { ResumeFile } from "../../src/disk/resume_file.ts";
import type { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import type { FileStore, OnVerdict } from "../../src/ports/disk.ts";
import { fill, type KnownTorrent } from "./support/torrent.ts";
import { assertWhole, bits, check, PIECE, setup } from "./support/torrent_disk_lab.ts";

/** Whole pieces as they came, those of `corrupt` with a wrong byte. */
function whole(
  disk: TorrentDisk,
  torrent: KnownTorrent,
  { pieces, corrupt = [] }: { pieces: readonly number[]; corrupt?: readonly number[] },
) {
  return pieces.map((index) => {
    const buffer = fill(disk.allocate(), torrent.piece(index));
    if (corrupt.includes(index)) buffer.bytes[7]! ^= 1;
    return { piece: torrent.pieces[index]!, buffer };
  });
}

Deno.test("writePieces() judges each piece by itself, and has good ones in the books by then", async () => {
  const { torrent, open } = setup();
  await using disk = await open();
  await check(disk);
  const some = whole(disk, torrent, { pieces: [5, 0, 2], corrupt: [0] });
  const verdicts: string[] = [];
  await disk.writePieces(some, {
    wantsDigests: (piece) => piece === 2,
    onVerdict: ({ isGood, blockDigests }, item) => {
      const { piece } = some[item]!;
      verdicts.push(`${piece} ${isGood} ${disk.have.has(piece)} ${blockDigests?.length ?? 0}`);
    },
  });
  assertEquals(verdicts.sort(), ["0 false false 20", "2 true true 20", "5 true true 0"]);
  assertEquals(bits(disk), "..x..x.");
});

Deno.test("writePieces() tells of a piece once its unselected bytes are kept as well", async () => {
  const { torrent, disk: folder, open } = setup();
  {
    await using disk = await open([1]);
    await check(disk);
    const some = whole(disk, torrent, { pieces: [2, 3] });
    const onVerdict = (_: unknown, item: number) => assert(disk.have.has(some[item]!.piece));
    await disk.writePieces(some, { onVerdict });
    for (const { buffer } of some) buffer.release();
  }
  await using disk = await open();
  await check(disk);
  assertEquals(bits(disk), "..xx...");
  for (const index of [0, 1, 4, 5, 6]) {
    const [piece] = whole(disk, torrent, { pieces: [index] });
    await disk.writePieces([piece!], { onVerdict: () => {} });
    piece!.buffer.release();
  }
  await disk.finish({ fsync: false });
  assertWhole(folder, torrent);
});

Deno.test("writePieces() rejects with what went wrong when all have come to their end", async () => {
  const { torrent, disk: folder, open } = setup(undefined, { fullAfterBytes: 250 });
  await using disk = await open();
  await check(disk);
  const some = whole(disk, torrent, { pieces: [0, 1, 4] });
  const good: number[] = [];
  const onVerdict = (_: unknown, item: number) => void good.push(some[item]!.piece);
  const error = await assertRejects(() => disk.writePieces(some, { onVerdict }), DiskError);
  assertEquals([error.kind, good], ["full", [0, 1]]);
  assertEquals(bits(disk), "xx.....");
  assertEquals(folder.files.get("out/t/a")?.bytes.slice(0, PIECE), torrent.piece(0).slice());
});

Deno.test("write() rejects at the end when bytes cannot be kept while others are being hashed", async () => {
  const { torrent: { metainfo, pieces } } = setup();
  const rest = Promise.withResolvers<void>();
  const store = {
    hashThenWriteAll: async (_: unknown, onVerdict: OnVerdict) => {
      onVerdict({ isGood: true }, 0);
      await rest.promise;
      onVerdict({ isGood: true }, 1);
    },
  } as Partial<FileStore> as FileStore;
  const resume = { keep: () => Promise.reject(new Error("no room")) };
  const watch = { lookBefore() {}, hold() {}, begin() {}, end() {} };
  const good: number[] = [];
  const writer = new PieceWriter({
    metainfo,
    store,
    ledger: new PieceLedger(metainfo, [1]),
    watch: watch as unknown as FileWatch,
    resume: resume as Partial<ResumeFile> as ResumeFile,
    onGood: (piece) => void good.push(piece),
  });
  const buffer = { bytes: new Uint8Array(PIECE), put() {}, release() {} };
  const some = [2, 3].map((index) => ({ piece: pieces[index]!, buffer }));
  const writing = writer.write(some, { onVerdict: () => {} });
  // Longer than a rejection may be left alone.
  await new Promise((resolve) => setTimeout(resolve));
  rest.resolve();
  await assertRejects(() => writing, Error, "no room");
  assertEquals(good, []);
});
