/**
 * A torrent file with a few keys changed, every other byte as it was.
 *
 * Nothing is decoded and encoded again: what stays is copied, in its place, even where it is not sorted or
 * not understood. So a change outside the info dictionary cannot change the infohash. New keys go where the
 * order of keys wants them.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { MetainfoError } from "../base/errors.ts";
import { BencodeDict, decode } from "../bencode/decode.ts";
import { type Encodable, encode } from "../bencode/encode.ts";
import { trackerFields, webSeedFields } from "./create.ts";
import { readTiers, readTrackers, readWebSeeds } from "./extras.ts";
import { askText, broken } from "./fields.ts";

/** What is to be different. What is not mentioned stays. */
export interface Changes {
  /** Take the trackers away that are there, before any are added. */
  readonly dropTrackers?: boolean;
  /** Tiers that come behind those that are there; URLs that are there already are left out. */
  readonly addTrackers?: readonly (readonly string[])[];
  /** Take the web seeds away that are there, before any are added. */
  readonly dropWebSeeds?: boolean;
  /** Web seeds that come behind those that are there. */
  readonly addWebSeeds?: readonly string[];
  /** Free text; null for none. */
  readonly comment?: string | null;
  /** The `source` key, which is part of the infohash; null for none. */
  readonly source?: string | null;
  /** Whether it is private, which is part of the infohash. */
  readonly isPrivate?: boolean;
}

/**
 * The torrent file with the changes made, as a new array.
 *
 * @throws {BencodeError} where it is not bencode.
 * @throws {MetainfoError} where it is not a dictionary with an info dictionary in it.
 */
export function editTorrent(bytes: Uint8Array, changes: Changes): Uint8Array<ArrayBuffer> {
  const root = decode(bytes);
  if (!(root instanceof BencodeDict)) {
    throw new MetainfoError("Cannot edit torrent: not a dictionary", "");
  }
  const info = root.dict("info");
  if (!info) throw broken("info", root.has("info") ? "not a dictionary" : "missing");
  const edits: Edits = new Map([
    ...trackerEdits(bytes, root, changes),
    ...webSeedEdits(bytes, root, changes),
    ...textEdits(root, "comment", changes.comment),
  ]);
  const inner: Edits = new Map([
    ...textEdits(info, "source", changes.source),
    ...privateEdits(info, changes.isPrivate),
  ]);
  // Some programs put it outside, where it is read when there is none inside.
  if (changes.source === null && root.has("source")) edits.set("source", null);
  if (inner.size > 0) edits.set("info", rewrite(bytes, info, inner));
  return edits.size > 0 ? rewrite(bytes, root, edits) : bytes.slice();
}

/** The new bencode of a key's value, or null where the key goes. */
type Edits = Map<string, Uint8Array | null>;
type Edit = [key: string, value: Uint8Array | null];

const LETTER_L = 0x6c;

/** The dictionary with its edits, everything else copied. */
function rewrite(bytes: Uint8Array, dict: BencodeDict, edits: Edits): Uint8Array<ArrayBuffer> {
  const present = new Set<string>();
  const places = [...dict.places()];
  for (const { key } of places) if (edits.has(key)) present.add(key);
  const added = [...edits].filter(([key, value]) => value !== null && !present.has(key))
    .sort(([a], [b]) => a < b ? -1 : 1);
  const out: Uint8Array[] = [ascii("d")];
  let next = 0;
  for (const { key, start, value, end } of places) {
    while (next < added.length && added[next]![0] < key) out.push(...entry(added[next++]!));
    const edit = edits.get(key);
    if (edit === undefined) out.push(bytes.subarray(start, end));
    else if (edit !== null) out.push(bytes.subarray(start, value), edit);
  }
  while (next < added.length) out.push(...entry(added[next++]!));
  return concat([...out, ascii("e")]);
}

function entry([key, value]: Edit): Uint8Array[] {
  return [encode(key), value!];
}

function trackerEdits(bytes: Uint8Array, root: BencodeDict, changes: Changes): Edit[] {
  const { dropTrackers = false, addTrackers = [] } = changes;
  if (dropTrackers) return editsOf(trackerFields(addTrackers), ["announce", "announce-list"], root);
  const known = readTrackers(root);
  const seen = new Set(known.flat());
  const added = addTrackers.map((tier) => tier.filter((url) => !seen.has(url)))
    .filter((tier) => tier.length > 0);
  if (added.length === 0) return [];
  if (known.length === 0) return editsOf(trackerFields(added), ["announce", "announce-list"], root);
  // Where the list has nothing of use, the one URL beside it is what counts.
  const list = readTiers(root).length > 0 ? listAt(bytes, root, "announce-list") : undefined;
  return [["announce-list", extended(list ?? encode(known), added)]];
}

function webSeedEdits(bytes: Uint8Array, root: BencodeDict, changes: Changes): Edit[] {
  const { dropWebSeeds = false, addWebSeeds = [] } = changes;
  if (dropWebSeeds) return editsOf(webSeedFields(addWebSeeds), ["url-list"], root);
  const known = readWebSeeds(root);
  const added = addWebSeeds.filter((url) => !known.includes(url));
  if (added.length === 0) return [];
  if (known.length === 0) return editsOf(webSeedFields(added), ["url-list"], root);
  return [["url-list", extended(listAt(bytes, root, "url-list") ?? encode(known), added)]];
}

function textEdits(dict: BencodeDict, key: string, text: string | null | undefined): Edit[] {
  if (text === undefined || text === askText(dict, key)) return [];
  // The better form would win over the new text.
  return editsOf({ [key]: text ?? undefined }, [key, `${key}.utf-8`], dict);
}

function privateEdits(info: BencodeDict, wish: boolean | undefined): Edit[] {
  const isPrivate = info.has("private") && info.integer("private") !== 0;
  if (wish === undefined || wish === isPrivate) return [];
  return [["private", wish ? encode(1) : null]];
}

/** Edits that give `keys` the values that `fields` has for them, and take away what has none. */
function editsOf(
  fields: Readonly<Record<string, Encodable | undefined>>,
  keys: readonly string[],
  dict: BencodeDict,
): Edit[] {
  const out: Edit[] = [];
  for (const key of keys) {
    const value = fields[key];
    if (value !== undefined) out.push([key, encode(value)]);
    else if (dict.has(key)) out.push([key, null]);
  }
  return out;
}

/** The raw list at a key, a view. */
function listAt(bytes: Uint8Array, dict: BencodeDict, key: string): Uint8Array | undefined {
  const span = dict.span(key);
  return span && bytes[span.start] === LETTER_L ? bytes.subarray(span.start, span.end) : undefined;
}

/** A list with items behind its own. */
function extended(list: Uint8Array, items: readonly Encodable[]): Uint8Array {
  return concat([list.subarray(0, -1), ...items.map(encode), ascii("e")]);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
