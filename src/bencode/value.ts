/**
 * The reading half of the decoder: values out of bytes that have been checked, when they are asked for.
 *
 * A dictionary is no more than its place in the input until a key is looked up; nothing is kept of an
 * answer. So a torrent of 100,000 files costs what is made of it, and a hostile one costs nothing. Since
 * every value knows its span of the input, an infohash is taken over the bytes that were received and
 * never over a re-encoding.
 *
 * Nothing here may see bytes that `check.ts` has not let through.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import { BugError } from "../base/errors.ts";

/**
 * A decoded value. Integers are numbers up to ±(2^53 - 1) and bigints from there to the ends of int64;
 * strings are views of the input.
 */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

/** An item of a {@link BencodeList}. */
export type BencodeItem = number | bigint | Uint8Array | BencodeList | BencodeDict;

/** Where an entry of a dictionary lies in the input. */
export interface EntryPlace {
  /** The key, latin-1. */
  readonly key: string;
  /** Where the bencode of the key begins. */
  readonly start: number;
  /** Where that of the value begins. */
  readonly value: number;
  /** Behind the value. */
  readonly end: number;
}

/** ASCII of the few bytes that mean something. */
const I = 0x69, L = 0x6c, D = 0x64, E = 0x65, COLON = 0x3a, MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;

/** Numbers an entry takes in an index. */
const STRIDE = 3;
/** Bytes of a dictionary up to which looking through it beats keeping an index. */
const SCAN_BYTES = 256;
/** Digits that surely fit a safe integer. */
const SAFE_DIGITS = 15;

/**
 * A dictionary in order of appearance. Keys are latin-1 strings, one character a byte: ASCII keys read as
 * written, binary ones (a scrape's infohashes) keep every byte.
 *
 * It reads from the input whenever it is asked, so the input must not change while it is used. Answers are
 * made anew each time: keep a list rather than ask for it twice.
 */
export class BencodeDict {
  readonly #input: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  /** Of each entry: start and end of the key's bytes, which is the start of the value, and the value's end. */
  #index: number[] | undefined;

  /** Made by the decoder, of checked bytes: `start` is the offset of the `d`, `end` is behind the `e`. */
  constructor(input: Uint8Array, start: number, end: number) {
    this.#input = input;
    this.#start = start;
    this.#end = end;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#indexed().length / STRIDE;
  }

  /** The value of a key. */
  get(key: string): BencodeValue | undefined {
    const at = this.#find(key);
    return at < 0 ? undefined : valueAt(this.#input, at);
  }

  /** The integer at a key; `undefined` where there is none, whatever else there is. */
  integer(key: string): number | bigint | undefined {
    const at = this.#find(key);
    return this.#input[at] === I ? new Cursor(this.#input, at).integer() : undefined;
  }

  /** The string at a key, a view; `undefined` where there is none, whatever else there is. */
  bytes(key: string): Uint8Array | undefined {
    const at = this.#find(key);
    return isDigit(this.#input[at]) ? new Cursor(this.#input, at).string() : undefined;
  }

  /** The list at a key, not built; `undefined` where there is none, whatever else there is. */
  list(key: string): BencodeList | undefined {
    const at = this.#find(key);
    return this.#input[at] === L ? new BencodeList(this.#input, at) : undefined;
  }

  /** The dictionary at a key; `undefined` where there is none, whatever else there is. */
  dict(key: string): BencodeDict | undefined {
    const at = this.#find(key);
    return this.#input[at] === D ? new Cursor(this.#input, at).dict() : undefined;
  }

  /** Whether there is such a key. */
  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The keys in order of appearance. */
  keys(): string[] {
    const index = this.#indexed();
    const out: string[] = [];
    for (let i = 0; i < index.length; i += STRIDE) out.push(this.#keyAt(index, i));
    return out;
  }

  /** Keys and values in order of appearance. */
  *entries(): Generator<[string, BencodeValue]> {
    const index = this.#indexed();
    for (let i = 0; i < index.length; i += STRIDE) {
      yield [this.#keyAt(index, i), valueAt(this.#input, index[i + 1]!)];
    }
  }

  /** Where each entry lies in the input, in order of appearance: key and value lie end to end. */
  *places(): Generator<EntryPlace> {
    const index = this.#indexed();
    let start = this.#start + 1;
    for (let i = 0; i < index.length; i += STRIDE) {
      const end = index[i + 2]!;
      yield { key: this.#keyAt(index, i), start, value: index[i + 1]!, end };
      start = end;
    }
  }

  /** Where the raw value of a key lies in the input: `input.subarray(start, end)` is its bencode. */
  span(key: string): { start: number; end: number } | undefined {
    const start = this.#find(key);
    if (start < 0) return undefined;
    const index = this.#indexed();
    let i = 1;
    while (index[i] !== start) i += STRIDE;
    return { start, end: index[i + 1]! };
  }

  /** Where the value of a key begins, -1 for no such key. Looks at one key after the other: there are few. */
  #find(key: string): number {
    const input = this.#input;
    if (this.#end - this.#start > SCAN_BYTES) {
      const index = this.#indexed();
      for (let i = 0; i < index.length; i += STRIDE) {
        if (isText(input, index[i]!, index[i + 1]!, key)) return index[i + 1]!;
      }
      return -1;
    }
    const cursor = new Cursor(input, this.#start + 1);
    while (!cursor.isAtEnd()) {
      const start = cursor.skipString();
      if (isText(input, start, cursor.at, key)) return cursor.at;
      cursor.skip();
    }
    return -1;
  }

  #indexed(): number[] {
    if (this.#index) return this.#index;
    const index: number[] = [];
    const cursor = new Cursor(this.#input, this.#start + 1);
    while (!cursor.isAtEnd()) {
      const start = cursor.skipString();
      const end = cursor.at;
      cursor.skip();
      index.push(start, end, cursor.at);
    }
    return this.#index = index;
  }

  #keyAt(index: readonly number[], i: number): string {
    return latin1(this.#input.subarray(index[i], index[i + 1]));
  }
}

/** Whether a range of the input is a latin-1 text. */
function isText(input: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (input[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/**
 * A list that is walked instead of built: what comes from strangers may have millions of items where a
 * hundred are wanted. Lists within it come out as the same. It reads from the input whenever it is walked.
 */
export class BencodeList implements Iterable<BencodeItem> {
  readonly #input: Uint8Array;
  readonly #start: number;

  /** Made by {@link BencodeDict.list}, of checked bytes: `start` is the offset of the `l`. */
  constructor(input: Uint8Array, start: number) {
    this.#input = input;
    this.#start = start;
  }

  /** The items in order. */
  *[Symbol.iterator](): Generator<BencodeItem, void> {
    const cursor = new Cursor(this.#input, this.#start + 1);
    while (!cursor.isAtEnd()) yield cursor.item();
  }
}

/** The value that begins at `at` of checked input. */
export function valueAt(input: Uint8Array, at: number): BencodeValue {
  return new Cursor(input, at).value();
}

/** The offset behind the value that begins at `at`. */
function skipValue(input: Uint8Array, at: number): number {
  let depth = 0;
  do {
    const start = at;
    const byte = input[at];
    if (byte === L || byte === D) {
      depth++;
      at++;
    } else if (byte === E) {
      depth--;
      at++;
    } else if (byte === I) {
      while (input[at] !== E && at < input.length) at++;
      at++;
    } else {
      let length = 0;
      for (; input[at] !== COLON && at < input.length; at++) {
        length = length * 10 + input[at]! - ZERO;
      }
      at += 1 + length;
    }
    if (!(at > start && at <= input.length)) throw changed();
  } while (depth > 0);
  return at;
}

/** Reads value after value. */
class Cursor {
  at: number;
  readonly #input: Uint8Array;

  constructor(input: Uint8Array, at: number) {
    this.#input = input;
    this.at = at;
  }

  /** Whether the list or dictionary is over. */
  isAtEnd(): boolean {
    if (this.at >= this.#input.length) throw changed();
    return this.#input[this.at] === E;
  }

  /** The next value, whole. */
  value(): BencodeValue {
    return this.#input[this.at] === L ? this.#list() : this.#simple();
  }

  /** The next value, a list not built. */
  item(): BencodeItem {
    if (this.#input[this.at] !== L) return this.#simple();
    const start = this.at;
    this.skip();
    return new BencodeList(this.#input, start);
  }

  dict(): BencodeDict {
    const start = this.at;
    this.skip();
    return new BencodeDict(this.#input, start, this.at);
  }

  string(): Uint8Array {
    const start = this.skipString();
    return this.#input.subarray(start, this.at);
  }

  /** Goes past a value. */
  skip(): void {
    this.at = skipValue(this.#input, this.at);
  }

  /** Goes past a string and returns where its bytes begin. */
  skipString(): number {
    const input = this.#input;
    let at = this.at;
    let length = 0;
    for (; input[at] !== COLON && at < input.length; at++) {
      length = length * 10 + input[at]! - ZERO;
    }
    const end = at + 1 + length;
    if (!(end > this.at && end <= input.length)) throw changed();
    this.at = end;
    return at + 1;
  }

  #simple(): Exclude<BencodeItem, BencodeList> {
    switch (this.#input[this.at]) {
      case I:
        return this.integer();
      case D:
        return this.dict();
      default:
        return this.string();
    }
  }

  /** Recursive for lists in lists, which are no deeper than the check let through. */
  #list(): BencodeValue[] {
    const out: BencodeValue[] = [];
    this.at++;
    while (!this.isAtEnd()) out.push(this.value());
    this.at++;
    return out;
  }

  integer(): number | bigint {
    const input = this.#input;
    const start = this.at + 1;
    const isNegative = input[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let value = 0;
    for (; input[at] !== E && at < input.length; at++) value = value * 10 + input[at]! - ZERO;
    this.at = at + 1;
    if (at - first <= SAFE_DIGITS) return isNegative ? -value : value;
    const exact = BigInt(latin1(input.subarray(start, at)));
    const number = Number(exact);
    return Number.isSafeInteger(number) ? number : exact;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function latin1(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    out += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return out;
}

function changed(): BugError {
  return new BugError("Bencode was read from bytes that changed after they were checked");
}
