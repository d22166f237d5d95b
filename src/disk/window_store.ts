/**
 * The files of a torrent that is never written anywhere: a piece that has verified stays in the memory it
 * came in until it is let go.
 *
 * Memory and hashing are those of another store, whose files are neither looked at nor changed. Its buffers
 * are the bound: a piece that is held is one buffer less for others.
 *
 * @module
 */

import { BugError, DiskError } from "../base/errors.ts";
import type {
  FileSpan,
  FileStat,
  FileStore,
  OnVerdict,
  PieceBuffer,
  PieceDigests,
  PieceJob,
  PieceVerdict,
  ReceiveBuffer,
  SendBuffer,
  SpanFault,
  SpanRows,
  StoreSpec,
} from "../ports/disk.ts";
import { SHA1_BYTES } from "./disk_metainfo.ts";
import { eachByItself } from "./piece_jobs.ts";

/** A store in memory alone. */
export class WindowStore implements FileStore {
  readonly #inner: FileStore;
  readonly #pieceBytes: number;
  readonly #paths: readonly string[];
  /** Where each file begins within the torrent. */
  readonly #starts: Float64Array;
  readonly #held = new Map<number, HeldBuffer>();

  /** Takes the store, which was opened with this spec and is used for nothing else. */
  constructor(inner: FileStore, spec: StoreSpec) {
    this.#inner = inner;
    this.#pieceBytes = spec.pieceBytes;
    this.#paths = spec.files.map(({ path }) => path.join("/"));
    this.#starts = new Float64Array(spec.files.length);
    let at = 0;
    spec.files.forEach(({ length }, file) => {
      this.#starts[file] = at;
      at += length;
    });
  }

  get freeBuffers(): number {
    return this.#inner.freeBuffers;
  }

  allocate(): PieceBuffer | undefined {
    const inner = this.#inner.allocate();
    return inner && new HeldBuffer(inner);
  }

  receiveBuffer(): ReceiveBuffer | undefined {
    return this.#inner.receiveBuffer();
  }

  /** Hashes a piece and, if it is right, holds it. */
  async hashThenWrite(job: PieceJob): Promise<PieceVerdict> {
    const { buffer, spans, length, expected, expectedAt = 0, wantBlockDigests = false } = job;
    const span = spans[0];
    if (!(buffer instanceof HeldBuffer) || span === undefined) {
      throw new BugError("Cannot hold a piece: it is of another store, or of no file");
    }
    const bare = {
      buffer: buffer.inner,
      length,
      expected,
      expectedAt,
      wantBlockDigests,
      spans: [],
    };
    const verdict = await this.#inner.hashThenWrite(bare);
    if (!verdict.isGood) return verdict;
    const piece = Math.floor((this.#starts[span.file]! + span.offset) / this.#pieceBytes);
    this.letGo(piece);
    buffer.hold();
    this.#held.set(piece, buffer);
    return verdict;
  }

  hashThenWriteAll(jobs: readonly PieceJob[], onVerdict: OnVerdict): Promise<void> {
    return eachByItself(this, jobs, onVerdict);
  }

  /** The memory of a piece is free again; what of it is asked for is missing. */
  letGo(piece: number): void {
    this.#held.get(piece)?.letGo();
    this.#held.delete(piece);
  }

  digest(pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests> {
    const digests = new Uint8Array(pieces.length * SHA1_BYTES);
    return Promise.resolve({ digests, isWhole: new Uint8Array(pieces.length) });
  }

  write(): Promise<void> {
    return NOTHING;
  }

  read(file: number, offset: number, into: Uint8Array): Promise<number> {
    return Promise.resolve(this.#copy(file, offset, into));
  }

  sendBuffer(): SendBuffer {
    return this.#inner.sendBuffer();
  }

  gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]> {
    const faults: SpanFault[] = [];
    for (let row = 0; row < spans.count; row++) {
      const [file, offset, start, length] = spans.numbers.subarray(row * 5);
      const into = buffer.bytes.subarray(start!, start! + length!);
      if (file! < 0) into.fill(0);
      else if (this.#copy(file!, offset!, into) < length!) {
        faults.push({ row, error: this.#gone(file!) });
      }
    }
    return Promise.resolve(faults);
  }

  forget(): Promise<void> {
    return NOTHING;
  }

  createEmpty(): Promise<void> {
    return NOTHING;
  }

  stat(): Promise<FileStat | undefined> {
    return Promise.resolve(undefined);
  }

  statMany(files: readonly number[]): Promise<undefined[]> {
    return Promise.resolve(files.map(() => undefined));
  }

  reserve(): Promise<void> {
    return NOTHING;
  }

  sync(): Promise<void> {
    return NOTHING;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const piece of [...this.#held.keys()]) this.letGo(piece);
    await this.#inner[Symbol.asyncDispose]();
  }

  /** Copies what is held from there on, without a gap; returns how much that is. */
  #copy(file: number, offset: number, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const at = this.#starts[file]! + offset + done;
      const piece = Math.floor(at / this.#pieceBytes);
      const begin = at - piece * this.#pieceBytes;
      const part = this.#held.get(piece)?.bytes.subarray(begin, begin + into.length - done);
      if (part === undefined || part.length === 0) break;
      into.set(part, done);
      done += part.length;
    }
    return done;
  }

  #gone(file: number): DiskError {
    const path = this.#paths[file]!;
    return new DiskError(`Cannot read "${path}": it is held in memory no longer`, {
      path,
      operation: "read",
      kind: "missing",
    });
  }
}

/** A buffer that outlives its assembly: it is free when it is both released and not held. */
class HeldBuffer implements PieceBuffer {
  readonly inner: PieceBuffer;
  readonly bytes: Uint8Array;
  #isHeld = false;
  #isReleased = false;

  constructor(inner: PieceBuffer) {
    this.inner = inner;
    this.bytes = inner.bytes;
  }

  put(data: Uint8Array, at: number): void {
    this.inner.put(data, at);
  }

  release(): void {
    this.#isReleased = true;
    if (!this.#isHeld) this.inner.release();
  }

  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    if (this.#isReleased) this.inner.release();
  }
}

const NOTHING = Promise.resolve();
