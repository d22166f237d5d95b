/**
 * Takes whole files from older copies: cheaper than piece by piece, and where the file system can share them,
 * without taking space.
 *
 * Each file is copied, takes its place and is hashed there, before the next one, so that what was just copied
 * is still in memory. Pieces that lie in several such files are hashed at the end.
 *
 * @module
 */

import type { PieceIndex } from "../base/units.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { Intake } from "./intake.ts";

/** What is to be taken, and from where. */
export interface WholeFiles {
  readonly metainfo: DiskMetainfo;
  readonly intake: Intake;
  /** The path of the older copy of each file that has one to be believed in. */
  readonly sources: ReadonlyMap<number, string>;
  /** Pieces that are missing. */
  readonly missing: readonly PieceIndex[];
}

/** What came of it. */
export interface WholeResult {
  /** Pieces that are verified now. */
  readonly good: readonly PieceIndex[];
  /** Missing pieces of which nothing is known yet. */
  readonly rest: readonly PieceIndex[];
}

/**
 * Takes what it can.
 *
 * @throws {DiskError} kind `full`, or where a folder cannot be made; the signal's reason.
 */
export async function takeWhole(
  { metainfo, intake, sources, missing }: WholeFiles,
  options: { readonly mustShare: boolean; readonly signal: AbortSignal },
): Promise<WholeResult> {
  const { fileMap } = metainfo;
  const taken = new Set<number>();
  const unknown = new Set<PieceIndex>(missing);
  const good: PieceIndex[] = [];
  const verify = async (pieces: readonly PieceIndex[]) => {
    for (const piece of pieces) unknown.delete(piece);
    for (const piece of await intake.verify(pieces, options)) good.push(piece);
  };
  for (const [file, from] of sources) {
    if (!await intake.take(file, from, options)) continue;
    taken.add(file);
    const { first, end } = fileMap.piecesOf(file);
    const own: PieceIndex[] = [];
    for (let i = first; i < end; i++) {
      const piece = i as PieceIndex;
      if (unknown.has(piece) && fileMap.filesAt(piece).length === 1) own.push(piece);
    }
    await verify(own);
  }
  if (taken.size === 0) return { good, rest: missing };
  const isAllTaken = (piece: PieceIndex) => fileMap.filesAt(piece).every((file) => taken.has(file));
  await verify([...unknown].filter(isAllTaken));
  return { good, rest: [...unknown] };
}
