/**
 * The checking half of the decoder: one pass that proves that bytes are bencode and builds nothing.
 *
 * One loop with its own stack, so that a million open lists cost an error and not the call stack. Every
 * length is compared with what is left. What this pass lets through can be read without a single check
 * (`value.ts`), which happens only for the values that somebody asks for: memory follows the questions
 * and not the input.
 *
 * @module
 */

import { BencodeError } from "../base/errors.ts";

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
 * Checks the value at the start of the input and returns the offset behind it.
 *
 * @throws {BencodeError} with the offset where the input stops being right.
 */
export function checkValue(input: Uint8Array, options: DecodeOptions): number {
  return new Checker(input, options).run();
}

/** The error for input that is not bencode. */
export function bencodeError(state: string, offset: number): BencodeError {
  return new BencodeError(`Cannot decode bencode: ${state}`, offset);
}

/** ASCII of the few bytes that mean something. */
const I = 0x69, L = 0x6c, D = 0x64, E = 0x65, COLON = 0x3a, MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;

const DEFAULT_MAX_ITEMS = 3_000_000;
const DEFAULT_MAX_DEPTH = 100;
/** 2^63 - 1; a negative integer may have one more. */
const INT64_DIGITS = "9223372036854775807";

/** A container that is still open. */
interface Frame {
  isDict: boolean;
  /** Where the spans of its keys begin on the stack of keys. */
  keyBase: number;
  /** Whether the keys so far are in order, and so cannot repeat unseen. */
  isSorted: boolean;
}

class Checker {
  readonly #input: Uint8Array;
  readonly #strict: boolean;
  readonly #maxDepth: number;
  #itemsLeft: number;
  #at = 0;
  #depth = 0;
  /** One for every depth that was reached; used again and again. */
  readonly #frames: Frame[] = [];
  /** Start and end of every key of every open dictionary. */
  readonly #keys: number[] = [];
  /** Where the bytes of the string read last begin. */
  #stringStart = 0;

  constructor(input: Uint8Array, options: DecodeOptions) {
    this.#input = input;
    this.#strict = options.strict ?? false;
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#itemsLeft = options.maxItems ?? DEFAULT_MAX_ITEMS;
  }

  run(): number {
    do {
      const frame = this.#frames[this.#depth - 1];
      if (this.#depth > 0 && this.#input[this.#at] === E) {
        this.#close(frame!);
        continue;
      }
      if (this.#depth > 0 && frame!.isDict) this.#key(frame!);
      this.#value();
    } while (this.#depth > 0);
    return this.#at;
  }

  #value(): void {
    this.#count();
    const byte = this.#input[this.#at];
    if (byte === I) this.#integer();
    else if (byte === L || byte === D) this.#open(byte === D);
    else this.#string();
  }

  #open(isDict: boolean): void {
    if (this.#depth >= this.#maxDepth) {
      throw bencodeError(`nested deeper than ${this.#maxDepth}`, this.#at);
    }
    const frame = this.#frames[this.#depth] ??= { isDict, keyBase: 0, isSorted: true };
    frame.isDict = isDict;
    frame.keyBase = this.#keys.length;
    frame.isSorted = true;
    this.#depth++;
    this.#at++;
  }

  #close(frame: Frame): void {
    if (!frame.isSorted) this.#refuseRepeated(frame);
    this.#keys.length = frame.keyBase;
    this.#depth--;
    this.#at++;
  }

  #key(frame: Frame): void {
    const token = this.#at;
    this.#count();
    this.#string();
    const keys = this.#keys;
    const start = this.#stringStart;
    const end = this.#at;
    if (keys.length > frame.keyBase) {
      const order = this.#compare(keys[keys.length - 2]!, keys[keys.length - 1]!, start, end);
      if (order === 0) throw bencodeError("repeated key", token);
      if (order > 0) {
        if (this.#strict) throw bencodeError("keys are not sorted", token);
        frame.isSorted = false;
      }
    }
    keys.push(start, end);
  }

  /** Sorts what came unsorted, instead of hashing it: nobody can choose keys that make this slow. */
  #refuseRepeated(frame: Frame): void {
    const keys = this.#keys;
    const order = new Uint32Array((keys.length - frame.keyBase) / 2);
    for (let i = 0; i < order.length; i++) order[i] = frame.keyBase + 2 * i;
    const compare = (a: number, b: number) =>
      this.#compare(keys[a]!, keys[a + 1]!, keys[b]!, keys[b + 1]!);
    order.sort((a, b) => compare(a, b) || a - b);
    for (let i = 1; i < order.length; i++) {
      if (compare(order[i - 1]!, order[i]!) === 0) {
        const [start, end] = [keys[order[i]!]!, keys[order[i]! + 1]!];
        throw bencodeError("repeated key", start - `${end - start}:`.length);
      }
    }
  }

  /** Order of two spans of the input as raw bytes. */
  #compare(aStart: number, aEnd: number, bStart: number, bEnd: number): number {
    const input = this.#input;
    const common = Math.min(aEnd - aStart, bEnd - bStart);
    for (let i = 0; i < common; i++) {
      const difference = input[aStart + i]! - input[bStart + i]!;
      if (difference !== 0) return difference;
    }
    return (aEnd - aStart) - (bEnd - bStart);
  }

  /** `<length>:<bytes>`, the length without sign or leading zeros. */
  #string(): void {
    const input = this.#input;
    const start = this.#at;
    let at = start;
    let length = 0;
    for (; isDigit(input[at]); at++) {
      length = length * 10 + input[at]! - ZERO;
      // Checked at every digit, so a length of ten million digits ends here at once.
      if (length > input.length) throw bencodeError("string runs past the end", start);
    }
    if (at === start || input[at] !== COLON) throw unexpected(input, at);
    if (input[start] === ZERO && at > start + 1) {
      throw bencodeError("length with a leading zero", start);
    }
    at++;
    if (length > input.length - at) throw bencodeError("string runs past the end", start);
    this.#stringStart = at;
    this.#at = at + length;
  }

  /** `i<digits>e`: no leading zero, no `-0`, within int64. */
  #integer(): void {
    const input = this.#input;
    const start = this.#at;
    const isNegative = input[start + 1] === MINUS;
    const first = isNegative ? start + 2 : start + 1;
    let at = first;
    for (; isDigit(input[at]); at++) {
      if (at - first >= INT64_DIGITS.length) throw bencodeError("integer past 64 bits", start);
    }
    if (input[at] !== E || at === first) throw unexpected(input, at);
    if (input[first] === ZERO && (isNegative || at > first + 1)) {
      throw bencodeError("integer with a leading zero or minus zero", start);
    }
    if (at - first === INT64_DIGITS.length && this.#isPastInt64(first, isNegative)) {
      throw bencodeError("integer past 64 bits", start);
    }
    this.#at = at + 1;
  }

  /** Whether as many digits as 2^63 has make more than int64 holds. */
  #isPastInt64(first: number, isNegative: boolean): boolean {
    for (let i = 0; i < INT64_DIGITS.length; i++) {
      const isLast = i === INT64_DIGITS.length - 1;
      const limit = INT64_DIGITS.charCodeAt(i) + (isLast && isNegative ? 1 : 0);
      const digit = this.#input[first + i]!;
      if (digit !== limit) return digit > limit;
    }
    return false;
  }

  #count(): void {
    if (--this.#itemsLeft < 0) throw bencodeError("too many values", this.#at);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function unexpected(input: Uint8Array, at: number): BencodeError {
  const byte = input[at];
  if (byte === undefined) return bencodeError("unexpected end", at);
  return bencodeError(`unexpected byte 0x${byte.toString(16).padStart(2, "0")}`, at);
}
