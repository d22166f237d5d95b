/**
 * The small vocabulary of sizes and indices that every room shares.
 *
 * Indices are branded numbers: only a function that checked the range makes one, so a number off the
 * wire cannot be used as an index by accident. Sizes are bytes unless a name says otherwise.
 *
 * @module
 */

/** Index of a piece, `0 <= index < pieceCount`; made by `PieceMap.index()` only. */
export type PieceIndex = number & { readonly brand: "piece" };

/** Index of a file within the torrent's file list, in the order of the info dictionary. */
export type FileIndex = number & { readonly brand: "file" };

/** Milliseconds on a monotonic clock whose zero means nothing. */
export type Millis = number;

/** The unit that is requested: 2^14 bytes (BEP 3: "All current implementations use 2^14"). */
export const BLOCK_BYTES = 16_384;

/** 1 KiB in bytes. */
export const KIB = 1024;
/** 1 MiB in bytes. */
export const MIB: number = 1024 * KIB;
/** 1 GiB in bytes. */
export const GIB: number = 1024 * MIB;
