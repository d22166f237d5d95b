/**
 * Simulated disks: the bytes of a host, which outlive its processes, and the faults it may have.
 *
 * @module
 */

import { DiskError, type DiskOperation } from "../../src/base/errors.ts";
import type { Life } from "./life.ts";

/** What can be wrong with a disk; all may be changed while the world runs. */
export interface DiskFaults {
  /** Bytes that can still be written before it is full (unlimited). */
  freeBytes: number;
  /** Whether it tells how much is free (it does not). */
  isRoomTold: boolean;
  /** Bytes of every write after this many written bytes are stored damaged (never). */
  corruptAfterBytes: number;
  /** Milliseconds of every operation (0.05). */
  operationMs: number;
  /** Bytes a second that are hashed, read or written (unlimited). */
  bytesPerSecond: number;
  /** Whether whole files can be copied (they can). */
  hasDrafts: boolean;
  /** Whether a whole copy shares its bytes with what it is a copy of (it does not). */
  sharesCopies: boolean;
  /** Writing is not permitted. */
  isReadOnly: boolean;
}

/** One file. */
export interface SimFile {
  /** Its bytes; longer than `size` while it grows. */
  bytes: Uint8Array;
  size: number;
  mtimeMs: number;
  /** Another number for another file at the same path. */
  readonly id: number;
}

/** The disk of a host. */
export class SimDisk {
  readonly faults: DiskFaults = {
    freeBytes: Infinity,
    isRoomTold: false,
    corruptAfterBytes: Infinity,
    operationMs: 0.05,
    bytesPerSecond: Infinity,
    hasDrafts: true,
    sharesCopies: false,
    isReadOnly: false,
  };
  /** Regular files by path. */
  readonly files: Map<string, SimFile> = new Map();
  /** Paths of folders and other things that are no regular files. */
  readonly obstacles: Set<string> = new Set();
  /** Which process has locked which path. */
  readonly locks: Map<string, Life> = new Map();
  /** When what was asked of it so far will be done, in world time. */
  busyUntil = 0;
  /** Buffers that blocks are being sent from. */
  sendBuffers = 0;
  /** Bytes written in all. */
  bytesWritten = 0;
  #nextId = 1;

  /** The bytes of a file, a copy; `undefined` where there is none. */
  contents(path: string): Uint8Array | undefined {
    const file = this.files.get(path);
    return file && file.bytes.slice(0, file.size);
  }

  /** Puts a file there, as somebody else would. */
  put(path: string, bytes: Uint8Array, mtimeMs: number = 1): void {
    const id = this.#nextId++;
    this.files.set(path, { bytes: bytes.slice(), size: bytes.length, mtimeMs, id });
  }

  /** Writes into a file that is there, as somebody else would. */
  scribble(path: string, at: { offset: number; now: number }, data: Uint8Array): void {
    const file = this.files.get(path)!;
    file.bytes.set(data, at.offset);
    file.mtimeMs = at.now;
  }

  /**
   * The file at a path, if it is there.
   *
   * @throws {DiskError} kind `in-the-way` where a folder is, or where a file is a folder of the path.
   */
  find(path: string, operation: DiskOperation): SimFile | undefined {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
      if (this.files.has(path.slice(0, at))) throw this.fault(path, operation, "in-the-way");
    }
    if (this.obstacles.has(path)) throw this.fault(path, operation, "in-the-way");
    return this.files.get(path);
  }

  /** The file at a path, made if need be. */
  make(path: string, operation: DiskOperation, now: number): SimFile {
    const found = this.find(path, operation);
    if (found) return found;
    if (this.faults.isReadOnly) throw this.fault(path, operation, "permission");
    const file = { bytes: new Uint8Array(0), size: 0, mtimeMs: now, id: this.#nextId++ };
    this.files.set(path, file);
    return file;
  }

  /**
   * Writes to a file.
   *
   * @throws {DiskError} kind `full` after as much as fitted, `permission`.
   */
  write(path: string, file: SimFile, at: { offset: number; now: number }, data: Uint8Array): void {
    if (this.faults.isReadOnly) throw this.fault(path, "write", "permission");
    const fits = data.subarray(0, Math.min(data.length, this.faults.freeBytes));
    this.faults.freeBytes -= fits.length;
    this.resize(file, Math.max(file.size, at.offset + fits.length));
    file.bytes.set(fits, at.offset);
    file.mtimeMs = at.now;
    if (this.bytesWritten >= this.faults.corruptAfterBytes && fits.length > 0) {
      file.bytes[at.offset]! ^= 0xff;
    }
    this.bytesWritten += fits.length;
    if (fits.length < data.length) throw this.fault(path, "write", "full");
  }

  /** Sets the size of a file; what is new reads as zeros. */
  resize(file: SimFile, size: number): void {
    if (size > file.bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * file.bytes.length));
      grown.set(file.bytes);
      file.bytes = grown;
    }
    file.size = size;
  }

  /** An error as the platform would make it. */
  fault(path: string, operation: DiskOperation, kind: DiskError["kind"]): DiskError {
    return new DiskError(`Cannot ${operation} ${path}: ${kind}`, { path, operation, kind });
  }
}
