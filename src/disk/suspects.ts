/**
 * Pieces of files that somebody changed after they were verified: each is hashed again before it is given
 * to anybody.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { equalBytes } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileStore } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";
import type { PieceLedger } from "./piece_ledger.ts";

/** What pieces are hashed with. */
export interface SuspectsParts {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  readonly hasher: Hasher;
  readonly ledger: PieceLedger;
  /** Reads any bytes of a piece. */
  read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void>;
}

/** The pieces under suspicion. */
export class Suspects {
  readonly #parts: SuspectsParts;
  readonly #hashing = new Map<number, Promise<boolean>>();
  #pieces: Bitfield | undefined;

  /** Nothing is suspected yet. */
  constructor(parts: SuspectsParts) {
    this.#parts = parts;
  }

  /** Whether a piece has to be hashed before it is given. */
  has(piece: number): boolean {
    return this.#pieces !== undefined && this.#pieces.has(piece);
  }

  /** A piece may be something else than it was. */
  add(piece: number): void {
    const { pieceCount } = this.#parts.metainfo.pieceMap;
    (this.#pieces ??= new Bitfield(pieceCount)).add(piece);
  }

  /** A piece is what it should be. */
  delete(piece: number): void {
    this.#pieces?.delete(piece);
  }

  /** Hashes a piece, however often it is asked for at a time; false where it is not what it should be. */
  isGood(piece: PieceIndex): Promise<boolean> {
    const hashing = this.#hashing.get(piece) ??
      this.#hash(piece).finally(() => this.#hashing.delete(piece));
    this.#hashing.set(piece, hashing);
    return hashing;
  }

  async #hash(piece: PieceIndex): Promise<boolean> {
    const { metainfo, store } = this.#parts;
    const expected = pieceHash(metainfo, piece);
    try {
      if (this.#parts.ledger.kept.has(piece)) {
        return equalBytes(await this.#hashKept(piece), expected);
      }
      const { digests, isWhole } = await store.digest([metainfo.fileMap.spans(piece)]);
      return isWhole[0] === 1 && equalBytes(digests, expected);
    } catch (error) {
      if (error instanceof DiskError) return false;
      throw error;
    }
  }

  async #hashKept(piece: PieceIndex): Promise<Uint8Array> {
    const { metainfo, hasher } = this.#parts;
    const bytes = new Uint8Array(metainfo.pieceMap.pieceBytes(piece));
    await this.#parts.read(piece, 0, bytes);
    return hasher.sha1(bytes);
  }
}
