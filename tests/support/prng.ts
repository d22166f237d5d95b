/**
 * A seeded generator for property tests (mulberry32) and the small helpers they share.
 *
 * The same seed gives the same numbers for ever, so a failure is repeated by its seed alone. Not for
 * anything that must not be guessed.
 *
 * @module
 */

/** A generator of numbers in [0, 1) that depend on `seed` alone. */
export function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number `0 <= n < limit` from a generator. */
export function below(next: () => number, limit: number): number {
  return Math.floor(next() * limit);
}

/** `length` bytes from a generator. */
export function randomBytes(next: () => number, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = below(next, 256);
  return out;
}

/** One element of a list that is not empty. */
export function pick<T>(next: () => number, list: readonly T[]): T {
  return list[below(next, list.length)]!;
}

/** Runs `body` once per seed; a failure names its seed, with the first error as its cause. */
export function forSeeds(count: number, body: (next: () => number, seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      body(prng(seed), seed);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}: ${why}`, { cause });
    }
  }
}

/**
 * A changed copy of `bytes`: one to four random edits (flip, overwrite, insert, delete, duplicate, cut),
 * with a liking for the bytes that mean something in bencode.
 */
export function mutate(next: () => number, bytes: Uint8Array): Uint8Array {
  let out = [...bytes];
  for (let edits = 1 + below(next, 4); edits > 0; edits--) {
    const at = below(next, out.length + 1);
    const byte = next() < 0.5 ? below(next, 256) : pick(next, TELLING_BYTES);
    switch (below(next, 6)) {
      case 0:
        if (at < out.length) out[at]! ^= 1 << below(next, 8);
        break;
      case 1:
        if (at < out.length) out[at] = byte;
        break;
      case 2:
        out.splice(at, 0, byte);
        break;
      case 3:
        out.splice(at, 1 + below(next, 8));
        break;
      case 4:
        out.splice(at, 0, ...out.slice(at, at + 1 + below(next, 32)));
        break;
      default:
        out = next() < 0.2 ? out.slice(0, at) : out;
    }
  }
  return Uint8Array.from(out);
}

const TELLING_BYTES = [..."0123456789ilde:-/.\\"].map((c) => c.charCodeAt(0)).concat(0, 255);
