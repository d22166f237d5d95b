/**
 * What kind of SOURCE a word is, by its shape alone, and what it is called.
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

/** Whether a SOURCE is something to read, rather than a name of a torrent. */
export function isReadable(source: string): boolean {
  const kind = sourceKind(source);
  return kind !== "magnet" && kind !== "infohash";
}

/**
 * How a SOURCE is called in messages and before the torrent's name is known. Raw text. Messages end up in the
 * logs of others: of a URL the user is left out and the query only hinted at, since either may be a secret.
 */
export function nameOfSource(word: string): string {
  if (word === "-") return "standard input";
  const source = sourceKind(word) === "url"
    ? word.replace(/^(\w+:\/\/)[^/?#]*@/, "$1").replace(/\?.*$/s, "?…")
    : word;
  return source.length <= 200 ? source : `${source.slice(0, 199)}…`;
}
