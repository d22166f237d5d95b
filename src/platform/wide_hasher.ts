/**
 * Hashes four or eight pieces at a time.
 *
 * Eight cost what four do only where V8 pairs vectors, and there is no asking whether it does. So where eight
 * are possible both ways are tried on the first pieces, and the faster one stays.
 *
 * @module
 */

import { KIB, MIB } from "../base/units.ts";
import type { HashLanes, HashSource, PieceHasher } from "./piece_hasher.ts";
import type { LaneCount } from "./sha1_kernel.ts";
import { Sha1Lanes } from "./sha1_lanes.ts";

const BLOCK = 64;
const PAGE_BYTES = 64 * KIB;
const MOST_LANES = 8;

// A window for each message that comes from elsewhere; all of them fit in the processor's cache.
const WINDOW_BYTES = 64 * KIB;
const PAGES = 1 + MOST_LANES * WINDOW_BYTES / PAGE_BYTES;

// The compiler is done with both kernels long before so much was hashed by each.
const TRIAL_BYTES = 32 * MIB;

type Digests = (Uint8Array | undefined)[];

/** Hashes by our own kernel; see the head of this file. */
export class WideHasher implements PieceHasher {
  readonly lanes: HashLanes;
  readonly #own: WebAssembly.Memory;
  readonly #ownLanes: LanesOf;
  readonly #windows: readonly Uint8Array[];
  readonly #places = new Map<ArrayBufferLike, LanesOf>();
  readonly #trial: Trial;

  /**
   * @param lanes the most pieces at a time.
   * @throws where the machine has no vectors for WebAssembly.
   */
  constructor(lanes: LaneCount) {
    this.lanes = lanes;
    this.#trial = new Trial(lanes);
    this.#own = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
    this.#ownLanes = new LanesOf(this.#own, this.#own);
    // Made at once, so that it throws now where it cannot be had.
    this.#ownLanes.of(4);
    this.#windows = Array.from(
      { length: lanes },
      (_, lane) => new Uint8Array(this.#own.buffer, windowAt(lane), WINDOW_BYTES),
    );
  }

  attach(memory: WebAssembly.Memory): void {
    this.#places.set(memory.buffer, new LanesOf(this.#own, memory));
  }

  detach(memory: WebAssembly.Memory): void {
    this.#places.delete(memory.buffer);
  }

  sha1(sources: readonly HashSource[]): Digests {
    const out: Digests = [];
    for (let first = 0; first < sources.length;) {
      const { length, bytes } = sources[first]!;
      const place = bytes && this.#places.get(bytes.buffer);
      let end = first + 1;
      for (; end < sources.length && end - first < this.lanes; end++) {
        const next = sources[end]!;
        if (next.length !== length || next.bytes?.buffer !== bytes?.buffer) break;
      }
      const hash = (few: readonly HashSource[], lanes: LaneCount) =>
        place
          ? inPlace(place.of(lanes), few, length)
          : this.#few(this.#ownLanes.of(lanes), few, length);
      out.push(...this.#trial.run(sources.slice(first, end), length, hash));
      first = end;
    }
    return out;
  }

  // Sources of one length from elsewhere, through the windows.
  #few(lanes: Sha1Lanes, sources: readonly HashSource[], length: number): Digests {
    lanes.start();
    const isBroken = sources.map(() => false);
    const whole = length - length % BLOCK;
    const at = sources.map((_, lane) => windowAt(lane));
    for (let done = 0; done < whole; done += WINDOW_BYTES) {
      const step = Math.min(WINDOW_BYTES, whole - done);
      sources.forEach((source, lane) => {
        if (!isBroken[lane]) isBroken[lane] = !this.#fill(source, lane, { at: done, step });
      });
      if (!isBroken.includes(false)) return sources.map(() => undefined);
      lanes.update(at, step / BLOCK);
    }
    sources.forEach((source, lane) => {
      isBroken[lane] ||= !lanes.writeEnd(lane, { length, read: endOf(source, whole) });
    });
    return lanes.finish(length, sources.length)
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

function windowAt(lane: number): number {
  return PAGE_BYTES + lane * WINDOW_BYTES;
}

/** Sources of one length, as many as there are lanes or fewer, that lie in the lanes' memory. */
function inPlace(lanes: Sha1Lanes, sources: readonly HashSource[], length: number): Uint8Array[] {
  const whole = length - length % BLOCK;
  lanes.start();
  if (whole > 0) lanes.update(sources.map(({ bytes }) => bytes!.byteOffset), whole / BLOCK);
  sources.forEach((source, lane) => {
    lanes.writeEnd(lane, { length, read: endOf(source, whole) });
  });
  return lanes.finish(length, sources.length);
}

function endOf(source: HashSource, from: number): (into: Uint8Array) => boolean {
  return (into) => {
    if (!source.bytes) return source.read(from, into);
    into.set(source.bytes.subarray(from));
    return true;
  };
}

/** The lanes of one memory, made when they are first needed. */
class LanesOf {
  readonly #own: WebAssembly.Memory;
  readonly #data: WebAssembly.Memory;
  readonly #made = new Map<LaneCount, Sha1Lanes>();

  constructor(own: WebAssembly.Memory, data: WebAssembly.Memory) {
    this.#own = own;
    this.#data = data;
  }

  of(count: LaneCount): Sha1Lanes {
    let lanes = this.#made.get(count);
    if (!lanes) this.#made.set(count, lanes = new Sha1Lanes(count, this.#own, this.#data));
    return lanes;
  }
}

type Hash = (few: readonly HashSource[], lanes: LaneCount) => Digests;

/**
 * Finds out whether eight at a time are faster than two times four. V8 calls the pairing of vectors an
 * experiment: before eight are chosen they have to say the same as four.
 */
class Trial {
  readonly #isPossible: boolean;
  // What a byte took at best (ms), and bytes hashed so far, by four and by eight.
  readonly #best = { 4: Infinity, 8: Infinity };
  readonly #bytes = { 4: 0, 8: 0 };

  constructor(lanes: LaneCount) {
    this.#isPossible = lanes === 8;
  }

  /** Has sources of one length, at most as many as may be hashed at a time, hashed by `hash`. */
  run(sources: readonly HashSource[], length: number, hash: Hash): Digests {
    const lanes = this.#lanesFor(sources.length);
    // Only full sets are fair.
    if (!this.#isOpen || sources.length < MOST_LANES) return hashBy(lanes, sources, hash);
    const start = performance.now();
    const out = hashBy(lanes, sources, hash);
    const bytes = sources.length * length;
    this.#best[lanes] = Math.min(this.#best[lanes], (performance.now() - start) / bytes);
    this.#bytes[lanes] += bytes;
    if (this.#isOpen) return out;
    const [four, eight] = [hashBy(4, sources, hash), hashBy(8, sources, hash)];
    if (!isSame(four, eight)) this.#best[8] = Infinity;
    return four;
  }

  get #isOpen(): boolean {
    return this.#isPossible && Math.min(this.#bytes[4], this.#bytes[8]) < TRIAL_BYTES;
  }

  // How many are best hashed at a time, of so many.
  #lanesFor(count: number): LaneCount {
    if (!this.#isPossible || count <= 4) return 4;
    if (this.#isOpen) return this.#bytes[8] < this.#bytes[4] ? 8 : 4;
    return this.#best[8] < this.#best[4] ? 8 : 4;
  }
}

function hashBy(lanes: LaneCount, sources: readonly HashSource[], hash: Hash): Digests {
  if (sources.length <= lanes) return hash(sources, lanes);
  return [...hash(sources.slice(0, lanes), lanes), ...hash(sources.slice(lanes), lanes)];
}

function isSame(some: Digests, others: Digests): boolean {
  return some.every((digest, i) => digest?.join() === others[i]?.join());
}
