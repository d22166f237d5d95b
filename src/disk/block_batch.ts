/**
 * Reads a batch of blocks of verified pieces, each to the place it leaves from.
 *
 * Blocks whose bytes lie in files are all read by one call of the store. The few others go one by one:
 * those with bytes in the side file, and those of files that somebody has changed, whose piece is hashed
 * before it is given.
 *
 * Hot path, once per block sent: nothing is allocated.
 *
 * @module
 */

import { BugError, DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import { SpanList } from "../metainfo/span_list.ts";
import type { FileStore, SendBuffer, SpanFault } from "../ports/disk.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { FileWatch } from "./file_watch.ts";

/** Where blocks are read from. */
export interface BlockSource {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  readonly watch: Pick<FileWatch, "isSuspect" | "examine" | "clear" | "culpritOf">;
  /** When a file was last changed before it was verified; 0 while it is being written to. */
  timeOf(file: number): number;
  /** Whether bytes of the piece are in the side file. */
  isKept(piece: PieceIndex): boolean;
  /** Reads any bytes of a piece. */
  read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void>;
  /** Nothing is closed before the work is done. */
  track<T>(work: Promise<T>): Promise<T>;
}

/** A block that a peer asked for, within its piece. */
export interface WantedBlock {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** A block that could not be read. */
export interface LostBlock {
  /** Number of the block within the batch. */
  readonly block: number;
  /** Why: its piece should not be offered any more. */
  readonly error: DiskError;
  /** The file that is to blame. */
  readonly file: number;
}

/** Columns of a block: `<piece><begin><length><place>`. */
const COLUMNS = 4;

/** One batch after the other, for one peer. */
export class BlockBatch {
  readonly #source: BlockSource;
  readonly #spans = new SpanList();
  #blocks = new Float64Array(16 * COLUMNS);
  #count = 0;
  // The block of each span.
  #owners = new Int32Array(16);
  readonly #slow: number[] = [];
  #buffer: SendBuffer | undefined;

  constructor(source: BlockSource) {
    this.#source = source;
  }

  /** Begins a batch: takes the memory for it, `SEND_BYTES` long, which is held until {@link end}. */
  begin(): Uint8Array {
    this.#buffer ??= this.#source.store.sendBuffer();
    this.#spans.clear();
    this.#slow.length = 0;
    this.#count = 0;
    return this.#buffer.bytes;
  }

  /** Blocks of this batch. */
  get count(): number {
    return this.#count;
  }

  /** Where the bytes of a block of this batch are put. */
  placeOf(block: number): number {
    return this.#blocks[block * COLUMNS + 3]!;
  }

  /** Bytes of a block of this batch. */
  lengthOf(block: number): number {
    return this.#blocks[block * COLUMNS + 2]!;
  }

  /** The block itself. */
  blockAt(block: number): WantedBlock {
    const [piece, begin, length] = this.#blocks.subarray(block * COLUMNS);
    return { piece: piece!, begin: begin!, length: length! };
  }

  /** One more block, to be put at `place`. */
  add(wanted: WantedBlock, place: number): void {
    const { piece, begin, length } = wanted;
    const block = this.#count++;
    const at = block * COLUMNS;
    if (at === this.#blocks.length) this.#blocks = doubled(this.#blocks);
    this.#blocks[at] = piece;
    this.#blocks[at + 1] = begin;
    this.#blocks[at + 2] = length;
    this.#blocks[at + 3] = place;
    const source = this.#source;
    if (source.watch.isSuspect(piece) || source.isKept(piece as PieceIndex)) {
      this.#slow.push(block);
      return;
    }
    const spans = this.#spans;
    const first = spans.count;
    const { fileMap, pieceMap } = source.metainfo;
    fileMap.addSpans(spans, place, pieceMap.pieceOffset(piece as PieceIndex) + begin, length);
    for (let i = first; i < spans.count; i++) {
      if (i === this.#owners.length) this.#owners = doubled(this.#owners);
      this.#owners[i] = block;
      const file = spans.fileOf(i);
      if (file >= 0) spans.expect(i, source.timeOf(file));
    }
  }

  /** Reads all of it; tells which blocks could not be read, mostly none. */
  read(): Promise<readonly LostBlock[]> {
    return this.#source.track(this.#read());
  }

  /** Gives the memory back. Must not be called while it is read into or sent from. */
  end(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
  }

  async #read(): Promise<readonly LostBlock[]> {
    const buffer = this.#buffer;
    if (buffer === undefined) throw new BugError("Cannot read a batch: it has not begun");
    const faults = this.#spans.count === 0
      ? NOTHING_LOST
      : await this.#source.store.gather(buffer, this.#spans);
    if (faults.length === 0 && this.#slow.length === 0) return NOTHING_LOST;
    return await this.#readSlowly(buffer.bytes, faults);
  }

  async #readSlowly(bytes: Uint8Array, faults: readonly SpanFault[]): Promise<LostBlock[]> {
    const { watch } = this.#source;
    const lost = new Map<number, LostBlock>();
    const again = new Set(this.#slow);
    for (const { row, error } of faults) {
      const block = this.#owners[row]!;
      const file = this.#spans.fileOf(row);
      watch.examine(file);
      if (error.kind === "changed") again.add(block);
      else lost.set(block, { block, error, file });
    }
    for (const block of again) {
      if (lost.has(block)) continue;
      const { piece, begin, length } = this.blockAt(block);
      const place = this.placeOf(block);
      try {
        await watch.clear(piece as PieceIndex);
        await this.#source.read(piece as PieceIndex, begin, bytes.subarray(place, place + length));
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        lost.set(block, { block, error, file: watch.culpritOf(piece as PieceIndex) });
      }
    }
    return [...lost.values()];
  }
}

const NOTHING_LOST: readonly never[] = [];

function doubled<T extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(columns: T): T {
  const grown = new (columns.constructor as new (length: number) => T)(2 * columns.length);
  grown.set(columns);
  return grown;
}
