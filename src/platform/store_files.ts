/**
 * The work on the files of one store, synchronous, as a Worker (or, without Workers, the main thread)
 * does it: write pieces, read them, reserve, sync.
 *
 * @module
 */

import * as fs from "node:fs";
import { DiskError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
import type { FileStat } from "../ports/disk.ts";
import { codeOf, toDiskError } from "./disk_errors.ts";
import { SPAN_NUMBERS, type StoreMemory, type StorePlan } from "./disk_messages.ts";
import type { OpenFiles } from "./open_files.ts";
import type { HashSource } from "./piece_hasher.ts";
import { WriteGuard } from "./write_guard.ts";

const READ_BYTES = MIB;
// What `blocks` of a stat counts, on every system.
const STAT_BLOCK_BYTES = 512;
/** Bytes that one `reserve` step writes, so that a Worker stays responsive. */
const RESERVE_BYTES: number = 16 * MIB;

// Writes below this size cost about as much as the two looks that guard one.
const GUARDED_BYTES = 65_536;

/** Bytes of a file, and where in memory they go. */
export interface Placed {
  readonly offset: number;
  readonly memory: Uint8Array;
  readonly start: number;
  readonly length: number;
}

/** The files of one store as one thread sees them. Every method throws `DiskError`. */
export class StoreFiles implements Disposable {
  readonly #plan: StorePlan;
  readonly #files: OpenFiles;
  readonly #pieces: Uint8Array;
  readonly #control: Int32Array;
  readonly #written = new Set<number>();
  readonly #guard: WriteGuard;

  /** The memory is shared with whoever sends the requests. */
  constructor(plan: StorePlan, memory: StoreMemory, files: OpenFiles) {
    this.#plan = plan;
    this.#files = files;
    this.#pieces = new Uint8Array(memory.pieces);
    this.#control = new Int32Array(memory.control);
    this.#guard = new WriteGuard(memory.guard, files.table.count, (file) => files.timeOf(file));
  }

  /** The memory of a slot's first `length` bytes. */
  slot(slot: number, length: number): Uint8Array {
    const start = slot * this.#plan.pieceBytes;
    return this.#pieces.subarray(start, start + length);
  }

  /** Writes the spans `rows[at...]` (`count` of them) of a piece; pad spans (file -1) are left out. */
  writeSpans(piece: Uint8Array, rows: Float64Array, at: number, count: number): void {
    for (let i = 0; i < count; i++, at += SPAN_NUMBERS) {
      const file = rows[at]!;
      if (file < 0) continue;
      const start = rows[at + 2]!;
      this.write(file, rows[at + 1]!, piece, start, rows[at + 3]!);
    }
  }

  /** Writes `length` bytes of `data` from `start` on to a file. */
  write(file: number, offset: number, data: Uint8Array, start = 0, length = data.length): void {
    const willFill = offset === 0 && length === this.#files.table.length(file);
    const fd = this.#files.forWriting(file, willFill);
    this.#written.add(file);
    const isShort = length < GUARDED_BYTES;
    const number = this.#guard.begin(file, isShort);
    try {
      for (let done = 0; done < length;) {
        done += fs.writeSync(fd, data, start + done, length - done, offset + done);
      }
    } catch (error) {
      throw toDiskError(error, this.#files.path(file), "write");
    } finally {
      this.#guard.end(file, number, isShort);
    }
  }

  /** Reads up to `into.length` bytes; fewer at the end of the file, 0 where there is no file. */
  read(file: number, offset: number, into: Uint8Array): number {
    const fd = this.#files.forReading(file);
    if (fd === undefined) return 0;
    return this.#readFully(fd, file, { offset, memory: into, start: 0, length: into.length });
  }

  /**
   * Reads a span of a verified file, of which not a byte may be missing; where `time` is not 0, it must
   * have been changed last at that time.
   *
   * @throws {DiskError} kind `missing` or `changed`, too.
   */
  readVerified(file: number, time: number, where: Placed): void {
    const fd = time === 0 ? this.#files.forReading(file) : this.#files.forReadingSame(file, time);
    if (fd === undefined && time !== 0 && this.#files.stat(file) !== undefined) {
      throw this.#lost(file, "changed", "it was changed");
    }
    const got = fd === undefined ? 0 : this.#readFully(fd, file, where);
    if (got < where.length) throw this.#lost(file, "missing", "it is gone or shorter than it was");
  }

  /** Closes a file, and looks anew before it is opened again. */
  forget(file: number): void {
    this.#guard.forget(file);
    this.#files.forget(file);
  }

  /** The piece that the spans `rows[at...]` (`count` of them) make, as it lies on the disk. */
  pieceOnDisk(rows: Float64Array, at: number, count: number): HashSource {
    let length = 0;
    for (let i = 0; i < count; i++) length += rows[at + i * SPAN_NUMBERS + 3]!;
    return {
      length,
      read: (offset, into) => this.#readPiece(rows.subarray(at), count, { offset, into }),
    };
  }

  /** Creates a file that has no bytes. */
  createEmpty(file: number): void {
    this.#files.forWriting(file, true);
    this.#written.add(file);
  }

  /** Gives the name of a file to another one below the root; false where it is taken or cannot be given. */
  adopt(file: number, draft: string): boolean {
    return this.#files.adopt(file, draft);
  }

  /** Calls `visit` with a function that tells what is at a file's path. */
  statAll(visit: (look: (file: number) => FileStat | undefined) => void): void {
    this.#files.statAll(visit);
  }

  /**
   * Takes up to {@link RESERVE_BYTES} of a file's space from `from` on; returns where to go on, which
   * is the file's length when it is done. Bytes that are there stay as they are.
   */
  reserve(file: number, from: number): number {
    const length = this.#files.table.length(file)!;
    const path = this.#files.path(file);
    try {
      const fd = this.#files.forWriting(file, true);
      if ((Deno.lstatSync(path).blocks ?? 0) * STAT_BLOCK_BYTES >= length) return length;
      const end = Math.min(length, from + RESERVE_BYTES);
      const scratch = new Uint8Array(READ_BYTES);
      // Holes of a sparse file read as zeros and are taken by writing those back.
      for (let at = from; at < end; at += READ_BYTES) {
        const step = Math.min(READ_BYTES, end - at);
        const got = this.#readFully(fd, file, {
          offset: at,
          memory: scratch,
          start: 0,
          length: step,
        });
        scratch.fill(0, got, step);
        this.write(file, at, scratch, 0, step);
      }
      return end;
    } catch (error) {
      throw toDiskError(error, path, "allocate");
    }
  }

  /** Makes what a file holds durable, whoever wrote it. A file that is not there is none of its business. */
  syncFile(file: number): void {
    if (this.#written.has(file)) return;
    const fd = this.#files.forReading(file);
    if (fd === undefined) return;
    try {
      fs.fdatasyncSync(fd);
    } catch (error) {
      // Windows syncs only what may be written to.
      if (codeOf(error) === "EPERM") return;
      throw toDiskError(error, this.#files.path(file), "sync");
    }
  }

  /** Makes everything that this thread wrote durable. */
  sync(): void {
    for (const file of this.#written) {
      try {
        fs.fdatasyncSync(this.#files.forWriting(file, false));
      } catch (error) {
        throw toDiskError(error, this.#files.path(file), "sync");
      }
      this.#written.delete(file);
    }
    this.#files.syncFolders();
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#files.closeAll();
  }

  // False where a file is missing or short, and once the store is being closed.
  #readPiece(
    spans: Float64Array,
    count: number,
    { offset, into }: { offset: number; into: Uint8Array },
  ): boolean {
    const end = offset + into.length;
    for (let i = 0; i < count; i++) {
      const at = i * SPAN_NUMBERS;
      const start = spans[at + 2]!;
      const from = Math.max(offset, start);
      const to = Math.min(end, start + spans[at + 3]!);
      if (from >= to) continue;
      if (Atomics.load(this.#control, 0) !== 0) return false;
      const part = into.subarray(from - offset, to - offset);
      const file = spans[at]!;
      if (file < 0) part.fill(0);
      else if (this.read(file, spans[at + 1]! + from - start, part) < part.length) return false;
    }
    return true;
  }

  #lost(file: number, kind: "missing" | "changed", why: string): DiskError {
    const path = this.#files.path(file);
    return new DiskError(`Cannot read "${path}": ${why}`, { path, operation: "read", kind });
  }

  #readFully(fd: number, file: number, { offset, memory, start, length }: Placed): number {
    let done = 0;
    try {
      while (done < length) {
        const got = fs.readSync(fd, memory, start + done, length - done, offset + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw toDiskError(error, this.#files.path(file), "read");
    }
    return done;
  }
}
