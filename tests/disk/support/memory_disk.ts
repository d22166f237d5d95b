/**
 * Files in memory: a whole disk for the tests of this room.
 *
 * Deterministic: an answer comes in microtasks, or after a latency on the clock that was given; the time
 * of a file's last change is a count of writes. Faults enter here, through the port: a disk that is full
 * after so many bytes, one that may not be written to, a slow one.
 *
 * @module
 */

import { equalBytes } from "../../../src/base/bytes.ts";
import { BugError, DiskError, type DiskOperation } from "../../../src/base/errors.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type {
  Drafts,
  DraftSpec,
  FileIo,
  FileStore,
  OldFile,
  OldFiles,
  OldFilesOptions,
  SideFile,
  StoreSpec,
} from "../../../src/ports/disk.ts";
import type { Hasher } from "../../../src/ports/hash.ts";
import { type MemoryFile, MemoryStore } from "./memory_store.ts";

/** How a memory disk is made, and what goes wrong with it. */
export interface MemoryDiskOptions {
  /** Hashes the pieces. */
  readonly hasher: Hasher;
  /** Sleeps for `latencyMs`; needed only with it. */
  readonly clock?: Clock;
  /** What every operation takes (0). */
  readonly latencyMs?: number;
  /** The disk is full once the files have so many bytes in all (never). */
  readonly fullAfterBytes?: number;
  /** Every write fails for want of permission (false). */
  readonly isReadOnly?: boolean;
  /** The mark of this start of the machine ("memory"). */
  readonly bootMark?: string;
}

/** A disk in memory. Paths are `/`-joined as the port's users give them. */
export class MemoryDisk implements FileIo {
  /** What is on it, by path. Tests may look, add, change and delete. */
  readonly files: Map<string, MemoryFile> = new Map();
  /** What goes wrong; may be changed at any time. */
  options: MemoryDiskOptions;
  readonly drafts: Drafts = {
    make: (spec, { signal }) => this.#makeDraft(spec, signal),
    drop: async (path) => {
      await this.pass();
      this.files.delete(path);
    },
  };
  readonly #locks = new Set<string>();
  #ticks = 1;
  #nextId = 1;

  constructor(options: MemoryDiskOptions) {
    this.options = options;
  }

  /** Puts a file there, as somebody else would. */
  put(path: string, bytes: Uint8Array): void {
    this.files.set(path, { bytes: bytes.slice(), mtimeMs: this.#ticks++, id: this.#nextId++ });
  }

  /** Marks a file as just changed. */
  touch(file: MemoryFile): void {
    file.mtimeMs = this.#ticks++;
  }

  /** Forgets all locks, as when every process that used the disk has been killed. */
  crash(): void {
    this.#locks.clear();
  }

  /** Lets the latency pass. */
  async pass(): Promise<void> {
    const { latencyMs = 0, clock } = this.options;
    if (latencyMs > 0) await clock?.sleep(latencyMs);
  }

  /** SHA-1 is the expected one. */
  isGood(piece: Uint8Array, expected: Uint8Array): boolean {
    return equalBytes(this.options.hasher.sha1(piece), expected);
  }

  /**
   * Writes to a file that grows as needed, at least to `sizedTo` bytes.
   *
   * @throws {DiskError} as the options have it.
   */
  write(path: string, offset: number, data: Uint8Array, sizedTo = 0): void {
    this.refuseWrites(path, "write");
    const file = this.files.get(path) ?? this.#newFile();
    const length = Math.max(file.bytes.length, offset + data.length, sizedTo);
    if (length > file.bytes.length) {
      this.#refuseWhenFull(path, length - file.bytes.length);
      const grown = new Uint8Array(length);
      grown.set(file.bytes);
      file.bytes = grown;
    }
    file.bytes.set(data, offset);
    this.files.set(path, file);
    this.touch(file);
  }

  /** Throws what a folder that cannot be written to throws. */
  refuseWrites(path: string, operation: DiskOperation): void {
    if (this.options.isReadOnly) throw failure(path, operation, "permission", "permission denied");
  }

  openStore(spec: StoreSpec): Promise<FileStore> {
    return Promise.resolve(new MemoryStore(this, spec));
  }

  openSideFile(folder: string, name: string): Promise<SideFile> {
    const path = `${folder}/${name}`;
    try {
      if (this.#locks.has(path)) {
        const why = "this torrent is already being downloaded there by another process";
        const options = { path, operation: "lock", kind: "locked" } as const;
        throw new DiskError(`Cannot use ${folder}: ${why}`, options);
      }
      if (!this.files.has(path)) this.write(path, 0, new Uint8Array(0));
      else this.refuseWrites(path, "open");
    } catch (error) {
      return Promise.reject(error);
    }
    this.#locks.add(path);
    return Promise.resolve(new MemorySideFile(this, path, () => this.#locks.delete(path)));
  }

  shortOf(): Promise<number> {
    return Promise.resolve(0);
  }

  listOld(folder: string, { wants }: OldFilesOptions): Promise<OldFiles> {
    const files: OldFile[] = [];
    for (const [path, { bytes: { length } }] of this.files) {
      const isBelow = path.startsWith(`${folder}/`);
      if (isBelow && wants(length)) {
        files.push({ path: path.slice(folder.length + 1).split("/"), length });
      }
    }
    return Promise.resolve({ root: folder, files, isCut: false });
  }

  bootMark(): Promise<string | undefined> {
    return Promise.resolve(this.options.bootMark ?? "memory");
  }

  async #makeDraft(spec: DraftSpec, signal: AbortSignal): Promise<boolean> {
    const { from, length, to, mustShare = false } = spec;
    await this.pass();
    signal.throwIfAborted();
    const bytes = this.files.get(from)?.bytes;
    if (bytes?.length !== length || mustShare) return false;
    this.files.delete(to);
    this.write(to, 0, bytes);
    return true;
  }

  #newFile(): MemoryFile {
    return { bytes: new Uint8Array(0), mtimeMs: 0, id: this.#nextId++ };
  }

  #refuseWhenFull(path: string, more: number): void {
    const { fullAfterBytes } = this.options;
    if (fullAfterBytes === undefined) return;
    let used = 0;
    for (const file of this.files.values()) used += file.bytes.length;
    if (used + more > fullAfterBytes) throw failure(path, "write", "full", "the disk is full");
  }
}

class MemorySideFile implements SideFile {
  readonly #disk: MemoryDisk;
  readonly #path: string;
  readonly #unlock: () => void;
  #isOpen = true;

  constructor(disk: MemoryDisk, path: string, unlock: () => void) {
    this.#disk = disk;
    this.#path = path;
    this.#unlock = unlock;
  }

  async size(): Promise<number> {
    await this.#pass();
    return this.#disk.files.get(this.#path)?.bytes.length ?? 0;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    await this.#pass();
    const bytes = this.#disk.files.get(this.#path)?.bytes.subarray(offset, offset + into.length);
    into.set(bytes ?? []);
    return bytes?.length ?? 0;
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.#pass();
    this.#disk.write(this.#path, offset, data);
  }

  sync(): Promise<void> {
    return this.#pass();
  }

  async remove(): Promise<void> {
    await this.#pass();
    this.#disk.refuseWrites(this.#path, "remove");
    this.#disk.files.delete(this.#path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    this.#unlock();
    return Promise.resolve();
  }

  async #pass(): Promise<void> {
    if (!this.#isOpen) throw new BugError(`Cannot use "${this.#path}": it is closed`);
    await this.#disk.pass();
  }
}

function failure(
  path: string,
  operation: DiskOperation,
  kind: "full" | "permission",
  why: string,
): DiskError {
  return new DiskError(`Cannot ${operation} "${path}": ${why}`, { path, operation, kind });
}
