/**
 * Hashes pieces where they lie, several batches at a time so that every Worker has work, each small
 * enough that stopping is quick.
 *
 * @module
 */

import { MIB, type PieceIndex } from "../base/units.ts";
import type { FileSpan, FileStore } from "../ports/disk.ts";
import { type DiskMetainfo, pieceHash, SHA1_BYTES } from "./disk_metainfo.ts";

// Two batches for each of two Workers: one it works on, one that waits.
const BATCHES = 4;
const BATCH_BYTES = 8 * MIB;
const BATCH_PIECES = 512;

/** What is to be checked. */
export interface CheckTask {
  /** The torrent. */
  readonly metainfo: DiskMetainfo;
  /** The pieces, in any order; neighbours read fastest in order. */
  readonly pieces: readonly PieceIndex[];
  /** Told about every piece, in no certain order. */
  readonly onPiece: (piece: PieceIndex, isGood: boolean) => void;
}

/**
 * Hashes the pieces that are listed.
 *
 * @throws {DiskError} where a file cannot be read, or the signal's reason.
 */
export async function checkPieces(
  store: FileStore,
  task: CheckTask,
  options: { signal: AbortSignal },
): Promise<void> {
  const { signal } = options;
  let next = 0;
  const lane = async () => {
    while (next < task.pieces.length) {
      signal.throwIfAborted();
      const first = next;
      next = batchEnd(task, first);
      await checkBatch(store, task, task.pieces.slice(first, next));
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: BATCHES }, lane));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  signal.throwIfAborted();
}

function batchEnd(task: CheckTask, first: number): number {
  let end = first;
  for (let bytes = 0; end < task.pieces.length && end - first < BATCH_PIECES; end++) {
    bytes += task.metainfo.pieceMap.pieceBytes(task.pieces[end]!);
    if (bytes > BATCH_BYTES && end > first) break;
  }
  return end;
}

async function checkBatch(
  store: FileStore,
  task: CheckTask,
  batch: readonly PieceIndex[],
): Promise<void> {
  const pieces: FileSpan[][] = [];
  const expected = new Uint8Array(batch.length * SHA1_BYTES);
  batch.forEach((piece, i) => {
    pieces.push(task.metainfo.fileMap.spans(piece));
    expected.set(pieceHash(task.metainfo, piece), i * SHA1_BYTES);
  });
  const good = await store.check({ pieces, expected });
  batch.forEach((piece, i) => task.onPiece(piece, good[i] === 1));
}
