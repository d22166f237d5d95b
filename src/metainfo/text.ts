/**
 * Text out of bytes that claim to be UTF-8.
 *
 * Nothing is normalised and a byte order mark is kept: names must come out as they went in.
 *
 * @module
 */

import { shortAscii } from "../base/text.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text, or `undefined` where the bytes are not UTF-8. */
export function exactText(bytes: Uint8Array): string | undefined {
  const plain = shortAscii(bytes);
  if (plain !== undefined) return plain;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text; where the bytes are not UTF-8, every wrong sequence becomes `_`. */
export function repairedText(bytes: Uint8Array): string {
  return exactText(bytes) ?? lenient.decode(bytes).replaceAll("\ufffd", "_");
}
