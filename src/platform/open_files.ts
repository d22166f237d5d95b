/**
 * Opens the files of a store, creates and sizes them.
 *
 * Nothing below the store's root is reached through a symbolic link: every folder is looked at before
 * a file in it is opened, unless that was done a moment ago, every file is opened with O_NOFOLLOW, and whatever is not a regular file is in the way. O_NONBLOCK
 * keeps a FIFO from blocking the thread before it can be refused. The root itself may be a link, since
 * the user chose it; and a store that is only read may follow links, since the user made them.
 *
 * @module
 */

import * as fs from "node:fs";
import { BugError, type DiskError } from "../base/errors.ts";
import type { FileStat } from "../ports/disk.ts";
import { codeOf, inTheWay, toDiskError } from "./disk_errors.ts";
import type { StorePlan } from "./disk_messages.ts";
import type { HandleCache } from "./handle_cache.ts";
import { FileTable } from "./packed_files.ts";

// Windows knows neither; there they are 0.
const NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
const NONBLOCK = fs.constants.O_NONBLOCK ?? 0;
const READ_ANY = fs.constants.O_RDONLY | NONBLOCK;
const READ = READ_ANY | NOFOLLOW;
const READ_WRITE = fs.constants.O_RDWR | NOFOLLOW | NONBLOCK;
const CREATE_NEW = fs.constants.O_CREAT | fs.constants.O_EXCL;

// A file that is being given from is looked at this often.
const LOOK_EVERY_MS = 2000;

// A folder is believed to be what it was for so long: somebody may put a link into its place, or remove it.
const FOLDER_HOLDS_MS = 100;

// Keys of the handle cache: a store has this many of its own.
const KEYS = 2 ** 32;

/** The open files of one store in one thread. */
export class OpenFiles {
  /** Paths and lengths. */
  readonly table: FileTable;
  readonly #plan: StorePlan;
  readonly #handles: HandleCache;
  readonly #firstKey: number;
  // When folders below the root (joined with "/") were real folders, "" for the root itself; and those known
  // to be missing while many files are looked at.
  readonly #folders = new Map<string, number>();
  #missing: Set<string> | undefined;
  // Files that this thread has opened for writing before: they exist and have their size.
  readonly #known: Uint8Array;
  // Files that any thread has seen to be regular files: they are opened without another look.
  readonly #seen: Uint8Array;

  /**
   * @param seen one byte a file, shared by all threads.
   * @param store a number of its own among the stores of the cache, below 2^20.
   */
  constructor(
    plan: StorePlan,
    { seen, handles, store }: { seen: SharedArrayBuffer; handles: HandleCache; store: number },
  ) {
    this.#plan = plan;
    this.#seen = new Uint8Array(seen);
    this.#handles = handles;
    this.#firstKey = store * KEYS;
    this.table = new FileTable(plan.files);
    this.#known = new Uint8Array(this.table.count);
  }

  /** Where a file lies. */
  path(file: number): string {
    return `${this.#plan.root}/${this.table.path(file)}`;
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
      const fd = this.#known[file]
        ? this.#reopen(file, path)
        : this.#openOrCreate(file, path, willFill);
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
    if (this.#seen[file] === 0 && this.stat(file) === undefined) return undefined;
    const path = this.path(file);
    try {
      if (!this.#plan.followsLinks) this.#hasFolders(this.table.path(file));
      const fd = fs.openSync(path, this.#plan.followsLinks ? READ_ANY : READ);
      this.#handles.add(key, { fd, isWritable: false, path });
      return fd;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw toDiskError(error, path, "open");
    }
  }

  /**
   * A descriptor to read a file with as long as it is the one at its path and was last changed at `time`;
   * `undefined` where it is not, and then nothing is kept open. What was seen holds for two seconds.
   *
   * @throws {DiskError}
   */
  forReadingSame(file: number, time: number): number | undefined {
    const fd = this.forReading(file);
    if (fd === undefined) return undefined;
    const handle = this.#handles.get(this.#firstKey + file)!;
    const now = performance.now();
    const { look } = handle;
    if (look !== undefined && look.time === time && now - look.at < LOOK_EVERY_MS) return fd;
    const info = lookIfThere(handle.path, this.#plan.followsLinks);
    const id = look?.id ?? fs.fstatSync(fd).ino;
    // Windows may number no files.
    const isSame = info !== undefined && (info.ino ?? id) === id;
    if (isSame && info.mtime?.getTime() === time) {
      handle.look = { at: now, id, time };
      return fd;
    }
    this.forget(file);
    return undefined;
  }

  /**
   * Gives the name of a file to another one below the root, after making its folders; false where something
   * has that name or the file system refuses.
   *
   * @throws {DiskError} where the folders cannot be made.
   */
  adopt(file: number, draft: string): boolean {
    this.#makeFolders(this.table.path(file));
    return place(`${this.#plan.root}/${draft}`, this.path(file));
  }

  /** Closes a file, and looks anew, at the folders above it as well, before it is opened again. */
  forget(file: number): void {
    this.#handles.close(this.#firstKey + file);
    this.#seen[file] = 0;
    this.#known[file] = 0;
    this.#folders.clear();
  }

  /**
   * What is at a file's path, `undefined` for nothing (or a link that leads nowhere).
   *
   * @throws {DiskError} where it is no regular file.
   */
  stat(file: number): FileStat | undefined {
    const path = this.table.path(file);
    const { root, followsLinks } = this.#plan;
    if (!followsLinks && !this.#hasFolders(path)) return undefined;
    const found = lookAt(`${root}/${path}`, followsLinks);
    if (found) this.#seen[file] = 1;
    return found;
  }

  /** When what is at a file's path was changed last, in milliseconds; 0 where nothing is there. */
  timeOf(file: number): number {
    const open = this.#handles.get(this.#firstKey + file);
    return lookIfThere(open?.path ?? this.path(file))?.mtime?.getTime() ?? 0;
  }

  /** Calls `visit` with {@link stat} as `look` for a run of files, which makes missing folders cheap. */
  statAll(visit: (look: (file: number) => FileStat | undefined) => void): void {
    this.#missing = new Set();
    try {
      visit((file) => this.stat(file));
    } finally {
      this.#missing = undefined;
    }
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
    for (const folder of new Set(["", ...this.#folders.keys()])) {
      try {
        const fd = fs.openSync(`${this.#plan.root}/${folder}`, fs.constants.O_RDONLY);
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

  #reopen(file: number, path: string): number {
    this.#hasFolders(this.table.path(file));
    return fs.openSync(path, READ_WRITE);
  }

  #openOrCreate(file: number, path: string, willFill: boolean): number {
    const length = this.table.length(file);
    if (length === undefined) throw new BugError(`Cannot use file ${file}: there is no such file`);
    this.#makeFolders(this.table.path(file));
    const [fd, size] = openOrCreate(path, this.#seen[file] === 0);
    try {
      if (size > length) throw tooLong(path, size, length);
      const isToBeSized = this.#plan.allocation !== "none" && !willFill;
      if (isToBeSized && size < length) fs.ftruncateSync(fd, length);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    return fd;
  }

  // Whether every folder above a path is there; a link or a file in its place is in the way.
  #hasFolders(path: string): boolean {
    return this.#walk(path, (folder) => {
      if (this.#missing?.has(folder)) return false;
      const info = lookIfThere(folder);
      if (!info) {
        this.#missing?.add(folder);
        return false;
      }
      if (!info.isDirectory) throw inTheWay(folder, oddity(info), "open");
      return true;
    });
  }

  #makeFolders(path: string): void {
    const isNested = path.includes("/");
    const hasRoot = this.#isFresh("");
    if (this.#hasFolders(path) && (isNested || hasRoot)) return;
    if (!hasRoot) {
      makeFolder(this.#plan.root, true);
      this.#folders.set("", performance.now());
    }
    this.#walk(path, (folder) => {
      makeFolder(folder, false);
      return true;
    });
  }

  // Calls `step` for each folder above a path that was not looked at just now, outermost first.
  #walk(path: string, step: (folder: string) => boolean): boolean {
    const end = path.lastIndexOf("/");
    if (end < 0 || this.#isFresh(path.slice(0, end))) return true;
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (this.#isFresh(folder)) continue;
      if (!step(`${this.#plan.root}/${folder}`)) return false;
      this.#folders.set(folder, performance.now());
    }
    return true;
  }

  #isFresh(folder: string): boolean {
    const seen = this.#folders.get(folder);
    return seen !== undefined && performance.now() - seen < FOLDER_HOLDS_MS;
  }
}

const ODD = "something that is no regular file is in the way";

/** A file on the disk that is longer than the torrent says: it is not ours to cut. */
function tooLong(path: string, size: number, length: number): DiskError {
  return inTheWay(path, `it has ${size} bytes where the torrent says ${length}`, "write");
}

function oddity(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a symbolic link is in the way";
  if (info.isDirectory) return "a folder is in the way";
  return info.isFile ? "a file is in the way of a folder" : ODD;
}

// The runtime makes an exception for what is not there at the price of ten looks at what is; asking
// first is cheaper. Its fstat costs as much, so files are looked at by path.
function lookIfThere(path: string, followsLinks = false): Deno.FileInfo | undefined {
  if (!fs.existsSync(path)) return undefined;
  try {
    return followsLinks ? Deno.statSync(path) : Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw toDiskError(error, path, "stat");
  }
}

function lookAt(path: string, followsLinks = false): FileStat | undefined {
  const info = lookIfThere(path, followsLinks);
  if (!info) return undefined;
  if (!info.isFile) throw inTheWay(path, oddity(info), "stat");
  return { size: info.size, mtimeMs: info.mtime?.getTime() ?? 0, id: info.ino ?? 0 };
}

// The descriptor and the size that the file has. Where nobody has seen it there yet, it is made without a look.
function openOrCreate(path: string, isUnseen: boolean): [number, number] {
  let found = isUnseen ? undefined : lookAt(path);
  if (!found) {
    try {
      return [fs.openSync(path, READ_WRITE | CREATE_NEW, 0o666), 0];
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    // Somebody was faster, or a link leads nowhere, which the open below refuses.
    found = lookAt(path);
  }
  return [fs.openSync(path, READ_WRITE), found?.size ?? 0];
}

// One more name never takes that of something else, as a new name does.
function place(draft: string, path: string): boolean {
  try {
    Deno.linkSync(draft, path);
  } catch (error) {
    return codeOf(error) !== "EEXIST" && rename(draft, path);
  }
  try {
    Deno.removeSync(draft);
  } catch {
    // Whoever made it removes it.
  }
  return true;
}

/** For file systems on which a file has one name. */
function rename(draft: string, path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return false;
  }
  try {
    Deno.renameSync(draft, path);
    return true;
  } catch {
    return false;
  }
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
