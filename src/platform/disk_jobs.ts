/**
 * Work that waits for a lane, how pieces are packed into one message, and what an answer means to each.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { OnVerdict, PieceJob, PieceVerdict } from "../ports/disk.ts";
import { fromPlain } from "./disk_errors.ts";
import {
  IS_HASHED,
  packSpans,
  type Reply,
  type Request,
  SPAN_NUMBERS,
  WANTS_DIGESTS,
} from "./disk_messages.ts";
import type { WaitingPiece } from "./spare_hasher.ts";

const DIGEST_BYTES = 20;

/** A request that is still to get its number. */
export type Unsent = Request extends infer R ? R extends { id: number } ? Omit<R, "id"> : never
  : never;

/** One piece of work in the queue. */
export interface Job {
  /** The store it is for. */
  readonly store: number;
  /** How much work it is. */
  readonly bytes: number;
  /** A piece to hash and write; it may travel with others. */
  readonly piece?: PieceTask;
  /** Any other request, as it is sent. */
  readonly request?: Unsent;
  /** Takes the answer; `item` is its place in the message. */
  settle(reply: Reply, item: number): void;
  /** Takes what went wrong with the message. */
  fail(error: unknown): void;
}

/** What went wrong with a whole message. */
export function failureOf(reply: Reply): Error | undefined {
  if (reply.bug !== undefined) return new BugError(`Cannot do disk work: ${reply.bug}`);
  return reply.error && fromPlain(reply.error);
}

/** Pieces of a store that came together, and who waits for them. */
export class PieceBatch {
  /** The store. */
  readonly store: number;
  /** Whether other pieces of the store are being received, which these may wait for. */
  readonly hasFollowers: () => boolean;
  readonly #onVerdict: OnVerdict;
  readonly #done = Promise.withResolvers<void>();
  #left: number;
  #failure: { readonly error: unknown } | undefined;

  /** @param count how many pieces there are; each is to be settled or to fail. */
  constructor(
    count: number,
    { store, hasFollowers }: Pick<PieceBatch, "store" | "hasFollowers">,
    onVerdict: OnVerdict,
  ) {
    this.store = store;
    this.hasFollowers = hasFollowers;
    this.#onVerdict = onVerdict;
    this.#left = count;
    if (count === 0) this.#done.resolve();
  }

  /** Resolves when no piece is left; rejects then with what went wrong first. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** A piece was judged. */
  settle(verdict: PieceVerdict, item: number): void {
    try {
      this.#onVerdict(verdict, item);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#count();
  }

  /** A piece could not be judged or written. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#count();
  }

  #count(): void {
    if (--this.#left > 0) return;
    if (this.#failure) this.#done.reject(this.#failure.error);
    else this.#done.resolve();
  }
}

/** One of them. There may be thousands, so it is a single object. */
export class PieceTask implements Job, WaitingPiece {
  readonly job: PieceJob;
  /** Its place in the memory of the store. */
  readonly slot: number;
  readonly batch: PieceBatch;
  isHashed = false;
  readonly #item: number;

  /** @param item its place in the batch. */
  constructor(batch: PieceBatch, item: number, { job, slot }: { job: PieceJob; slot: number }) {
    this.batch = batch;
    this.#item = item;
    this.job = job;
    this.slot = slot;
  }

  get store(): number {
    return this.batch.store;
  }

  get bytes(): number {
    return this.job.length;
  }

  get piece(): PieceTask {
    return this;
  }

  settle(reply: Reply, item: number): void {
    const failed = reply.itemErrors?.find((entry) => entry.item === item);
    if (failed) return this.fail(fromPlain(failed.error));
    const digests = reply.digestItems?.indexOf(item) ?? -1;
    const isGood = reply.values![item] === 1;
    const verdict = isGood ? GOOD : BAD;
    this.batch.settle(
      digests < 0 ? verdict : { isGood, blockDigests: reply.digests![digests]! },
      this.#item,
    );
  }

  fail(error: unknown): void {
    this.batch.fail(error);
  }
}

const GOOD: PieceVerdict = { isGood: true };
const BAD: PieceVerdict = { isGood: false };

/** The message for some pieces of one store. */
export function packPieces(id: number, group: readonly Job[]): Request {
  const spans = group.map(({ piece }) => piece!.job.spans);
  let numbers = 0;
  for (const { length } of spans) numbers += 4 + length * SPAN_NUMBERS;
  const rows = new Float64Array(numbers);
  const expected = new Uint8Array(group.length * DIGEST_BYTES);
  let at = 0;
  group.forEach(({ piece }, item) => {
    const { slot, job, isHashed } = piece!;
    rows[at] = slot;
    rows[at + 1] = job.length;
    rows[at + 2] = (job.wantBlockDigests ? WANTS_DIGESTS : 0) | (isHashed ? IS_HASHED : 0);
    rows[at + 3] = spans[item]!.length;
    at = packSpans(rows, at + 4, spans[item]!);
    const from = job.expectedAt ?? 0;
    for (let i = 0; i < DIGEST_BYTES; i++) {
      expected[item * DIGEST_BYTES + i] = job.expected[from + i]!;
    }
  });
  return { type: "pieces", store: group[0]!.store, id, rows, expected };
}
