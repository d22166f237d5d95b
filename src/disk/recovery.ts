/**
 * Finds out which pieces of a torrent are on the disk when a download starts.
 *
 * What an earlier run knew of a piece is believed without a look at its bytes only if the machine has not
 * been started anew since and every file that the piece touches looks as it did then. Everything else
 * that may be there is hashed; what is not there costs nothing. Bytes kept in the side file stand in for files that were not
 * selected; where such a file is selected now, they are written to it once the whole piece has proved
 * right.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { BLOCK_BYTES, MIB, type PieceIndex } from "../base/units.ts";
import type { FileSpan, FileStore, PieceBuffer } from "../ports/disk.ts";
import { checkPieces } from "./checker.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";
import type { FileStamps } from "./file_stamps.ts";
import type { ResumeState } from "./resume.ts";
import type { ResumeFile } from "./resume_file.ts";
import { isMasked, scatter } from "./span_mask.ts";

// How far it is, is told after so many bytes were hashed; a piece that costs nothing counts as a block.
const TELL_BYTES = 8 * MIB;

/** What there is to recover from, and whom to tell. */
export interface Recovery {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  /** How the files look now. */
  readonly stamps: FileStamps;
  /** The side file, where there is one. */
  readonly resume: ResumeFile | undefined;
  /** What an earlier run remembered, where it may be trusted. */
  readonly before: ResumeState | undefined;
  readonly isSelected: (file: number) => boolean;
  /** A piece is verified; `isKept` when bytes in the side file are part of it. */
  readonly onGood: (piece: PieceIndex, isKept: boolean) => void;
  readonly onProgress?: (checked: number, good: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Settles every piece.
 *
 * @throws {DiskError} where a file cannot be read, or the signal's reason.
 */
export async function recoverPieces(recovery: Recovery): Promise<void> {
  const tally = new Tally(recovery);
  const plan = planPieces(recovery, tally);
  const retry: PieceIndex[] = [];
  const { metainfo, store, signal, resume } = recovery;
  await checkPieces(store, {
    metainfo,
    pieces: plan.toHash,
    onPiece: (piece, isGood) => {
      if (!isGood && resume?.neighbours(piece)) retry.push(piece);
      else tally.settle(piece, { isGood, isHashed: true });
    },
  }, { signal });
  for (const piece of plan.toJoin.concat(retry)) {
    signal.throwIfAborted();
    await joinPiece(recovery, piece, tally);
  }
  tally.tell();
}

// Pieces are sorted by what must be done: nothing, hash the files, or join files and kept bytes.
function planPieces(
  recovery: Recovery,
  tally: Tally,
): { toHash: PieceIndex[]; toJoin: PieceIndex[] } {
  const { metainfo, resume } = recovery;
  const toHash: PieceIndex[] = [];
  const toJoin: PieceIndex[] = [];
  const candidates = candidatesOf(recovery);
  for (const piece of metainfo.pieceMap.indices()) {
    if (!candidates.has(piece)) {
      tally.settle(piece, { isGood: false });
      continue;
    }
    const spans = metainfo.fileMap.spans(piece);
    const mask = resume?.neighbours(piece)?.mask;
    const onDisk = (span: FileSpan) =>
      span.file < 0 || recovery.stamps.holds(span.file, span.offset + span.length);
    const before = verdictBefore(recovery, piece, spans);
    if (before?.isGood || (before && !mask)) {
      tally.settle(piece, before);
    } else if (spans.every(onDisk)) {
      toHash.push(piece);
    } else if (mask && spans.every((span, i) => isMasked(mask, i) || onDisk(span))) {
      toJoin.push(piece);
    } else {
      tally.settle(piece, { isGood: false });
    }
  }
  return { toHash, toJoin };
}

function candidatesOf(recovery: Recovery): Bitfield {
  const { metainfo, stamps, resume } = recovery;
  const out = new Bitfield(metainfo.pieceMap.pieceCount);
  metainfo.files.forEach(({ isPad }, file) => {
    if (!isPad && !stamps.holds(file, 1)) return;
    const { first, end } = metainfo.fileMap.piecesOf(file);
    for (let piece = first; piece < end; piece++) out.add(piece);
  });
  for (const piece of resume?.recordedPieces() ?? []) out.add(piece);
  return out;
}

// What an earlier run knew of the piece; `undefined` where that may have changed since, or where bytes of
// it are in the side file that belong to a file now.
function verdictBefore(
  recovery: Recovery,
  piece: PieceIndex,
  spans: readonly FileSpan[],
): { isGood: boolean; isKept: boolean } | undefined {
  const { before, stamps, resume, isSelected } = recovery;
  if (!before) return undefined;
  const isKept = before.kept.has(piece);
  const mask = isKept && resume?.isLogWhole ? resume.neighbours(piece)?.mask : undefined;
  if (isKept && !mask) return undefined;
  const isUntouched = spans.every(({ file, offset, length }, i) => {
    if (file < 0) return true;
    if (isMasked(mask, i)) return !isSelected(file);
    return stamps.holds(file, offset + length) &&
      stamps.isAsBefore(file, before.sizes, before.times);
  });
  return isUntouched ? { isGood: before.verified.has(piece), isKept } : undefined;
}

// Files and kept bytes together: hashed as one, and then the kept bytes of files that are selected now
// are written to them.
async function joinPiece(recovery: Recovery, piece: PieceIndex, tally: Tally): Promise<void> {
  const { store } = recovery;
  const buffer = store.allocate();
  // All buffers are free when a check runs.
  if (!buffer) return tally.settle(piece, { isGood: false });
  try {
    const isGood = await assembleAndWrite(recovery, piece, buffer);
    const isKept = recovery.resume?.neighbours(piece) !== undefined;
    tally.settle(piece, { isGood, isKept, isHashed: true });
  } finally {
    buffer.release();
  }
}

async function assembleAndWrite(
  recovery: Recovery,
  piece: PieceIndex,
  buffer: PieceBuffer,
): Promise<boolean> {
  const { metainfo, store, resume, isSelected, stamps } = recovery;
  const { pieceMap, fileMap } = metainfo;
  const kept = resume?.neighbours(piece);
  const spans = fileMap.spans(piece);
  if (!kept) return false;
  const data = new Uint8Array(kept.length);
  if (!await resume!.read(piece, 0, data)) return false;
  scatter(spans, kept.mask, data, buffer.bytes);
  const toWrite: FileSpan[] = [];
  for (const [i, span] of spans.entries()) {
    const part = buffer.bytes.subarray(span.start, span.start + span.length);
    if (span.file < 0) part.fill(0);
    else if (!isMasked(kept.mask, i)) {
      if (await store.read(span.file, span.offset, part) < part.length) return false;
    } else if (isSelected(span.file)) toWrite.push(span);
  }
  const { isGood } = await store.hashThenWrite({
    buffer,
    length: pieceMap.pieceBytes(piece),
    expected: pieceHash(metainfo, piece),
    spans: toWrite,
  });
  if (!isGood) return false;
  for (const { file } of toWrite) stamps.touch(file);
  // Once every kept byte has its file, the side file is needed for this piece no more.
  const isAllWritten = spans.every((span, i) => !isMasked(kept.mask, i) || isSelected(span.file));
  if (isAllWritten) resume!.forget(piece);
  return true;
}

// Counts, and tells how far it is.
class Tally {
  readonly #recovery: Recovery;
  #checked = 0;
  #good = 0;
  #untoldBytes = 0;

  constructor(recovery: Recovery) {
    this.#recovery = recovery;
  }

  settle(
    piece: PieceIndex,
    found: { isGood: boolean; isKept?: boolean; isHashed?: boolean },
  ): void {
    const { metainfo, onGood } = this.#recovery;
    this.#checked++;
    if (found.isGood) {
      this.#good++;
      onGood(piece, found.isKept ?? false);
    }
    this.#untoldBytes += found.isHashed ? metainfo.pieceMap.pieceBytes(piece) : BLOCK_BYTES;
    if (this.#untoldBytes >= TELL_BYTES) this.tell();
  }

  tell(): void {
    this.#untoldBytes = 0;
    this.#recovery.onProgress?.(this.#checked, this.#good);
  }
}
