/**
 * Text of strangers made into one line that may be shown: a tracker's failure reason, an error message
 * that quotes a URL.
 *
 * The line keeps no byte that moves a cursor, ends a line or turns the direction of reading. Names of
 * files are another matter: they must survive unchanged and are escaped where they are printed.
 *
 * @module
 */

/** Longer input is cut before it is looked at, so that two megabytes of text cost nothing. */
const CUT = 4;

// Invisible formatting: bidirectional marks, zero-width characters, soft hyphens.
const INVISIBLE = /\p{Cf}+/gu;
// Control characters and every kind of white space, line and paragraph separators included.
const BLANK = /[\p{Cc}\p{Z}]+/gu;
// Half a surrogate pair, private use and unassigned: nothing a person could read.
const UNREADABLE = /[\p{Cs}\p{Co}\p{Cn}]/gu;

/**
 * `text` as one clean line of at most `maxLength` characters; bytes are read as UTF-8, broken sequences
 * as U+FFFD. What is cut off shows as "…".
 */
export function cleanLine(text: string | Uint8Array, maxLength = 200): string {
  const limit = maxLength * CUT;
  const raw = typeof text === "string"
    ? text.slice(0, limit)
    : new TextDecoder().decode(text.subarray(0, limit));
  const clean = raw.replace(INVISIBLE, "").replace(UNREADABLE, "\ufffd").replace(BLANK, " ").trim();
  const wasCut = text.length > limit;
  if (clean.length <= maxLength && !wasCut) return clean;
  // By code points, so that no surrogate pair is halved.
  return [...clean].slice(0, maxLength - 1).join("") + "…";
}

/** Longer text is left to the decoder, which is the faster the longer it is. */
const SHORT_BYTES = 128;

/** A short text of nothing but ASCII, three times faster than a decoder; `undefined` for any other. */
export function shortAscii(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  if (length > SHORT_BYTES) return undefined;
  for (let i = 0; i < length; i++) if (bytes[i]! > 0x7f) return undefined;
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}
