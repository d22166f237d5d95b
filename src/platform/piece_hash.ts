/**
 * SHA-1 of whole pieces by whichever way the runtime does it faster on this machine.
 *
 * `node:crypto` hashes in place and at once, with the processor's SHA instructions where it has them.
 * `crypto.subtle` copies first and hashes on a thread of its own, with code that is good on any
 * processor: without SHA instructions it was seen to be four times as fast. The first piece decides,
 * by a millisecond's trial of both.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { KIB, MIB } from "../base/units.ts";

/** SHA-1 digests. */
export const DIGEST_BYTES = 20;
/** Longer pieces are hashed in place: two copies of them would be too much memory. */
export const MAX_COPIED_BYTES: number = 16 * MIB;
const TRIAL_BYTES: number = 64 * KIB;
const TRIAL_ROUNDS = 3;
/** A hop to another thread must be worth it. */
const WORTHWHILE = 0.7;

let trial: Promise<void> | undefined;
let usesSubtle = false;
let scratch = new Uint8Array(0);

/** Finds out which way is faster here; before it has resolved, pieces are hashed in place. */
export function chooseDigest(): Promise<void> {
  trial ??= tryBoth();
  return trial;
}

/**
 * SHA-1 of a piece, 20 bytes. The piece may be on shared memory, and may be changed as soon as this
 * has returned.
 */
export function digestPiece(piece: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (!usesSubtle || piece.length > MAX_COPIED_BYTES) {
    return createHash("sha1").update(piece).digest();
  }
  return digestApart(piece);
}

async function digestApart(piece: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", unshared(piece)));
}

/** `crypto.subtle` refuses shared memory; it takes a copy of what it is given before it returns. */
function unshared(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  if (piece.buffer instanceof ArrayBuffer) return piece as Uint8Array<ArrayBuffer>;
  if (scratch.length < piece.length) scratch = new Uint8Array(piece.length);
  const copy = scratch.subarray(0, piece.length);
  copy.set(piece);
  return copy;
}

async function tryBoth(): Promise<void> {
  const sample = new Uint8Array(TRIAL_BYTES);
  let inPlace = Infinity;
  let apart = Infinity;
  for (let i = 0; i < TRIAL_ROUNDS; i++) {
    const start = performance.now();
    digestPiece(sample);
    const middle = performance.now();
    await crypto.subtle.digest("SHA-1", sample);
    inPlace = Math.min(inPlace, middle - start);
    apart = Math.min(apart, performance.now() - middle);
  }
  usesSubtle = apart < inPlace * WORTHWHILE;
}
