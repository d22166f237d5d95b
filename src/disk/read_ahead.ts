/**
 * Reads ahead for peers that ask for a piece block by block: a read that goes on where an earlier one
 * ended fetches a window of the piece, and the blocks behind it are copied out of that.
 *
 * Why: a trip to a disk Worker costs as much as copying a quarter megabyte. Single blocks cost 4.4 CPU
 * seconds a GiB that way, windows 0.8.
 *
 * Verified pieces never change, so nothing here can be stale. Invariant: a window's bytes are used again
 * only when it is out of the map and nobody waits for it.
 *
 * @module
 */

import { BLOCK_BYTES, KIB } from "../base/units.ts";

/** Reads `into.length` bytes of a piece from `begin` on. */
export type ReadPiece = (piece: number, begin: number, into: Uint8Array) => Promise<void>;

const WINDOW_BYTES = 256 * KIB;
const MOST_WINDOWS = 16;
// Streams of blocks that are followed at a time: a few per peer that downloads from us.
const MOST_STREAMS = 128;

interface Window {
  readonly begin: number;
  readonly bytes: Uint8Array;
  length: number;
  users: number;
  /** Undefined once the bytes are there. */
  arriving: Promise<void> | undefined;
}

/** A cache of windows in front of a reader. */
export class ReadAhead {
  readonly #read: ReadPiece;
  readonly #pieceBytes: (piece: number) => number;
  // By piece and number of the window in it; insertion order is the order of use.
  readonly #windows = new Map<number, Window>();
  // Where reads ended, so that the next one of the same stream is known.
  readonly #ends = new Set<number>();

  /** @param pieceBytes length of a piece. */
  constructor(read: ReadPiece, pieceBytes: (piece: number) => number) {
    this.#read = read;
    this.#pieceBytes = pieceBytes;
  }

  /** Reads as {@link ReadPiece} does; throws what that throws. */
  async read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    const end = begin + into.length;
    const isStream = this.#isStream(piece, begin, end);
    for (let at = begin; at < end;) {
      const index = Math.floor(at / WINDOW_BYTES);
      const stop = Math.min(end, (index + 1) * WINDOW_BYTES);
      const part = into.subarray(at - begin, stop - begin);
      const window = this.#window(piece, index, { isStream, begin: at, end: stop });
      if (window) await this.#copy(window, at, part);
      else await this.#read(piece, at, part);
      at = stop;
    }
  }

  // Whether a read goes on where another one ended not long ago.
  #isStream(piece: number, begin: number, end: number): boolean {
    const blocks = Math.ceil(this.#pieceBytes(0) / BLOCK_BYTES) + 1;
    const place = (at: number) => piece * blocks + Math.ceil(at / BLOCK_BYTES);
    const isStream = this.#ends.delete(place(begin));
    if (end < this.#pieceBytes(piece)) this.#ends.add(place(end));
    if (this.#ends.size > MOST_STREAMS) {
      for (const oldest of this.#ends) {
        this.#ends.delete(oldest);
        break;
      }
    }
    return isStream;
  }

  // The window that has the range, fetched if the range is part of a stream.
  #window(
    piece: number,
    index: number,
    range: { isStream: boolean; begin: number; end: number },
  ): Window | undefined {
    const perPiece = Math.ceil(this.#pieceBytes(0) / WINDOW_BYTES);
    const key = piece * perPiece + index;
    const found = this.#windows.get(key);
    if (found && range.begin >= found.begin && range.end <= found.begin + found.length) {
      this.#windows.delete(key);
      this.#windows.set(key, found);
      return found;
    }
    if (!range.isStream || found) return undefined;
    const bytes = this.#space();
    if (!bytes) return undefined;
    const end = Math.min((index + 1) * WINDOW_BYTES, this.#pieceBytes(piece));
    const window: Window = {
      begin: range.begin,
      bytes,
      length: end - range.begin,
      users: 0,
      arriving: undefined,
    };
    window.arriving = this.#fetch(piece, key, window);
    this.#windows.set(key, window);
    return window;
  }

  async #fetch(piece: number, key: number, window: Window): Promise<void> {
    try {
      await this.#read(piece, window.begin, window.bytes.subarray(0, window.length));
      window.arriving = undefined;
    } catch (error) {
      if (this.#windows.get(key) === window) this.#windows.delete(key);
      throw error;
    }
  }

  async #copy(window: Window, at: number, into: Uint8Array): Promise<void> {
    window.users++;
    try {
      await window.arriving;
      const start = at - window.begin;
      into.set(window.bytes.subarray(start, start + into.length));
    } finally {
      window.users--;
    }
  }

  // Memory for a window: new, or that of the window that nobody has used for longest.
  #space(): Uint8Array | undefined {
    if (this.#windows.size < MOST_WINDOWS) {
      return new Uint8Array(Math.min(WINDOW_BYTES, this.#pieceBytes(0)));
    }
    for (const [key, window] of this.#windows) {
      if (window.users > 0 || window.arriving) continue;
      this.#windows.delete(key);
      return window.bytes;
    }
    return undefined;
  }
}
