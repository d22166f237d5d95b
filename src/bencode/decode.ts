/**
 * A strict bencode decoder (BEP 3) for input that nobody vouches for.
 *
 * One loop over the input with its own stack, so that a million open lists cost an error and not the
 * call stack. Every length is compared with what is left before anything is made of it. Refused: leading
 * zeros, `-0`, integers past int64, repeated keys, too deep, too many values, and what follows the value.
 * Unsorted keys are read unless `strict` says otherwise: real torrents have them.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import { BencodeError } from "../base/errors.ts";
import { BencodeDict, type BencodeValue } from "./value.ts";

export { BencodeDict, type BencodeValue } from "./value.ts";

/** What a decoder permits. */
export interface DecodeOptions {
  /** Refuse dictionaries whose keys are not sorted (false). */
  readonly strict?: boolean;
  /** The most values and keys taken together (3,000,000: a torrent of about 400,000 files). */
  readonly maxItems?: number;
  /** How deep lists and dictionaries may nest (100). */
  readonly maxDepth?: number;
  /** What may follow the value ("whitespace": a text editor's newline). */
  readonly allowTrailing?: "none" | "whitespace" | "any";
}

/**
 * Decodes one value that fills the input.
 *
 * Strings of the result are views of `input`: it must not change while they are used.
 *
 * @throws {BencodeError} with the offset where the input stops being right.
 */
export function decode(input: Uint8Array, options: DecodeOptions = {}): BencodeValue {
  const { value, end } = decodePrefix(input, options);
  const trailing = options.allowTrailing ?? "whitespace";
  if (trailing === "any") return value;
  for (let at = end; at < input.length; at++) {
    const byte = input[at]!;
    const isSpace = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
    if (trailing === "none" || !isSpace) throw fail("data after the end of the value", at);
  }
  return value;
}

/**
 * Decodes the value at the start of the input, whatever follows; `end` is the offset behind it. For
 * messages that are a dictionary with a payload behind it (BEP 9).
 *
 * @throws {BencodeError} with the offset where the input stops being right.
 */
export function decodePrefix(
  input: Uint8Array,
  options: DecodeOptions = {},
): { value: BencodeValue; end: number } {
  const reader = new Reader(input, options);
  const value = reader.read();
  return { value, end: reader.at };
}

/** ASCII of the few bytes that mean something. */
const I = 0x69, L = 0x6c, D = 0x64, E = 0x65, COLON = 0x3a, MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;

const DEFAULT_MAX_ITEMS = 3_000_000;
const DEFAULT_MAX_DEPTH = 100;
/** Digits of 2^63; nothing longer is looked at. */
const MAX_DIGITS = 19;
/** Digits that surely fit a safe integer. */
const SAFE_DIGITS = 15;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A container that is still open. */
interface Frame {
  readonly isDict: boolean;
  /** Where its slots begin on the value stack. */
  readonly base: number;
  /** Where it begins in the input. */
  readonly start: number;
  /** The key read last (dictionaries). */
  key: string | undefined;
  /** Every key so far; only once the keys have turned out not to be sorted. */
  seen: Set<string> | undefined;
}

class Reader {
  at = 0;
  readonly #input: Uint8Array;
  readonly #strict: boolean;
  readonly #maxDepth: number;
  #itemsLeft: number;
  /** Values of every open container; a closing one takes its own off, as an array of the exact size. */
  readonly #stack: (string | BencodeValue)[] = [];
  readonly #frames: Frame[] = [];
  /** One string for each of the keys that come again and again, by a cheap hash. */
  readonly #keys = new Array<string>(64).fill("");

  constructor(input: Uint8Array, options: DecodeOptions) {
    this.#input = input;
    this.#strict = options.strict ?? false;
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#itemsLeft = options.maxItems ?? DEFAULT_MAX_ITEMS;
  }

  read(): BencodeValue {
    const frames = this.#frames;
    for (;;) {
      const frame = frames[frames.length - 1];
      let start = this.at;
      let value: BencodeValue | undefined;
      if (frame && this.#input[start] === E) {
        this.at++;
        frames.pop();
        start = frame.start;
        value = this.#close(frame);
      } else {
        if (frame?.isDict) {
          this.#stack.push(this.#key(frame));
          start = this.at;
        }
        value = this.#begin();
        if (value === undefined) continue;
      }
      const parent = frames[frames.length - 1];
      if (!parent) return value;
      this.#stack.push(value);
      if (parent.isDict) this.#stack.push(start, this.at);
    }
  }

  /** Reads an integer or a string, or opens a container and gives `undefined`. */
  #begin(): BencodeValue | undefined {
    const start = this.at;
    this.#count();
    const byte = this.#input[start];
    if (byte === I) return this.#integer();
    if (byte !== L && byte !== D) return this.#string();
    if (this.#frames.length >= this.#maxDepth) {
      throw fail(`nested deeper than ${this.#maxDepth}`, start);
    }
    this.at++;
    this.#frames.push({
      isDict: byte === D,
      base: this.#stack.length,
      start,
      key: undefined,
      seen: undefined,
    });
    return undefined;
  }

  #close(frame: Frame): BencodeValue {
    const slots = this.#stack.slice(frame.base);
    this.#stack.length = frame.base;
    return frame.isDict ? new BencodeDict(slots) : slots as BencodeValue[];
  }

  #key(frame: Frame): string {
    const start = this.at;
    this.#count();
    const key = this.#intern(this.#string());
    const last = frame.key;
    if (last !== undefined && key <= last) {
      if (key === last) throw fail("repeated key", start);
      if (this.#strict) throw fail("keys are not sorted", start);
      frame.seen ??= this.#keysOf(frame);
    }
    if (frame.seen) {
      if (frame.seen.has(key)) throw fail("repeated key", start);
      frame.seen.add(key);
    }
    frame.key = key;
    return key;
  }

  #keysOf(frame: Frame): Set<string> {
    const seen = new Set<string>();
    for (let i = frame.base; i < this.#stack.length; i += 4) seen.add(this.#stack[i] as string);
    return seen;
  }

  #intern(bytes: Uint8Array): string {
    const length = bytes.length;
    if (length === 0 || length > 32) return latin1(bytes);
    const place = (bytes[0]! ^ (bytes[length - 1]! << 1) ^ length) & 63;
    const known = this.#keys[place]!;
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[i]) i++;
      if (i === length) return known;
    }
    return this.#keys[place] = latin1(bytes);
  }

  /** `<length>:<bytes>`, the length without sign or leading zeros. */
  #string(): Uint8Array {
    const input = this.#input;
    const start = this.at;
    let at = start;
    let length = 0;
    for (; isDigit(input[at]); at++) {
      length = length * 10 + input[at]! - ZERO;
      // Checked at every digit, so a length of ten million digits ends here at once.
      if (length > input.length) throw fail("string runs past the end", start);
    }
    if (at === start) throw unexpected(input, at);
    if (input[start] === ZERO && at > start + 1) throw fail("length with a leading zero", start);
    if (input[at] !== COLON) throw unexpected(input, at);
    at++;
    if (length > input.length - at) throw fail("string runs past the end", start);
    this.at = at + length;
    return input.subarray(at, at + length);
  }

  /** `i<digits>e`, as a number where that is exact. */
  #integer(): number | bigint {
    const input = this.#input;
    const start = this.at;
    const isNegative = input[start + 1] === MINUS;
    const first = isNegative ? start + 2 : start + 1;
    let at = first;
    let value = 0;
    for (; isDigit(input[at]); at++) {
      if (at - first >= MAX_DIGITS) throw fail("integer past 64 bits", start);
      value = value * 10 + input[at]! - ZERO;
    }
    if (input[at] !== E || at === first) throw unexpected(input, at);
    if (input[first] === ZERO) {
      if (isNegative) throw fail("negative zero or leading zero", start);
      if (at > first + 1) throw fail("integer with a leading zero", start);
    }
    this.at = at + 1;
    if (at - first <= SAFE_DIGITS) return isNegative ? -value : value;
    const exact = BigInt(latin1(input.subarray(start + 1, at)));
    if (exact > INT64_MAX || exact < INT64_MIN) throw fail("integer past 64 bits", start);
    const number = Number(exact);
    return Number.isSafeInteger(number) ? number : exact;
  }

  #count(): void {
    if (--this.#itemsLeft < 0) throw fail("too many values", this.at);
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

function unexpected(input: Uint8Array, at: number): BencodeError {
  const byte = input[at];
  if (byte === undefined) return fail("unexpected end", at);
  return fail(`unexpected byte 0x${byte.toString(16).padStart(2, "0")}`, at);
}

function fail(state: string, offset: number): BencodeError {
  return new BencodeError(`Cannot decode bencode: ${state}`, offset);
}
