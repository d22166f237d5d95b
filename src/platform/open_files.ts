/**
 * Opens the files of a store, creates and sizes them.
 *
 * Nothing below the store's root is reached through a symbolic link: every folder is looked at once,
 * every file is opened with O_NOFOLLOW, and whatever is not a regular file is in the way. O_NONBLOCK
 * keeps a FIFO from blocking the thread before it can be refused. The root itself may be a link, since
 * the user chose it.
 *
 * @module
 */

import * as fs from "node:fs";
import { BugError, type DiskError, type DiskOperation } from "../base/errors.ts";
import type { FileStat, StoreFile, StoreSpec } from "../ports/disk.ts";
import { codeOf, inTheWay, toDiskError } from "./disk_errors.ts";
import type { HandleCache } from "./handle_cache.ts";

// Windows knows neither; there they are 0.
const NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
const NONBLOCK = fs.constants.O_NONBLOCK ?? 0;
const READ = fs.constants.O_RDONLY | NOFOLLOW | NONBLOCK;
const READ_WRITE = fs.constants.O_RDWR | NOFOLLOW | NONBLOCK;
const CREATE = fs.constants.O_CREAT;
const CREATE_NEW = CREATE | fs.constants.O_EXCL;

// Keys of the handle cache: a store has this many of its own.
const KEYS = 2 ** 32;

/** The open files of one store in one thread. */
export class OpenFiles {
  readonly #spec: StoreSpec;
  readonly #handles: HandleCache;
  readonly #firstKey: number;
  // Folders below the root (joined with "/") that are known to be real folders.
  readonly #folders = new Set<string>();
  // Files that this thread has opened for writing before: they exist and have their size.
  readonly #known: Uint8Array;

  /** @param store a number of its own among the stores of the cache, below 2^20. */
  constructor(spec: StoreSpec, handles: HandleCache, store: number) {
    this.#spec = spec;
    this.#handles = handles;
    this.#firstKey = store * KEYS;
    this.#known = new Uint8Array(spec.files.length);
  }

  /** Where a file lies. */
  path(file: number): string {
    return `${this.#spec.root}/${this.#file(file).path.join("/")}`;
  }

  /**
   * A descriptor to write a file with; the file and its folders are created where missing, and sized
   * unless the allocation is "none" or `willFill` says that the coming write covers it all.
   *
   * @throws {DiskError}
   */
  forWriting(file: number, willFill: boolean): number {
    const key = this.#firstKey + file;
    const open = this.#handles.get(key);
    if (open?.isWritable) return open.fd;
    this.#handles.close(key);
    const path = this.path(file);
    try {
      this.#makeFolders(file);
      const fd = this.#known[file]
        ? fs.openSync(path, READ_WRITE)
        : this.#create(file, path, willFill);
      this.#known[file] = 1;
      this.#handles.add(key, { fd, isWritable: true, path });
      return fd;
    } catch (error) {
      throw toDiskError(error, path, "write");
    }
  }

  /**
   * A descriptor to read a file with, `undefined` where there is no such file.
   *
   * @throws {DiskError}
   */
  forReading(file: number): number | undefined {
    const key = this.#firstKey + file;
    const open = this.#handles.get(key);
    if (open) return open.fd;
    if (!this.#hasFolders(file, "open")) return undefined;
    const path = this.path(file);
    try {
      const fd = fs.openSync(path, READ);
      this.#refuseOddity(fd, path, "open");
      this.#handles.add(key, { fd, isWritable: false, path });
      return fd;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw toDiskError(error, path, "open");
    }
  }

  /**
   * What is at a file's path, `undefined` for nothing.
   *
   * @throws {DiskError} where it is no regular file.
   */
  stat(file: number): FileStat | undefined {
    if (!this.#hasFolders(file, "stat")) return undefined;
    const path = this.path(file);
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw toDiskError(error, path, "stat");
    }
    if (!info.isFile) throw inTheWay(path, oddity(info), "stat");
    return { size: info.size, mtimeMs: info.mtime?.getTime() ?? 0 };
  }

  /**
   * Closes what is open.
   *
   * @throws {DiskError}
   */
  closeAll(): void {
    this.#handles.closeRange(this.#firstKey, this.#firstKey + KEYS);
  }

  /** Makes the entries of the folders durable, as far as the system lets one. */
  syncFolders(): void {
    for (const folder of ["", ...this.#folders]) {
      try {
        const fd = fs.openSync(`${this.#spec.root}/${folder}`, fs.constants.O_RDONLY);
        try {
          fs.fsyncSync(fd);
        } finally {
          fs.closeSync(fd);
        }
      } catch {
        // Some systems cannot sync a folder; the files themselves are safe.
      }
    }
  }

  #file(file: number): StoreFile {
    const found = this.#spec.files[file];
    if (!found) throw new BugError(`Cannot use file ${file}: the store has no such file`);
    return found;
  }

  #create(file: number, path: string, willFill: boolean): number {
    const { length } = this.#file(file);
    let size = 0;
    let fd: number;
    // A file that this call made needs no look at it, which costs more than opening it did.
    try {
      fd = fs.openSync(path, READ_WRITE | CREATE_NEW, 0o666);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
      fd = fs.openSync(path, READ_WRITE | CREATE, 0o666);
      size = this.#refuseOddity(fd, path, "write");
    }
    try {
      if (size > length) throw tooLong(path, size, length);
      const isToBeSized = this.#spec.allocation !== "none" && !willFill;
      if (isToBeSized && size < length) fs.ftruncateSync(fd, length);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    return fd;
  }

  // Closes the descriptor of what is no regular file; returns the size of what is one.
  #refuseOddity(fd: number, path: string, operation: DiskOperation): number {
    const info = fs.fstatSync(fd);
    if (info.isFile()) return info.size;
    fs.closeSync(fd);
    throw inTheWay(path, info.isDirectory() ? "a folder is in the way" : ODD, operation);
  }

  // Whether every folder above a file is there; a link or a file in its place is in the way.
  #hasFolders(file: number, operation: DiskOperation): boolean {
    return this.#walk(file, (path) => {
      let info: Deno.FileInfo;
      try {
        info = Deno.lstatSync(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw toDiskError(error, path, operation);
      }
      if (!info.isDirectory) throw inTheWay(path, oddity(info), operation);
      return true;
    });
  }

  #makeFolders(file: number): void {
    if (this.#hasFolders(file, "write")) {
      if (this.#file(file).path.length > 1 || this.#folders.has("")) return;
    }
    if (!this.#folders.has("")) {
      makeFolder(this.#spec.root, true);
      this.#folders.add("");
    }
    this.#walk(file, (path) => {
      makeFolder(path, false);
      return true;
    });
  }

  // Calls `step` for each folder above a file that is not known yet, outermost first.
  #walk(file: number, step: (path: string) => boolean): boolean {
    const { path } = this.#file(file);
    const parent = path.length === 2 ? path[0]! : path.slice(0, -1).join("/");
    if (path.length === 1 || this.#folders.has(parent)) return true;
    let key = "";
    for (let i = 0; i + 1 < path.length; i++) {
      key = i === 0 ? path[0]! : `${key}/${path[i]!}`;
      if (this.#folders.has(key)) continue;
      if (!step(`${this.#spec.root}/${key}`)) return false;
      this.#folders.add(key);
    }
    return true;
  }
}

/** A file on the disk that is longer than the torrent says: it is not ours to cut. */
export function tooLong(path: string, size: number, length: number): DiskError {
  return inTheWay(path, `it has ${size} bytes where the torrent says ${length}`, "write");
}

const ODD = "something that is no regular file is in the way";

function oddity(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a symbolic link is in the way";
  if (info.isDirectory) return "a folder is in the way";
  return info.isFile ? "a file is in the way of a folder" : ODD;
}

function makeFolder(path: string, isRoot: boolean): void {
  try {
    fs.mkdirSync(path, { recursive: isRoot });
  } catch (error) {
    // The other Worker may have made it a moment ago.
    if (codeOf(error) === "EEXIST" && Deno.lstatSync(path).isDirectory) return;
    throw toDiskError(error, path, "create");
  }
}
