/**
 * Typed access to the keys of a decoded torrent.
 *
 * The keys that decide what is downloaded are demanded: a wrong type is a {@link MetainfoError} that
 * names the key. All others are asked for: a wrong type reads as if the key were not there.
 *
 * @module
 */

import { MetainfoError } from "../base/errors.ts";
import type { BencodeDict, BencodeList } from "../bencode/decode.ts";
import { exactText, repairedText } from "./text.ts";

/** An error that names the key: "Cannot parse info.pieces: length 39 is not a multiple of 20". */
export function broken(path: string, state: string): MetainfoError {
  return new MetainfoError(`Cannot parse ${path}: ${state}`, path);
}

/** What must be found: a key of a dictionary, and the path of that dictionary. */
export interface Wanted {
  /** Where to look. */
  readonly dict: BencodeDict;
  /** What to look for. */
  readonly key: string;
  /** What the dictionary is called in errors: `info.files[3]`. */
  readonly parent: string;
}

/**
 * A key that must be an integer from `min` to `max`.
 *
 * @throws {MetainfoError} where it is missing, of another type or out of range.
 */
export function demandInteger(wanted: Wanted, min: number, max: number): number {
  const value = wanted.dict.integer(wanted.key);
  if (value === undefined) throw missing(wanted, "an integer");
  if (value < min) throw broken(pathOf(wanted), `${value} is less than ${min}`);
  if (value > max) throw broken(pathOf(wanted), `${value} is more than ${max}`);
  return Number(value);
}

/**
 * A key that must be a byte string.
 *
 * @throws {MetainfoError} where it is missing or of another type.
 */
export function demandBytes(wanted: Wanted): Uint8Array {
  const value = wanted.dict.bytes(wanted.key);
  if (!value) throw missing(wanted, "a string");
  return value;
}

/**
 * A key that must be a list; it is walked, never built.
 *
 * @throws {MetainfoError} where it is missing or of another type.
 */
export function demandList(wanted: Wanted): BencodeList {
  const value = wanted.dict.list(wanted.key);
  if (!value) throw missing(wanted, "a list");
  return value;
}

/** Text of a key in its better form: `<key>.utf-8` where that is UTF-8, else `<key>` repaired, else null. */
export function askText(dict: BencodeDict, key: string): string | null {
  const better = dict.bytes(`${key}.utf-8`);
  const exact = better && exactText(better);
  if (exact !== undefined) return exact;
  const plain = dict.bytes(key);
  return plain ? repairedText(plain) : null;
}

function pathOf({ parent, key }: Wanted): string {
  return `${parent}.${key}`;
}

function missing(wanted: Wanted, type: string): MetainfoError {
  return broken(pathOf(wanted), wanted.dict.has(wanted.key) ? `not ${type}` : "missing");
}
