/**
 * Spans of files in one array of numbers that is filled again and again: what a hot path uses in place of
 * a list of objects.
 *
 * @module
 */

import type { SpanRows } from "../ports/disk.ts";
import type { SpanSink } from "./file_map.ts";

/** Numbers of a row: `<file><offset><start><length><time>`. */
const ROW = 5;

/** Rows that grow as needed and are kept when it is cleared. */
export class SpanList implements SpanRows, SpanSink {
  #numbers: Float64Array<ArrayBuffer> = new Float64Array(16 * ROW);
  #count = 0;

  get numbers(): Float64Array<ArrayBuffer> {
    return this.#numbers;
  }

  get count(): number {
    return this.#count;
  }

  /** Forgets all rows. */
  clear(): void {
    this.#count = 0;
  }

  /** Adds `length` bytes of a file (-1: zeros) from `offset` on, to be put at `start`; any time of change. */
  push(file: number, offset: number, start: number, length: number): void {
    const at = this.#count * ROW;
    if (at === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[at] = file;
    numbers[at + 1] = offset;
    numbers[at + 2] = start;
    numbers[at + 3] = length;
    numbers[at + 4] = 0;
    this.#count++;
  }

  /** The file of row `i`. */
  fileOf(i: number): number {
    return this.#numbers[i * ROW]!;
  }

  /** Row `i` is to be read only if its file was last changed at this time. */
  expect(i: number, time: number): void {
    this.#numbers[i * ROW + 4] = time;
  }

  #grow(): void {
    const grown = new Float64Array(2 * this.#numbers.length);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
