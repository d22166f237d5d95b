/**
 * The hidden file beside a download, locked for this process alone while it is open.
 *
 * Between opening and locking, the process that had it before may have deleted it; then the lock is on
 * a file that nobody else will ever find. So the file behind the handle is compared with the one at the
 * path after the lock is there, and the whole is done again where they differ.
 *
 * @module
 */

import * as fs from "node:fs";
import { dirname } from "@std/path/dirname";
import { DiskError } from "../base/errors.ts";
import type { SideFile } from "../ports/disk.ts";
import { codeOf, inTheWay, toDiskError } from "./disk_errors.ts";

// Where the runtime has no tryLock, a lock that takes longer than this is somebody else's.
const LOCK_MS = 1_000;
// Each attempt lost means that another process came and went in between.
const ATTEMPTS = 20;

/**
 * Opens and locks `folder/name`, creating both. Where the file system has no locks, it goes without.
 *
 * @throws {DiskError} kind `locked` when another process has it.
 */
export async function openSideFile(folder: string, name: string): Promise<SideFile> {
  const path = `${folder}/${name}`;
  const made: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await makeFolder(folder, made);
    const file = await openOnce(path);
    if (!file) continue;
    try {
      if (!await tryLock(file)) throw locked(folder, path);
      if (await isAtPath(file, path)) return new LockedFile(file, path, made);
    } catch (error) {
      closeQuietly(file);
      await removeEmpty(made);
      throw toDiskError(error, path, "lock");
    }
    closeQuietly(file);
  }
  throw locked(folder, path);
}

/** Makes a folder and those above it, and puts the ones that were not there first in `made`, inner ones first. */
async function makeFolder(folder: string, made: string[]): Promise<void> {
  try {
    const isNew = await isMade(folder, made);
    // Says what is in the way, and makes what has gone again meanwhile.
    await Deno.mkdir(folder, { recursive: true });
    if (isNew) made.unshift(folder);
  } catch (error) {
    throw error instanceof DiskError ? error : toDiskError(error, folder, "create");
  }
}

/** Whether a folder was made now, with those above it as far as they may be touched. */
async function isMade(folder: string, made: string[]): Promise<boolean> {
  try {
    await Deno.mkdir(folder);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    const parent = dirname(folder);
    if (!(error instanceof Deno.errors.NotFound) || parent === folder) throw error;
    if (mayWrite(parent)) await makeFolder(parent, made);
    return true;
  }
}

/** Whether that may be written to without a question. */
function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}

/** Removes folders, from the first on, as long as nothing is in them. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  try {
    for (const folder of folders) await Deno.remove(folder);
  } catch {
    // Something is in it, or somebody else was faster.
  }
}

function locked(folder: string, path: string): DiskError {
  const what = "this torrent is already being downloaded there by another process";
  return new DiskError(`Cannot use ${folder}: ${what}`, {
    path,
    operation: "lock",
    kind: "locked",
  });
}

// `undefined` when the file came or went meanwhile. A link is never followed: an existing path is looked
// at first, a new one is made exclusively, and isAtPath() compares afterwards.
async function openOnce(path: string): Promise<Deno.FsFile | undefined> {
  try {
    const info = await Deno.lstat(path);
    if (!info.isFile) throw inTheWay(path, "something that is no regular file is there", "open");
    return await Deno.open(path, { read: true, write: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw toDiskError(error, path, "open");
  }
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    // Somebody who had nothing to put into the folder has taken it away.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw toDiskError(error, path, "create");
  }
}

async function tryLock(file: Deno.FsFile): Promise<boolean> {
  const native = (file as { tryLock?: (exclusive: boolean) => Promise<boolean> }).tryLock;
  try {
    return native ? await native.call(file, true) : await raceLock(file);
  } catch (error) {
    // A file system without locks: better unlocked than not at all.
    if (UNSUPPORTED.has(codeOf(error) ?? "") || error instanceof Deno.errors.NotSupported) {
      return true;
    }
    throw error;
  }
}

const UNSUPPORTED: ReadonlySet<string> = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOLCK"]);

/**
 * A lock for runtimes that can only wait for one: false when it takes longer than `ms`. The caller must
 * then close the file, so that a lock that comes late is given up as it comes.
 */
export async function raceLock(file: Deno.FsFile, ms: number = LOCK_MS): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  file.lock(true).then(() => resolve(true), reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

async function isAtPath(file: Deno.FsFile, path: string): Promise<boolean> {
  const mine = await file.stat();
  try {
    const there = await Deno.lstat(path);
    return there.isFile && there.dev === mine.dev && there.ino === mine.ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function closeQuietly(file: Deno.FsFile): void {
  try {
    file.close();
  } catch {
    // Closed already.
  }
}

class LockedFile implements SideFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #made: readonly string[];
  // The handle has one position: one operation at a time.
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(file: Deno.FsFile, path: string, made: readonly string[]) {
    this.#file = file;
    this.#path = path;
    this.#made = made;
  }

  size(): Promise<number> {
    return this.#next("stat", async () => (await this.#file.stat()).size);
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#next("read", async () => {
      await this.#file.seek(offset, Deno.SeekMode.Start);
      let done = 0;
      while (done < into.length) {
        const got = await this.#file.read(into.subarray(done));
        if (got === null) break;
        done += got;
      }
      return done;
    });
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#next("write", async () => {
      await this.#file.seek(offset, Deno.SeekMode.Start);
      for (let done = 0; done < data.length;) done += await this.#file.write(data.subarray(done));
    });
  }

  sync(): Promise<void> {
    return this.#next("sync", () => this.#file.syncData());
  }

  remove(): Promise<void> {
    return this.#next("remove", async () => {
      try {
        await Deno.remove(this.#path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      // Where nothing was written, it is as if nobody had been here.
      await removeEmpty(this.#made);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeQuietly(this.#file);
  }

  #next<T>(operation: "stat" | "read" | "write" | "sync" | "remove", work: () => Promise<T>) {
    const run: Promise<T> = this.#last.then(async () => {
      try {
        return await work();
      } catch (error) {
        throw toDiskError(error, this.#path, operation);
      }
    });
    this.#last = run.catch(() => {});
    return run;
  }
}

/** An opaque mark of this start of the machine, `undefined` where it cannot be had without asking. */
export function readBootMark(): string | undefined {
  const path = "/proc/sys/kernel/random/boot_id";
  try {
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
    return fs.readFileSync(path, "utf8").trim().slice(0, 64) || undefined;
  } catch {
    return undefined;
  }
}
