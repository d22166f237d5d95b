/**
 * Older copies: which files are tried, what is believed, and that nothing of them is changed.
 *
 * @module
 */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/units.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { reuseFolder } from "../../src/disk/reuse.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { FileMap } from "../../src/metainfo/file_map.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { draw } from "../swarm/support.ts";
import { makeTorrent } from "./support/torrent.ts";

const PIECE = 100;
const FILES = ["t/a 250", "t/d/b 130", "pad 20", "t/c 320"];
const { signal } = new AbortController();

/** A disk with these files in "old", and what comes of reusing them. */
async function reuse(
  old: (torrent: ReturnType<typeof makeTorrent>) => Readonly<Record<string, Uint8Array>>,
  options: { files?: readonly string[]; selection?: readonly number[] } = {},
) {
  const torrent = makeTorrent(options.files ?? FILES, { pieceLength: PIECE });
  const disk = new MemoryDisk({ hasher: systemHasher });
  const before = Object.entries(old(torrent));
  for (const [path, bytes] of before) disk.put(`old/${path}`, bytes);
  const stamps = before.map(([path]) => disk.files.get(`old/${path}`)!.mtimeMs);
  await using open = await TorrentDisk.open(disk, {
    metainfo: torrent.metainfo,
    output: "out",
    allocate: "none",
    bufferBytes: 2 * PIECE,
    hasher: systemHasher,
    ...(options.selection && { selection: options.selection }),
  });
  await open.check({ signal });
  const { metainfo } = torrent;
  const reused = await reuseFolder({ files: disk, metainfo, disk: open, folder: "old" }, {
    signal,
  });
  before.forEach(([path, bytes], i) => {
    const { bytes: now, mtimeMs } = disk.files.get(`old/${path}`)!;
    assertEquals([now, mtimeMs], [bytes, stamps[i]]);
  });
  return { torrent, disk, reused, have: draw(open.have) };
}

Deno.test("reuseFolder() takes every piece of a whole older copy", async () => {
  const { torrent, disk, reused, have } = await reuse((t) => ({
    "x/t/a": t.file(0),
    "x/t/d/b": t.file(1),
    "x/t/c": t.file(3),
  }));
  assertEquals([have, reused.bytes, reused.pieces], ["xxxxxxxx", 720, 8]);
  for (const [file, path] of [[0, "t/a"], [1, "t/d/b"], [3, "t/c"]] as const) {
    assertEquals(disk.files.get(`out/${path}`)!.bytes, torrent.file(file).slice());
  }
});

Deno.test("reuseFolder() finds files whatever they are called, wherever they lie", async () => {
  const { have } = await reuse((t) => ({
    "one": t.file(3),
    "deep/down/two": t.file(0),
    "three": t.file(1),
  }));
  assertEquals(have, "xxxxxxxx");
});

Deno.test("reuseFolder() takes the right pieces of a damaged copy and no others", async () => {
  const { have } = await reuse((t) => {
    const damaged = t.file(3).slice();
    damaged[150]! ^= 1;
    return { "c": damaged };
  });
  // The first piece of the file is shared with files that are not there.
  assertEquals(have, "    x xx");
});

Deno.test("reuseFolder() takes nothing of files that only have the length", async () => {
  const { disk, reused, have } = await reuse(() => ({
    "t/a": new Uint8Array(250),
    "t/d/b": new Uint8Array(130),
    "t/c": new Uint8Array(320),
    "t/other": new Uint8Array(321),
  }));
  assertEquals([have, reused.bytes, reused.pieces], ["        ", 0, 0]);
  assertEquals([...disk.files.keys()].filter((path) => path.startsWith("out/t")), []);
});

Deno.test("reuseFolder() prefers the name, and tries others of the length", async () => {
  const wrong = (length: number) => new Uint8Array(length).fill(7);
  const { have } = await reuse((t) => ({
    "t/c": wrong(320),
    "t/d/c": wrong(320),
    "backup": t.file(3),
    "t/a": t.file(0),
    "t/d/b": t.file(1),
    "b": wrong(130),
  }));
  assertEquals(have, "xxxxxxxx");
});

Deno.test("reuseFolder() leaves alone what is not wanted, and keeps what neighbours need", async () => {
  const { disk, have } = await reuse((t) => ({
    "a": t.file(0),
    "b": t.file(1),
    "c": t.file(3),
  }), { selection: [1] });
  assertEquals(have, "  xx    ");
  const written = [...disk.files.keys()].filter((path) => path.startsWith("out/t"));
  assertEquals(written, ["out/t/d/b"]);
});

Deno.test("reuseFolder() says what a full disk says", async () => {
  const torrent = makeTorrent(FILES, { pieceLength: PIECE });
  const disk = new MemoryDisk({ hasher: systemHasher });
  disk.put("old/c", torrent.file(3));
  const { metainfo } = torrent;
  await using open = await TorrentDisk.open(disk, {
    metainfo,
    output: "out",
    allocate: "none",
    bufferBytes: 2 * PIECE,
    hasher: systemHasher,
  });
  await open.check({ signal });
  disk.options = { ...disk.options, fullAfterBytes: 400 };
  await assertRejects(
    () => reuseFolder({ files: disk, metainfo, disk: open, folder: "old" }, { signal }),
    DiskError,
  );
});

Deno.test("reuseFolder() does not go through all files of a piece for each of them", async () => {
  let asked = 0;
  class CountingMap extends FileMap {
    override filesAt(piece: PieceIndex): number[] {
      asked++;
      return super.filesAt(piece);
    }
  }
  const torrent = makeTorrent(Array.from({ length: PIECE }, (_, i) => `t/${i} 1`), {
    pieceLength: PIECE,
  });
  const { files, pieceMap } = torrent.metainfo;
  const metainfo = { ...torrent.metainfo, fileMap: new CountingMap(files, pieceMap) };
  const disk = new MemoryDisk({ hasher: systemHasher });
  files.forEach((_, i) => disk.put(`old/t/${i}`, torrent.file(i)));
  await using open = await TorrentDisk.open(disk, {
    ...{ metainfo, output: "out", allocate: "none", bufferBytes: 2 * PIECE },
    hasher: systemHasher,
  });
  await open.check({ signal });
  await reuseFolder({ files: disk, metainfo, disk: open, folder: "old" }, { signal });
  assertEquals(open.isComplete, true);
  assertLess(asked, 10);
});
