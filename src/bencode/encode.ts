/**
 * A bencode encoder (BEP 3): what it writes is canonical, with keys sorted as raw bytes.
 *
 * Values are our own, so a value that has no bencode is a `TypeError` of the caller.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import { compareBytes } from "../base/bytes.ts";
import { BencodeDict } from "./value.ts";

/**
 * What can be encoded. Strings are written as UTF-8; an entry whose value is `undefined` is left out.
 * Keys of a {@link BencodeDict} are latin-1, one character a byte, as the decoder made them.
 */
export type Encodable =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Encodable[]
  | ReadonlyMap<string | Uint8Array, Encodable | undefined>
  | BencodeDict
  | { readonly [key: string]: Encodable | undefined };

/**
 * The canonical bencode of a value, as a new array.
 *
 * @throws {TypeError} for a number that is not a safe integer, a bigint past int64, two equal keys, or
 * nesting deeper than 100.
 */
export function encode(value: Encodable): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(value, 0);
  return writer.take();
}

const MAX_DEPTH = 100;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const utf8 = new TextEncoder();

class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  value(value: Encodable, depth: number): void {
    if (typeof value === "number" || typeof value === "bigint") return this.#integer(value);
    if (typeof value === "string") return this.#string(utf8.encode(value));
    if (value instanceof Uint8Array) return this.#string(value);
    if (depth >= MAX_DEPTH) throw new TypeError(`Cannot encode: nested deeper than ${MAX_DEPTH}`);
    if (Array.isArray(value)) {
      this.#text("l");
      for (const item of value) this.value(item, depth + 1);
      return this.#text("e");
    }
    this.#text("d");
    for (const [key, item] of sortedEntries(value as Dictionary)) {
      this.#string(key);
      this.value(item, depth + 1);
    }
    this.#text("e");
  }

  #integer(value: number | bigint): void {
    const isWritable = typeof value === "number"
      ? Number.isSafeInteger(value)
      : value >= INT64_MIN && value <= INT64_MAX;
    if (!isWritable) throw new TypeError(`Cannot encode integer: ${value} is out of range`);
    this.#text(`i${value}e`);
  }

  #string(bytes: Uint8Array): void {
    this.#text(`${bytes.length}:`);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #text(ascii: string): void {
    this.#reserve(ascii.length);
    for (let i = 0; i < ascii.length; i++) this.#bytes[this.#length++] = ascii.charCodeAt(i);
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(need, 2 * this.#bytes.length));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

type Dictionary = Exclude<Encodable, number | bigint | string | Uint8Array | readonly Encodable[]>;

function sortedEntries(dict: Dictionary): [Uint8Array, Encodable][] {
  const out: [Uint8Array, Encodable][] = [];
  if (dict instanceof BencodeDict) {
    for (const [key, value] of dict.entries()) {
      out.push([Uint8Array.from(key, (c) => c.charCodeAt(0)), value]);
    }
  } else {
    const entries = dict instanceof Map ? dict.entries() : Object.entries(dict);
    for (const [key, value] of entries) {
      if (value === undefined) continue;
      out.push([typeof key === "string" ? utf8.encode(key) : key, value]);
    }
  }
  out.sort(([a], [b]) => compareBytes(a, b));
  for (let i = 1; i < out.length; i++) {
    if (compareBytes(out[i - 1]![0], out[i]![0]) === 0) {
      throw new TypeError("Cannot encode dictionary: two keys are equal");
    }
  }
  return out;
}
