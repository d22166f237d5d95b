/**
 * Reads what peers are sent: the memory it leaves from, and the reads, done near or far.
 *
 * Each buffer is shared memory of its own, so there are as many as are being sent from, and a Worker is
 * handed the one it has to fill. What was used last is used again first.
 *
 * @module
 */

import process from "node:process";
import { BugError } from "../base/errors.ts";
import { SEND_BYTES, type SendBuffer, type SpanFault, type SpanRows } from "../ports/disk.ts";
import { fromPlain } from "./disk_errors.ts";
import { GATHER_NUMBERS, type GatherRequest, type Reply } from "./disk_messages.ts";
import { Pace, PATIENCE_MS, SLOW_MS } from "./pace.ts";

/** Buffers that are kept for the next ones who ask: 4 MiB. */
const MOST_KEPT = 16;

/** A request as a pool takes it. */
type Gather = Omit<GatherRequest, "id">;

/** Where reads are done; a `DiskPool` is one. */
export interface ReadPool {
  /** Whether that is the calling thread. */
  readonly isHere: boolean;
  /** Does it at once; only where it is done on the calling thread. */
  now(request: Gather): Reply;
  /** Has it done, before work of other kinds. */
  request(request: Gather, options: { bytes: number; isUrgent: boolean }): Promise<Reply>;
}

/** A store as a pool knows it. */
export interface ReadPlace {
  readonly pool: ReadPool;
  readonly store: number;
}

/** Reads for the peers of one torrent. */
export class SendReader {
  readonly #near: ReadPlace;
  readonly #far: ReadPlace;
  readonly #pace = new Pace();
  readonly #kept: Uint8Array<SharedArrayBuffer>[] = [];
  #reads = diskReads();

  /** @param near is used only if it does its work on the calling thread. */
  constructor(near: ReadPlace, far: ReadPlace) {
    this.#near = near;
    this.#far = far;
  }

  /** Memory to send from. */
  buffer(): SendBuffer {
    const bytes = this.#kept.pop() ?? new Uint8Array(new SharedArrayBuffer(SEND_BYTES));
    return new SharedBuffer(bytes, this.#kept);
  }

  /** As `FileStore.gather`. */
  async gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]> {
    if (!(buffer instanceof SharedBuffer)) {
      throw new BugError("Cannot read for a peer: the buffer is of another store");
    }
    const { memory } = buffer;
    const { numbers, count } = spans;
    let done = 0;
    let faults = NONE;
    const { pool: here, store: nearby } = this.#near;
    // Where there is but one thread, nobody else can do the rest.
    const isAlone = this.#far.pool.isHere;
    if (here.isHere && (isAlone || this.#pace.isNear)) {
      const reply = here.now({
        type: "gather",
        store: nearby,
        rows: numbers,
        end: count,
        memory,
        patienceMs: isAlone ? Infinity : PATIENCE_MS,
      });
      const ms = reply.values![1]!;
      this.#pace.onNear(ms, ms > SLOW_MS && this.#hasWaited());
      faults = faultsOf(reply, 0, faults);
      done = reply.values![0]!;
    }
    if (done === count) return faults;
    const { pool, store } = this.#far;
    const reply = await pool.request({
      type: "gather",
      store,
      rows: numbers.slice(done * GATHER_NUMBERS, count * GATHER_NUMBERS),
      end: count - done,
      memory,
      patienceMs: Infinity,
    }, { bytes: SEND_BYTES, isUrgent: true });
    this.#pace.onFar(reply.values![1]!);
    return faultsOf(reply, done, faults);
  }

  // Whether anything was read from a disk since the last call; so it is said where nobody counts.
  #hasWaited(): boolean {
    const reads = diskReads();
    const hasWaited = reads === undefined || reads !== this.#reads;
    this.#reads = reads;
    return hasWaited;
  }
}

const NONE: readonly SpanFault[] = [];

/** What the process has read from disks so far; `undefined` where the runtime does not count it, as Deno 2.6. */
function diskReads(): number | undefined {
  return process.resourceUsage?.().fsRead;
}

function faultsOf(reply: Reply, first: number, before: readonly SpanFault[]): readonly SpanFault[] {
  if (reply.itemErrors === undefined) return before;
  const more = reply.itemErrors.map(({ item, error }) => ({
    row: first + item,
    error: fromPlain(error),
  }));
  return [...before, ...more];
}

class SharedBuffer implements SendBuffer {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #kept: Uint8Array<SharedArrayBuffer>[];
  #isReleased = false;

  constructor(bytes: Uint8Array<SharedArrayBuffer>, kept: Uint8Array<SharedArrayBuffer>[]) {
    this.bytes = bytes;
    this.#kept = kept;
  }

  get memory(): SharedArrayBuffer {
    return this.bytes.buffer;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#kept.length < MOST_KEPT) this.#kept.push(this.bytes);
  }
}
