/**
 * What hashes pieces, as those see it who have pieces.
 *
 * @module
 */

import type { LaneCount } from "./sha1_kernel.ts";

/** Bytes to hash. */
export interface HashSource {
  /** How many. */
  readonly length: number;
  /** All of them, where they lie in memory. */
  readonly bytes?: Uint8Array;
  /** Copies `into.length` bytes from `offset` on; false where they cannot be had. */
  read(offset: number, into: Uint8Array): boolean;
}

/** Pieces that are hashed for the price of one: 1 is `node:crypto`, more our kernel. */
export type HashLanes = 1 | LaneCount;

/** Hashes pieces. */
export interface PieceHasher {
  /** How many pieces it hashes for the price of one. */
  readonly lanes: HashLanes;
  /** From now on, what lies in this shared memory is hashed where it is, if that is of use. */
  attach(memory: WebAssembly.Memory): void;
  /** The end of {@link attach}. */
  detach(memory: WebAssembly.Memory): void;
  /** SHA-1 of each source, `undefined` where its bytes cannot be had. Equal lengths side by side are fastest. */
  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[];
}
