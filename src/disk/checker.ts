/**
 * Compares pieces where they lie with what they must hash to.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileStore } from "../ports/disk.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";
import { digestPieces, type DigestTask } from "./piece_digests.ts";

/** What is to be checked. */
export interface CheckTask extends Pick<DigestTask, "pieces" | "onTrouble"> {
  /** The torrent. */
  readonly metainfo: DiskMetainfo;
  /** Told about every piece, in no certain order. */
  readonly onPiece: (piece: PieceIndex, isGood: boolean) => void;
}

/**
 * Hashes the pieces that are listed and says which are good.
 *
 * @throws {DiskError} where a file cannot be read and nobody wants to be told; the signal's reason.
 */
export function checkPieces(
  store: FileStore,
  task: CheckTask,
  options: { signal: AbortSignal },
): Promise<void> {
  const { metainfo, pieces, onPiece, onTrouble } = task;
  const { pieceMap, fileMap } = metainfo;
  return digestPieces(store, {
    pieceMap,
    fileMap,
    pieces,
    onPiece: (piece, digest) =>
      onPiece(piece, digest !== undefined && equalBytes(digest, pieceHash(metainfo, piece))),
    ...(onTrouble && { onTrouble }),
  }, options);
}
