/**
 * Which bytes of which file a piece holds, and back.
 *
 * ```
 * files   |---- 0 ----|- 1 -|--------- 2 ---------|pad|--- 4 ---|
 * pieces  |-------- 0 --------|-------- 1 --------|-------- 2 ------ …
 * ```
 *
 * Files lie end to end in the order of the info dictionary. Files without bytes are in no piece. Padding
 * (BEP 47) has bytes that are hashed, all zero, and no file on the disk: its spans carry file -1.
 * A search is binary over the starts of the files that have bytes.
 *
 * https://www.bittorrent.org/beps/bep_0047.html
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileSpan } from "../ports/disk.ts";
import type { PieceMap } from "./piece_map.ts";

/** What the map needs to know of a file. */
export interface MappedFile {
  /** Bytes, 0 or more. */
  readonly length: number;
  /** Offset of its first byte within the torrent. */
  readonly offset: number;
  /** Whether it is padding, which never reaches the disk. */
  readonly isPad: boolean;
}

/** Pieces, first to end; `end` is not one of them. */
export interface PieceRange {
  /** The first piece. */
  readonly first: number;
  /** The piece behind the last; equal to `first` for a file without bytes. */
  readonly end: number;
}

/** Takes spans one by one, as numbers; a `SpanList` is one. */
export interface SpanSink {
  /** One more span: `length` bytes of a file (-1: padding) from `offset` on, to be put at `start`. */
  push(file: number, offset: number, start: number, length: number): void;
}

/** Immutable map between the files and the pieces of one torrent. */
export class FileMap {
  readonly #files: readonly MappedFile[];
  readonly #pieceMap: PieceMap;
  /** Indices of the files that have bytes, in order, and where each starts. */
  readonly #filled: Int32Array;
  readonly #starts: Float64Array;

  /** Files in order, end to end, whose lengths add up to the map's `totalBytes`. Keeps the array. */
  constructor(files: readonly MappedFile[], pieceMap: PieceMap) {
    this.#files = files;
    this.#pieceMap = pieceMap;
    let count = 0;
    for (const file of files) if (file.length > 0) count++;
    const filled = new Int32Array(count);
    const starts = new Float64Array(count);
    for (let i = 0, at = 0; i < files.length; i++) {
      const file = files[i]!;
      if (file.length === 0) continue;
      filled[at] = i;
      starts[at++] = file.offset;
    }
    this.#filled = filled;
    this.#starts = starts;
  }

  /** The bytes of a piece in order, as spans of files; padding has `file` -1 and offset 0. */
  spans(piece: PieceIndex): FileSpan[] {
    const begin = this.#pieceMap.pieceOffset(piece);
    const end = begin + this.#pieceMap.pieceBytes(piece);
    const out: FileSpan[] = [];
    for (let place = this.#placeOf(begin), at = begin; at < end; place++) {
      const index = this.#filled[place]!;
      const file = this.#files[index]!;
      const length = Math.min(end, file.offset + file.length) - at;
      out.push(
        file.isPad
          ? { file: -1, offset: 0, start: at - begin, length }
          : { file: index, offset: at - file.offset, start: at - begin, length },
      );
      at += length;
    }
    return out;
  }

  /** Adds the `length` bytes from `offset` of the torrent on to `into`, to be put at `start`. Hot path. */
  addSpans(into: SpanSink, start: number, offset: number, length: number): void {
    const end = offset + length;
    const shift = start - offset;
    for (let place = this.#placeOf(offset), at = offset; at < end; place++) {
      const index = this.#filled[place]!;
      const file = this.#files[index]!;
      const stop = Math.min(end, file.offset + file.length);
      if (file.isPad) into.push(-1, 0, at + shift, stop - at);
      else into.push(index, at - file.offset, at + shift, stop - at);
      at = stop;
    }
  }

  /** The pieces that hold bytes of a file. */
  piecesOf(file: number): PieceRange {
    const { offset, length } = this.#files[file]!;
    const first = this.#pieceMap.pieceAt(offset);
    return { first, end: length === 0 ? first : this.#pieceMap.pieceAt(offset + length - 1) + 1 };
  }

  /** Indices of the files that have bytes in a piece, in order, padding left out. */
  filesAt(piece: PieceIndex): number[] {
    const out: number[] = [];
    this.eachFileAt(piece, (file) => void out.push(file));
    return out;
  }

  /** Calls `onFile` for each of {@link filesAt}. */
  eachFileAt(piece: PieceIndex, onFile: (file: number) => void): void {
    const begin = this.#pieceMap.pieceOffset(piece);
    const end = begin + this.#pieceMap.pieceBytes(piece);
    for (let place = this.#placeOf(begin); place < this.#filled.length; place++) {
      if (this.#starts[place]! >= end) return;
      const index = this.#filled[place]!;
      if (!this.#files[index]!.isPad) onFile(index);
    }
  }

  /** The pieces that are needed for the selected files; indices out of range select nothing. */
  wantedPieces(selection: readonly number[]): Bitfield {
    const out = new Bitfield(this.#pieceMap.pieceCount);
    for (const file of selection) {
      if (!this.#files[file]) continue;
      const { first, end } = this.piecesOf(file);
      for (let piece = first; piece < end; piece++) out.add(piece);
    }
    return out;
  }

  /** Place in `#filled` of the file that holds the byte at `offset` of the torrent. */
  #placeOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
