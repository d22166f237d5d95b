/**
 * Torrents made for tests: content from a seed, a torrent file around it.
 *
 * @module
 */

import { encode } from "../../src/bencode/encode.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { sha1, testHasher } from "./hasher.ts";

/** What to make. */
export interface TorrentRecipe {
  /** The seed of the content (1). */
  readonly seed?: number;
  /** Name of the file or folder ("t"). */
  readonly name?: string;
  /** Bytes of a piece (32 KiB). */
  readonly pieceLength?: number;
  /** Bytes of a single file (256 KiB); not used where there are files. */
  readonly length?: number;
  /** Files in a folder, by path with `/`. */
  readonly files?: readonly { readonly path: string; readonly length: number }[];
  /** Announce URLs, each a tier. */
  readonly trackers?: readonly string[];
  /** Private, BEP 27 (false). */
  readonly isPrivate?: boolean;
}

/** A torrent and its content. */
export interface TestTorrent {
  /** The torrent file. */
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  /** All files end to end. */
  readonly content: Uint8Array;
}

/** Makes a torrent. */
export function makeTorrent(recipe: TorrentRecipe = {}): TestTorrent {
  const { name = "t", pieceLength = 32_768, files } = recipe;
  const length = files?.reduce((sum, file) => sum + file.length, 0) ?? recipe.length ?? 262_144;
  const content = makeContent(recipe.seed ?? 1, length);
  const pieces = new Uint8Array(20 * Math.ceil(length / pieceLength));
  for (let at = 0, piece = 0; at < length; at += pieceLength, piece++) {
    pieces.set(sha1(content.subarray(at, at + pieceLength)), 20 * piece);
  }
  const bytes = encode({
    "announce-list": recipe.trackers?.map((url) => [url]),
    info: {
      name,
      "piece length": pieceLength,
      pieces,
      length: files ? undefined : length,
      private: recipe.isPrivate ? 1 : undefined,
      files: files?.map((file) => ({ length: file.length, path: file.path.split("/") })),
    },
  });
  return { bytes, metainfo: parseTorrent(bytes, { hasher: testHasher }), content };
}

/** Bytes that do not repeat, from a seed. */
function makeContent(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
