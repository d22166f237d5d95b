/**
 * What this room needs to know of a torrent. It asks for no more than that, so tests can make one up.
 *
 * @module
 */

import type { FileMap } from "../metainfo/file_map.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { StoreFile } from "../ports/disk.ts";

/** What the disk needs to know of a torrent; a `Metainfo` is one. */
export interface DiskMetainfo {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Pieces. */
  readonly pieceMap: PieceMap;
  /** Pieces and files. */
  readonly fileMap: FileMap;
  /** SHA-1 of every piece, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** Every entry in order, padding included. */
  readonly files: readonly (StoreFile & { readonly isPad: boolean })[];
}

/** Bytes of a SHA-1 digest. */
export const SHA1_BYTES = 20;

/** The digest that a piece must have: a view, 20 bytes. */
export function pieceHash(metainfo: DiskMetainfo, piece: number): Uint8Array {
  return metainfo.pieceHashes.subarray(piece * SHA1_BYTES, (piece + 1) * SHA1_BYTES);
}
