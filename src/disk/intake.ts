/**
 * Whole copies of older files become files of a torrent.
 *
 * ```
 * older file ──copied──▶ draft ──named──▶ file of the torrent ──hashed where it lies──▶ verified pieces
 * ```
 *
 * Only a file that is not there yet is taken in. What was hashed in the older file does not count: it may
 * have changed since. A piece of the copy that is wrong is missing as any other, and is written over when it
 * has been fetched.
 *
 * @module
 */

import type { PieceIndex } from "../base/units.ts";
import type { Drafts, FileStore } from "../ports/disk.ts";
import { checkPieces } from "./checker.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import type { FileStamps } from "./file_stamps.ts";
import type { PieceLedger } from "./piece_ledger.ts";
import { draftName } from "./side.ts";

/** What copies are taken in with. */
export interface IntakeParts {
  readonly metainfo: DiskMetainfo;
  /** The folder of the download. */
  readonly output: string;
  readonly store: FileStore;
  readonly drafts: Drafts | undefined;
  readonly ledger: PieceLedger;
  readonly stamps: FileStamps;
  /** A piece is verified, and all of it is in its files. */
  onGood(piece: PieceIndex): void;
  /** Nothing is closed before the work is done. */
  track<T>(work: Promise<T>): Promise<T>;
}

/** Takes in files of one torrent, one at a time and while nothing else is written. */
export class Intake {
  readonly #parts: IntakeParts;
  #isRefused = false;

  /** Nothing is touched yet. */
  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /**
   * Copies the older file at a path, if the file is wanted and not there; false where that was not done, as
   * where it would take room and must not (`mustShare`). None of it is verified yet.
   *
   * @throws {DiskError} kind `full`, or where a folder cannot be made; the signal's reason.
   */
  async take(
    file: number,
    from: string,
    options: { readonly mustShare: boolean; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { metainfo, output, drafts, ledger, stamps } = this.#parts;
    const isOpen = ledger.isSelected(file) && !stamps.isExpected(file);
    if (drafts === undefined || this.#isRefused || !isOpen) return false;
    const name = draftName(metainfo.infoHash);
    const draft = `${output}/${name}`;
    const { length } = metainfo.files[file]!;
    const { mustShare } = options;
    if (!await drafts.make({ from, length, to: draft, mustShare }, options)) return false;
    try {
      return await this.#parts.track(this.#adopt(file, name));
    } finally {
      // Its name may be there still, beside the new one.
      await drafts.drop(draft);
    }
  }

  /**
   * Hashes pieces where they lie, and gives those that are right; they are verified from now on.
   *
   * @throws the signal's reason.
   */
  async verify(
    pieces: readonly PieceIndex[],
    options: { signal: AbortSignal },
  ): Promise<PieceIndex[]> {
    const { metainfo, store, onGood } = this.#parts;
    const good: PieceIndex[] = [];
    await checkPieces(store, {
      metainfo,
      pieces,
      onPiece: (piece, isGood) => {
        if (!isGood) return;
        onGood(piece);
        good.push(piece);
      },
      onTrouble: () => {},
    }, options);
    return good;
  }

  async #adopt(file: number, name: string): Promise<boolean> {
    const { store, stamps } = this.#parts;
    if (!await store.adopt?.(file, name)) {
      // A folder on another file system refuses every draft, and each is a whole copy.
      this.#isRefused = true;
      return false;
    }
    // From now on, who changes it is noticed.
    const [found] = await store.statMany([file]);
    if (found !== undefined && !(found instanceof Error)) stamps.set(file, found);
    return true;
  }
}
