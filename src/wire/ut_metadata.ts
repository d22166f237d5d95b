/**
 * Messages of `ut_metadata` (BEP 9, https://www.bittorrent.org/beps/bep_0009.html), by which an info
 * dictionary is had from peers in pieces of 16 KiB: payloads to messages and back. Who asks whom for what
 * is decided elsewhere, and nothing here is allocated by a size that a peer claims.
 *
 * ```text
 * request  d8:msg_typei0e5:piecei0ee
 * data     d8:msg_typei1e5:piecei0e10:total_sizei34256ee<up to 16,384 bytes>
 * reject   d8:msg_typei2e5:piecei0ee
 * ```
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { MIB } from "../base/units.ts";
import { encode } from "../bencode/encode.ts";
import { badPayload, readDict, readInteger } from "./payload.ts";

/** "The metadata is handled in blocks of 16KiB." */
const METADATA_PIECE_BYTES = 16_384;

/** The longest info dictionary that we fetch: as long as a torrent file may be. */
export const MAX_METADATA_BYTES: number = 96 * MIB;

/** A message of a peer. */
export type MetadataMessage =
  | { readonly type: "request"; readonly piece: number }
  | {
    readonly type: "data";
    readonly piece: number;
    /** Bytes of the whole info dictionary, if the peer repeats that here. */
    readonly totalSize: number | undefined;
    /** 1 to 16,384 bytes, fitting `totalSize`; a view of the payload. */
    readonly data: Uint8Array;
  }
  | { readonly type: "reject"; readonly piece: number };

const REQUEST = 0;
const DATA = 1;
const REJECT = 2;

/** How many pieces an info dictionary of `size` bytes has. */
export function metadataPieceCount(size: number): number {
  return Math.ceil(size / METADATA_PIECE_BYTES);
}

/** Bytes of piece `piece` of an info dictionary of `size` bytes; 0 where there is no such piece. */
export function metadataPieceBytes(size: number, piece: number): number {
  return Math.max(0, Math.min(METADATA_PIECE_BYTES, size - piece * METADATA_PIECE_BYTES));
}

/** Asks for a piece. */
export function encodeMetadataRequest(piece: number): Uint8Array<ArrayBuffer> {
  return encode({ msg_type: REQUEST, piece });
}

/** Says that we do not give a piece. */
export function encodeMetadataReject(piece: number): Uint8Array<ArrayBuffer> {
  return encode({ msg_type: REJECT, piece });
}

/** Gives piece `piece` of an info dictionary. */
export function encodeMetadataData(piece: number, info: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = piece * METADATA_PIECE_BYTES;
  return concat([
    encode({ msg_type: DATA, piece, total_size: info.length }),
    info.subarray(start, start + metadataPieceBytes(info.length, piece)),
  ]);
}

/**
 * Reads a message; `undefined` where its type is unknown, since "an unrecognized message ID MUST be
 * ignored".
 *
 * @throws {PeerError} `bad-message` for no dictionary, no type or piece, a piece or size out of range, or
 * data that is not as long as its piece.
 */
export function decodeMetadata(payload: Uint8Array): MetadataMessage | undefined {
  const { dict, end } = readDict(payload);
  const type = dict.get("msg_type");
  if (typeof type !== "number") throw badPayload("no msg_type");
  if (type !== REQUEST && type !== DATA && type !== REJECT) return undefined;
  const piece = readInteger(dict, "piece", {
    min: 0,
    max: MAX_METADATA_BYTES / METADATA_PIECE_BYTES - 1,
  });
  if (piece === undefined) throw badPayload("no piece, or out of range");
  if (type === REQUEST) return { type: "request", piece };
  if (type === REJECT) return { type: "reject", piece };
  const data = payload.subarray(end);
  const totalSize = readInteger(dict, "total_size", { min: 1, max: MAX_METADATA_BYTES });
  if (totalSize === undefined && dict.has("total_size")) {
    throw badPayload("total_size out of range");
  }
  const isRightLength = totalSize === undefined
    ? data.length >= 1 && data.length <= METADATA_PIECE_BYTES
    : data.length >= 1 && data.length === metadataPieceBytes(totalSize, piece);
  if (!isRightLength) throw badPayload(`piece ${piece} has ${data.length} bytes`);
  return { type: "data", piece, totalSize, data };
}
