/**
 * Infohashes as people write them.
 *
 * Forty hexadecimal or 32 base32 digits are a SHA-1 (BEP 3, BEP 9), 64 hexadecimal ones a SHA-256 (BEP 52).
 *
 * @module
 */

import { decodeBase32 } from "@std/encoding/base32";
import { decodeHex } from "@std/encoding/hex";

/** One infohash: `v1` has 20 bytes, `v2` 32. Exactly one of them is there. */
export interface ParsedInfoHash {
  /** SHA-1 of the info dictionary. */
  readonly v1?: Uint8Array;
  /** SHA-256 of the info dictionary. */
  readonly v2?: Uint8Array;
}

/** The infohash that `text` is, in either case of letters; `undefined` where it is none. */
export function parseInfoHash(text: string): ParsedInfoHash | undefined {
  if (/^[0-9A-Fa-f]{40}$/.test(text)) return { v1: decodeHex(text) };
  if (/^[A-Za-z2-7]{32}$/.test(text)) return { v1: decodeBase32(text.toUpperCase()) };
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return { v2: decodeHex(text) };
  return undefined;
}
