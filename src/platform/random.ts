/**
 * Randomness from the system.
 *
 * @module
 */

import type { Random } from "../ports/random.ts";

// crypto.getRandomValues gives at most this many bytes at a time.
const QUOTA_BYTES = 65_536;

/** The system's randomness. */
export const systemRandom: Random = { bytes, below };

function bytes(length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += QUOTA_BYTES) {
    crypto.getRandomValues(out.subarray(at, Math.min(length, at + QUOTA_BYTES)));
  }
  return out;
}

// A pool, since below() is asked often and a call into the system costs a microsecond.
const pool = new Uint32Array(256);
let used = pool.length;

function next32(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  return pool[used++]!;
}

// Numbers past the largest multiple of `limit` are drawn again, or low results would be likelier.
function below(limit: number): number {
  if (limit > 2 ** 32) return below53(limit);
  const end = 2 ** 32 - (2 ** 32 % limit);
  let n = next32();
  while (n >= end) n = next32();
  return n % limit;
}

function below53(limit: number): number {
  const end = 2 ** 53 - (2 ** 53 % limit);
  for (;;) {
    const n = (next32() >>> 11) * 2 ** 32 + next32();
    if (n < end) return n % limit;
  }
}
