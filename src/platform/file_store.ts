/**
 * The files of one torrent on the real disk: piece buffers on shared memory, and jobs handed to two
 * pools.
 *
 * Heavy work (hashing, writing) is done in Workers; looks at files begin on the calling thread, and pieces
 * are written there until a Worker has come up, so that a download need not wait for one. A small torrent is
 * done with before a Worker would be ready and never starts one.
 *
 * A buffer is a slot of the store's shared memory; free slots are reused last in, first out, so memory
 * follows what is in use and not the budget.
 *
 * @module
 */

import { BugError, type DiskError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
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
import { fromPlain } from "./disk_errors.ts";
import {
  packSpans,
  SPAN_NUMBERS,
  STAGE_BYTES,
  STAT_NUMBERS,
  type StoreMemory,
} from "./disk_messages.ts";
import type { DiskPool } from "./disk_pool.ts";
import { packFiles } from "./packed_files.ts";
import { PieceMemory } from "./piece_memory.ts";
import { SlotBuffer, Slots } from "./piece_slots.ts";
import { SendReader } from "./send_reader.ts";
import { guardBytes, WriteGuard } from "./write_guard.ts";

const LEAST_SLOTS = 2;
// Pieces that may wait for their verdict, as many as a few lanes take at a time; more of small ones, which cost
// more to wait for than to hash. What is beyond that waits at the peers and costs no memory.
const LEAST_JUDGED = 32;
const MOST_JUDGED_BYTES = 4 * MIB;
const STAGE_SLOTS = 4;
// Files asked about in one message.
const STAT_FILES = 1024;
// Files that are looked at on the calling thread at a time, the rest in a Worker: 4 ms at 10 us each.
const FEW_FILES = 400;
// Pieces up to this size may be hashed and written on the calling thread: a few milliseconds each.
const MOST_HERE_BYTES = 2 * MIB;
// Torrents up to this size are served on the calling thread.
const SMALL_BYTES = 16 * MIB;

/** Where work is done; both may be the same. */
export interface Pools {
  /** Hashing, writing and reading. */
  readonly heavy: DiskPool;
  /** Looks, and all the work of small torrents. */
  readonly light: DiskPool;
}

// A store as a pool knows it.
interface Place {
  readonly pool: DiskPool;
  readonly store: number;
}

/** A store whose work the pools do. */
export class PooledStore implements FileStore {
  readonly #spec: StoreSpec;
  readonly #memory: StoreMemory;
  readonly #guard: WriteGuard;
  readonly #pieces: PieceMemory;
  readonly #heavy: Place;
  readonly #light: Place;
  readonly #sending: SendReader;
  // A Worker is on its way: until it has answered once, pieces are not kept waiting for it.
  #isWorkerDue = false;
  readonly #slots: Slots;
  readonly #mostJudged: number;
  // Buffers that are handed out.
  #out = 0;
  // Pieces that a lane is asked to judge; their slots are in use.
  #judged = 0;
  readonly #freeStages: number[] = [];
  readonly #stageWaiters: ((stage: number) => void)[] = [];
  #closing: Promise<void> | undefined;

  readonly #giveBack = (): void => void this.#out--;
  readonly #hasFollowers = (): boolean => this.#out > this.#judged;
  readonly #slotOf = ({ buffer }: PieceJob): number => {
    if (buffer instanceof SlotBuffer && buffer.slots === this.#slots) return buffer.slot;
    throw new BugError("Cannot write a piece: its buffer is of another store");
  };

  /** Takes the memory and, for a large torrent, starts a Worker; no file is touched. */
  constructor(spec: StoreSpec, pools: Pools) {
    this.#spec = spec;
    let total = 0;
    for (const file of spec.files) total += file.length;
    const useful = Math.max(1, Math.ceil(total / spec.pieceBytes));
    const budget = Math.max(LEAST_SLOTS, Math.floor(spec.bufferBytes / spec.pieceBytes));
    const slots = Math.max(LEAST_SLOTS, Math.min(useful, budget));
    this.#pieces = new PieceMemory(slots * spec.pieceBytes);
    this.#mostJudged = Math.max(LEAST_JUDGED, MOST_JUDGED_BYTES / spec.pieceBytes);
    this.#slots = new Slots(this.#pieces, { count: slots, bytes: spec.pieceBytes });
    this.#memory = {
      pieces: this.#pieces.buffer,
      wasm: this.#pieces.wasm,
      stage: new SharedArrayBuffer(STAGE_SLOTS * STAGE_BYTES),
      seen: new SharedArrayBuffer(spec.files.length),
      guard: new SharedArrayBuffer(guardBytes(spec.files.length)),
      control: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    };
    this.#guard = new WriteGuard(this.#memory.guard, spec.files.length, () => 0);
    for (let i = STAGE_SLOTS - 1; i >= 0; i--) this.#freeStages.push(i);
    const { root, pieceBytes, allocation, followsLinks = false } = spec;
    const plan = { root, pieceBytes, allocation, files: packFiles(spec.files), followsLinks };
    const placeIn = (pool: DiskPool) => ({ pool, store: pool.open(plan, this.#memory) });
    this.#light = placeIn(pools.light);
    const isAlone = total <= SMALL_BYTES || pools.heavy === pools.light;
    this.#heavy = isAlone ? this.#light : placeIn(pools.heavy);
    if (!isAlone) this.#startWorker();
    this.#sending = new SendReader(this.#light, this.#heavy);
  }

  get freeBuffers(): number {
    return this.#judged < this.#mostJudged ? this.#slots.count - this.#out : 0;
  }

  allocate(): PieceBuffer | undefined {
    if (this.freeBuffers === 0) return undefined;
    this.#out++;
    return new SlotBuffer(this.#slots, this.#giveBack);
  }

  receiveBuffer(): ReceiveBuffer | undefined {
    return this.#pieces.receiveBuffer();
  }

  async hashThenWrite(job: PieceJob): Promise<PieceVerdict> {
    let found: PieceVerdict | undefined;
    await this.hashThenWriteAll([job], (verdict) => found = verdict);
    return found!;
  }

  async hashThenWriteAll(jobs: readonly PieceJob[], onVerdict: OnVerdict): Promise<void> {
    const isHere = this.#isWorkerDue && jobs.every(({ length }) => length <= MOST_HERE_BYTES);
    const { pool, store } = isHere ? this.#light : this.#heavy;
    const origin = { store, slotOf: this.#slotOf, hasFollowers: this.#hasFollowers };
    let left = jobs.length;
    this.#judged += left;
    try {
      await pool.writePieces(origin, jobs, (verdict, item) => {
        left--;
        this.#judged--;
        onVerdict(verdict, item);
      });
    } finally {
      this.#judged -= left;
    }
  }

  async digest(pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests> {
    let numbers = 0;
    let bytes = 0;
    for (const spans of pieces) {
      numbers += 1 + spans.length * SPAN_NUMBERS;
      for (const span of spans) bytes += span.length;
    }
    const rows = new Float64Array(numbers);
    let at = 0;
    for (const spans of pieces) {
      rows[at] = spans.length;
      at = packSpans(rows, at + 1, spans);
    }
    const { pool, store } = this.#heavy;
    const { values, digests } = await pool.request({ type: "digest", store, rows }, { bytes });
    return { digests: digests![0]!, isWhole: Uint8Array.from(values!) };
  }

  async write(file: number, offset: number, data: Uint8Array): Promise<void> {
    const { pool, store } = this.#heavy;
    // A copy: the caller's bytes may change, and may be a view of something large.
    const copy = Uint8Array.from(data);
    const request = { type: "write", store, file, offset, data: copy } as const;
    await pool.request(request, { bytes: data.length });
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    for (let done = 0; done < into.length;) {
      const length = Math.min(STAGE_BYTES, into.length - done);
      const got = await this.#readOnce(file, offset + done, into.subarray(done, done + length));
      done += got;
      if (got < length) return done;
    }
    return into.length;
  }

  sendBuffer(): SendBuffer {
    return this.#sending.buffer();
  }

  gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]> {
    return this.#sending.gather(buffer, spans);
  }

  takeChanged(): readonly number[] {
    return this.#guard.take();
  }

  forget(file: number): Promise<void> {
    return this.#broadcast({ type: "forget", file });
  }

  async createEmpty(file: number): Promise<void> {
    const { pool, store } = this.#light;
    await pool.request({ type: "create-empty", store, file });
  }

  async adopt(file: number, draft: string): Promise<boolean> {
    const { pool, store } = this.#light;
    const { values } = await pool.request({ type: "adopt", store, file, draft });
    return values![0] === 1;
  }

  async stat(file: number): Promise<FileStat | undefined> {
    const [found] = await this.statMany([file]);
    if (found instanceof Error) throw found;
    return found;
  }

  async statMany(files: readonly number[]): Promise<(FileStat | DiskError | undefined)[]> {
    const out: (FileStat | DiskError | undefined)[] = [];
    // Where there is nothing at all, a look costs little. The first that is found ends that.
    let at = 0;
    for (let isBare = true; at < files.length && isBare; at += FEW_FILES) {
      const found = await this.#statSome(this.#light, files.slice(at, at + FEW_FILES));
      out.push(...found);
      isBare = found.every((stat) => stat === undefined);
    }
    const work: Promise<(FileStat | DiskError | undefined)[]>[] = [];
    for (; at < files.length; at += STAT_FILES) {
      work.push(this.#statSome(this.#heavy, files.slice(at, at + STAT_FILES)));
    }
    for (const found of await Promise.all(work)) out.push(...found);
    return out;
  }

  async reserve(files: readonly number[]): Promise<void> {
    const { pool, store } = this.#heavy;
    for (const file of files) {
      const { length } = this.#spec.files[file]!;
      for (let from = 0; from < length && !this.#closing;) {
        const request = { type: "reserve", store, file, from } as const;
        const { values } = await pool.request(request, { bytes: MIB });
        from = values![0]!;
      }
    }
  }

  async sync(files: readonly number[] = []): Promise<void> {
    const { pool, store } = this.#heavy;
    const work = [this.#broadcast({ type: "sync" })];
    for (let at = 0; at < files.length; at += STAT_FILES) {
      const some = Float64Array.from(files.slice(at, at + STAT_FILES));
      work.push(pool.request({ type: "sync-files", store, files: some }).then(() => {}));
    }
    await Promise.all(work);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing) {
      Atomics.store(new Int32Array(this.#memory.control), 0, 1);
      this.#closing = this.#broadcast({ type: "close" });
    }
    return this.#closing;
  }

  #startWorker(): void {
    const { pool, store } = this.#heavy;
    this.#isWorkerDue = true;
    const hasAnswered = () => void (this.#isWorkerDue = false);
    const question = { type: "sync-files", store, files: new Float64Array(0) } as const;
    pool.request(question, { isUrgent: true }).then(hasAnswered, hasAnswered);
  }

  async #statSome(
    { pool, store }: Place,
    files: readonly number[],
  ): Promise<(FileStat | DiskError | undefined)[]> {
    const request = { type: "stat", store, files: Float64Array.from(files) } as const;
    const { values, itemErrors } = await pool.request(request);
    const out: (FileStat | DiskError | undefined)[] = files.map((_, i) => {
      const at = i * STAT_NUMBERS;
      const size = values![at]!;
      return size < 0 ? undefined : { size, mtimeMs: values![at + 1]!, id: values![at + 2]! };
    });
    for (const { item, error } of itemErrors ?? []) out[item] = fromPlain(error);
    return out;
  }

  async #broadcast(
    what: { type: "sync" | "close" } | { type: "forget"; file: number },
  ): Promise<void> {
    const places = this.#heavy === this.#light ? [this.#light] : [this.#light, this.#heavy];
    await Promise.all(places.map(({ pool, store }) => pool.broadcast({ ...what, store })));
  }

  async #readOnce(file: number, offset: number, into: Uint8Array): Promise<number> {
    const stage = this.#freeStages.pop() ??
      await new Promise<number>((resolve) => this.#stageWaiters.push(resolve));
    try {
      const { length } = into;
      const { pool, store } = this.#heavy;
      const request = { type: "read", store, file, offset, length, stage } as const;
      const { values } = await pool.request(request, { bytes: length, isUrgent: true });
      const got = values![0]!;
      into.set(new Uint8Array(this.#memory.stage, stage * STAGE_BYTES, got));
      return got;
    } finally {
      const waiter = this.#stageWaiters.shift();
      if (waiter) waiter(stage);
      else this.#freeStages.push(stage);
    }
  }
}
