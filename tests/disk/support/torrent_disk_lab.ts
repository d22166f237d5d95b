/**
 * What the tests of one torrent's disk share: a torrent in a folder in memory, opened again and again, and
 * what there is to see of it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MemoryDisk, type MemoryDiskOptions } from "./memory_disk.ts";
import { TorrentDisk } from "../../../src/disk/torrent_disk.ts";
import type { CheckOptions } from "../../../src/disk/torrent_disk_options.ts";
import { systemHasher } from "../../../src/platform/hasher.ts";
import type { Hasher } from "../../../src/ports/hash.ts";
import { fill, type KnownTorrent, makeTorrent } from "./torrent.ts";

/** The folder that torrents are opened in. */
export const OUTPUT = "out";

/** Bytes a piece. */
export const PIECE = 100;

/** The usual files. Pieces: 0 a, 1 a, 2 ab, 3 bc, 4 c, 5 c, 6 c. */
export const THREE_FILES: readonly string[] = ["t/a 250", "t/b 130", "t/c 320"];

/** Counts how many pieces were hashed. */
export class CountingHasher implements Hasher {
  pieces = 0;
  sha1(data: Uint8Array): Uint8Array {
    if (data.length === PIECE) this.pieces++;
    return systemHasher.sha1(data);
  }
  sha256(data: Uint8Array): Uint8Array {
    return systemHasher.sha256(data);
  }
}

/** A torrent and the disk it is on. */
export interface Lab {
  readonly torrent: KnownTorrent;
  readonly hasher: CountingHasher;
  readonly disk: MemoryDisk;
  /** Opens the torrent, with all its files unless told which. */
  readonly open: (selection?: readonly number[]) => Promise<TorrentDisk>;
}

/** Makes a torrent of such files, and an empty disk for it. */
export function setup(
  files: readonly string[] = THREE_FILES,
  options: Partial<MemoryDiskOptions> = {},
): Lab {
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

/** Checks what is there. */
export async function check(
  disk: TorrentDisk,
  options: Partial<CheckOptions> = {},
): Promise<void> {
  await disk.check({ signal: new AbortController().signal, ...options });
}

/** Writes the true bytes of pieces. */
export async function write(
  disk: TorrentDisk,
  torrent: KnownTorrent,
  pieces: Iterable<number>,
): Promise<void> {
  for (const index of pieces) {
    const piece = torrent.pieces[index]!;
    const buffer = fill(disk.allocate(), torrent.piece(piece));
    const { isGood } = await disk.writePiece(piece, buffer);
    assert(isGood);
    buffer.release();
  }
}

/** Puts every file where the torrent has it, as if it had always been there. */
export function putAll(disk: MemoryDisk, torrent: KnownTorrent): void {
  torrent.metainfo.files.forEach(({ path }, file) =>
    disk.put(`${OUTPUT}/${path.join("/")}`, torrent.file(file))
  );
}

/** The files that a user sees, sorted. */
export function shown(disk: MemoryDisk): string[] {
  return [...disk.files.keys()].filter((path) => !path.includes("/.")).sort();
}

/** The files that are not the torrent's. */
export function sideFiles(disk: MemoryDisk): string[] {
  return [...disk.files.keys()].filter((path) => path.endsWith(".starling"));
}

/** The pieces that are there, drawn: `"x..x"`. */
export function bits(disk: TorrentDisk): string {
  let out = "";
  for (let i = 0; i < disk.have.length; i++) out += disk.have.has(i) ? "x" : ".";
  return out;
}

/** Every file is there and right. */
export function assertWhole(disk: MemoryDisk, torrent: KnownTorrent): void {
  torrent.metainfo.files.forEach(({ path, isPad }, file) => {
    if (isPad) return;
    assertEquals(disk.files.get(`${OUTPUT}/${path.join("/")}`)?.bytes, torrent.file(file).slice());
  });
}
