/**
 * Simulated randomness: every stream of numbers follows from the world's seed and a name, so that one
 * more host does not change what the others draw.
 *
 * @module
 */

import type { Random } from "../../src/ports/random.ts";
import { below, prng, randomBytes } from "../support/prng.ts";

/** A seeded source of random numbers. */
export class SimRandom implements Random {
  readonly #next: () => number;

  /** @param name tells streams of one seed apart. */
  constructor(seed: number, name: string = "") {
    let mixed = seed >>> 0;
    for (let i = 0; i < name.length; i++) {
      mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x01000193) >>> 0;
      mixed = (mixed ^ (mixed >>> 15)) >>> 0;
    }
    this.#next = prng(mixed);
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.#next();
  }

  bytes(length: number): Uint8Array {
    return randomBytes(this.#next, length);
  }

  below(limit: number): number {
    return below(this.#next, limit);
  }
}
