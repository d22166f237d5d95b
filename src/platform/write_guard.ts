/**
 * Notices that somebody else has written to a file between two of our own writes, however close they are:
 * its time of change is not what it was after our last one. For all threads of a store together, on shared
 * memory.
 *
 * ```
 * time of each file | writes under way | number of the last write | changed by others | any changed
 * ```
 *
 * A time is noted only where no other write of ours came between, and compared only where none is under way.
 *
 * @module
 */

const NUMBERS = 3;

/** Bytes of memory that a guard of so many files needs. */
export function guardBytes(files: number): number {
  return files * (Float64Array.BYTES_PER_ELEMENT + NUMBERS * 4) + 4;
}

/** The guard as one thread sees it. */
export class WriteGuard {
  readonly #files: number;
  readonly #times: Float64Array;
  readonly #numbers: Int32Array;
  readonly #timeOf: (file: number) => number;

  /** `timeOf` looks at a file: milliseconds, 0 where it is not there. */
  constructor(memory: SharedArrayBuffer, files: number, timeOf: (file: number) => number) {
    this.#files = files;
    this.#times = new Float64Array(memory, 0, files);
    this.#numbers = new Int32Array(memory, files * Float64Array.BYTES_PER_ELEMENT);
    this.#timeOf = timeOf;
  }

  /** A write begins; gives its number, for {@link end}. A short one is not worth a look. */
  begin(file: number, isShort: boolean): number {
    const isAlone = Atomics.add(this.#numbers, file, 1) === 0;
    const number = Atomics.add(this.#numbers, this.#files + file, 1) + 1;
    const time = this.#times[file]!;
    if (isAlone && !isShort && time > 0 && this.#timeOf(file) !== time) {
      Atomics.store(this.#numbers, 2 * this.#files + file, 1);
      Atomics.store(this.#numbers, NUMBERS * this.#files, 1);
    }
    return number;
  }

  /** A write has ended. */
  end(file: number, number: number, isShort: boolean): void {
    this.#times[file] = isShort ? 0 : this.#timeOf(file);
    if (Atomics.load(this.#numbers, this.#files + file) !== number) this.#times[file] = 0;
    if (Atomics.sub(this.#numbers, file, 1) > 1) this.#times[file] = 0;
  }

  /** Nothing is known of a file from now on. */
  forget(file: number): void {
    this.#times[file] = 0;
  }

  /** Files that were changed by others since the last call. */
  take(): number[] {
    if (Atomics.exchange(this.#numbers, NUMBERS * this.#files, 0) === 0) return [];
    const out: number[] = [];
    for (let file = 0; file < this.#files; file++) {
      if (Atomics.exchange(this.#numbers, 2 * this.#files + file, 0) === 1) out.push(file);
    }
    return out;
  }
}
