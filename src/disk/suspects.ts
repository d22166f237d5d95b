/**
 * Pieces of files that somebody changed after they were verified: each is hashed again before it is given
 * to anybody.
 *
 * Invariant: from the moment a change is noticed until the file has been looked at anew, and all handles of
 * what was there before are closed, nothing is hashed.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { equalBytes } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileStore } from "../ports/disk.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";

/** The pieces under suspicion. */
export class Suspects {
  readonly #metainfo: DiskMetainfo;
  readonly #store: FileStore;
  #pieces: Bitfield | undefined;
  // When the files were changed last that were found to be changed.
  readonly #times = new Map<number, number>();
  readonly #looks = new Map<number, Promise<void>>();
  readonly #hashing = new Map<number, Promise<boolean>>();

  constructor(metainfo: DiskMetainfo, store: FileStore) {
    this.#metainfo = metainfo;
    this.#store = store;
  }

  /** Whether a piece has to be hashed before it is given. */
  has(piece: number): boolean {
    return this.#pieces?.has(piece) ?? false;
  }

  /** When a changed file was changed, in milliseconds since the epoch; `undefined` for all others. */
  timeOf(file: number): number | undefined {
    return this.#times.size === 0 ? undefined : this.#times.get(file);
  }

  /** A file is not what it was: none of its pieces is trusted. */
  onChanged(file: number): void {
    if (this.#looks.has(file)) return;
    const { fileMap, pieceMap } = this.#metainfo;
    const pieces = this.#pieces ??= new Bitfield(pieceMap.pieceCount);
    const { first, end } = fileMap.piecesOf(file);
    for (let piece = first; piece < end; piece++) pieces.add(piece);
    this.#looks.set(file, this.#lookAgain(file));
  }

  /**
   * Hashes a piece if it is suspected.
   *
   * @throws {DiskError} kind `changed` where it is not what it was; it stays suspected.
   */
  async clear(piece: PieceIndex): Promise<void> {
    while (this.#looks.size > 0) await Promise.all(this.#looks.values());
    if (!this.has(piece)) return;
    const hashing = this.#hashing.get(piece) ?? this.#hash(piece);
    this.#hashing.set(piece, hashing);
    const isGood = await hashing.finally(() => this.#hashing.delete(piece));
    if (isGood) this.#pieces!.delete(piece);
    else throw this.#changed(piece);
  }

  async #lookAgain(file: number): Promise<void> {
    try {
      await this.#store.forget(file);
      this.#times.set(file, (await this.#store.stat(file))?.mtimeMs ?? 0);
    } catch (error) {
      // Nothing is known of it then: whoever reads it finds out.
      if (!(error instanceof DiskError)) throw error;
    } finally {
      this.#looks.delete(file);
    }
  }

  async #hash(piece: PieceIndex): Promise<boolean> {
    const spans = this.#metainfo.fileMap.spans(piece);
    const { digests, isWhole } = await this.#store.digest([spans]);
    return isWhole[0] === 1 && equalBytes(digests, pieceHash(this.#metainfo, piece));
  }

  #changed(piece: PieceIndex): DiskError {
    const { fileMap, files } = this.#metainfo;
    const path = files[fileMap.filesAt(piece)[0]!]!.path.join("/");
    return new DiskError(`Cannot read "${path}": it was changed`, {
      path,
      operation: "read",
      kind: "changed",
    });
  }
}
