/**
 * Which hasher pieces get: `node:crypto`, one after the other, where the processor helps it; our own
 * kernel, four or eight at a time, where it does not. Which it is, is measured once a process.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { KIB } from "../base/units.ts";
import { NativeHasher } from "./native_hasher.ts";
import type { HashLanes, PieceHasher } from "./piece_hasher.ts";
import { WideHasher } from "./wide_hasher.ts";

// One core of any processor with SHA instructions does far more, without them far less (bytes a ms).
const FAST_BYTES_PER_MS = 600_000;
const SAMPLE_BYTES = 64 * KIB;
const SAMPLES = 3;

let isSlow: boolean | undefined;

/**
 * How pieces are best hashed here. Costs a millisecond, once.
 *
 * Eight at a time are of use where V8 was told to pair vectors, which only an executable can carry in itself
 * (`deno task compile` says so); whether it did is found out while hashing.
 */
export function bestLanes(): HashLanes {
  isSlow ??= measure();
  if (!isSlow) return 1;
  const { standalone, target } = Deno.build;
  return standalone && target.startsWith("x86_64-unknown-linux") ? 8 : 4;
}

function measure(): boolean {
  const sample = new Uint8Array(SAMPLE_BYTES);
  let best = Infinity;
  for (let i = 0; i < SAMPLES; i++) {
    const start = performance.now();
    createHash("sha1").update(sample).digest();
    best = Math.min(best, performance.now() - start);
  }
  return SAMPLE_BYTES / best < FAST_BYTES_PER_MS;
}

/** A hasher; where there are no vectors it hashes one piece at a time whatever was asked for. */
export function makePieceHasher(lanes: HashLanes): PieceHasher {
  if (lanes === 1) return new NativeHasher();
  try {
    return new WideHasher(lanes);
  } catch {
    return new NativeHasher();
  }
}
