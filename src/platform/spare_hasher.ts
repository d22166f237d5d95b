/**
 * A hand that the main thread lends when the Workers are behind with hashing.
 *
 * @module
 */

import { MIB } from "../base/units.ts";
import type { PieceJob } from "../ports/disk.ts";
import { makePieceHasher } from "./hash_choice.ts";
import type { PieceHasher } from "./piece_hasher.ts";

/** Pieces that are hashed at a time. */
export const SPARE_LANES = 4;

// Hashed at a time: some milliseconds, in which the calling thread does nothing else.
const HELP_BYTES = 4 * MIB;

/** A piece that waits to be hashed and written. */
export interface WaitingPiece {
  readonly job: PieceJob;
  /** Its digest is known to be right. */
  isHashed: boolean;
}

/**
 * Hashes pieces on the calling thread, where four cost what one does. Why: without SHA instructions the
 * hash is more than half of a download's work, and on two cores the main thread has time to spare; a second
 * Worker would cost 15 MB.
 */
export class SpareHasher {
  #hasher: PieceHasher | undefined;
  readonly #places = new Set<WebAssembly.Memory>();

  /** Hashes up to four pieces of a store, and marks those that are good. The others are a Worker's to judge. */
  help(memory: WebAssembly.Memory | undefined, pieces: readonly WaitingPiece[]): void {
    let bytes = 0;
    for (const { job } of pieces) bytes += job.length;
    if (bytes > HELP_BYTES || pieces.length > SPARE_LANES) return;
    const hasher = this.#hasher ??= makePieceHasher(SPARE_LANES);
    if (memory && !this.#places.has(memory)) {
      hasher.attach(memory);
      this.#places.add(memory);
    }
    const found = hasher.sha1(pieces.map(({ job: { buffer, length } }) => {
      return { length, bytes: buffer.bytes.subarray(0, length), read: () => false };
    }));
    pieces.forEach((piece, i) => {
      piece.isHashed = isExpected(found[i]!, piece.job);
    });
  }

  /** A store is closed. */
  forget(memory: WebAssembly.Memory | undefined): void {
    if (memory && this.#places.delete(memory)) this.#hasher?.detach(memory);
  }
}

function isExpected(digest: Uint8Array, { expected, expectedAt = 0 }: PieceJob): boolean {
  return digest.every((byte, at) => byte === expected[expectedAt + at]);
}
