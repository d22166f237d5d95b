/**
 * Files on a disk in memory compared with their torrent, bytes that were kept beside them included.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { readSide } from "../../src/disk/side_reader.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { type FileReport, Verifier } from "../../src/disk/verifier.ts";
import { systemHasher as hasher } from "../../src/platform/hasher.ts";
import type { FileSpan, FileStore } from "../../src/ports/disk.ts";
import { below, pick, prng } from "../support/prng.ts";
import { fill, type KnownTorrent, makeTorrent } from "./support/torrent.ts";

const OUTPUT = "out";
const PIECE = 100;
const { signal } = new AbortController();

// Pieces: 0 a, 1 a, 2 ab, 3 bc, 4 c, 5 c, 6 c; `d` is in none.
function setup(files: readonly string[] = ["t/a 250", "t/b 130", "t/c 320", "t/d 0"]) {
  const torrent = makeTorrent(files, { pieceLength: PIECE });
  const disk = new MemoryDisk({ hasher });
  return { torrent, disk };
}

function put(disk: MemoryDisk, torrent: KnownTorrent, files: Iterable<number>): void {
  for (const file of files) {
    disk.put(`${OUTPUT}/${torrent.metainfo.files[file]!.path.join("/")}`, torrent.file(file));
  }
}

async function verify(
  disk: MemoryDisk,
  { metainfo }: KnownTorrent,
  files: readonly number[] = [...metainfo.files.keys()].filter((i) => !metainfo.files[i]!.isPad),
): Promise<
  { reports: FileReport[]; told: [bytes: number, isGood: boolean][]; bytesTotal: number }
> {
  const before = JSON.stringify([...disk.files]);
  await using kept = await readSide(disk, { metainfo, output: OUTPUT, hasher });
  await using store = await disk.openStore({
    root: OUTPUT,
    files: metainfo.files,
    pieceBytes: 1,
    bufferBytes: 0,
    allocation: "none",
  });
  const verifier = await Verifier.open({ metainfo, store, root: OUTPUT, kept, hasher, files });
  const told: [number, boolean][] = [];
  const onPiece = (bytes: number, isGood: boolean) => void told.push([bytes, isGood]);
  const reports = await verifier.run({ onPiece, signal });
  assertEquals(JSON.stringify([...disk.files]), before);
  const { bytesTotal } = verifier;
  assertEquals(told.reduce((sum, [bytes]) => sum + bytes, 0), bytesTotal);
  return { reports, told, bytesTotal };
}

/** `0 ok 0/3, 1 bad 2/2 <0`: file, state, bad pieces of all, and whom to blame. */
function shown(reports: readonly FileReport[]): string {
  return reports.map(({ file, state, badPieces, pieces, blame }) => {
    const whom = blame === undefined ? "" : ` <${blame.file}${blame.isMissing ? "" : "!"}`;
    return `${file} ${state} ${badPieces}/${pieces}${whom}`;
  }).join(", ");
}

Deno.test("Verifier finds everything good where all is there", async () => {
  const { torrent, disk } = setup();
  put(disk, torrent, [0, 1, 2, 3]);
  const { reports, bytesTotal } = await verify(disk, torrent);
  assertEquals(shown(reports), "0 ok 0/3, 1 ok 0/2, 2 ok 0/4, 3 ok 0/0");
  assertEquals(bytesTotal, 700);
});

Deno.test("Verifier hashes nothing where nothing is there", async () => {
  const { torrent, disk } = setup();
  const { reports, told } = await verify(disk, torrent);
  assertEquals(shown(reports), "0 missing 3/3, 1 missing 2/2, 2 missing 4/4, 3 missing 0/0");
  assertEquals(told, []);
});

Deno.test("Verifier blames a broken file for the pieces that it shares", async () => {
  const { torrent, disk } = setup();
  put(disk, torrent, [0, 2, 3]);
  const missing = await verify(disk, torrent);
  assertEquals(
    shown(missing.reports),
    "0 bad 1/3 <1, 1 missing 2/2, 2 bad 1/4 <1, 3 ok 0/0",
  );
  disk.put("out/t/b", new Uint8Array(131));
  disk.put("out/t/d", new Uint8Array(1));
  const broken = await verify(disk, torrent);
  assertEquals(shown(broken.reports), "0 bad 1/3 <1!, 1 bad 2/2, 2 bad 1/4 <1!, 3 bad 0/0");
  assertEquals(broken.reports.map(({ size }) => size), [250, 131, 320, 1]);
  // A fault of its own is nobody else's.
  const bytes = torrent.file(0).slice();
  bytes[0]! ^= 1;
  disk.put("out/t/a", bytes);
  assertEquals(shown((await verify(disk, torrent, [0])).reports), "0 bad 2/3");
});

Deno.test("Verifier hashes the pieces of the files that are asked for alone", async () => {
  const { torrent, disk } = setup();
  put(disk, torrent, [0, 1, 2, 3]);
  const { reports, bytesTotal } = await verify(disk, torrent, [1, 3]);
  assertEquals([shown(reports), bytesTotal], ["1 ok 0/2, 3 ok 0/0", 200]);
});

Deno.test("Verifier takes padding for zeros", async () => {
  const { torrent, disk } = setup(["t/a 250", "pad 50", "t/b 130"]);
  put(disk, torrent, [0]);
  assertEquals(shown((await verify(disk, torrent)).reports), "0 ok 0/3, 2 missing 2/2");
});

async function download(
  disk: MemoryDisk,
  { metainfo, pieces, piece }: KnownTorrent,
  selection: readonly number[],
): Promise<void> {
  const options = { metainfo, output: OUTPUT, allocate: "sparse", bufferBytes: 400 } as const;
  await using torrentDisk = await TorrentDisk.open(disk, { ...options, hasher, selection });
  await torrentDisk.check({ signal });
  for (const index of pieces.filter((index) => torrentDisk.wanted.has(index))) {
    const buffer = fill(torrentDisk.allocate(), piece(index));
    assert((await torrentDisk.writePiece(index, buffer)).isGood);
    buffer.release();
  }
  await torrentDisk.finish({ fsync: false });
}

Deno.test("Verifier lets bytes that were kept stand in for files that were not selected", async () => {
  const { torrent, disk } = setup();
  await download(disk, torrent, [1]);
  const chosen = await verify(disk, torrent, [1]);
  assertEquals(shown(chosen.reports), "1 ok 0/2");
  const all = await verify(disk, torrent);
  assertEquals(shown(all.reports), "0 missing 3/3, 1 ok 0/2, 2 missing 4/4, 3 missing 0/0");
  // A file that came later is judged by its own bytes.
  const bytes = torrent.file(0).slice();
  bytes[249]! ^= 1;
  disk.put("out/t/a", bytes);
  assertEquals(shown((await verify(disk, torrent, [0, 1])).reports), "0 bad 1/3, 1 ok 0/2");
  // Kept bytes that were damaged prove nothing.
  for (const [path, file] of disk.files) {
    if (path.endsWith(".starling")) disk.put(path, file.bytes.map((byte) => byte ^ 0x55));
  }
  assertEquals(shown((await verify(disk, torrent, [1])).reports), "1 bad 2/2");
});

Deno.test("Verifier can be used while the torrent is being downloaded", async () => {
  const { torrent, disk } = setup();
  await using torrentDisk = await TorrentDisk.open(disk, {
    metainfo: torrent.metainfo,
    output: OUTPUT,
    allocate: "sparse",
    bufferBytes: 400,
    hasher,
  });
  await torrentDisk.check({ signal });
  put(disk, torrent, [1]);
  assertEquals(shown((await verify(disk, torrent, [3])).reports), "3 missing 0/0");
});

Deno.test("Verifier agrees with a comparison byte for byte", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = prng(seed);
    const files = Array.from(
      { length: 1 + below(next, 8) },
      (_, i) => `t/${i} ${below(next, 350)}`,
    );
    const { torrent, disk } = setup([...files, "t/last 1"]);
    const { metainfo } = torrent;
    const isSound: boolean[] = [];
    for (const [file, { path, length }] of metainfo.files.entries()) {
      const what = pick(next, ["good", "good", "good", "gone", "short", "flipped"]);
      isSound[file] = what === "good" || (length === 0 && what !== "gone");
      if (what === "gone") continue;
      const bytes = torrent.file(file).slice(0, what === "short" ? Math.floor(length / 2) : length);
      if (what === "flipped" && length > 0) bytes[below(next, length)]! ^= 0x80;
      disk.put(`${OUTPUT}/${path.join("/")}`, bytes);
    }
    const { reports } = await verify(disk, torrent);
    for (const { file, state } of reports) {
      const where = `seed ${seed}, file ${file}`;
      if (!isSound[file]) assert(state !== "ok", where);
      else if (state !== "ok") {
        // Only a piece that is shared with a file that is not sound can spoil a sound one.
        const { first, end } = metainfo.fileMap.piecesOf(file);
        const others = new Set<number>();
        for (let piece = first; piece < end; piece++) {
          const index = metainfo.pieceMap.index(piece)!;
          for (const other of metainfo.fileMap.filesAt(index)) others.add(other);
        }
        assert([...others].some((other) => !isSound[other]), where);
      }
    }
  }
});

Deno.test("Verifier ends with the signal's reason", async () => {
  const { torrent, disk } = setup();
  put(disk, torrent, [0, 1, 2, 3]);
  const { metainfo } = torrent;
  const spec = { root: OUTPUT, files: metainfo.files, pieceBytes: 1, bufferBytes: 0 } as const;
  await using store = await disk.openStore({ ...spec, allocation: "none" });
  const options = { metainfo, store, root: OUTPUT, kept: undefined, hasher, files: [0] };
  const verifier = await Verifier.open(options);
  const stopped = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => verifier.run({ onPiece: () => {}, signal: stopped }), Error, "enough");
});

Deno.test("Verifier goes on around a file that cannot be read", async () => {
  const { torrent, disk } = setup();
  put(disk, torrent, [0, 1, 2, 3]);
  const { metainfo } = torrent;
  const spec = { root: OUTPUT, files: metainfo.files, pieceBytes: 1, bufferBytes: 0 } as const;
  const store = await disk.openStore({ ...spec, allocation: "none" });
  const digest = (pieces: readonly (readonly FileSpan[])[]) => {
    if (!pieces.flat().some(({ file }) => file === 1)) return store.digest(pieces);
    const path = "out/t/b";
    const options = { path, operation: "open", kind: "permission" } as const;
    return Promise.reject(new DiskError("permission denied", options));
  };
  const statMany = (files: readonly number[]) => store.statMany(files);
  const broken = { digest, statMany } as unknown as FileStore;
  const files = [0, 1, 2, 3];
  const options = { metainfo, store: broken, root: OUTPUT, kept: undefined, hasher, files };
  const verifier = await Verifier.open(options);
  const reports = await verifier.run({ onPiece: () => {}, signal });
  assertEquals(shown(reports), "0 bad 1/3 <1!, 1 bad 2/2, 2 bad 1/4 <1!, 3 ok 0/0");
  assertEquals(reports[1]!.error?.message, "permission denied");
});
