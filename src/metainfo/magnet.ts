/**
 * Magnet links (BEP 9, 53): what a link says, checked, and a link for what is known.
 *
 * ```
 * magnet:?xt=urn:btih:<40 hex or 32 base32>&xt=urn:btmh:1220<64 hex>&dn=<name>&tr=<tracker>
 *        &ws=<web seed>&x.pe=<host:port>&so=0,2,4-6
 * ```
 *
 * Only the infohash is demanded. Of everything else what makes no sense is left out, and every list is
 * capped: links are pasted from anywhere.
 *
 * https://www.bittorrent.org/beps/bep_0009.html
 *
 * @module
 */

import { splitHostPort } from "../base/address.ts";
import { MagnetError, OptionsError } from "../base/errors.ts";
import { hex } from "../base/bytes.ts";
import { parseInfoHash } from "./info_hash.ts";
import { repairedText } from "./text.ts";
import { MAX_TRACKERS, MAX_WEB_SEEDS, trackerUrl, webSeedUrl } from "./urls.ts";

/** What a magnet link says. At least one of the infohashes is there. */
export interface Magnet {
  /** SHA-1 of the info dictionary, 20 bytes. */
  readonly infoHash: Uint8Array | null;
  /** SHA-256 of the info dictionary, 32 bytes. */
  readonly infoHashV2: Uint8Array | null;
  /** What the link calls the torrent: raw text for people, never a path. */
  readonly name: string | null;
  /** Announce URLs, each once, at most 100. */
  readonly trackers: readonly string[];
  /** Peers to try first, `HOST:PORT` or `[V6]:PORT`, at most 100. */
  readonly peers: readonly string[];
  /** HTTP seeds, each once, at most 100. */
  readonly webSeeds: readonly string[];
  /** Indices of the files to download, ascending, each once (BEP 53); null for all. */
  readonly selection: readonly number[] | null;
}

/** What a link can be made of: a {@link Magnet}, or a `Metainfo` with its tiers of trackers. */
export interface MagnetSource {
  /** SHA-1 of the info dictionary. */
  readonly infoHash: Uint8Array | null;
  /** SHA-256 of the info dictionary. */
  readonly infoHashV2: Uint8Array | null;
  /** The display name. */
  readonly name: string | null;
  /** Announce URLs, in tiers or not. */
  readonly trackers: readonly (string | readonly string[])[];
  /** HTTP seeds. */
  readonly webSeeds: readonly string[];
  /** Peers to try first. */
  readonly peers?: readonly string[];
  /** Indices of the files to download. */
  readonly selection?: readonly number[] | null;
}

/**
 * Reads a magnet link. White space around it and `&amp;` for `&` (a link copied out of HTML) do not matter.
 *
 * @throws {MagnetError} where it is no magnet link or has no infohash of BitTorrent.
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LINK_LENGTH) {
    throw new MagnetError(`Cannot parse magnet link: longer than ${MAX_LINK_LENGTH} characters`);
  }
  const link = text.trim();
  if (!/^magnet:\?/i.test(link)) {
    throw new MagnetError('Cannot parse magnet link: it does not begin with "magnet:?"');
  }
  const draft = new Draft();
  for (const parameter of link.slice("magnet:?".length).split(/&(?:amp;)?/)) {
    const equals = parameter.indexOf("=");
    if (equals <= 0) continue;
    // "tr.1" is a "tr": some programs number what comes more than once.
    const key = parameter.slice(0, equals).toLowerCase().replace(/\.\d+$/, "");
    draft.add(key, parameter.slice(equals + 1));
  }
  return draft.finish();
}

/** A magnet link; `tr`, `ws`, `x.pe` and `so` where there are any. */
export function formatMagnet(source: MagnetSource): string {
  const parts: string[] = [];
  if (source.infoHash) parts.push(`xt=urn:btih:${hex(source.infoHash)}`);
  if (source.infoHashV2) parts.push(`xt=urn:btmh:1220${hex(source.infoHashV2)}`);
  if (source.name) parts.push(`dn=${percentEncode(source.name)}`);
  for (const url of source.trackers.flat()) parts.push(`tr=${percentEncode(url)}`);
  for (const url of source.webSeeds) parts.push(`ws=${percentEncode(url)}`);
  for (const peer of source.peers ?? []) parts.push(`x.pe=${percentEncode(peer)}`);
  if (source.selection) parts.push(`so=${formatSelection(source.selection)}`);
  return `magnet:?${parts.join("&")}`;
}

/**
 * The indices of the files that a link asks for (BEP 53), padding and what there is not left out; `undefined`
 * for all files.
 *
 * @throws {OptionsError} where none of them is there.
 */
export function chosenFiles(
  { selection }: Pick<Magnet, "selection">,
  files: readonly { readonly isPad: boolean }[],
): number[] | undefined {
  if (selection === null) return undefined;
  const chosen = selection.filter((index) => files[index]?.isPad === false);
  if (chosen.length > 0) return chosen;
  throw new OptionsError(
    "Cannot select files: the magnet link's so= names none that the torrent has",
    { hint: `the torrent has ${files.length}, counted from 0; --select-file overrides the link` },
  );
}

/** Room for a hundred long trackers, and not for a book. */
const MAX_LINK_LENGTH = 1_000_000;
const MAX_PEERS = 100;
/** File indices from here on are ignored, so that `0-999999999` is no bomb. */
const MAX_FILE_INDEX = 1_000_000;

/** A link being read. */
class Draft {
  #infoHash: Uint8Array | null = null;
  #infoHashV2: Uint8Array | null = null;
  #name: string | null = null;
  readonly #trackers = new Set<string>();
  readonly #peers = new Set<string>();
  readonly #webSeeds = new Set<string>();
  readonly #ranges: [first: number, last: number][] = [];

  add(key: string, raw: string): void {
    switch (key) {
      case "xt":
        return this.#topic(percentDecode(raw));
      case "dn":
        // A form's "+" for a space is common in names, and only there.
        this.#name ??= percentDecode(raw.replaceAll("+", " ")) || null;
        return;
      case "tr":
        return addTo(this.#trackers, MAX_TRACKERS, trackerUrl(percentDecode(raw)));
      case "ws":
        return addTo(this.#webSeeds, MAX_WEB_SEEDS, webSeedUrl(percentDecode(raw)));
      case "x.pe": {
        const peer = percentDecode(raw).trim();
        return addTo(this.#peers, MAX_PEERS, splitHostPort(peer) && peer);
      }
      case "so":
        for (const range of parseRanges(percentDecode(raw))) this.#ranges.push(range);
    }
  }

  finish(): Magnet {
    if (!this.#infoHash && !this.#infoHashV2) {
      throw new MagnetError("Cannot parse magnet link: no infohash of BitTorrent in it");
    }
    return {
      infoHash: this.#infoHash,
      infoHashV2: this.#infoHashV2,
      name: this.#name,
      trackers: [...this.#trackers],
      peers: [...this.#peers],
      webSeeds: [...this.#webSeeds],
      selection: this.#ranges.length > 0 ? expand(this.#ranges) : null,
    };
  }

  /** `urn:btih:` is an infohash; `urn:btmh:1220` is a multihash: SHA-256 of 32 bytes. Others are not ours. */
  #topic(text: string): void {
    const topic = text.trim();
    const match = /^urn:(btih:|btmh:1220)/i.exec(topic);
    if (!match) return;
    const parsed = parseInfoHash(topic.slice(match[0].length));
    const isV1 = match[1]!.length === "btih:".length;
    const hash = isV1 ? parsed?.v1 : parsed?.v2;
    if (!hash) {
      throw new MagnetError(
        `Cannot parse magnet link: "${topic.slice(0, 100)}" is no infohash`,
      );
    }
    if (isV1) this.#infoHash ??= hash;
    else this.#infoHashV2 ??= hash;
  }
}

function addTo(set: Set<string>, limit: number, value: string | undefined): void {
  if (value !== undefined && set.size < limit) set.add(value);
}

/** The ranges of `0,2,4-6`; parts that make no sense are left out. */
function parseRanges(text: string): [first: number, last: number][] {
  const out: [number, number][] = [];
  for (const part of text.split(",")) {
    const match = /^ *(\d{1,9})(?: *- *(\d{1,9}))? *$/.exec(part);
    if (!match) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? match[1]), MAX_FILE_INDEX - 1);
    if (first <= last) out.push([first, last]);
  }
  return out;
}

/** Every index of the ranges once, ascending. */
function expand(ranges: [first: number, last: number][]): number[] {
  const out: number[] = [];
  let next = 0;
  for (const [first, last] of ranges.sort(([a], [b]) => a - b)) {
    for (let index = Math.max(first, next); index <= last; index++) out.push(index);
    next = Math.max(next, last + 1);
  }
  return out;
}

function formatSelection(selection: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < selection.length;) {
    let end = i + 1;
    while (end < selection.length && selection[end] === selection[end - 1]! + 1) end++;
    const [first, last] = [selection[i]!, selection[end - 1]!];
    ranges.push(first === last ? `${first}` : `${first}-${last}`);
    i = end;
  }
  return ranges.join(",");
}

/** Percent-encoding undone, byte by byte; a `%` that begins no code stays, wrong UTF-8 is repaired. */
function percentDecode(text: string): string {
  if (!text.includes("%")) return text.toWellFormed();
  const bytes = new TextEncoder().encode(text);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at] === 0x25 ? hexPair(bytes[at + 1], bytes[at + 2]) : -1;
    bytes[length++] = code < 0 ? bytes[at]! : code;
    if (code >= 0) at += 2;
  }
  return repairedText(bytes.subarray(0, length));
}

function hexPair(high: number | undefined, low: number | undefined): number {
  if (high === undefined || low === undefined) return -1;
  const text = String.fromCharCode(high, low);
  return /^[0-9A-Fa-f]{2}$/.test(text) ? parseInt(text, 16) : -1;
}

function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
