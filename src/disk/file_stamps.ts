/**
 * What is known of the files on the disk: whether they are there, and the size and time of each when
 * it was last looked at. A file that still looks the same is taken to hold the same.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import type { FileStat, FileStore, StoreFile } from "../ports/disk.ts";

/** Stamps of all files of a torrent. */
export class FileStamps {
  /** Size of each file, -1 for one that is not there (or is unselected and of no use). */
  readonly sizes: Float64Array;
  /** Time of the last change, milliseconds. */
  readonly times: Float64Array;
  readonly #dirty = new Set<number>();

  /** @param files entries of the torrent's file list. */
  constructor(files: number) {
    this.sizes = new Float64Array(files).fill(-1);
    this.times = new Float64Array(files);
  }

  /**
   * Looks at every file of `files`.
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
      if (!isLonger) this.#set(file, stat);
    });
    this.#dirty.clear();
  }

  /** A file is being written to: its stamp must be taken anew before it is saved. */
  touch(file: number): void {
    this.#dirty.add(file);
  }

  /** When a file was changed last, 0 where that is not known, or it was touched since it was looked at. */
  timeOf(file: number): number {
    return this.#dirty.size > 0 && this.#dirty.has(file) ? 0 : this.times[file]!;
  }

  /** Takes the stamps of the files that were touched. */
  async refresh(store: FileStore): Promise<void> {
    const files = [...this.#dirty];
    if (files.length === 0) return;
    this.#dirty.clear();
    const found = await store.statMany(files);
    files.forEach((file, i) => {
      const stat = found[i];
      this.#set(file, stat instanceof DiskError ? undefined : stat);
    });
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

  #set(file: number, stat: FileStat | undefined): void {
    this.sizes[file] = stat?.size ?? -1;
    this.times[file] = stat?.mtimeMs ?? 0;
  }
}

function tooLong(path: string, size: number, length: number): DiskError {
  const why = `it has ${size} bytes where the torrent says ${length}`;
  return new DiskError(`Cannot use "${path}": ${why}`, {
    path,
    operation: "stat",
    kind: "in-the-way",
    hint: "move it away, or choose another folder with --output",
  });
}
