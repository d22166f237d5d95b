/**
 * The work on the files of one store, synchronous, as a Worker (or, without Workers, the main thread)
 * does it: hash and write a piece, hash pieces where they lie, read, write, reserve, sync.
 *
 * @module
 */

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { BLOCK_BYTES, MIB } from "../base/units.ts";
import type { FileStat, StoreSpec } from "../ports/disk.ts";
import { toDiskError } from "./disk_errors.ts";
import { SPAN_NUMBERS, type StoreMemory } from "./disk_messages.ts";
import type { OpenFiles } from "./open_files.ts";

const DIGEST_BYTES = 20;
// What a check reads at a time. Larger reads fall out of the processor's cache before they are hashed.
const READ_BYTES = MIB;
/** Bytes that one `reserve` step writes, so that a Worker stays responsive. */
export const RESERVE_BYTES: number = 16 * MIB;

/** The files of one store as one thread sees them. Every method throws `DiskError`. */
export class StoreFiles implements Disposable {
  readonly #spec: StoreSpec;
  readonly #files: OpenFiles;
  readonly #pieces: Uint8Array;
  readonly #control: Int32Array;
  readonly #written = new Set<number>();
  #scratch: Uint8Array | undefined;

  /** The memory is shared with whoever sends the requests. */
  constructor(spec: StoreSpec, memory: StoreMemory, files: OpenFiles) {
    this.#spec = spec;
    this.#files = files;
    this.#pieces = new Uint8Array(memory.pieces);
    this.#control = new Int32Array(memory.control);
  }

  /** The memory of a slot's first `length` bytes. */
  slot(slot: number, length: number): Uint8Array {
    const start = slot * this.#spec.pieceBytes;
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
    const willFill = offset === 0 && length === this.#spec.files[file]?.length;
    const fd = this.#files.forWriting(file, willFill);
    this.#written.add(file);
    try {
      for (let done = 0; done < length;) {
        done += fs.writeSync(fd, data, start + done, length - done, offset + done);
      }
    } catch (error) {
      throw toDiskError(error, this.#files.path(file), "write");
    }
  }

  /** Reads up to `into.length` bytes; fewer at the end of the file, 0 where there is no file. */
  read(file: number, offset: number, into: Uint8Array): number {
    const fd = this.#files.forReading(file);
    if (fd === undefined) return 0;
    return this.#readFully(fd, file, { offset, into, length: into.length });
  }

  /**
   * Whether the piece that the spans `rows[at...]` make is on the disk. Missing or short files and a
   * store that is being closed make it false.
   */
  isPieceGood(rows: Float64Array, at: number, count: number, expected: Uint8Array): boolean {
    const hash = createHash("sha1");
    const scratch = this.#scratch ??= new Uint8Array(READ_BYTES);
    for (let i = 0; i < count; i++, at += SPAN_NUMBERS) {
      const file = rows[at]!;
      const length = rows[at + 3]!;
      const fd = file < 0 ? -1 : this.#files.forReading(file);
      if (fd === undefined) return false;
      if (fd === -1) scratch.fill(0, 0, Math.min(length, READ_BYTES));
      for (let done = 0; done < length;) {
        if (Atomics.load(this.#control, 0) !== 0) return false;
        const step = Math.min(READ_BYTES, length - done);
        if (fd !== -1) {
          const offset = rows[at + 1]! + done;
          const got = this.#readFully(fd, file, { offset, into: scratch, length: step });
          if (got < step) return false;
        }
        hash.update(step === READ_BYTES ? scratch : scratch.subarray(0, step));
        done += step;
      }
    }
    return isSame(hash.digest(), expected);
  }

  /** Creates a file that has no bytes. */
  createEmpty(file: number): void {
    this.#files.forWriting(file, true);
    this.#written.add(file);
  }

  /** What is at a file's path. */
  stat(file: number): FileStat | undefined {
    return this.#files.stat(file);
  }

  /**
   * Takes up to {@link RESERVE_BYTES} of a file's space from `from` on; returns where to go on, which
   * is the file's length when it is done. Bytes that are there stay as they are.
   */
  reserve(file: number, from: number): number {
    const length = this.#spec.files[file]!.length;
    const fd = this.#files.forWriting(file, true);
    this.#written.add(file);
    const path = this.#files.path(file);
    const scratch = new Uint8Array(READ_BYTES);
    const end = Math.min(length, from + RESERVE_BYTES);
    try {
      // Holes of a sparse file read as zeros and are taken by writing those back.
      for (let at = from; at < end;) {
        const step = Math.min(READ_BYTES, end - at);
        const got = this.#readFully(fd, file, { offset: at, into: scratch, length: step });
        scratch.fill(0, got, step);
        if (isZero(scratch, step)) fs.writeSync(fd, scratch, 0, step, at);
        at += step;
      }
    } catch (error) {
      throw toDiskError(error, path, "allocate");
    }
    return end;
  }

  /** Makes everything that this thread wrote durable. */
  sync(): void {
    for (const file of this.#written) {
      const fd = this.#files.forReading(file);
      if (fd === undefined) continue;
      try {
        fs.fdatasyncSync(fd);
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

  #readFully(
    fd: number,
    file: number,
    { offset, into, length }: { offset: number; into: Uint8Array; length: number },
  ): number {
    let done = 0;
    try {
      while (done < length) {
        const got = fs.readSync(fd, into, done, length - done, offset + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      throw toDiskError(error, this.#files.path(file), "read");
    }
    return done;
  }
}

/** SHA-1 of a piece is the expected one. */
export function hasDigest(piece: Uint8Array, expected: Uint8Array): boolean {
  return isSame(createHash("sha1").update(piece).digest(), expected);
}

/** SHA-1 of every block of a piece, 20 bytes each. */
export function blockDigests(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil(piece.length / BLOCK_BYTES);
  const out = new Uint8Array(blocks * DIGEST_BYTES);
  for (let i = 0; i < blocks; i++) {
    const block = piece.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    out.set(createHash("sha1").update(block).digest(), i * DIGEST_BYTES);
  }
  return out;
}

function isSame(digest: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < DIGEST_BYTES; i++) if (digest[i] !== expected[i]) return false;
  return true;
}

function isZero(bytes: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[i] !== 0) return false;
  return true;
}
