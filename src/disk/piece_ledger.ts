/**
 * The books of one torrent on the disk: which pieces are verified, which are wanted, and what follows for
 * its files.
 *
 * Invariant: a piece in `kept` is in `have`; the pieces that a file lacks are counted with every change.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/units.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";

/** What is there and what is wanted. */
export class PieceLedger {
  /** Verified pieces; to be changed here only. */
  readonly have: Bitfield;
  /** Pieces that the selection needs; to be read only. */
  readonly wanted: Bitfield;
  /** Pieces in `have` whose bytes of unselected files are in the side file; to be changed here only. */
  readonly kept: Set<number> = new Set();
  /** How often a piece was lost. */
  losses = 0;
  readonly #metainfo: DiskMetainfo;
  readonly #isSelected: Uint8Array;
  readonly #unselected: number;
  // Pieces of each file that are not verified.
  readonly #missing: Int32Array;

  /** Nothing is there; `selection` are indices of files, `undefined` for all. */
  constructor(metainfo: DiskMetainfo, selection: readonly number[] | undefined) {
    const { files, fileMap, pieceMap } = metainfo;
    this.#metainfo = metainfo;
    const chosen = selection ?? files.map((_, file) => file);
    this.#isSelected = new Uint8Array(files.length);
    for (const file of chosen) if (files[file]) this.#isSelected[file] = files[file].isPad ? 0 : 1;
    this.#unselected = files.filter(({ isPad }, file) => !isPad && !this.isSelected(file)).length;
    this.have = new Bitfield(pieceMap.pieceCount);
    this.wanted = fileMap.wantedPieces(chosen.filter((file) => this.#isSelected[file] === 1));
    this.#missing = new Int32Array(files.length);
    files.forEach((_, file) => {
      const { first, end } = fileMap.piecesOf(file);
      this.#missing[file] = end - first;
    });
  }

  /** Whether a file is wanted; padding never is. */
  isSelected(file: number): boolean {
    return this.#isSelected[file] === 1;
  }

  /** Whether every file but padding is wanted. */
  get isAllSelected(): boolean {
    return this.#unselected === 0;
  }

  /** Indices of the wanted files. */
  get selected(): number[] {
    return [...this.#isSelected.keys()].filter((file) => this.#isSelected[file] === 1);
  }

  /** Whether every wanted piece is verified. */
  get isComplete(): boolean {
    const { wanted, have } = this;
    for (let i = 0; i < wanted.bytes.length; i++) {
      if ((wanted.bytes[i]! & ~have.bytes[i]!) !== 0) return false;
    }
    return true;
  }

  /** Whether the whole torrent lies in its files: nothing is left to remember. */
  get isWhole(): boolean {
    return this.have.isFull && this.kept.size === 0;
  }

  /** Whether every piece of a file is verified, wanted or not. */
  isFileWhole(file: number): boolean {
    return this.#missing[file] === 0;
  }

  /** A piece is verified; `isKept` when bytes in the side file are part of it. */
  markGood(piece: PieceIndex, isKept: boolean): void {
    if (isKept) this.kept.add(piece);
    else this.kept.delete(piece);
    if (!this.have.add(piece)) return;
    this.#count(piece, -1);
  }

  /** A piece is not there any more; false where it was not. */
  lose(piece: PieceIndex): boolean {
    if (!this.have.delete(piece)) return false;
    this.losses++;
    this.kept.delete(piece);
    this.#count(piece, 1);
    return true;
  }

  #count(piece: PieceIndex, by: number): void {
    const { fileMap } = this.#metainfo;
    fileMap.eachFileAt(piece, (file) => void (this.#missing[file]! += by));
  }
}
