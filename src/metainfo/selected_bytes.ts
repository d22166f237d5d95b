/**
 * How many bytes of each piece belong to selected files: what a person means by "done".
 *
 * Pieces on the border of a selection count with their selected bytes only, pad files never.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { Metainfo } from "./torrent_file.ts";

/** Byte counts of a selection. */
export class SelectedBytes {
  /** Bytes of the selection. */
  readonly total: number;
  readonly #perPiece: Uint32Array;
  #countedAt = -1;
  #done = 0;

  /** @param selection file indices; `undefined` for all. */
  constructor(metainfo: Metainfo, selection?: readonly number[]) {
    const { files, pieceMap } = metainfo;
    this.#perPiece = new Uint32Array(pieceMap.pieceCount);
    const chosen = selection === undefined ? files.keys() : new Set(selection).values();
    let total = 0;
    for (const index of chosen) {
      const file = files[index];
      if (file === undefined || file.isPad) continue;
      total += file.length;
      const end = file.offset + file.length;
      for (let at = file.offset; at < end;) {
        const piece = pieceMap.pieceAt(at);
        const next = Math.min(end, (piece + 1) * pieceMap.pieceLength);
        this.#perPiece[piece]! += next - at;
        at = next;
      }
    }
    this.total = total;
  }

  /**
   * Bytes of the selection that lie in the pieces of `have`, the same every time, from which `losses` pieces
   * were ever taken away. Counts anew only when it has changed.
   */
  done(have: Bitfield, losses: number): number {
    const state = have.count + 2 * losses;
    if (state === this.#countedAt) return this.#done;
    this.#countedAt = state;
    let done = 0;
    for (let piece = 0; piece < have.length; piece++) {
      if (have.has(piece)) done += this.#perPiece[piece]!;
    }
    return this.#done = done;
  }
}
