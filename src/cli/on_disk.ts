/**
 * What of a torrent is on the disk already: pieces are hashed where they lie, in the background and for as long as
 * there is time. Nothing is written.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { DiskError } from "../base/errors.ts";
import { Scope } from "../base/scope.ts";
import { checkPieces } from "../disk/checker.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { FileIo } from "../ports/disk.ts";
import { placeOf, type PlaceQuery } from "./place.ts";

/** How it stands. */
export interface OnDisk {
  /** Pieces that are good. */
  readonly have: Bitfield;
  /** How many bytes those are. */
  readonly bytes: number;
  /** Pieces that were compared. */
  readonly checked: number;
  /** Whether all were. */
  readonly isDone: boolean;
  /** What was in the way of reading it. */
  readonly trouble: DiskError | undefined;
}

/** Where to look. */
export interface OnDiskParts extends Pick<PlaceQuery, "shell"> {
  /** The folder that the torrent's file or folder is in, or goes into. */
  readonly folder: string;
  readonly files: FileIo;
}

/** A look at the disk. Disposing it ends it. */
export class DiskLook implements AsyncDisposable {
  readonly #metainfo: Metainfo;
  readonly #scope = new Scope("look at the disk");
  readonly #have: Bitfield;
  #bytes = 0;
  #checked = 0;
  #isDone = false;
  #trouble: DiskError | undefined;

  /** Starts at once. */
  constructor(metainfo: Metainfo, parts: OnDiskParts) {
    this.#metainfo = metainfo;
    this.#have = new Bitfield(metainfo.pieceMap.pieceCount);
    this.#scope.spawn((signal) => this.#look(parts, signal));
  }

  /** What was found by now; the bits are live. */
  report(): OnDisk {
    const [have, bytes, checked] = [this.#have, this.#bytes, this.#checked];
    return { have, bytes, checked, isDone: this.#isDone, trouble: this.#trouble };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  async #look(parts: OnDiskParts, signal: AbortSignal): Promise<void> {
    try {
      await this.#check(parts, signal);
      this.#isDone = true;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof DiskError)) throw error;
      this.#isDone = true;
      // Nothing is there, as before most downloads.
      if (error.kind !== "missing") this.#trouble = error;
    }
  }

  async #check({ folder, shell, files: io }: OnDiskParts, signal: AbortSignal) {
    const { metainfo, output } = await placeOf(this.#metainfo, { path: folder, shell });
    const { pieceMap } = metainfo;
    await using store = await io.openStore({
      root: output,
      files: metainfo.files,
      pieceBytes: pieceMap.pieceLength,
      bufferBytes: 0,
      allocation: "none",
      followsLinks: true,
    });
    await checkPieces(store, {
      metainfo,
      pieces: [...pieceMap.indices()],
      onTrouble: (error) => {
        this.#trouble ??= error;
      },
      onPiece: (piece, isGood) => {
        this.#checked++;
        if (!isGood) return;
        this.#have.add(piece);
        this.#bytes += pieceMap.pieceBytes(piece);
      },
    }, { signal });
  }
}
