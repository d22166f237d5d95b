/**
 * SHA-1 of whole messages of one length, side by side: what goes around the kernel, which knows nothing but
 * blocks of 64 bytes.
 *
 * @module
 */

import { KERNEL_BYTES, type LaneCount, makeSha1Kernel, type Sha1Kernel } from "./sha1_kernel.ts";

const BLOCK = 64;
const END_BYTES = 2 * BLOCK;
const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

/** Reads the last bytes of a message into `into`; false where they cannot be had. */
export type ReadEnd = (into: Uint8Array) => boolean;

/** A kernel with what it needs. Hash by {@link start}, {@link update}, {@link writeEnd} for each lane, {@link finish}. */
export class Sha1Lanes {
  /** How many messages it takes. */
  readonly count: LaneCount;
  readonly #body: Sha1Kernel;
  readonly #end: Sha1Kernel;
  readonly #state: Uint32Array;
  readonly #ends: readonly Uint8Array[];

  /**
   * @param own memory of which the first 2 KiB are used between `start` and `finish`: the kernel's part, and the
   * padded end of each message.
   * @param data memory that the messages lie in.
   */
  constructor(count: LaneCount, own: WebAssembly.Memory, data: WebAssembly.Memory) {
    this.count = count;
    this.#body = makeSha1Kernel({ state: own, data }, count);
    this.#end = data === own ? this.#body : makeSha1Kernel({ state: own, data: own }, count);
    this.#state = new Uint32Array(own.buffer, 0, INITIAL_STATE.length * count);
    this.#ends = Array.from(
      { length: count },
      (_, lane) => new Uint8Array(own.buffer, KERNEL_BYTES + lane * END_BYTES, END_BYTES),
    );
  }

  /** Begins new messages. */
  start(): void {
    const { count } = this;
    INITIAL_STATE.forEach((word, i) => this.#state.fill(word, i * count, (i + 1) * count));
  }

  /** Goes on by whole blocks (at least one), which lie at `at`, for each lane. Missing lanes go along with the first. */
  update(at: readonly number[], blocks: number): void {
    this.#body.update(blocks, ...this.#filled(at));
  }

  /** Takes the last `rest` bytes of a message (fewer than a block) of `length` bytes. */
  writeEnd(lane: number, { length, read }: { length: number; read: ReadEnd }): boolean {
    const end = this.#ends[lane]!.fill(0);
    const rest = length % BLOCK;
    if (rest > 0 && !read(end.subarray(0, rest))) return false;
    end[rest] = 0x80;
    const lengthAt = BLOCK * endBlocks(length) - 8;
    const view = new DataView(end.buffer, end.byteOffset + lengthAt, 8);
    view.setUint32(0, Math.floor(length / 2 ** 29));
    view.setUint32(4, length * 8 % 2 ** 32);
    return true;
  }

  /** The digests of the first `count` lanes. */
  finish(length: number, count: number): Uint8Array[] {
    const at = this.#ends.slice(0, count).map(({ byteOffset }) => byteOffset);
    this.#end.update(endBlocks(length), ...this.#filled(at));
    return at.map((_, lane) => this.#digest(lane));
  }

  #filled(at: readonly number[]): number[] {
    return Array.from({ length: this.count }, (_, lane) => at[lane] ?? at[0]!);
  }

  #digest(lane: number): Uint8Array {
    const out = new Uint8Array(20);
    const view = new DataView(out.buffer);
    INITIAL_STATE.forEach((_, i) => view.setUint32(4 * i, this.#state[i * this.count + lane]!));
    return out;
  }
}

// A one bit and the length in bits, 8 bytes, need room behind the last bytes.
function endBlocks(length: number): number {
  return length % BLOCK < BLOCK - 8 ? 1 : 2;
}
