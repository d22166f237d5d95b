/**
 * How files become a torrent of our own making: their order, the piece length, the padding between them.
 *
 * The order is that of the raw UTF-8 bytes of the paths, joined with `/`: the same on every system and in
 * every locale, and the one `mktorrent` has. It is decided here and nowhere else, since the infohash hangs
 * on it. Empty files are kept; folders without files have no place in a torrent.
 *
 * https://www.bittorrent.org/beps/bep_0003.html, https://www.bittorrent.org/beps/bep_0047.html (padding)
 *
 * @module
 */

import { MetainfoError } from "../base/errors.ts";
import { KIB, MIB } from "../base/units.ts";
import { FileMap } from "./file_map.ts";
import { PieceMap } from "./piece_map.ts";

/** The shortest piece that is made, and the longest that may be asked for; both powers of two. */
const LEAST_PIECE_LENGTH: number = 16 * KIB;
/** The longest piece that may be asked for. */
const MOST_PIECE_LENGTH: number = 64 * MIB;

/** A file that is to be in a torrent. */
export interface NewFile {
  /** Its components below the torrent's top folder, as they are on the disk; empty for a single file. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
}

/** A file in its place. */
export interface LaidFile extends NewFile {
  /** Offset of its first byte within the torrent. */
  readonly offset: number;
  /** Whether it is padding: bytes that are zero, and no file on the disk. */
  readonly isPad: boolean;
  /** Its index among the files that were given, -1 for padding. */
  readonly source: number;
}

/** What is to be in a torrent. */
export interface Content {
  /** The name of the file or of the top folder. */
  readonly name: string;
  /** Whether it is one file without a folder around it. */
  readonly isSingleFile: boolean;
  /** The files, in any order; exactly one with an empty path where it is a single file. */
  readonly files: readonly NewFile[];
}

/** How it is laid out. */
export interface LayoutOptions {
  /** Bytes of a piece, a power of two (chosen by {@link choosePieceLength}). */
  readonly pieceLength?: number;
  /** Pad every file but the last to the end of a piece, so that no piece has bytes of two (false). */
  readonly isPadded?: boolean;
}

/** Files in order, cut into pieces. */
export interface Layout {
  /** The name of the file or of the top folder. */
  readonly name: string;
  /** Whether it is one file without a folder around it. */
  readonly isSingleFile: boolean;
  /** Every entry in the order of the torrent, padding included. */
  readonly files: readonly LaidFile[];
  /** Pieces. */
  readonly pieceMap: PieceMap;
  /** Pieces and files. */
  readonly fileMap: FileMap;
}

/**
 * Puts files in order and cuts them into pieces.
 *
 * @throws {MetainfoError} for a content that no torrent can have: no byte at all, or too many to count.
 */
export function layOut(content: Content, options: LayoutOptions = {}): Layout {
  const { name, isSingleFile } = content;
  const bytes = content.files.reduce((sum, file) => sum + file.length, 0);
  if (!(bytes > 0)) throw impossible(name, "there is not a byte in it");
  const pieceLength = options.pieceLength ?? choosePieceLength(bytes);
  const order = [...content.files.keys()];
  const names = content.files.map(({ path }) => path.join("/"));
  order.sort((a, b) => compareUtf8(names[a]!, names[b]!));
  const files: LaidFile[] = [];
  let offset = 0;
  for (const source of order) {
    const gap = options.isPadded === true ? -offset % pieceLength + pieceLength : pieceLength;
    const { path, length } = content.files[source]!;
    // Padding stands before the next file that has bytes, so that there is none at the end.
    if (gap < pieceLength && length > 0) {
      files.push({ path: [".pad", `${gap}`], length: gap, offset, isPad: true, source: -1 });
      offset += gap;
    }
    files.push({ path, length, offset, isPad: false, source });
    offset += length;
  }
  if (!Number.isSafeInteger(offset)) throw impossible(name, "its bytes are too many to count");
  const pieceMap = new PieceMap(offset, pieceLength);
  return { name, isSingleFile, files, pieceMap, fileMap: new FileMap(files, pieceMap) };
}

/**
 * The piece length for so many bytes: 1,000 to 2,000 pieces, as far as 16 KiB to 16 MiB allow. Fewer would
 * make peers wait for each other, more would make the torrent file large.
 */
export function choosePieceLength(totalBytes: number): number {
  let length = LEAST_PIECE_LENGTH;
  while (length < CHOSEN_MOST && totalBytes / length > MOST_PIECES) length *= 2;
  return length;
}

/** Whether a torrent may be made with such pieces: a power of two from 16 KiB to 64 MiB. */
export function isPieceLength(bytes: number): boolean {
  return bytes >= LEAST_PIECE_LENGTH && bytes <= MOST_PIECE_LENGTH &&
    Number.isInteger(Math.log2(bytes));
}

/** The order of two texts by their UTF-8 bytes, which is that of their code points. */
export function compareUtf8(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // Surrogates stand for code points behind all others, in front of which UTF-16 puts them.
    return (isSurrogate(x) ? x + 0x10000 : x) - (isSurrogate(y) ? y + 0x10000 : y);
  }
  return a.length - b.length;
}

const CHOSEN_MOST = 16 * MIB;
const MOST_PIECES = 2000;

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function impossible(name: string, why: string): MetainfoError {
  return new MetainfoError(`Cannot make a torrent of "${name}": ${why}`, "");
}
