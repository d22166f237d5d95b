/**
 * Randomness, as the session sees it. The simulator's comes from a seed.
 *
 * @module
 */

/** A source of random numbers. */
export interface Random {
  /** `length` fresh random bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
  /** A whole number `0 <= n < limit`; `limit` is at least 1. */
  below(limit: number): number;
}
