/**
 * Hash functions for small inputs (an info dictionary, a block), synchronous. Pieces are hashed by
 * the disk, off the main thread.
 *
 * @module
 */

/** Synchronous digests. */
export interface Hasher {
  /** SHA-1, 20 bytes. */
  sha1(data: Uint8Array): Uint8Array;
  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
}
