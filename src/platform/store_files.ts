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
import { DIGEST_BYTES, digestPiece, MAX_COPIED_BYTES } from "./piece_hash.ts";

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
  #scratch = new Uint8Array(0);

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
   * SHA-1 of the piece that the spans `rows[at...]` make on the disk; `undefined` where a file is missing
   * or short, or the store is being closed. What is read is done with when this returns.
   */
  digestOf(
    rows: Float64Array,
    at: number,
    count: number,
  ): Uint8Array | Promise<Uint8Array> | undefined {
    let length = 0;
    for (let i = 0; i < count; i++) length += rows[at + i * SPAN_NUMBERS + 3]!;
    if (length > MAX_COPIED_BYTES) return this.#digestInSteps(rows, at, count);
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    const piece = this.#scratch.subarray(0, length);
    for (let i = 0, start = 0; i < count; i++, at += SPAN_NUMBERS) {
      const file = rows[at]!;
      const bytes = rows[at + 3]!;
      const into = piece.subarray(start, start += bytes);
      if (file < 0) into.fill(0);
      else if (this.#isClosing || this.read(file, rows[at + 1]!, into) < bytes) return undefined;
    }
    return digestPiece(piece);
  }

  #digestInSteps(rows: Float64Array, at: number, count: number): Uint8Array | undefined {
    const hash = createHash("sha1");
    const step = new Uint8Array(READ_BYTES);
    for (let i = 0; i < count; i++, at += SPAN_NUMBERS) {
      const file = rows[at]!;
      const length = rows[at + 3]!;
      for (let done = 0; done < length; done += READ_BYTES) {
        const into = step.subarray(0, Math.min(READ_BYTES, length - done));
        if (file < 0) into.fill(0);
        else if (this.#isClosing || this.read(file, rows[at + 1]! + done, into) < into.length) {
          return undefined;
        }
        hash.update(into);
      }
    }
    return hash.digest();
  }

  get #isClosing(): boolean {
    return Atomics.load(this.#control, 0) !== 0;
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

/** Whether a digest is the expected one. */
export function isSame(digest: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < DIGEST_BYTES; i++) if (digest[i] !== expected[i]) return false;
  return true;
}

function isZero(bytes: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[i] !== 0) return false;
  return true;
}
