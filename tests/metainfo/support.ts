/**
 * Torrents to order, for the tests of this room.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { BencodeError, MetainfoError } from "../../src/base/errors.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import type { System } from "../../src/metainfo/safe_path.ts";
import type { Hasher } from "../../src/ports/hash.ts";

/** Digests of the runtime. */
export const hasher: Hasher = {
  sha1: (data) => new Uint8Array(createHash("sha1").update(data).digest()),
  sha256: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
};

/** What no test goes beyond, so that an absurd length costs no memory. */
const MAX_PIECES = 1_000_000;

/** A dictionary that tests change at will. */
export type Fields = Record<string, Encodable | undefined>;

/** The info dictionary of one file, of 100,000 bytes in seven pieces unless `change` says otherwise. */
export function singleInfo(change: Fields = {}): Fields {
  return {
    name: "file.bin",
    "piece length": 16_384,
    pieces: new Uint8Array(7 * 20),
    length: 100_000,
    ...change,
  };
}

/** The info dictionary of a folder; `pieces` fits the lengths. */
export function multiInfo(files: readonly Fields[], change: Fields = {}): Fields {
  const total = files.reduce((sum, file) => sum + Number(file.length ?? 0), 0);
  return {
    name: "folder",
    "piece length": 16_384,
    pieces: new Uint8Array(Math.min(Math.ceil(total / 16_384), MAX_PIECES) * 20),
    files,
    ...change,
  };
}

/** A file of one byte per path unless told otherwise. */
export function file(path: readonly (string | Uint8Array)[], change: Fields = {}): Fields {
  return { length: 1, path, ...change };
}

/** A torrent file. */
export function torrent(info: Fields, root: Fields = {}): Uint8Array<ArrayBuffer> {
  return encode({ info, ...root });
}

/** Reads the torrent of an info dictionary. */
export function read(info: Fields, root: Fields = {}, system?: System): Metainfo {
  return parseTorrent(torrent(info, root), system ? { hasher, system } : { hasher });
}

/** The paths that a torrent of these paths gets on the disk. */
export function paths(
  list: readonly (readonly (string | Uint8Array)[])[],
  system?: System,
): string[] {
  return read(multiInfo(list.map((path) => file(path))), {}, system)
    .files.map((entry) => entry.path.join("/"));
}

/** The error of our own that `body` throws, `undefined` where it throws none; any other passes. */
export function ownError(body: () => unknown): BencodeError | MetainfoError | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof BencodeError || error instanceof MetainfoError) return error;
    throw error;
  }
}
