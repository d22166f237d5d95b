/**
 * The geometry of a torrent: bytes ↔ pieces ↔ blocks.
 *
 * ```
 * torrent  |------------ piece 0 ------------|------------ piece 1 ------------|-- last --|
 *          | block 0 | block 1 | ... | short  |
 * ```
 *
 * Integers off the wire become a {@link PieceIndex} only through {@link PieceMap.index}, so nothing
 * past this file can be out of range. All of it is arithmetic on safe integers (at most 2^53 - 1).
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import { BLOCK_BYTES, type PieceIndex } from "../base/units.ts";

/** Immutable geometry of `totalBytes` cut into pieces of `pieceLength`. */
export class PieceMap {
  /** Bytes of the whole torrent, at least 1. */
  readonly totalBytes: number;
  /** Bytes of every piece but the last. */
  readonly pieceLength: number;
  /** ⌈totalBytes / pieceLength⌉. */
  readonly pieceCount: number;
  /** Blocks of a full piece. */
  readonly blocksPerPiece: number;
  readonly #lastBytes: number;

  /** Both numbers must be positive safe integers; the metainfo room has checked them. */
  constructor(totalBytes: number, pieceLength: number) {
    this.totalBytes = totalBytes;
    this.pieceLength = pieceLength;
    this.pieceCount = Math.ceil(totalBytes / pieceLength);
    this.blocksPerPiece = Math.ceil(pieceLength / BLOCK_BYTES);
    this.#lastBytes = totalBytes - (this.pieceCount - 1) * pieceLength;
  }

  /** The number as an index, or `undefined` where there is no such piece. */
  index(n: number): PieceIndex | undefined {
    return Number.isInteger(n) && n >= 0 && n < this.pieceCount ? (n as PieceIndex) : undefined;
  }

  /** Every index in order. */
  *indices(): Generator<PieceIndex> {
    for (let i = 0; i < this.pieceCount; i++) yield i as PieceIndex;
  }

  /** Bytes of a piece. */
  pieceBytes(piece: PieceIndex): number {
    return piece === this.pieceCount - 1 ? this.#lastBytes : this.pieceLength;
  }

  /** Bytes of all pieces that are not in `have`. */
  bytesMissing(have: Bitfield): number {
    const last = this.pieceCount - 1;
    const excess = have.has(last) ? this.pieceLength - this.#lastBytes : 0;
    return this.totalBytes - (have.count * this.pieceLength - excess);
  }

  /** Offset of a piece within the torrent. */
  pieceOffset(piece: PieceIndex): number {
    return piece * this.pieceLength;
  }

  /** The piece that holds the byte at `offset` of the torrent, which must be below `totalBytes`. */
  pieceAt(offset: number): PieceIndex {
    return Math.floor(offset / this.pieceLength) as PieceIndex;
  }

  /** Blocks of a piece. */
  blockCount(piece: PieceIndex): number {
    return piece === this.pieceCount - 1
      ? Math.ceil(this.#lastBytes / BLOCK_BYTES)
      : this.blocksPerPiece;
  }

  /** Bytes of block `block` of a piece: 16 KiB but for a short one at the end of the piece. */
  blockBytes(piece: PieceIndex, block: number): number {
    return Math.min(BLOCK_BYTES, this.pieceBytes(piece) - block * BLOCK_BYTES);
  }

  /** Whether `<begin, length>` lies within a piece and has a length; both are plain wire integers. */
  isRange(piece: PieceIndex, begin: number, length: number): boolean {
    return length > 0 && begin >= 0 && begin + length <= this.pieceBytes(piece);
  }
}
