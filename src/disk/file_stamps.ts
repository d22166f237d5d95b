/**
 * What is known of the files on the disk: whether they are there, and the size, time and number of each when
 * it was last looked at. A file that still looks the same is taken to hold the same.
 *
 * While we write to a file it looks different every time. Then a change is somebody else's if the file is
 * gone, is another one or has become shorter, or if it was last changed at a time when none of our writes
 * was under way.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import type { FileStat, FileStore, StoreFile } from "../ports/disk.ts";

/** Some file systems count in steps of two seconds, rounded down. */
const COARSE_MS = 2000;

/** Whether somebody else has changed a file: not that we know, as its time has it, or without a doubt. */
export type Change = "none" | "likely" | "sure";

/** What we have written to a file since it was last looked at. */
interface Writes {
  /** How many writes are under way. */
  busy: number;
  /** When the last one began, and when one has ended last: milliseconds since the epoch. */
  begunAt: number;
  endedAt: number;
  /** Another number for every write. */
  mark: number;
}

/** Stamps of all files of a torrent. */
export class FileStamps {
  /** Size of each file, -1 for one that is not there (or is unselected and of no use). */
  readonly sizes: Float64Array<ArrayBuffer>;
  /** Time of the last change, milliseconds. */
  readonly times: Float64Array<ArrayBuffer>;
  /** Whether times of files are times of our clock. */
  isClockShared = true;
  readonly #ids: Float64Array;
  readonly #writes = new Map<number, Writes>();
  #marks = 0;

  /** @param files entries of the torrent's file list. */
  constructor(files: number) {
    this.sizes = new Float64Array(files).fill(-1);
    this.times = new Float64Array(files);
    this.#ids = new Float64Array(files);
  }

  /**
   * Looks at every file of `files` for the first time.
   *
   * @throws {DiskError} where something is in the way of a selected file, or it is longer than it may be.
   */
  async look(
    store: FileStore,
    files: readonly number[],
    options: { spec: readonly StoreFile[]; isSelected: (file: number) => boolean },
  ): Promise<void> {
    const found = await store.statMany(files);
    files.forEach((file, i) => {
      const stat = found[i];
      const isSelected = options.isSelected(file);
      if (stat instanceof DiskError) {
        if (isSelected) throw stat;
        return;
      }
      const { length, path } = options.spec[file]!;
      const isLonger = stat !== undefined && stat.size > length;
      if (isLonger && isSelected) throw tooLong(path.join("/"), stat.size, length);
      if (!isLonger) this.set(file, stat);
    });
  }

  /** A file was written to, at a time that does not matter. */
  touch(file: number): void {
    this.#writes.set(file, { busy: 0, begunAt: -Infinity, endedAt: Infinity, mark: ++this.#marks });
  }

  /** A write to a file begins. */
  begin(file: number, now: number): void {
    const mark = ++this.#marks;
    const writes = this.#writes.get(file);
    if (writes === undefined) {
      this.#writes.set(file, { busy: 1, begunAt: now, endedAt: -Infinity, mark });
      return;
    }
    writes.busy++;
    writes.begunAt = Math.max(writes.begunAt, now);
    writes.mark = mark;
  }

  /** A write to a file has ended. */
  end(file: number, now: number): void {
    const writes = this.#writes.get(file);
    if (writes === undefined) return;
    writes.busy--;
    writes.endedAt = Math.max(writes.endedAt, now);
  }

  /** Whether a write to a file is under way. */
  isBusy(file: number): boolean {
    return (this.#writes.get(file)?.busy ?? 0) > 0;
  }

  /** Whether a file should be there. */
  isExpected(file: number): boolean {
    return this.sizes[file]! >= 0 || (this.#writes.get(file)?.endedAt ?? -Infinity) > -Infinity;
  }

  /** When a write to a file has ended last, as far as that is not looked at yet. */
  endedAt(file: number): number {
    return this.#writes.get(file)?.endedAt ?? -Infinity;
  }

  /** When a file was changed last, 0 where that is not known, or it was written to since. */
  timeOf(file: number): number {
    return this.#writes.size > 0 && this.#writes.has(file) ? 0 : this.times[file]!;
  }

  /** Files that were written to since they were last looked at. */
  get written(): number[] {
    return [...this.#writes.keys()];
  }

  /** To be taken before a file is looked at, for {@link compare}. */
  markOf(file: number): number {
    return this.#writes.get(file)?.mark ?? 0;
  }

  /** What a look has found; takes note of it where it is what is to be expected. */
  compare(file: number, found: FileStat | undefined, mark: number): Change {
    // Written to while it was looked at: nothing can be said.
    if (mark !== this.markOf(file)) return "none";
    if (found === undefined) return this.isExpected(file) ? "sure" : "none";
    const writes = this.#writes.get(file);
    const wasThere = this.sizes[file]! >= 0;
    const id = this.#ids[file]!;
    const isOther = id !== 0 && found.id !== 0 && found.id !== id;
    if (isOther || found.size < this.sizes[file]!) return "sure";
    if (writes === undefined) {
      if (!wasThere) this.set(file, found);
      else if (found.size !== this.sizes[file] || found.mtimeMs !== this.times[file]) return "sure";
      return "none";
    }
    if (writes.busy > 0) return "none";
    const isOurs = found.mtimeMs >= writes.begunAt - COARSE_MS && found.mtimeMs <= writes.endedAt;
    if (this.isClockShared && !isOurs) return "likely";
    this.set(file, found);
    return "none";
  }

  /** This is how a file looks, whatever it was. */
  set(file: number, stat: FileStat | undefined): void {
    this.#writes.delete(file);
    this.sizes[file] = stat?.size ?? -1;
    this.times[file] = stat?.mtimeMs ?? 0;
    this.#ids[file] = stat?.id ?? 0;
  }

  /** Whether a file has at least `bytes` bytes. */
  holds(file: number, bytes: number): boolean {
    return this.sizes[file]! >= bytes;
  }

  /** Whether a file looks as it did in an earlier run. */
  isAsBefore(file: number, sizes: Float64Array, times: Float64Array): boolean {
    return this.sizes[file]! >= 0 && this.times[file]! > 0 && sizes[file] === this.sizes[file] &&
      times[file] === this.times[file];
  }
}

/** A file that is longer than the torrent says: it is not ours to cut. */
export function tooLong(path: string, size: number, length: number): DiskError {
  const why = `it has ${size} bytes where the torrent says ${length}`;
  return new DiskError(`Cannot use "${path}": ${why}`, {
    path,
    operation: "stat",
    kind: "in-the-way",
    hint: "move it away, or choose another folder with --output",
  });
}
