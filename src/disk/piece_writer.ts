/**
 * Takes whole pieces to the disk: hashes each, writes it where it belongs if it is good, and enters it in
 * the books then.
 *
 * Pieces that came together go together: where pieces are small, tens of thousands pass here in a second,
 * and what one of them leaves behind while it waits counts.
 *
 * @module
 */

import type { PieceIndex } from "../base/units.ts";
import type { FileSpan, FileStore, OnVerdict, PieceBuffer, PieceJob } from "../ports/disk.ts";
import { type DiskMetainfo, SHA1_BYTES } from "./disk_metainfo.ts";
import type { FileWatch } from "./file_watch.ts";
import type { PieceLedger } from "./piece_ledger.ts";
import type { ResumeFile } from "./resume_file.ts";
import { gather, maskOf } from "./span_mask.ts";

/** A whole piece. */
export interface WholePiece {
  readonly piece: PieceIndex;
  /** Stays the caller's to release, and must stay untouched until the verdict. */
  readonly buffer: PieceBuffer;
}

/** What to do with pieces that came together. */
export interface WriteOptions {
  /** Whether the digests of a piece's blocks are asked for, though it be good (no). */
  readonly wantsDigests?: (piece: PieceIndex) => boolean;
  /** Is told of each piece, by its place among them. */
  readonly onVerdict: OnVerdict;
}

/** What it works with. */
export interface PieceWriterParts {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  readonly ledger: PieceLedger;
  readonly watch: FileWatch;
  /** Keeps bytes of files that nobody selected. */
  readonly resume: ResumeFile | undefined;
  /** A piece is good and where it belongs; `isKept` when bytes in the side file are part of it. */
  readonly onGood: (piece: PieceIndex, isKept: boolean) => void;
}

/** Writes the pieces of one torrent. */
export class PieceWriter {
  readonly #parts: PieceWriterParts;

  constructor(parts: PieceWriterParts) {
    this.#parts = parts;
  }

  /**
   * Hashes and writes pieces that came together. Resolves when all are done.
   *
   * @throws {DiskError} the first that there was, when all are done.
   */
  async write(pieces: readonly WholePiece[], options: WriteOptions): Promise<void> {
    const { watch } = this.#parts;
    const jobs = pieces.map((whole) =>
      new WriteJob(this.#parts, whole, options.wantsDigests?.(whole.piece) ?? false)
    );
    const files = this.#filesOf(pieces);
    const look = watch.lookBefore(files);
    if (look !== undefined) await look;
    for (let wait; (wait = watch.hold(files)) !== undefined;) await wait;
    watch.begin(files);
    const keeping: Promise<void>[] = [];
    try {
      await this.#parts.store.hashThenWriteAll(jobs, (verdict, item) => {
        const { piece, buffer } = pieces[item]!;
        const mask = verdict.isGood ? this.#maskOf(piece) : undefined;
        if (mask === undefined) {
          if (verdict.isGood) this.#parts.onGood(piece, false);
          return options.onVerdict(verdict, item);
        }
        const told = this.#keep(piece, mask, buffer.bytes)
          .then(() => options.onVerdict(verdict, item));
        // It may fail long before all are judged and somebody looks.
        told.catch(() => {});
        keeping.push(told);
      });
      await Promise.all(keeping);
    } finally {
      if (keeping.length > 0) await Promise.allSettled(keeping);
      // Not before: who examines a file meanwhile has to know of the pieces.
      watch.end(files);
    }
  }

  /** The bytes of files that nobody selected go to the side file, and the piece to the books. */
  async #keep(piece: PieceIndex, mask: Uint8Array, bytes: Uint8Array): Promise<void> {
    const { metainfo, resume, onGood } = this.#parts;
    await resume?.keep(piece, mask, gather(metainfo.fileMap.spans(piece), mask, bytes));
    onGood(piece, true);
  }

  #maskOf(piece: PieceIndex): Uint8Array | undefined {
    const { metainfo, ledger } = this.#parts;
    if (ledger.isAllSelected) return undefined;
    return maskOf(
      metainfo.fileMap.spans(piece),
      ({ file }) => file >= 0 && !ledger.isSelected(file),
    );
  }

  #filesOf(pieces: readonly WholePiece[]): readonly number[] {
    const { metainfo: { files: { length }, fileMap }, ledger } = this.#parts;
    if (length === 1 && ledger.isAllSelected) return ONLY_FILE;
    const files = new Set<number>();
    for (const { piece } of pieces) {
      fileMap.eachFileAt(piece, (file) => {
        if (ledger.isSelected(file)) files.add(file);
      });
    }
    return [...files];
  }
}

const ONLY_FILE: readonly number[] = [0];

/** A piece as the store takes it; what it says is worked out when it is asked for, since many may wait. */
class WriteJob implements PieceJob {
  readonly buffer: PieceBuffer;
  readonly wantBlockDigests: boolean;
  readonly #parts: PieceWriterParts;
  readonly #piece: PieceIndex;

  constructor(
    parts: PieceWriterParts,
    { piece, buffer }: WholePiece,
    wantBlockDigests: boolean,
  ) {
    this.#parts = parts;
    this.#piece = piece;
    this.buffer = buffer;
    this.wantBlockDigests = wantBlockDigests;
  }

  get length(): number {
    return this.#parts.metainfo.pieceMap.pieceBytes(this.#piece);
  }

  get expected(): Uint8Array {
    return this.#parts.metainfo.pieceHashes;
  }

  get expectedAt(): number {
    return this.#piece * SHA1_BYTES;
  }

  get spans(): readonly FileSpan[] {
    const { metainfo, ledger } = this.#parts;
    const spans = metainfo.fileMap.spans(this.#piece);
    const isWritten = ({ file }: FileSpan) => file >= 0 && ledger.isSelected(file);
    return spans.every(isWritten) ? spans : spans.filter(isWritten);
  }
}
