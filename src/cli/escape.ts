/**
 * Text that came from a torrent, a tracker or a peer, made safe to show.
 *
 * A name can carry escape sequences that repaint a terminal, line breaks that forge a line of ours, or
 * bidirectional marks that make `exe.gpj` read as `jpg.exe`. On a terminal each such character is shown
 * as `\u{…}`; in JSON it is written as a `\uXXXX` escape, which every parser gives back unchanged.
 *
 * @module
 */

// C0, DEL, C1, the line and paragraph separators, the marks that change direction, and halves of
// surrogate pairs (a terminal would get malformed UTF-8). A regular expression without state.
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

// What JSON.stringify leaves as it is. C0 and lone surrogates it escapes by itself.
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Most text, told apart quickly: a torrent may have 100,000 names. */
const PLAIN = /^[ -~]*$/;

/** `text` in one line that moves no cursor: every unsafe character becomes `\u{hex}`. */
export function forTerminal(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNSAFE, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** A value as one line of JSON that is safe to show on a terminal, too. */
export function forJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (PLAIN.test(json)) return json;
  return json.replace(
    UNSAFE_IN_JSON,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `text` as the message of a GitHub Actions workflow command, which ends at a line break. */
export function forActions(text: string): string {
  return forTerminal(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
