/**
 * Compares what lies on the disk with a torrent, file by file, and changes nothing.
 *
 * A file is good when all of its pieces are. A piece that reaches into a file that is missing or broken
 * cannot be told to be good: its other files are bad by that piece, unless a download has kept the bytes of
 * the missing one beside the files, where they stand in for it.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileStat, FileStore } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import { checkPieces } from "./checker.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";
import { readPiece } from "./piece_reader.ts";
import type { ResumeFile } from "./resume_file.ts";
import { isMasked } from "./span_mask.ts";

/** What files are compared with. */
export interface VerifyOptions {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  /** The folder the store was opened with. */
  readonly root: string;
  /** Bytes that were kept beside the files. */
  readonly kept: ResumeFile | undefined;
  readonly hasher: Hasher;
  /** Indices of the files to compare. */
  readonly files: readonly number[];
}

/** How a file is. */
export interface FileReport {
  /** Its index. */
  readonly file: number;
  readonly state: "ok" | "bad" | "missing";
  /** Bytes it has on the disk, where it is there. */
  readonly size?: number;
  /** What is in the way of reading it. */
  readonly error?: DiskError;
  /** How many pieces it has, and how many of them are not good. */
  readonly pieces: number;
  readonly badPieces: number;
  /**
   * Where every bad piece reaches into a file that is missing, of a wrong size or not to be read: the first
   * such file.
   */
  readonly blame?: { readonly file: number; readonly isMissing: boolean };
}

/** A comparison that is about to be made. */
export class Verifier {
  /** Pieces that must be hashed, in order. */
  readonly pieces: readonly PieceIndex[];
  /** How many bytes they have. */
  readonly bytesTotal: number;
  readonly #options: VerifyOptions;
  // What is at the path of each file, padding left out.
  readonly #stats: ReadonlyMap<number, FileStat | DiskError | undefined>;
  readonly #isGood: Uint8Array;
  // Files that the bytes beside the files stand in for, in pieces that are good by that.
  readonly #standIns = new Map<number, ReadonlySet<number>>();
  // Of pieces that are not good: up to two files that can be blamed for it.
  readonly #brokenAt = new Map<number, readonly number[]>();
  readonly #troubles = new Map<string, DiskError>();

  private constructor(
    options: VerifyOptions,
    stats: ReadonlyMap<number, FileStat | DiskError | undefined>,
  ) {
    this.#options = options;
    this.#stats = stats;
    const { pieceMap, fileMap } = options.metainfo;
    this.#isGood = new Uint8Array(pieceMap.pieceCount);
    const isDue = new Uint8Array(pieceMap.pieceCount);
    for (const file of options.files) {
      if (!this.#isWhole(file)) continue;
      const { first, end } = fileMap.piecesOf(file);
      isDue.fill(1, first, end);
    }
    this.pieces = [...pieceMap.indices()].filter((piece) => isDue[piece] === 1);
    this.bytesTotal = this.pieces.reduce((sum, piece) => sum + pieceMap.pieceBytes(piece), 0);
  }

  /** Looks what is there; nothing is hashed yet. */
  static async open(options: VerifyOptions): Promise<Verifier> {
    const { metainfo, store } = options;
    // Neighbours as well, to say why a piece cannot be good.
    const all = [...metainfo.files.keys()].filter((file) => !metainfo.files[file]!.isPad);
    const found = await store.statMany(all);
    return new Verifier(options, new Map(all.map((file, i) => [file, found[i]])));
  }

  /**
   * Hashes what must be hashed and says how each file is, in the order they were asked for.
   *
   * @throws the signal's reason.
   */
  async run(options: {
    readonly onPiece: (bytes: number, isGood: boolean) => void;
    readonly signal: AbortSignal;
  }): Promise<FileReport[]> {
    const { metainfo, store, kept } = this.#options;
    const { onPiece, signal } = options;
    const again: PieceIndex[] = [];
    const settle = (piece: PieceIndex, isGood: boolean) => {
      if (isGood) this.#isGood[piece] = 1;
      onPiece(metainfo.pieceMap.pieceBytes(piece), isGood);
    };
    await checkPieces(store, {
      metainfo,
      pieces: this.pieces,
      onPiece: (piece, isGood) => {
        if (!isGood && kept?.neighbours(piece)) again.push(piece);
        else settle(piece, isGood);
      },
      onTrouble: (error) => this.#troubles.set(error.path, error),
    }, { signal });
    for (const piece of again) {
      signal.throwIfAborted();
      settle(piece, await this.#isGoodWithKept(piece));
    }
    return this.#options.files.map((file) => this.#report(file));
  }

  async #isGoodWithKept(piece: PieceIndex): Promise<boolean> {
    const { metainfo, store, kept, hasher } = this.#options;
    const mask = kept!.neighbours(piece)!.mask;
    const bytes = new Uint8Array(metainfo.pieceMap.pieceBytes(piece));
    try {
      await readPiece({ metainfo, store, kept }, { piece, begin: 0 }, bytes);
    } catch (error) {
      if (error instanceof DiskError) return false;
      throw error;
    }
    if (!equalBytes(hasher.sha1(bytes), pieceHash(metainfo, piece))) return false;
    const spans = metainfo.fileMap.spans(piece);
    const masked = spans.filter((_, i) => isMasked(mask, i)).map(({ file }) => file);
    this.#standIns.set(piece, new Set(masked));
    return true;
  }

  /** Whether a file is there with the length it must have. */
  #isWhole(file: number): boolean {
    const stat = this.#stats.get(file);
    return stat !== undefined && !(stat instanceof DiskError) &&
      stat.size === this.#options.metainfo.files[file]!.length;
  }

  #report(file: number): FileReport {
    const { first, end } = this.#options.metainfo.fileMap.piecesOf(file);
    const pieces = end - first;
    const stat = this.#stats.get(file);
    const base = { file, pieces, badPieces: pieces };
    if (stat === undefined) return { ...base, state: "missing" };
    if (stat instanceof DiskError) return { ...base, state: "bad", error: stat };
    const { size } = stat;
    if (!this.#isWhole(file)) return { ...base, state: "bad", size };
    const bad = this.#badPieces(file, { first, end });
    if (bad.length === 0) return { ...base, state: "ok", size, badPieces: 0 };
    const error = this.#troubleOf(file);
    const blame = this.#blameFor(bad, file);
    return {
      ...base,
      state: "bad",
      size,
      badPieces: bad.length,
      ...(error === undefined ? {} : { error }),
      ...(blame === undefined
        ? {}
        : { blame: { file: blame, isMissing: this.#stats.get(blame) === undefined } }),
    };
  }

  #troubleOf(file: number): DiskError | undefined {
    if (this.#troubles.size === 0) return undefined;
    const { root, metainfo } = this.#options;
    return this.#troubles.get([root, ...metainfo.files[file]!.path].join("/"));
  }

  #badPieces(file: number, { first, end }: { first: number; end: number }): PieceIndex[] {
    const bad: PieceIndex[] = [];
    for (let piece = first; piece < end; piece++) {
      const isGood = this.#isGood[piece] === 1 && !this.#standIns.get(piece)?.has(file);
      if (!isGood) bad.push(piece as PieceIndex);
    }
    return bad;
  }

  #blameFor(bad: readonly PieceIndex[], file: number): number | undefined {
    let blame: number | undefined;
    for (const piece of bad) {
      const broken = this.#broken(piece).find((other) => other !== file);
      if (broken === undefined) return undefined;
      blame ??= broken;
    }
    return blame;
  }

  // Looked for once a piece, since a piece can be shared by many files.
  #broken(piece: PieceIndex): readonly number[] {
    const known = this.#brokenAt.get(piece);
    if (known) return known;
    const files = this.#options.metainfo.fileMap.filesAt(piece);
    const isBroken = (file: number) => !this.#isWhole(file) || this.#troubleOf(file) !== undefined;
    const broken = files.filter(isBroken).slice(0, 2);
    this.#brokenAt.set(piece, broken);
    return broken;
  }
}
