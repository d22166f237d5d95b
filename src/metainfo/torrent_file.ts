/**
 * A torrent file or an info dictionary made into what the rest of the program works with (BEP 3, 12, 19,
 * 27, 47, 52).
 *
 * Invariant: a {@link Metainfo} is consistent and harmless. Its lengths add up to what its piece hashes
 * cover, its paths are safe and distinct, its lists are capped. The infohash is taken over the bytes that
 * were received. Hybrids are read by their v1 side.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import { MetainfoError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
import { BencodeDict, decode } from "../bencode/decode.ts";
import type { Hasher } from "../ports/hash.ts";
import {
  type HostPort,
  readCreationDate,
  readNodes,
  readTrackers,
  readWebSeeds,
} from "./extras.ts";
import { askText, broken, demandBytes, demandInteger } from "./fields.ts";
import { type FileEntry, readFiles } from "./file_list.ts";
import { FileMap } from "./file_map.ts";
import { PieceMap } from "./piece_map.ts";
import type { System } from "./safe_path.ts";

export type { HostPort } from "./extras.ts";
export type { FileEntry } from "./file_list.ts";

/** The largest torrent file or info dictionary that is read, in bytes. Readers stop there. */
export const MAX_TORRENT_BYTES: number = 96 * MIB;
/** The most pieces: 80 MiB of hashes. */
export const MAX_PIECES: number = 4 * MIB;
/** The longest piece, in bytes. */
export const MAX_PIECE_LENGTH: number = 512 * MIB;

/** A torrent, read and checked. Byte arrays are views of the input. */
export interface Metainfo {
  /** SHA-1 of the info dictionary, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** SHA-256 of the info dictionary, 32 bytes, of a hybrid; null for plain v1. */
  readonly infoHashV2: Uint8Array | null;
  /** The info dictionary as received. */
  readonly infoBytes: Uint8Array;
  /** The name of the file or top folder, safe on the disk. */
  readonly name: string;
  /** Pieces and blocks. */
  readonly pieceMap: PieceMap;
  /** Pieces and files. */
  readonly fileMap: FileMap;
  /** SHA-1 of every piece, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** Every entry in the order of the torrent, padding included. */
  readonly files: readonly FileEntry[];
  /** Whether it is one file without a folder around it. */
  readonly isSingleFile: boolean;
  /** Whether peers may come from its trackers only (BEP 27). */
  readonly isPrivate: boolean;
  /** Announce URLs by tier (BEP 12): http, https and udp, each once, at most 100. */
  readonly trackers: readonly (readonly string[])[];
  /** HTTP seeds (BEP 19), at most 100. */
  readonly webSeeds: readonly string[];
  /** DHT nodes to start from (BEP 5), at most 100. */
  readonly nodes: readonly HostPort[];
  /** Free text of its maker. To be escaped before it is shown, like every text here. */
  readonly comment: string | null;
  /** The program that made it. */
  readonly createdBy: string | null;
  /** The tracker it was made for; makes the infohash differ. */
  readonly source: string | null;
  /** When it was made, unix seconds. */
  readonly createdAt: number | null;
}

/** What parsing needs from outside. */
export interface ParseOptions {
  /** For the infohashes. */
  readonly hasher: Hasher;
  /** Whose rules names must obey ("linux"). */
  readonly system?: System;
}

/**
 * Reads a torrent file. `bytes` must not change while the result is used.
 *
 * @throws {BencodeError} where it is not bencode.
 * @throws {MetainfoError} naming the key that breaks a rule.
 */
export function parseTorrent(bytes: Uint8Array, options: ParseOptions): Metainfo {
  checkSize(bytes);
  const root = decode(bytes);
  if (!(root instanceof BencodeDict)) {
    throw new MetainfoError("Cannot parse torrent: not a dictionary", "");
  }
  const info = root.dict("info");
  const span = root.span("info");
  if (!span) throw broken("info", "missing");
  if (!info) throw broken("info", "not a dictionary");
  return build(root, info, { ...options, infoBytes: bytes.subarray(span.start, span.end) });
}

/**
 * Reads an info dictionary alone, as peers send it (BEP 9). `infoBytes` must not change while the result
 * is used; that it has the hash that was asked for is the caller's to check.
 *
 * @throws {BencodeError} where it is not bencode.
 * @throws {MetainfoError} naming the key that breaks a rule.
 */
export function parseInfo(infoBytes: Uint8Array, options: ParseOptions): Metainfo {
  checkSize(infoBytes);
  const info = decode(infoBytes, { allowTrailing: "none" });
  if (!(info instanceof BencodeDict)) throw broken("info", "not a dictionary");
  return build(null, info, { ...options, infoBytes });
}

const HASH_BYTES = 20;

function checkSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_TORRENT_BYTES) return;
  throw new MetainfoError(
    `Cannot parse torrent: ${bytes.length} bytes are more than ${MAX_TORRENT_BYTES}`,
    "",
  );
}

function build(
  root: BencodeDict | null,
  info: BencodeDict,
  options: ParseOptions & { infoBytes: Uint8Array },
): Metainfo {
  const { infoBytes, hasher } = options;
  const hasV2 = info.dict("file tree") !== undefined;
  if (hasV2 && !info.has("pieces")) {
    throw new MetainfoError("Cannot read torrent: v2-only torrents are not supported yet", "info");
  }
  const pieceLength = demandInteger(
    { dict: info, key: "piece length", parent: "info" },
    1,
    MAX_PIECE_LENGTH,
  );
  const pieceHashes = readHashes(info);
  const { name, files, isSingleFile, totalBytes } = readFiles(info, options.system ?? "linux");
  const pieceMap = new PieceMap(totalBytes, pieceLength);
  const given = pieceHashes.length / HASH_BYTES;
  if (given !== pieceMap.pieceCount) {
    throw broken("info.pieces", `${given} hashes for ${pieceMap.pieceCount} pieces`);
  }
  return {
    infoHash: hasher.sha1(infoBytes),
    infoHashV2: hasV2 && info.integer("meta version") === 2 ? hasher.sha256(infoBytes) : null,
    infoBytes,
    name,
    pieceMap,
    fileMap: new FileMap(files, pieceMap),
    pieceHashes,
    files,
    isSingleFile,
    isPrivate: info.has("private") && info.integer("private") !== 0,
    trackers: root ? readTrackers(root) : [],
    webSeeds: root ? readWebSeeds(root) : [],
    nodes: root ? readNodes(root) : [],
    comment: root && askText(root, "comment"),
    createdBy: root && askText(root, "created by"),
    source: askText(info, "source") ?? (root && askText(root, "source")),
    createdAt: root && readCreationDate(root),
  };
}

function readHashes(info: BencodeDict): Uint8Array {
  const hashes = demandBytes({ dict: info, key: "pieces", parent: "info" });
  if (hashes.length % HASH_BYTES !== 0) {
    throw broken("info.pieces", `length ${hashes.length} is not a multiple of ${HASH_BYTES}`);
  }
  if (hashes.length > MAX_PIECES * HASH_BYTES) {
    throw broken("info.pieces", `more than ${MAX_PIECES} pieces`);
  }
  return hashes;
}
