/**
 * A strict bencode decoder (BEP 3) for input that nobody vouches for.
 *
 * Refused: leading zeros, `-0`, integers past int64, repeated keys, lengths past the end, too deep, too
 * many values, and what follows the value. Unsorted keys are read unless `strict` says otherwise: real
 * torrents have them. The input is checked as a whole first (`check.ts`); values are made when they are
 * asked for (`value.ts`).
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import { bencodeError, checkValue, type DecodeOptions } from "./check.ts";
import { type BencodeValue, valueAt } from "./value.ts";

export type { DecodeOptions } from "./check.ts";
export {
  BencodeDict,
  type BencodeItem,
  BencodeList,
  type BencodeValue,
  type EntryPlace,
} from "./value.ts";

/**
 * Decodes one value that fills the input.
 *
 * The result reads from `input`, now and later: it must not change while the result is used.
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
    if (trailing === "none" || !isSpace) {
      throw bencodeError("data after the end of the value", at);
    }
  }
  return value;
}

/**
 * Decodes the value at the start of the input, whatever follows; `end` is the offset behind it. For
 * messages that are a dictionary with a payload behind it (BEP 9).
 *
 * The result reads from `input`, now and later: it must not change while the result is used.
 *
 * @throws {BencodeError} with the offset where the input stops being right.
 */
export function decodePrefix(
  input: Uint8Array,
  options: DecodeOptions = {},
): { value: BencodeValue; end: number } {
  const end = checkValue(input, options);
  return { value: valueAt(input, 0), end };
}
