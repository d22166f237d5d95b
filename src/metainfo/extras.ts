/**
 * The keys of a torrent that help but do not decide: trackers, web seeds, DHT nodes, who made it and when.
 *
 * Whatever of them makes no sense is left out; nothing here ever refuses a torrent. Lists are capped while
 * they are read.
 *
 * https://www.bittorrent.org/beps/bep_0012.html (announce-list),
 * https://www.bittorrent.org/beps/bep_0019.html (url-list),
 * https://www.bittorrent.org/beps/bep_0005.html (nodes)
 *
 * @module
 */

import { makeAddress } from "../base/address.ts";
import { type BencodeDict, type BencodeItem, BencodeList } from "../bencode/decode.ts";
import { exactText } from "./text.ts";
import { MAX_TRACKERS, MAX_URLS_SEEN, MAX_WEB_SEEDS, trackerUrl, webSeedUrl } from "./urls.ts";

/** A host, by name or IP literal, and a port. */
export interface HostPort {
  /** A host name or an IP literal without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Tiers of announce URLs: those of `announce-list` if one can be used, else `announce`. Each URL once, at most 100. */
export function readTrackers(root: BencodeDict): string[][] {
  const tiers = readTiers(root);
  if (tiers.length > 0) return tiers;
  const announce = trackerUrl(textOf(root.bytes("announce")));
  return announce === undefined ? [] : [[announce]];
}

/** Tiers of `announce-list` alone, without those that have nothing of use. */
export function readTiers(root: BencodeDict): string[][] {
  const seen = new Set<string>();
  const tiers: string[][] = [];
  let left = MAX_URLS_SEEN;
  for (const tier of root.list("announce-list") ?? []) {
    if (left-- <= 0 || seen.size >= MAX_TRACKERS) break;
    if (!(tier instanceof BencodeList)) continue;
    const urls: string[] = [];
    for (const value of tier) {
      if (left-- <= 0 || seen.size >= MAX_TRACKERS) break;
      addUrl(urls, seen, trackerUrl(textOf(value)));
    }
    if (urls.length > 0) tiers.push(urls);
  }
  return tiers;
}

/** Web seeds of `url-list`, which is one URL or a list of them. Each once, at most 100. */
export function readWebSeeds(root: BencodeDict): string[] {
  const seen = new Set<string>();
  const urls: string[] = [];
  let left = MAX_URLS_SEEN;
  for (const item of root.list("url-list") ?? [root.bytes("url-list")]) {
    if (left-- <= 0 || urls.length >= MAX_WEB_SEEDS) break;
    addUrl(urls, seen, webSeedUrl(textOf(item)));
  }
  return urls;
}

/** DHT nodes to start from: a list of `[host, port]`, at most 100. */
export function readNodes(root: BencodeDict): HostPort[] {
  const nodes: HostPort[] = [];
  let left = MAX_NODES;
  for (const item of root.list("nodes") ?? []) {
    if (left-- <= 0) break;
    if (!(item instanceof BencodeList)) continue;
    const [host, port] = item;
    if (typeof port !== "number" || port < 1 || port > 65_535) continue;
    const name = textOf(host);
    const node = makeAddress(name, port) ?? (HOST_NAME.test(name) ? { host: name, port } : null);
    if (node) nodes.push(node);
  }
  return nodes;
}

/** Unix seconds of `creation date`, or null where it is none a calendar of four-digit years has. */
export function readCreationDate(root: BencodeDict): number | null {
  const value = root.integer("creation date");
  return typeof value === "number" && value >= 0 && value <= LAST_SECOND ? value : null;
}

const MAX_NODES = 100;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/;
/** The end of the year 9999. */
const LAST_SECOND = 253_402_300_799;

function addUrl(urls: string[], seen: Set<string>, url: string | undefined): void {
  if (url === undefined || seen.has(url)) return;
  seen.add(url);
  urls.push(url);
}

function textOf(value: BencodeItem | undefined): string {
  return value instanceof Uint8Array ? exactText(value) ?? "" : "";
}
