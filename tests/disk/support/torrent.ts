/**
 * A torrent made up for tests, with its data.
 *
 * @module
 */

import { systemHasher } from "../../../src/platform/hasher.ts";
import { FileMap } from "../../../src/metainfo/file_map.ts";
import { PieceMap } from "../../../src/metainfo/piece_map.ts";
import type { PieceIndex } from "../../../src/base/units.ts";
import type { DiskMetainfo } from "../../../src/disk/disk_metainfo.ts";
import type { PieceBuffer } from "../../../src/ports/disk.ts";
import { prng, randomBytes } from "../../support/prng.ts";

/** A file of a made-up torrent: `"a/b.txt 100"`, or `"pad 5"` for padding. */
export type FileText = string;

/** A torrent whose data is known. */
export interface KnownTorrent {
  /** As the disk wants it. */
  readonly metainfo: DiskMetainfo & { readonly files: readonly KnownFile[] };
  /** All bytes. */
  readonly data: Uint8Array;
  /** Every index in order. */
  readonly pieces: readonly PieceIndex[];
  /** The bytes of a piece. */
  piece(piece: number): Uint8Array;
  /** The bytes of a file. */
  file(file: number): Uint8Array;
}

/** One file of it. */
export interface KnownFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly offset: number;
  readonly isPad: boolean;
}

/** Makes a torrent of such files with data from a seed. */
export function makeTorrent(
  texts: readonly FileText[],
  options: { pieceLength: number; seed?: number },
): KnownTorrent {
  let offset = 0;
  const files = texts.map((text, i): KnownFile => {
    const [name, size] = text.split(" ") as [string, string];
    const length = Number(size);
    const isPad = name === "pad";
    const path = isPad ? [".pad", `${i}`] : name.split("/");
    const file = { path, length, offset, isPad };
    offset += length;
    return file;
  });
  const data = randomBytes(prng(options.seed ?? 1), offset);
  for (const { isPad, offset: at, length } of files) if (isPad) data.fill(0, at, at + length);
  const pieceMap = new PieceMap(offset, options.pieceLength);
  const pieces = [...pieceMap.indices()];
  const piece = (index: number) => {
    const begin = pieceMap.pieceOffset(index as PieceIndex);
    return data.subarray(begin, begin + pieceMap.pieceBytes(index as PieceIndex));
  };
  const pieceHashes = new Uint8Array(pieces.length * 20);
  for (const index of pieces) pieceHashes.set(systemHasher.sha1(piece(index)), index * 20);
  return {
    metainfo: {
      infoHash: systemHasher.sha1(pieceHashes),
      pieceMap,
      fileMap: new FileMap(files, pieceMap),
      pieceHashes,
      files,
    },
    data,
    pieces,
    piece,
    file: (index) => {
      const { offset: at, length } = files[index]!;
      return data.subarray(at, at + length);
    },
  };
}

/** Puts bytes into a buffer of a store. */
export function fill(buffer: PieceBuffer | undefined, bytes: Uint8Array): PieceBuffer {
  if (!buffer) throw new Error("no buffer is free");
  buffer.bytes.set(bytes);
  return buffer;
}
