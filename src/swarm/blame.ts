/**
 * Finds the peer whose block made a piece corrupt.
 *
 * A piece that one peer gave alone needs no search. Otherwise the digest of every block is kept with its
 * giver, the givers go on parole, and when the piece has verified once the blocks that differ from the
 * good ones convict. A giver that gave two different blocks for the same place convicts itself at once.
 *
 * Memory is bounded: {@link MAX_RECORDS} failed attempts are remembered, the oldest are forgotten.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";

/** Failed attempts remembered. */
export const MAX_RECORDS = 64;

const DIGEST_BYTES = 20;

interface Attempt {
  readonly piece: number;
  readonly digests: Uint8Array;
  readonly givers: Int32Array;
}

/** What one failed piece says about its givers. */
export interface Verdict {
  /** Proven liars. */
  readonly guilty: readonly number[];
  /** Contributors of which at least one lied. */
  readonly suspects: readonly number[];
}

/** The record of failed pieces. */
export class Blame {
  readonly #attempts: Attempt[] = [];

  /** Whether a failed attempt at this piece is on record, so that good digests are worth having. */
  has(piece: number): boolean {
    for (const attempt of this.#attempts) if (attempt.piece === piece) return true;
    return false;
  }

  /**
   * A piece was corrupt. `givers[block]` gave block `block`; `digests` has 20 bytes a block. Copies both.
   */
  onCorrupt(piece: number, digests: Uint8Array, givers: Int32Array): Verdict {
    const distinct = [...new Set(givers)];
    if (distinct.length <= 1) return { guilty: distinct, suspects: [] };
    const guilty = new Set<number>();
    for (const attempt of this.#attempts) {
      if (attempt.piece !== piece) continue;
      for (let block = 0; block < givers.length; block++) {
        if (
          attempt.givers[block] === givers[block] && !sameDigest(attempt.digests, digests, block)
        ) {
          guilty.add(givers[block]!);
        }
      }
    }
    this.#attempts.push({ piece, digests: digests.slice(), givers: givers.slice() });
    if (this.#attempts.length > MAX_RECORDS) this.#attempts.shift();
    return { guilty: [...guilty], suspects: distinct.filter((g) => !guilty.has(g)) };
  }

  /** The piece has verified with these digests: who gave something else before? Forgets the piece. */
  onGood(piece: number, digests: Uint8Array): number[] {
    const guilty = new Set<number>();
    for (let i = this.#attempts.length - 1; i >= 0; i--) {
      const attempt = this.#attempts[i]!;
      if (attempt.piece !== piece) continue;
      this.#attempts.splice(i, 1);
      attempt.givers.forEach((giver, block) => {
        if (!sameDigest(attempt.digests, digests, block)) guilty.add(giver);
      });
    }
    return [...guilty];
  }
}

function sameDigest(a: Uint8Array, b: Uint8Array, block: number): boolean {
  const at = block * DIGEST_BYTES;
  return equalBytes(a.subarray(at, at + DIGEST_BYTES), b.subarray(at, at + DIGEST_BYTES));
}
