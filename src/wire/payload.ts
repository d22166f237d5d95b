/**
 * How the payload of an extension message is read: a bencoded dictionary of a peer, with few values in
 * it and nothing in it believed. Used by the codecs of the extensions (BEP 9, 10, 11).
 *
 * @module
 */

import { BencodeError, PeerError } from "../base/errors.ts";
import { BencodeDict, type BencodeValue, decodePrefix } from "../bencode/decode.ts";

/** Far more than any extension message has; a dictionary of a hundred thousand values is an attack. */
const MAX_ITEMS = 4096;
const MAX_DEPTH = 16;

/**
 * The dictionary at the start of `payload` and the offset behind it. Its strings are views of `payload`.
 *
 * @throws {PeerError} `bad-message` where there is none.
 */
export function readDict(payload: Uint8Array): { dict: BencodeDict; end: number } {
  let read: { value: BencodeValue; end: number };
  try {
    read = decodePrefix(payload, { maxItems: MAX_ITEMS, maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    throw badPayload(error.message);
  }
  if (!(read.value instanceof BencodeDict)) throw badPayload("not a dictionary");
  return { dict: read.value, end: read.end };
}

/** The integer under `key` if it is one and `min <= n <= max`. */
export function readInteger(
  dict: BencodeDict,
  key: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  const value = dict.get(key);
  return typeof value === "number" && value >= range.min && value <= range.max ? value : undefined;
}

/** The byte string under `key`, a view of the payload, if it is one. */
export function readBytes(dict: BencodeDict, key: string): Uint8Array | undefined {
  const value = dict.get(key);
  return value instanceof Uint8Array ? value : undefined;
}

/** The error of an extension message that makes no sense. */
export function badPayload(state: string): PeerError {
  return new PeerError("bad-message", `Cannot take extension message: ${state}`);
}
