/**
 * Work that waits for a lane, how pieces are packed into one message, and what an answer means to each.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { PieceVerdict } from "../ports/disk.ts";
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
  readonly piece?: WaitingPiece & { readonly slot: number; readonly hasFollowers: () => boolean };
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

/** Tells whoever waits for a piece. */
export function settlePiece(
  reply: Reply,
  item: number,
  resolve: (verdict: PieceVerdict) => void,
  reject: (error: unknown) => void,
): void {
  const failed = reply.itemErrors?.find((entry) => entry.item === item);
  if (failed) return reject(fromPlain(failed.error));
  const digests = reply.digestItems?.indexOf(item) ?? -1;
  const isGood = reply.values![item] === 1;
  resolve(digests < 0 ? { isGood } : { isGood, blockDigests: reply.digests![digests]! });
}

/** The message for some pieces of one store. */
export function packPieces(id: number, group: readonly Job[]): Request {
  let numbers = 0;
  for (const { piece } of group) numbers += 4 + piece!.job.spans.length * SPAN_NUMBERS;
  const rows = new Float64Array(numbers);
  const expected = new Uint8Array(group.length * DIGEST_BYTES);
  let at = 0;
  group.forEach(({ piece }, item) => {
    const { slot, job, isHashed } = piece!;
    rows[at] = slot;
    rows[at + 1] = job.length;
    rows[at + 2] = (job.wantBlockDigests ? WANTS_DIGESTS : 0) | (isHashed ? IS_HASHED : 0);
    rows[at + 3] = job.spans.length;
    at = packSpans(rows, at + 4, job.spans);
    expected.set(job.expected, item * DIGEST_BYTES);
  });
  return { type: "pieces", store: group[0]!.store, id, rows, expected };
}
