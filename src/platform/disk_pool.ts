/**
 * Spreads disk work over a few lanes: the main thread's side of the disk Workers.
 *
 * Workers are started late: the first with the first job, another when the queue has grown past what one
 * keeps up with. A lane gets its next message while it works on the one before, never more, so
 * that the rest stays free for whichever lane is done first. Small pieces that wait together travel
 * together. Where several pieces are hashed for the price of one, a few wait a moment for others that are on
 * their way; and the calling thread hashes what the lanes are behind with.
 *
 * Ordering: an answer reflects every write that was answered before it was asked for; nothing else is
 * promised between jobs. `sync` and `close` go to every lane that has the store.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
import type { OnVerdict, PieceJob } from "../ports/disk.ts";
import {
  failureOf,
  type Job,
  packPieces,
  PieceBatch,
  PieceTask,
  type Unsent,
} from "./disk_jobs.ts";
import { InlineLane, type Lane, WorkerLane } from "./disk_lanes.ts";
import type { Reply, Request, StoreMemory, StorePlan } from "./disk_messages.ts";
import { bestLanes } from "./hash_choice.ts";
import type { HashLanes } from "./piece_hasher.ts";
import { SPARE_LANES, SpareHasher } from "./spare_hasher.ts";

const MESSAGES_PER_LANE = 2;
// Pieces are gathered into one message up to about this much memory or this many.
const GROUP_BYTES = MIB;
const GROUP_PIECES = 256;
// Files that a piece lies in before they are what takes the time, where each takes so long: 0.06 ms in memory,
// 0.5 on a disk.
const MANY_SPANS = 4;
const SLOW_SPAN_MS = 0.15;
// Pieces that lanes have time for wait so long, and up to so much memory, for others to be hashed with.
const COMPANY_MS = 25;
const COMPANY_BYTES = 8 * MIB;
// Work that waits for a lane before another Worker is worth its 12 MB of memory.
const BACKLOG_BYTES = 8 * MIB;

/** What every lane is told. */
type Broadcast = Extract<Unsent, { type: "sync" | "close" | "forget" }>;

interface LaneState {
  readonly lane: Lane;
  readonly stores: Set<number>;
  readonly sent: Map<number, readonly Job[]>;
}

/** Where pieces come from. */
export interface PieceOrigin {
  /** Their store. */
  readonly store: number;
  /** The place of each in the memory of the store. */
  readonly slotOf: (job: PieceJob) => number;
  /** Whether other pieces of the store are being received, which these may wait for; not where it is left out. */
  readonly hasFollowers?: () => boolean;
}

/** How a pool works. */
export interface PoolOptions {
  /** How many pieces are hashed at a time; measured where it is left out. */
  readonly hashLanes?: HashLanes;
  /** The most files that are kept open, over all lanes (56: `ulimit -n 256` leaves room for peers). */
  readonly openFiles?: number;
}

/** The lanes and the queue in front of them. */
export class DiskPool implements Disposable {
  readonly #workers: number;
  readonly #askedLanes: HashLanes | undefined;
  readonly #openFiles: number;
  #hashLanes: HashLanes = 1;
  readonly #lanes: LaneState[] = [];
  readonly #stores = new Map<number, Extract<Request, { type: "open" }>>();
  readonly #spare = new SpareHasher();
  // Two queues, read from the front; what has been taken is cut off now and then.
  #urgent: Job[] = [];
  #queue: Job[] = [];
  #queueHead = 0;
  #queuedBytes = 0;
  #nextStore = 1;
  #nextId = 1;
  // What was written so far.
  #spans = 0;
  #spanMs = 0;
  #isPumpDue = false;
  #companyTimer: ReturnType<typeof setTimeout> | undefined;
  #isCompanyLate = false;
  #hasEnded = false;

  /** @param workers the most Workers; 0 serves everything on this thread. */
  constructor(workers: number, options: PoolOptions = {}) {
    this.#workers = workers;
    this.#askedLanes = options.hashLanes;
    this.#openFiles = Math.max(1, Math.floor((options.openFiles ?? 56) / Math.max(1, workers)));
  }

  /** Makes a store known; returns its number. Nothing is started yet. */
  open(plan: StorePlan, memory: StoreMemory): number {
    const hashLanes = this.#hashLanes = this.#askedLanes ?? bestLanes();
    const store = this.#nextStore++;
    const maxOpenFiles = this.#openFiles;
    this.#stores.set(store, { type: "open", store, plan, memory, hashLanes, maxOpenFiles });
    return store;
  }

  /**
   * Hashes pieces and writes those that are good. `onVerdict` is told of each; the promise resolves when all
   * are done, or rejects then with what went wrong first.
   */
  writePieces(
    { store, slotOf, hasFollowers = () => false }: PieceOrigin,
    jobs: readonly PieceJob[],
    onVerdict: OnVerdict,
  ): Promise<void> {
    const batch = new PieceBatch(jobs.length, { store, hasFollowers }, onVerdict);
    jobs.forEach((job, item) => {
      this.#submit(new PieceTask(batch, item, { job, slot: slotOf(job) }), false);
    });
    return batch.done;
  }

  /** Sends any other request of a store. `bytes` is how much work it is. */
  request(request: Unsent, options: { bytes?: number; isUrgent?: boolean } = {}): Promise<Reply> {
    const { bytes = 0, isUrgent = false } = options;
    return new Promise((resolve, reject) => {
      const { store } = request;
      this.#submit({ store, bytes, request, settle: resolve, fail: reject }, isUrgent);
    });
  }

  /** Whether all work is done on the calling thread. */
  get isHere(): boolean {
    return this.#workers === 0;
  }

  /** Does a request at once, on the calling thread, before those that wait. Only of a pool without Workers. */
  now(request: Unsent): Reply {
    const lane = this.#lanes[0] ?? this.#startLane();
    if (!(lane.lane instanceof InlineLane) || !this.#introduce(lane, request.store)) {
      throw new BugError("Cannot do disk work at once: it is a Worker's, or the store is closed");
    }
    const reply = lane.lane.now({ ...request, id: 0 } as Request);
    const error = failureOf(reply);
    if (error) throw error;
    return reply;
  }

  /** Sends a request to every lane that has the store; waits for all of them. */
  async broadcast(request: Broadcast): Promise<void> {
    const { store, type } = request;
    const work: Promise<Reply>[] = [];
    for (const lane of this.#lanes) {
      if (!lane.stores.has(store)) continue;
      if (type === "close") lane.stores.delete(store);
      work.push(
        new Promise((resolve, reject) => {
          const job: Job = { store, bytes: 0, settle: resolve, fail: reject };
          this.#post(lane, { ...request, id: this.#nextId++ }, [job]);
        }),
      );
    }
    if (type === "close") {
      const open = this.#stores.get(store);
      if (open) this.#spare.forget(open.memory.wasm);
      this.#stores.delete(store);
    }
    const outcomes = await Promise.allSettled(work);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** Ends the lanes; what is still owed fails. */
  [Symbol.dispose](): void {
    this.#hasEnded = true;
    clearTimeout(this.#companyTimer);
    const error = new BugError("Cannot do disk work: the platform has been closed");
    for (const { lane, sent } of this.#lanes) {
      lane.end();
      for (const jobs of sent.values()) for (const job of jobs) job.fail(error);
      sent.clear();
    }
    for (const job of [...this.#urgent, ...this.#queue.slice(this.#queueHead)]) job.fail(error);
    this.#urgent = [];
    this.#queue = [];
    this.#queueHead = 0;
  }

  #submit(job: Job, isUrgent: boolean): void {
    if (this.#hasEnded) {
      job.fail(new BugError("Cannot do disk work: the platform has been closed"));
      return;
    }
    (isUrgent ? this.#urgent : this.#queue).push(job);
    this.#queuedBytes += job.bytes;
    if (this.#isPumpDue) return;
    // Jobs of one turn of the event loop travel together.
    this.#isPumpDue = true;
    queueMicrotask(() => this.#pump());
  }

  #pump(): void {
    this.#isPumpDue = false;
    while (!this.#hasEnded && this.#hasQueued && !this.#isWorthWaiting) {
      const lane = this.#freeLane();
      if (!lane) return this.#help();
      const group = this.#takeGroup();
      clearTimeout(this.#companyTimer);
      this.#companyTimer = undefined;
      for (const job of group) this.#queuedBytes -= job.bytes;
      const id = this.#nextId++;
      const { request } = group[0]!;
      this.#post(lane, request ? { ...request, id } as Request : packPieces(id, group), group);
    }
  }

  // While the lanes are behind by so much that they will not miss them, the last pieces that came are hashed
  // here; a lane then only writes them.
  #help(): void {
    const { length } = this.#queue;
    const isBehind = length - this.#queueHead >= 2 * SPARE_LANES;
    if (this.#hashLanes === 1 || this.#workers === 0 || !isBehind) return;
    const last = this.#queue.slice(length - SPARE_LANES);
    const { store } = last[0]!;
    const pieces = last.flatMap((job) => job.store === store && job.piece ? [job.piece] : []);
    if (pieces.length < SPARE_LANES || pieces.some(({ isHashed }) => isHashed)) return;
    const open = this.#stores.get(store);
    if (open) this.#spare.help(open.memory.wasm, pieces);
  }

  get #hasQueued(): boolean {
    return this.#urgent.length > 0 || this.#queueHead < this.#queue.length;
  }

  // Where several pieces are hashed for the price of one, fewer wait while a lane is busy, whose answer sends
  // them off, and for a moment while it is not.
  get #isWorthWaiting(): boolean {
    if (this.#hashLanes === 1 || this.#urgent.length > 0) return false;
    let bytes = 0;
    for (let i = 0; i < this.#hashLanes; i++) {
      const job = this.#queue[this.#queueHead + i];
      if (!job) {
        return i > 0 && (this.#lanes.some(({ sent }) => sent.size > 0) || this.#awaits(bytes));
      }
      if (!job.piece) return false;
      bytes += job.bytes;
    }
    return false;
  }

  // Whether the pieces in the queue, so many bytes, wait for others that are still being received.
  #awaits(bytes: number): boolean {
    const last = this.#queue[this.#queue.length - 1]!;
    if (this.#isCompanyLate || bytes >= COMPANY_BYTES || !last.piece!.batch.hasFollowers()) {
      return false;
    }
    this.#companyTimer ??= setTimeout(() => {
      this.#companyTimer = undefined;
      this.#isCompanyLate = true;
      this.#pump();
      this.#isCompanyLate = false;
    }, COMPANY_MS);
    return true;
  }

  // The lane with the least to do, if it may have more; a new one where that helps.
  #freeLane(): LaneState | undefined {
    let best: LaneState | undefined;
    for (const lane of this.#lanes) {
      if (!best || lane.sent.size < best.sent.size) best = lane;
    }
    if (best && best.sent.size < MESSAGES_PER_LANE) return best;
    const isNeeded = !best || this.#queuedBytes >= BACKLOG_BYTES;
    return isNeeded && this.#lanes.length < this.#mostLanes ? this.#startLane() : undefined;
  }

  // A download keeps a core busy by itself: on two cores a second Worker for its pieces costs 15 MB and
  // brings nothing, unless they lie in many files on a disk, which take longer to make than to fill. Nor
  // does a look at a file. Checks have all there may be.
  get #mostLanes(): number {
    const next = this.#urgent[0] ?? this.#queue[this.#queueHead];
    const isSlow = this.#spanMs > SLOW_SPAN_MS * this.#spans;
    const isSimple = next?.piece
      ? !isSlow || next.piece.job.spans.length < MANY_SPANS
      : next?.bytes === 0;
    const spare = isSimple ? navigator.hardwareConcurrency - 1 : Infinity;
    return Math.max(1, Math.min(this.#workers, spare));
  }

  #startLane(): LaneState {
    const state: LaneState = {
      lane: this.#makeLane((reply) => this.#onReply(state, reply)),
      stores: new Set(),
      sent: new Map(),
    };
    this.#lanes.push(state);
    return state;
  }

  #makeLane(onReply: (reply: Reply) => void): Lane {
    if (this.#workers === 0) return new InlineLane(onReply);
    try {
      return new WorkerLane(onReply);
    } catch {
      return new InlineLane(onReply);
    }
  }

  #takeGroup(): Job[] {
    const urgent = this.#urgent.shift();
    if (urgent) return [urgent];
    const first = this.#queue[this.#queueHead]!;
    let end = this.#queueHead + 1;
    if (first.piece) {
      for (let bytes = first.bytes; end < this.#queue.length; end++) {
        const next = this.#queue[end]!;
        const count = end - this.#queueHead;
        bytes += next.bytes;
        if (!next.piece || next.store !== first.store || count >= GROUP_PIECES) break;
        if (bytes > GROUP_BYTES && count % this.#hashLanes === 0) break;
      }
    }
    const group = this.#queue.slice(this.#queueHead, end);
    this.#queueHead = end;
    if (this.#queueHead >= 1024 || this.#queueHead === this.#queue.length) {
      this.#queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
    return group;
  }

  #post(state: LaneState, request: Request, jobs: readonly Job[]): void {
    if (request.type !== "close" && !this.#introduce(state, request.store)) {
      for (const job of jobs) job.fail(new BugError("Cannot do disk work: the store is closed"));
      return;
    }
    if ("id" in request) state.sent.set(request.id, jobs);
    state.lane.post(request);
  }

  // Makes a store known to a lane; false where it is closed.
  #introduce(state: LaneState, store: number): boolean {
    if (state.stores.has(store)) return true;
    const open = this.#stores.get(store);
    if (!open) return false;
    state.stores.add(store);
    state.lane.post(open);
    return true;
  }

  #onReply(state: LaneState, reply: Reply): void {
    const jobs = state.sent.get(reply.id);
    if (!jobs) return;
    state.sent.delete(reply.id);
    this.#spans += reply.written?.spans ?? 0;
    this.#spanMs += reply.written?.ms ?? 0;
    const error = failureOf(reply);
    jobs.forEach((job, item) => error ? job.fail(error) : job.settle(reply, item));
    this.#pump();
  }
}
