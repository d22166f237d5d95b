/**
 * A thread's room to hash in the memory of a store, and a hand that the main thread lends when the Workers
 * are behind.
 *
 * @module
 */

import { MIB } from "../base/units.ts";
import type { PieceJob } from "../ports/disk.ts";
import { type StoreMemory, THREADS } from "./disk_messages.ts";
import {
  HASH_SCRATCH_BYTES,
  type HashMemory,
  LANES,
  makePieceHasher,
  type PieceHasher,
} from "./piece_hasher.ts";

/** Room for the calling thread, `undefined` where the memory is of no such kind. To be asked for once. */
export function hashMemory({ wasm, scratchAt, control }: StoreMemory): HashMemory | undefined {
  if (!wasm) return undefined;
  const thread = Atomics.add(new Int32Array(control), 1, 1);
  if (thread >= THREADS) return undefined;
  return { memory: wasm, scratchAt: scratchAt + thread * HASH_SCRATCH_BYTES };
}

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
  readonly #places = new Map<StoreMemory, HashMemory | undefined>();

  /** Hashes up to four pieces of a store, and marks those that are good. The others are a Worker's to judge. */
  help(memory: StoreMemory, pieces: readonly WaitingPiece[]): void {
    let bytes = 0;
    for (const { job } of pieces) bytes += job.length;
    if (bytes > HELP_BYTES || pieces.length > LANES) return;
    const hasher = this.#hasher ??= makePieceHasher(true);
    if (!this.#places.has(memory)) {
      const place = hashMemory(memory);
      if (place) hasher.attach(place);
      this.#places.set(memory, place);
    }
    const found = hasher.sha1(pieces.map(({ job: { buffer, length } }) => {
      return { length, bytes: buffer.bytes.subarray(0, length), read: () => false };
    }));
    pieces.forEach((piece, i) => {
      piece.isHashed = found[i]!.every((byte, at) => byte === piece.job.expected[at]);
    });
  }

  /** A store is closed. */
  forget(memory: StoreMemory): void {
    const place = this.#places.get(memory);
    if (place) this.#hasher?.detach(place);
    this.#places.delete(memory);
  }
}
