/**
 * Typed access to the keys of a decoded torrent.
 *
 * The keys that decide what is downloaded are demanded: a wrong type is a {@link MetainfoError} that
 * names the key. All others are asked for: a wrong type reads as if the key were not there.
 *
 * @module
 */

import { MetainfoError } from "../base/errors.ts";
import type { BencodeDict, BencodeValue } from "../bencode/decode.ts";
import { exactText, repairedText } from "./text.ts";

/** An error that names the key: "Cannot parse info.pieces: length 39 is not a multiple of 20". */
export function broken(path: string, state: string): MetainfoError {
  return new MetainfoError(`Cannot parse ${path}: ${state}`, path);
}

/**
 * A value that must be an integer from `min` to `max`.
 *
 * @throws {MetainfoError} where it is missing, of another type or out of range.
 */
export function demandInteger(
  value: BencodeValue | undefined,
  path: string,
  range: { min: number; max: number },
): number {
  if (value === undefined) throw broken(path, "missing");
  if (typeof value !== "number" && typeof value !== "bigint") throw broken(path, "not an integer");
  if (value < range.min) throw broken(path, `${value} is less than ${range.min}`);
  if (value > range.max) throw broken(path, `${value} is more than ${range.max}`);
  return Number(value);
}

/**
 * A value that must be a byte string.
 *
 * @throws {MetainfoError} where it is missing or of another type.
 */
export function demandBytes(value: BencodeValue | undefined, path: string): Uint8Array {
  if (value === undefined) throw broken(path, "missing");
  if (!(value instanceof Uint8Array)) throw broken(path, "not a string");
  return value;
}

/**
 * The items of a key that must be a list, made one by one.
 *
 * @throws {MetainfoError} where it is missing or of another type.
 */
export function demandItems(dict: BencodeDict, key: string, path: string): Iterable<BencodeValue> {
  const items = dict.items(key);
  if (!items) throw broken(path, dict.has(key) ? "not a list" : "missing");
  return items;
}

/** Text of a key in its better form: `<key>.utf-8` where that is UTF-8, else `<key>` repaired, else null. */
export function askText(dict: BencodeDict, key: string): string | null {
  const better = dict.get(`${key}.utf-8`);
  const exact = better instanceof Uint8Array ? exactText(better) : undefined;
  if (exact !== undefined) return exact;
  const plain = dict.get(key);
  return plain instanceof Uint8Array ? repairedText(plain) : null;
}
