/**
 * What is to be remembered of a torrent's files: nothing that is in doubt.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/units.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { FileStamps } from "./file_stamps.ts";
import type { PieceLedger } from "./piece_ledger.ts";
import type { ResumeState } from "./resume.ts";
import type { Suspects } from "./suspects.ts";

/** What is known. */
export interface Books {
  readonly metainfo: DiskMetainfo;
  readonly ledger: PieceLedger;
  readonly suspects: Suspects;
  /** The files have been looked at since `verified` was taken. */
  readonly stamps: FileStamps;
}

/**
 * The state to save. `verified` are pieces that were there before the files were looked at; those that are
 * lost since are taken out of it, and a file whose pieces have yet to be hashed gets a stamp that fits
 * nothing, so that the next run hashes them.
 */
export function resumeStateOf(
  verified: Bitfield,
  { metainfo, ledger, suspects, stamps }: Books,
): Omit<ResumeState, "bootMark" | "logEnd"> {
  const [sizes, times] = [stamps.sizes.slice(), stamps.times.slice()];
  const kept = new Bitfield(verified.length);
  for (let piece = 0; piece < verified.length; piece++) {
    if (!ledger.have.has(piece)) verified.delete(piece);
    else if (suspects.has(piece)) {
      verified.delete(piece);
      for (const file of metainfo.fileMap.filesAt(piece as PieceIndex)) times[file] = 0;
    } else if (ledger.kept.has(piece)) kept.add(piece);
  }
  return { verified, kept, sizes, times };
}
