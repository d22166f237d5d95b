/**
 * Hashes pieces: one after the other with `node:crypto` where the processor helps it, four at a time
 * with our own kernel where it does not. Which it is, is measured once a process.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { KIB, MIB } from "../base/units.ts";
import { makeSha1Kernel, type Sha1Kernel } from "./sha1_kernel.ts";

/** Bytes to hash. */
export interface HashSource {
  /** How many. */
  readonly length: number;
  /** All of them, where they lie in memory. */
  readonly bytes?: Uint8Array;
  /** Copies `into.length` bytes from `offset` on; false where they cannot be had. */
  read(offset: number, into: Uint8Array): boolean;
}

/** Hashes pieces. */
export interface PieceHasher {
  /** How many pieces it hashes for the price of one. */
  readonly lanes: number;
  /** SHA-1 of each source, `undefined` where its bytes cannot be had. Equal lengths side by side are fastest. */
  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[];
}

/** How many pieces the wide form hashes for the price of one. */
export const LANES = 4;

// One core of any processor with SHA instructions does far more, without them far less (bytes a ms).
const FAST_BYTES_PER_MS = 600_000;
const SAMPLE_BYTES = 64 * KIB;
const SAMPLES = 3;

let isSlow: boolean | undefined;

/** Whether `node:crypto` is so slow here that the wide form wins. Costs a millisecond, once. */
export function isNativeSlow(): boolean {
  return isSlow ??= measure();
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

/** The hasher for this machine; `isWide` asks for the four-lane form where it can be had. */
export function makePieceHasher(isWide: boolean): PieceHasher {
  if (!isWide) return new NativeHasher();
  try {
    return new WideHasher();
  } catch {
    return new NativeHasher();
  }
}

// Larger reads fall out of the processor's cache before they are hashed.
const READ_BYTES = MIB;

class NativeHasher implements PieceHasher {
  readonly lanes = 1;
  #scratch: Uint8Array | undefined;

  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[] {
    return sources.map((source) => this.#one(source));
  }

  #one(source: HashSource): Uint8Array | undefined {
    const hash = createHash("sha1");
    if (source.bytes) return hash.update(source.bytes).digest();
    const scratch = this.#scratch ??= new Uint8Array(READ_BYTES);
    for (let at = 0; at < source.length; at += READ_BYTES) {
      const part = scratch.subarray(0, Math.min(READ_BYTES, source.length - at));
      if (!source.read(at, part)) return undefined;
      hash.update(part);
    }
    return hash.digest();
  }
}

// Memory of the kernel: the state, the padded ends of four messages, and a window into each.
const STATE_AT = 0;
const END_AT = 128;
const END_BYTES = 128;
const WINDOW_AT = 64 * KIB;
const WINDOW_BYTES = 128 * KIB;
const PAGES = 1 + LANES * WINDOW_BYTES / (64 * KIB);

const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
const BLOCK = 64;

class WideHasher implements PieceHasher {
  readonly lanes = LANES;
  readonly #kernel: Sha1Kernel;
  readonly #state: Uint32Array;
  readonly #memory: Uint8Array;
  readonly #windows: readonly Uint8Array[];

  constructor() {
    this.#kernel = makeSha1Kernel(PAGES);
    const { buffer } = this.#kernel.memory;
    this.#memory = new Uint8Array(buffer);
    this.#state = new Uint32Array(buffer, STATE_AT, INITIAL_STATE.length * LANES);
    this.#windows = Array.from(
      { length: LANES },
      (_, lane) => new Uint8Array(buffer, WINDOW_AT + lane * WINDOW_BYTES, WINDOW_BYTES),
    );
  }

  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[] {
    const out: (Uint8Array | undefined)[] = [];
    for (let first = 0; first < sources.length;) {
      const { length } = sources[first]!;
      let end = first + 1;
      while (end < sources.length && end - first < LANES && sources[end]!.length === length) end++;
      out.push(...this.#few(sources.slice(first, end), length));
      first = end;
    }
    return out;
  }

  // One to four sources of one length.
  #few(sources: readonly HashSource[], length: number): (Uint8Array | undefined)[] {
    INITIAL_STATE.forEach((word, i) => this.#state.fill(word, i * LANES, (i + 1) * LANES));
    const isBroken = sources.map(() => false);
    const whole = length - length % BLOCK;
    for (let at = 0; at < whole; at += WINDOW_BYTES) {
      const step = Math.min(WINDOW_BYTES, whole - at);
      sources.forEach((source, lane) => {
        if (!isBroken[lane]) isBroken[lane] = !this.#fill(source, lane, { at, step });
      });
      if (!isBroken.includes(false)) return sources.map(() => undefined);
      this.#update(WINDOW_AT, WINDOW_BYTES, step / BLOCK);
    }
    sources.forEach((source, lane) => {
      isBroken[lane] ||= !this.#writeEnd(source, lane, whole);
    });
    this.#update(END_AT, END_BYTES, length % BLOCK < BLOCK - 8 ? 1 : 2);
    return sources.map((_, lane) => isBroken[lane] ? undefined : this.#digest(lane));
  }

  #fill(source: HashSource, lane: number, { at, step }: { at: number; step: number }): boolean {
    const window = this.#windows[lane]!;
    if (source.bytes) {
      window.set(source.bytes.subarray(at, at + step));
      return true;
    }
    return source.read(at, step === WINDOW_BYTES ? window : window.subarray(0, step));
  }

  // What is left of a message, a one bit, zeros, and its length in bits.
  #writeEnd(source: HashSource, lane: number, from: number): boolean {
    const start = END_AT + lane * END_BYTES;
    const end = this.#memory.subarray(start, start + END_BYTES).fill(0);
    const rest = source.length - from;
    if (source.bytes) end.set(source.bytes.subarray(from));
    else if (rest > 0 && !source.read(from, end.subarray(0, rest))) return false;
    end[rest] = 0x80;
    const lengthAt = (rest < BLOCK - 8 ? BLOCK : 2 * BLOCK) - 8;
    const view = new DataView(end.buffer, start + lengthAt, 8);
    view.setUint32(0, Math.floor(source.length / 2 ** 29));
    view.setUint32(4, source.length * 8 % 2 ** 32);
    return true;
  }

  #update(base: number, stride: number, blocks: number): void {
    const { update } = this.#kernel;
    update(base, base + stride, base + 2 * stride, base + 3 * stride, blocks, STATE_AT);
  }

  #digest(lane: number): Uint8Array {
    const out = new Uint8Array(20);
    const view = new DataView(out.buffer);
    INITIAL_STATE.forEach((_, i) => view.setUint32(4 * i, this.#state[i * LANES + lane]!));
    return out;
  }
}
