/**
 * The files of one torrent on a memory disk.
 *
 * @module
 */

import { DiskError } from "../../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../../src/base/units.ts";
import {
  type FileSpan,
  type FileStat,
  type FileStore,
  type OnVerdict,
  type PieceBuffer,
  type PieceDigests,
  type PieceJob,
  type PieceVerdict,
  SEND_BYTES,
  type SendBuffer,
  type SpanFault,
  type SpanRows,
  type StoreSpec,
} from "../../../src/ports/disk.ts";
import type { Hasher } from "../../../src/ports/hash.ts";
import { SHA1_BYTES } from "../../../src/disk/disk_metainfo.ts";
import { eachByItself } from "../../../src/disk/piece_jobs.ts";
import { newPieceBuffer } from "../../support/piece_buffer.ts";
import { expectedOf } from "../../support/expected_of.ts";

/** One file. */
export interface MemoryFile {
  /** Its content. */
  bytes: Uint8Array;
  /** Grows with every change. */
  mtimeMs: number;
  /** Another number for another file at the same path. */
  readonly id: number;
}

/** Where the files are kept. */
export interface Volume {
  /** What is there, by path. */
  readonly files: Map<string, MemoryFile>;
  /** How it behaves. */
  readonly options: { readonly hasher: Hasher };
  /** Lets the latency pass. */
  pass(): Promise<void>;
  /** SHA-1 is the expected one. */
  isGood(piece: Uint8Array, expected: Uint8Array): boolean;
  /** Writes to a file that grows as needed, at least to `sizedTo` bytes; throws `DiskError`. */
  write(path: string, offset: number, data: Uint8Array, sizedTo?: number): void;
}

/** The files of one torrent on a {@link Volume}. */
export class MemoryStore implements FileStore {
  readonly #disk: Volume;
  readonly #spec: StoreSpec;
  readonly #paths: readonly string[];
  readonly #sendBytes: Uint8Array[] = [];
  #free: number;

  constructor(disk: Volume, spec: StoreSpec) {
    this.#disk = disk;
    this.#spec = spec;
    this.#paths = spec.files.map(({ path }) => `${spec.root}/${path.join("/")}`);
    this.#free = Math.max(2, Math.floor(spec.bufferBytes / spec.pieceBytes));
  }

  get freeBuffers(): number {
    return this.#free;
  }

  allocate(): PieceBuffer | undefined {
    if (this.#free === 0) return undefined;
    this.#free--;
    return newPieceBuffer(this.#spec.pieceBytes, () => this.#free++);
  }

  receiveBuffer(): undefined {
    return undefined;
  }

  async hashThenWrite(job: PieceJob): Promise<PieceVerdict> {
    await this.#disk.pass();
    const piece = job.buffer.bytes.subarray(0, job.length);
    const isGood = this.#disk.isGood(piece, expectedOf(job));
    if (isGood) this.#writePiece(piece, job.spans);
    const wantsDigests = !isGood || job.wantBlockDigests === true;
    return wantsDigests ? { isGood, blockDigests: this.#blockDigests(piece) } : { isGood };
  }

  hashThenWriteAll(jobs: readonly PieceJob[], onVerdict: OnVerdict): Promise<void> {
    return eachByItself(this, jobs, onVerdict);
  }

  async digest(pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests> {
    await this.#disk.pass();
    const digests = new Uint8Array(pieces.length * SHA1_BYTES);
    const isWhole = Uint8Array.from(pieces, (spans, i) => {
      const piece = this.#gather(spans);
      if (piece) digests.set(this.#disk.options.hasher.sha1(piece), i * SHA1_BYTES);
      return piece ? 1 : 0;
    });
    return { digests, isWhole };
  }

  async write(file: number, offset: number, data: Uint8Array): Promise<void> {
    await this.#disk.pass();
    this.#writeFile(file, offset, data);
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    await this.#disk.pass();
    const bytes = this.#disk.files.get(this.#paths[file]!)?.bytes
      .subarray(offset, offset + into.length);
    into.set(bytes ?? []);
    return bytes?.length ?? 0;
  }

  sendBuffer(): SendBuffer {
    const bytes = this.#sendBytes.pop() ?? new Uint8Array(SEND_BYTES);
    let isHeld = true;
    const release = () => {
      if (isHeld) this.#sendBytes.push(bytes);
      isHeld = false;
    };
    return { bytes, release };
  }

  async gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]> {
    await this.#disk.pass();
    const faults: SpanFault[] = [];
    for (let row = 0; row < spans.count; row++) {
      const [file, offset, start, length, time] = spans.numbers.subarray(row * 5);
      const into = buffer.bytes.subarray(start!, start! + length!);
      if (file! < 0) into.fill(0);
      else {
        const error = this.#readVerified(file!, { offset: offset!, time: time! }, into);
        if (error) faults.push({ row, error });
      }
    }
    return faults;
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  async createEmpty(file: number): Promise<void> {
    await this.#disk.pass();
    this.#disk.write(this.#paths[file]!, 0, new Uint8Array(0));
  }

  async adopt(file: number, draft: string): Promise<boolean> {
    await this.#disk.pass();
    const [from, to] = [`${this.#spec.root}/${draft}`, this.#paths[file]!];
    const found = this.#disk.files.get(from);
    if (found === undefined || this.#disk.files.has(to)) return false;
    this.#disk.files.delete(from);
    this.#disk.files.set(to, found);
    return true;
  }

  async stat(file: number): Promise<FileStat | undefined> {
    const [found] = await this.statMany([file]);
    if (found instanceof DiskError) throw found;
    return found;
  }

  async statMany(files: readonly number[]): Promise<(FileStat | DiskError | undefined)[]> {
    await this.#disk.pass();
    return files.map((file) => {
      const path = this.#paths[file]!;
      const found = this.#disk.files.get(path);
      return found && { size: found.bytes.length, mtimeMs: found.mtimeMs, id: found.id };
    });
  }

  async reserve(files: readonly number[]): Promise<void> {
    await this.#disk.pass();
    for (const file of files) this.#writeFile(file, 0, new Uint8Array(0));
  }

  sync(): Promise<void> {
    return this.#disk.pass();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #writePiece(piece: Uint8Array, spans: readonly FileSpan[]): void {
    for (const { file, offset, start, length } of spans) {
      if (file >= 0) this.#writeFile(file, offset, piece.subarray(start, start + length));
    }
  }

  #writeFile(file: number, offset: number, data: Uint8Array): void {
    const sizedTo = this.#spec.allocation === "none" ? 0 : this.#spec.files[file]!.length;
    this.#disk.write(this.#paths[file]!, offset, data, sizedTo);
  }

  #readVerified(
    file: number,
    { offset, time }: { offset: number; time: number },
    into: Uint8Array,
  ): DiskError | undefined {
    const path = this.#paths[file]!;
    const found = this.#disk.files.get(path);
    const isChanged = found !== undefined && time !== 0 && found.mtimeMs !== time;
    const bytes = found?.bytes.subarray(offset, offset + into.length);
    if (!isChanged && bytes?.length === into.length) {
      into.set(bytes);
      return undefined;
    }
    const [kind, why] = isChanged ? ["changed", "was changed"] as const : [
      "missing",
      "is gone or shorter than it was",
    ] as const;
    return new DiskError(`Cannot read "${path}": it ${why}`, { path, operation: "read", kind });
  }

  #gather(spans: readonly FileSpan[]): Uint8Array | undefined {
    const last = spans[spans.length - 1];
    const piece = new Uint8Array(last ? last.start + last.length : 0);
    for (const { file, offset, start, length } of spans) {
      if (file < 0) continue;
      const bytes = this.#disk.files.get(this.#paths[file]!)?.bytes
        .subarray(offset, offset + length);
      if (bytes?.length !== length) return undefined;
      piece.set(bytes, start);
    }
    return piece;
  }

  #blockDigests(piece: Uint8Array): Uint8Array {
    const blocks = Math.ceil(piece.length / BLOCK_BYTES);
    const out = new Uint8Array(blocks * SHA1_BYTES);
    for (let i = 0; i < blocks; i++) {
      const block = piece.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      out.set(this.#disk.options.hasher.sha1(block), i * SHA1_BYTES);
    }
    return out;
  }
}
