/**
 * An info dictionary that is being put together from the parts of peers who say it is so long.
 *
 * Memory grows with what has arrived. Who gave each part is kept, so that a wrong whole has a culprit.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import { metadataPieceCount } from "../wire/ut_metadata.ts";

interface Part {
  readonly data: Uint8Array;
  readonly giver: number;
}

/** A draft. */
export class MetadataDraft {
  /** Bytes it will have, as its givers say. */
  readonly size: number;
  /** Parts it will have. */
  readonly count: number;
  /** The only peer that may give to it, `undefined` where all that agree on the size may. */
  readonly giver: number | undefined;
  /** Bytes that are here. */
  bytes = 0;
  /** Time of the last part. */
  lastAt: Millis = -Infinity;
  readonly #parts = new Map<number, Part>();
  /** Every part before it is here or asked for. */
  #cursor = 0;

  constructor(size: number, giver?: number) {
    this.size = size;
    this.count = metadataPieceCount(size);
    this.giver = giver;
  }

  /** Whether a part is here. */
  has(part: number): boolean {
    return this.#parts.has(part);
  }

  /** Whether every part is here. */
  get isWhole(): boolean {
    return this.#parts.size === this.count;
  }

  /** Who gave to it, each once. */
  get givers(): number[] {
    return [...new Set([...this.#parts.values()].map((part) => part.giver))];
  }

  /** Takes a part over that is not here yet. */
  put(part: number, data: Uint8Array, giver: number): void {
    this.#parts.set(part, { data, giver });
    this.bytes += data.length;
  }

  /** The first part that is not here and that nobody `isAsked` for. */
  next(isAsked: (part: number) => boolean): number | undefined {
    for (; this.#cursor < this.count; this.#cursor++) {
      if (!this.has(this.#cursor) && !isAsked(this.#cursor)) return this.#cursor;
    }
    return undefined;
  }

  /** A part that was asked for is free again. */
  release(part: number): void {
    if (!this.has(part)) this.#cursor = Math.min(this.#cursor, part);
  }

  /** What one giver gave, as a draft of its own. */
  shareOf(giver: number): MetadataDraft {
    const share = new MetadataDraft(this.size, giver);
    for (const [at, part] of this.#parts) {
      if (part.giver === giver) share.put(at, part.data, giver);
    }
    share.lastAt = this.lastAt;
    return share;
  }

  /** All of it, copied together. Every part must be here. */
  join(): Uint8Array<ArrayBuffer> {
    return concat(Array.from({ length: this.count }, (_, at) => this.#parts.get(at)!.data));
  }
}
