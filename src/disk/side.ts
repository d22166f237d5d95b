/**
 * Opens the side file of a torrent, or finds out that there can be none.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileIo, SideFile } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { ResumeState } from "./resume.ts";
import { type RecordRules, ResumeFile } from "./resume_file.ts";
import { maskedBytes } from "./span_mask.ts";

/** The side file of a torrent. */
export interface Side {
  /** The open file, `undefined` where the folder cannot be written to. */
  readonly resume: ResumeFile | undefined;
  /** What an earlier run remembered. */
  readonly state: ResumeState | undefined;
  /** Why there is no file. */
  readonly error: DiskError | undefined;
  /** This start of the machine, "" where it is not known. */
  readonly bootMark: string;
}

/** No side file, and none missed. */
export const NO_SIDE: Side = {
  resume: undefined,
  state: undefined,
  error: undefined,
  bootMark: "",
};

/** The name of a torrent's side file. */
export function sideFileName(infoHash: Uint8Array): string {
  return `.${hex(infoHash)}.starling`;
}

/** The name that a whole copy of an older file has until it gets that of a file of the torrent. */
export function draftName(infoHash: Uint8Array): string {
  return `${sideFileName(infoHash)}.copy`;
}

/**
 * Locks the side file in `output` and reads what it has.
 *
 * @throws {DiskError} kind `locked` when the torrent is being downloaded there already.
 */
export async function openSide(
  files: FileIo,
  options: { metainfo: DiskMetainfo; output: string; hasher: Hasher },
): Promise<Side> {
  const { metainfo, output, hasher } = options;
  const { infoHash } = metainfo;
  const bootMark = await files.bootMark() ?? "";
  let file: SideFile;
  try {
    file = await files.openSideFile(output, sideFileName(infoHash));
  } catch (error) {
    // Data that is complete can be used where nothing can be written; the check tells if it is not.
    const isPardoned = error instanceof DiskError &&
      (error.kind === "permission" || error.kind === "full");
    if (!isPardoned) throw error;
    return { resume: undefined, state: undefined, error, bootMark };
  }
  try {
    // What a process that was killed has left.
    await files.drafts?.drop(`${output}/${draftName(infoHash)}`);
    const rules = rulesOf(metainfo);
    const { resume, state } = await ResumeFile.load(file, { infoHash, hasher, rules });
    return { resume, state, error: undefined, bootMark };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the records of a torrent can be. */
export function rulesOf({ fileMap, pieceMap, files }: DiskMetainfo): RecordRules {
  return {
    pieces: pieceMap.pieceCount,
    files: files.length,
    maskedBytes: (piece, mask) => {
      const spans = fileMap.spans(piece as PieceIndex);
      const isFitting = mask.length === Math.ceil(spans.length / 8);
      return isFitting ? maskedBytes(spans, mask) : undefined;
    },
  };
}
