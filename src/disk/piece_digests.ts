/**
 * Hashes pieces where they lie, many batches at a time so that every core has work, each small enough that
 * stopping is quick.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import { MIB, type PieceIndex } from "../base/units.ts";
import type { FileMap } from "../metainfo/file_map.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { FileStore } from "../ports/disk.ts";
import { SHA1_BYTES } from "./disk_metainfo.ts";

// Two batches for each of a dozen Workers: one it works on, one that waits.
const BATCHES = 24;
const BATCH_BYTES = 8 * MIB;
const BATCH_PIECES = 512;
// As many as a machine without SHA instructions hashes at once.
const LEAST_PIECES = 4;

/** What is to be hashed. */
export interface DigestTask {
  /** Pieces. */
  readonly pieceMap: PieceMap;
  /** Pieces and files. */
  readonly fileMap: FileMap;
  /** Which, in any order; neighbours read fastest in order. */
  readonly pieces: readonly PieceIndex[];
  /**
   * Told about every piece, in no certain order: its digest, a view valid until the call returns, or
   * `undefined` where a file is missing or too short.
   */
  readonly onPiece: (piece: PieceIndex, digest: Uint8Array | undefined) => void;
  /** Told what is wrong with a file that cannot be read, whose pieces then have no digest (thrown). */
  readonly onTrouble?: (error: DiskError) => void;
}

/**
 * Hashes the pieces that are listed. It ends at once when the signal aborts: what is under way then comes to
 * nothing, and ends when the store is disposed of at the latest.
 *
 * @throws {DiskError} where a file cannot be read and nobody wants to be told; the signal's reason.
 */
export async function digestPieces(
  store: FileStore,
  task: DigestTask,
  options: { signal: AbortSignal },
): Promise<void> {
  const { signal } = options;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([digestAll(store, task, signal), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function digestAll(store: FileStore, task: DigestTask, signal: AbortSignal): Promise<void> {
  let next = 0;
  const unlessOver: DigestTask = {
    ...task,
    onPiece: (piece, digest) => {
      if (!signal.aborted) task.onPiece(piece, digest);
    },
  };
  const lane = async () => {
    while (next < task.pieces.length && !signal.aborted) {
      const first = next;
      next = batchEnd(task, first);
      try {
        await digestBatch(store, unlessOver, task.pieces.slice(first, next));
      } catch (error) {
        // The others stop as well.
        next = task.pieces.length;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: BATCHES }, lane));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

function batchEnd({ pieces, pieceMap }: DigestTask, first: number): number {
  let end = first;
  for (let bytes = 0; end < pieces.length && end - first < BATCH_PIECES; end++) {
    bytes += pieceMap.pieceBytes(pieces[end]!);
    if (bytes > BATCH_BYTES && end - first >= LEAST_PIECES) break;
  }
  return end;
}

async function digestBatch(
  store: FileStore,
  task: DigestTask,
  batch: readonly PieceIndex[],
): Promise<void> {
  const { fileMap, onPiece, onTrouble } = task;
  try {
    const { digests, isWhole } = await store.digest(batch.map((piece) => fileMap.spans(piece)));
    batch.forEach((piece, i) => {
      const at = i * SHA1_BYTES;
      onPiece(piece, isWhole[i] === 1 ? digests.subarray(at, at + SHA1_BYTES) : undefined);
    });
  } catch (error) {
    if (onTrouble === undefined || !(error instanceof DiskError)) throw error;
    if (batch.length === 1) {
      onTrouble(error);
      return onPiece(batch[0]!, undefined);
    }
    // One file spoils the batch; alone, the other pieces can be hashed.
    for (const piece of batch) await digestBatch(store, task, [piece]);
  }
}
