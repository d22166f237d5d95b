/**
 * The shared memory of one store's pieces, and of what its peers send: blocks are copied from the one to
 * the other on the main thread.
 *
 * ```text
 * | piece slots, one behind the other | receive buffers |
 * ```
 *
 * Why WebAssembly: a typed array on shared memory is written to byte by byte (2.2 GB/s, a quarter of the
 * main thread's work in a download), since other threads may look on; `memory.copy` in a shared WebAssembly
 * memory moves vectors (6 GB/s). Where there is no such memory, an ordinary shared one does the same.
 *
 * The system gives pages when they are first touched, and what was given back last is used again first, so
 * memory follows what is in use.
 *
 * @module
 */

import { RECEIVE_BYTES, type ReceiveBuffer } from "../ports/disk.ts";

const PAGE_BYTES = 65_536;
// More peers than this receive in memory of their own.
const RECEIVE_SLOTS = 40;

type Copy = (to: number, from: number, bytes: number) => void;

/** Piece slots and receive buffers. */
export class PieceMemory {
  /** All of it; piece slots start at 0. */
  readonly buffer: SharedArrayBuffer;
  /** The memory it is the buffer of, where it is one of WebAssembly. */
  readonly wasm: WebAssembly.Memory | undefined;
  readonly #copy: Copy | undefined;
  readonly #receiveAt: number;
  readonly #free: number[] = [];
  #touched = 0;

  /** @param pieceBytes bytes of all piece slots together. */
  constructor(pieceBytes: number) {
    this.#receiveAt = Math.ceil(pieceBytes / PAGE_BYTES) * PAGE_BYTES;
    const bytes = this.#receiveAt + RECEIVE_SLOTS * RECEIVE_BYTES;
    const shared = makeShared(Math.ceil(bytes / PAGE_BYTES));
    this.#copy = shared?.copy;
    this.wasm = shared?.memory;
    // The type is that of memory that is not shared.
    const buffer = shared?.memory.buffer as unknown as SharedArrayBuffer | undefined;
    this.buffer = buffer ?? new SharedArrayBuffer(pieceBytes);
  }

  /** Memory for one peer, `undefined` where it would not be faster than any other, or none is left. */
  receiveBuffer(): ReceiveBuffer | undefined {
    if (this.#copy === undefined) return undefined;
    const slot = this.#free.pop() ??
      (this.#touched < RECEIVE_SLOTS ? this.#touched++ : undefined);
    if (slot === undefined) return undefined;
    let isHeld = true;
    return {
      bytes: new Uint8Array(this.buffer, this.#receiveAt + slot * RECEIVE_BYTES, RECEIVE_BYTES),
      release: () => {
        if (isHeld) this.#free.push(slot);
        isHeld = false;
      },
    };
  }

  /** Copies `data` to `at` of `piece`, a view of this memory. Once per block: nothing is allocated. */
  put(piece: Uint8Array, data: Uint8Array, at: number): void {
    if (
      this.#copy === undefined || data.buffer !== this.buffer || at + data.length > piece.length
    ) {
      piece.set(data, at);
    } else {
      this.#copy(piece.byteOffset + at, data.byteOffset, data.length);
    }
  }
}

/** `undefined` where the runtime has no room, or knows no shared memory for WebAssembly. */
function makeShared(pages: number): { memory: WebAssembly.Memory; copy: Copy } | undefined {
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { exports } = new WebAssembly.Instance(copier(pages), { m: { m: memory } });
    return { memory, copy: exports.c as Copy };
  } catch {
    return undefined;
  }
}

/**
 * A module that imports the memory and exports `c(to, from, bytes)`; the numbers are those of
 * https://webassembly.github.io/spec/core/binary/.
 */
function copier(pages: number): WebAssembly.Module {
  const [I32, NAME_M, NAME_C] = [0x7f, [1, 0x6d], [1, 0x63]];
  const limits = [0x03, ...unsigned(pages), ...unsigned(pages)];
  const code = [0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 0, 0x0b];
  const section = (id: number, content: readonly number[]) => [id, content.length, ...content];
  return new WebAssembly.Module(Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...section(2, [1, ...NAME_M, ...NAME_M, 2, ...limits]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...NAME_C, 0, 0]),
    ...section(10, [1, code.length, ...code]),
  ]));
}

// Unsigned LEB128.
function unsigned(value: number): number[] {
  const out: number[] = [];
  for (; value >= 0x80; value >>>= 7) out.push((value & 0x7f) | 0x80);
  return [...out, value];
}
