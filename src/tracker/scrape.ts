/**
 * Scrapes: what a tracker knows of torrents without our joining them, and how that is asked over HTTP
 * (BEP 48). The UDP form is in `udp_codec.ts`.
 *
 * No I/O here. Whatever a tracker sends, nothing but a `TrackerError` is thrown.
 *
 * https://www.bittorrent.org/beps/bep_0048.html
 *
 * @module
 */

import { BencodeDict, type BencodeValue } from "../bencode/decode.ts";
import { percentEncode, readAnswer } from "./http_codec.ts";

/** Torrents asked for at once: what one UDP packet carries, and a URL of 5 KiB. */
export const MAX_SCRAPE = 74;

/** What a tracker knows of one torrent. */
export interface ScrapeCounts {
  /** Peers that have everything. */
  readonly seeds: number;
  /** Downloads that were completed. */
  readonly completed: number;
  /** Peers that do not have everything. */
  readonly leeches: number;
}

/** What a tracker said of one torrent; `null` is what it did not say. */
export type ScrapeResult = { readonly [K in keyof ScrapeCounts]: number | null };

/** `announce` as the beginning of a component of the path: `/announce`, `/announce.php`, `/announce/key`. */
const ANNOUNCE = /\/announce(?=$|[./])/g;

/**
 * The URL of a scrape: "locating the string `announce` in the path section of the announce URL and replacing
 * it with the string `scrape`". A query is kept and a fragment dropped; of more than {@link MAX_SCRAPE}
 * infohashes the first are taken. `undefined` where the path holds no `announce`, so that there is no scrape.
 *
 * @param base the announce URL, which must be a URL.
 */
export function scrapeUrl(base: string, infoHashes: readonly Uint8Array[]): string | undefined {
  const [whole = ""] = base.split("#", 1);
  const [start = ""] = whole.split("?", 1);
  const query = whole.slice(start.length);
  // Behind the host, which may be called anything.
  const path = start.indexOf("/", start.indexOf("//") + 2);
  const match = path < 0 ? undefined : [...start.slice(path).matchAll(ANNOUNCE)].at(-1);
  if (!match) return undefined;
  const at = path + match.index;
  const url = `${start.slice(0, at)}/scrape${start.slice(at + match[0].length)}`;
  const pairs = infoHashes.slice(0, MAX_SCRAPE).map((hash) => `info_hash=${percentEncode(hash)}`);
  const joint = query === "" ? "?" : /[?&]$/.test(query) ? "" : "&";
  return url + query + joint + pairs.join("&");
}

/**
 * The answer in `body`, in the order of `infoHashes`; `null` for a torrent the tracker does not know.
 *
 * @param url the tracker, for the error.
 * @throws {TrackerError} `refused` when the tracker gives a failure reason, `garbage` when the body is no
 * bencoded dictionary.
 */
export function parseScrape(
  url: string,
  body: Uint8Array,
  infoHashes: readonly Uint8Array[],
): (ScrapeResult | null)[] {
  const files = readAnswer(url, body, "scrape").get("files");
  return infoHashes.map((hash) => {
    const entry = files instanceof BencodeDict ? files.get(String.fromCharCode(...hash)) : null;
    if (!(entry instanceof BencodeDict)) return null;
    return {
      seeds: readCount(entry.get("complete")),
      completed: readCount(entry.get("downloaded")),
      leeches: readCount(entry.get("incomplete")),
    };
  });
}

function readCount(value: BencodeValue | undefined): number | null {
  return typeof value === "number" && value >= 0 ? value : null;
}
