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

/** Shared memory that pieces lie in, with room for a hasher to work. */
export interface HashMemory {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Where {@link HASH_SCRATCH_BYTES} are that nobody else uses; a multiple of 16. */
  readonly scratchAt: number;
}

/** Hashes pieces. */
export interface PieceHasher {
  /** How many pieces it hashes for the price of one. */
  readonly lanes: number;
  /** From now on, what lies in this memory is hashed where it is, if that is of use. */
  attach(place: HashMemory): void;
  /** The end of {@link attach}. */
  detach(place: HashMemory): void;
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

  attach(): void {}

  detach(): void {}

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

// What the kernel works with: the state, and the padded ends of four messages.
const END_AT = 128;
const END_BYTES = 128;
/** Room that a hasher needs in memory. */
export const HASH_SCRATCH_BYTES: number = 1 * KIB;

// Its own memory: that, and a window into each of four messages that come from elsewhere.
const PAGE_BYTES = 64 * KIB;
const WINDOW_AT = PAGE_BYTES;
const WINDOW_BYTES = 128 * KIB;
const PAGES = (WINDOW_AT + LANES * WINDOW_BYTES) / PAGE_BYTES;

const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
const BLOCK = 64;

class WideHasher implements PieceHasher {
  readonly lanes = LANES;
  readonly #own: Lanes;
  readonly #windows: readonly Uint8Array[];
  readonly #places = new Map<ArrayBufferLike, Lanes>();

  constructor() {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
    this.#own = new Lanes({ memory, scratchAt: 0 });
    this.#windows = Array.from(
      { length: LANES },
      (_, lane) => new Uint8Array(memory.buffer, WINDOW_AT + lane * WINDOW_BYTES, WINDOW_BYTES),
    );
  }

  attach(place: HashMemory): void {
    this.#places.set(place.memory.buffer, new Lanes(place));
  }

  detach(place: HashMemory): void {
    this.#places.delete(place.memory.buffer);
  }

  sha1(sources: readonly HashSource[]): (Uint8Array | undefined)[] {
    const out: (Uint8Array | undefined)[] = [];
    for (let first = 0; first < sources.length;) {
      const { length, bytes } = sources[first]!;
      const place = bytes && this.#places.get(bytes.buffer);
      let end = first + 1;
      for (; end < sources.length && end - first < LANES; end++) {
        const next = sources[end]!;
        if (next.length !== length || next.bytes?.buffer !== bytes?.buffer) break;
      }
      const few = sources.slice(first, end);
      out.push(...place ? inPlace(place, few, length) : this.#few(few, length));
      first = end;
    }
    return out;
  }

  // One to four sources of one length, through the windows.
  #few(sources: readonly HashSource[], length: number): (Uint8Array | undefined)[] {
    const lanes = this.#own;
    lanes.start();
    const isBroken = sources.map(() => false);
    const whole = length - length % BLOCK;
    const at = sources.map((_, lane) => WINDOW_AT + lane * WINDOW_BYTES);
    for (let done = 0; done < whole; done += WINDOW_BYTES) {
      const step = Math.min(WINDOW_BYTES, whole - done);
      sources.forEach((source, lane) => {
        if (!isBroken[lane]) isBroken[lane] = !this.#fill(source, lane, { at: done, step });
      });
      if (!isBroken.includes(false)) return sources.map(() => undefined);
      lanes.update(at, step / BLOCK);
    }
    sources.forEach((source, lane) => {
      isBroken[lane] ||= !lanes.writeEnd(source, lane, whole);
    });
    return lanes.finish(length).slice(0, sources.length)
      .map((digest, lane) => isBroken[lane] ? undefined : digest);
  }

  #fill(source: HashSource, lane: number, { at, step }: { at: number; step: number }): boolean {
    const window = this.#windows[lane]!;
    if (source.bytes) {
      window.set(source.bytes.subarray(at, at + step));
      return true;
    }
    return source.read(at, step === WINDOW_BYTES ? window : window.subarray(0, step));
  }
}

/** One to four sources of one length that lie in the memory of `lanes`. */
function inPlace(lanes: Lanes, sources: readonly HashSource[], length: number): Uint8Array[] {
  const whole = length - length % BLOCK;
  lanes.start();
  if (whole > 0) lanes.update(sources.map(({ bytes }) => bytes!.byteOffset), whole / BLOCK);
  sources.forEach((source, lane) => lanes.writeEnd(source, lane, whole));
  return lanes.finish(length).slice(0, sources.length);
}

/** The kernel and its scratch in one memory. */
class Lanes {
  readonly #kernel: Sha1Kernel;
  readonly #stateAt: number;
  readonly #state: Uint32Array;
  readonly #ends: Uint8Array;

  constructor({ memory, scratchAt }: HashMemory) {
    this.#kernel = makeSha1Kernel(memory);
    this.#stateAt = scratchAt;
    this.#state = new Uint32Array(memory.buffer, scratchAt, INITIAL_STATE.length * LANES);
    this.#ends = new Uint8Array(memory.buffer, scratchAt + END_AT, LANES * END_BYTES);
  }

  start(): void {
    INITIAL_STATE.forEach((word, i) => this.#state.fill(word, i * LANES, (i + 1) * LANES));
  }

  // Lanes without a message of their own go along with the first.
  update(at: readonly number[], blocks: number): void {
    const first = at[0]!;
    const [second = first, third = first, fourth = first] = at.slice(1);
    this.#kernel.update(first, second, third, fourth, blocks, this.#stateAt);
  }

  // What is left of a message, a one bit, zeros, and its length in bits.
  writeEnd(source: HashSource, lane: number, from: number): boolean {
    const end = this.#ends.subarray(lane * END_BYTES, (lane + 1) * END_BYTES).fill(0);
    const rest = source.length - from;
    if (source.bytes) end.set(source.bytes.subarray(from));
    else if (rest > 0 && !source.read(from, end.subarray(0, rest))) return false;
    end[rest] = 0x80;
    const lengthAt = (rest < BLOCK - 8 ? BLOCK : 2 * BLOCK) - 8;
    const view = new DataView(end.buffer, end.byteOffset + lengthAt, 8);
    view.setUint32(0, Math.floor(source.length / 2 ** 29));
    view.setUint32(4, source.length * 8 % 2 ** 32);
    return true;
  }

  // The digests of all four lanes.
  finish(length: number): Uint8Array[] {
    const ends = this.#ends.byteOffset;
    const at = Array.from({ length: LANES }, (_, lane) => ends + lane * END_BYTES);
    this.update(at, length % BLOCK < BLOCK - 8 ? 1 : 2);
    return at.map((_, lane) => this.#digest(lane));
  }

  #digest(lane: number): Uint8Array {
    const out = new Uint8Array(20);
    const view = new DataView(out.buffer);
    INITIAL_STATE.forEach((_, i) => view.setUint32(4 * i, this.#state[i * LANES + lane]!));
    return out;
  }
}
