/**
 * What kind of SOURCE a word is, by its shape alone.
 *
 * @module
 */

/** The kinds of SOURCE. */
export type SourceKind = "stdin" | "url" | "magnet" | "infohash" | "path";

/** The kind a word has when it is known to be a SOURCE. */
export function sourceKind(word: string): SourceKind {
  if (word === "-") return "stdin";
  if (/^https?:\/\//i.test(word)) return "url";
  if (/^magnet:/i.test(word)) return "magnet";
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64}|[a-z2-7]{32})$/i.test(word)) return "infohash";
  return "path";
}

/** Whether a word in the place of a verb is a SOURCE: a path has a separator or ends in `.torrent`. */
export function looksLikeSource(word: string): boolean {
  return sourceKind(word) !== "path" || /[/\\]|\.torrent$/i.test(word);
}
