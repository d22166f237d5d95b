/**
 * The server's half of the HTTP tracker protocol: queries of URLs to announces and scrapes, answers to bencode
 * (BEP 3, 7, 23, 48).
 *
 * A query is hostile: infohash and peer id are decoded byte by byte and must have 20 bytes, numbers must be
 * numbers, nothing may be said twice. Parameters that name an address (`ip`, `ipv4`, `ipv6`) are not even
 * looked at: peers are where their announces come from.
 *
 * https://www.bittorrent.org/beps/bep_0003.html · https://www.bittorrent.org/beps/bep_0007.html
 *
 * @module
 */

import { type Encodable, encode } from "../bencode/encode.ts";
import type { AnnounceEvent } from "./announce.ts";
import { MAX_SCRAPE, type ScrapeCounts } from "./scrape.ts";

/** The longest query that is read: a scrape of {@link MAX_SCRAPE} torrents with every byte encoded is 5.3 KB. */
const MAX_QUERY = 8192;

/** An announce as it arrived. */
export interface HttpAnnounce {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** 0 to 65535. */
  readonly port: number;
  /** Whether nothing is left to download. */
  readonly isSeed: boolean;
  /** Whether it wants nothing of what is left (BEP 21). */
  readonly isPartialSeed: boolean;
  /** What else it tells. */
  readonly event: AnnounceEvent | undefined;
  /** Negative for the tracker to choose. */
  readonly numWant: number;
  /** BEP 23: peers as bytes rather than dictionaries. */
  readonly isCompact: boolean;
  /** Whether dictionaries go without peer ids. */
  readonly noPeerId: boolean;
}

/** Why a query cannot be answered, for the `failure reason`. */
export interface QueryFailure {
  /** One line. */
  readonly failure: string;
}

/** A peer in an answer that is not compact. */
export interface PeerEntry {
  /** An IP literal. */
  readonly ip: string;
  /** Where it accepts peers. */
  readonly port: number;
  /** 20 bytes. */
  readonly peerId?: Uint8Array;
}

/** An answer to an announce. */
export interface HttpAnnounceAnswer {
  /** Seconds. */
  readonly interval: number;
  /** Seconds. */
  readonly minInterval: number;
  /** Of the torrent. */
  readonly counts: ScrapeCounts;
  /** Compact IPv4 peers, or dictionaries of both families. */
  readonly peers: Uint8Array | readonly PeerEntry[];
  /** Compact IPv6 peers (BEP 7). */
  readonly peers6?: Uint8Array;
  /** For a person. */
  readonly warning?: string;
}

/** The parameters that are understood. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["info_hash", "peer_id", "port", "left", "uploaded", "downloaded"],
  ...["event", "numwant", "compact", "no_peer_id"],
]);

const EVENTS: Readonly<Record<string, AnnounceEvent | undefined>> = {
  "": undefined,
  empty: undefined,
  // BEP 21.
  paused: undefined,
  started: "started",
  stopped: "stopped",
  completed: "completed",
};

/** The announce in a query, which begins behind the `?`. */
export function parseAnnounceQuery(query: string): HttpAnnounce | QueryFailure {
  const parameters = readParameters(query);
  if (!(parameters instanceof Map)) return parameters;
  const infoHash = readBytes(parameters, "info_hash");
  if (!(infoHash instanceof Uint8Array)) return infoHash;
  const peerId = readBytes(parameters, "peer_id");
  if (!(peerId instanceof Uint8Array)) return peerId;
  const port = parameters.get("port") ?? "";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return { failure: "port is not a port" };
  for (const name of ["uploaded", "downloaded", "left", "numwant"]) {
    const text = parameters.get(name) ?? "0";
    // Some clients say -1 where they do not know.
    if (!/^-?\d{1,20}$/.test(text)) return { failure: `${name} is not a number` };
  }
  const event = parameters.get("event") ?? "";
  if (!Object.hasOwn(EVENTS, event)) return { failure: "event is not known" };
  return {
    infoHash,
    peerId,
    port: Number(port),
    isSeed: /^0+$/.test(parameters.get("left") ?? ""),
    isPartialSeed: event === "paused",
    event: EVENTS[event],
    numWant: Number(parameters.get("numwant") ?? -1),
    isCompact: parameters.get("compact") !== "0",
    noPeerId: parameters.get("no_peer_id") === "1",
  };
}

/** The infohashes of a scrape, 1 to {@link MAX_SCRAPE} of them, none twice. */
export function parseScrapeQuery(query: string): readonly Uint8Array[] | QueryFailure {
  if (query.length > MAX_QUERY) return { failure: "the query is too long" };
  const hashes = new Map<string, Uint8Array>();
  for (const pair of query.split("&")) {
    if (!pair.startsWith("info_hash=")) continue;
    const hash = percentDecode(pair.slice("info_hash=".length));
    if (hash?.length !== 20) return { failure: "info_hash is not 20 bytes" };
    hashes.set(String.fromCharCode(...hash), hash);
    if (hashes.size > MAX_SCRAPE) return { failure: `more than ${MAX_SCRAPE} torrents` };
  }
  if (hashes.size === 0) return { failure: "info_hash is missing" };
  return [...hashes.values()];
}

/** The answer to an announce, bencoded. */
export function encodeAnnounceAnswer(answer: HttpAnnounceAnswer): Uint8Array<ArrayBuffer> {
  const { counts, peers, peers6 } = answer;
  return encode({
    complete: counts.seeds,
    downloaded: counts.completed,
    incomplete: counts.leeches,
    interval: answer.interval,
    "min interval": answer.minInterval,
    peers: peers instanceof Uint8Array ? peers : peers.map(dictionary),
    peers6: peers6?.length === 0 ? undefined : peers6,
    "warning message": answer.warning,
  });
}

/** The answer to a scrape, bencoded: what is known of each infohash. */
export function encodeScrapeAnswer(
  files: readonly (readonly [infoHash: Uint8Array, counts: ScrapeCounts])[],
): Uint8Array<ArrayBuffer> {
  const entries = files.map((
    [infoHash, { seeds, completed, leeches }],
  ): [Uint8Array, Encodable] => [
    infoHash,
    { complete: seeds, downloaded: completed, incomplete: leeches },
  ]);
  return encode({ files: new Map(entries) });
}

/** An answer that says what is wrong, bencoded. */
export function encodeFailure(reason: string): Uint8Array<ArrayBuffer> {
  return encode({ "failure reason": reason });
}

/** The bytes that a percent-encoded text stands for; `undefined` where it is none. A `+` is a `+`. */
export function percentDecode(text: string): Uint8Array | undefined {
  const out = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === 0x25) {
      const digits = text.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      byte = parseInt(digits, 16);
      i += 2;
    } else if (byte > 0x7e || byte < 0x21) return undefined;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

function readParameters(query: string): Map<string, string> | QueryFailure {
  if (query.length > MAX_QUERY) return { failure: "the query is too long" };
  const parameters = new Map<string, string>();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!KNOWN.has(name)) continue;
    if (parameters.has(name)) return { failure: `${name} is there twice` };
    parameters.set(name, equals < 0 ? "" : pair.slice(equals + 1));
  }
  return parameters;
}

function readBytes(parameters: Map<string, string>, name: string): Uint8Array | QueryFailure {
  const text = parameters.get(name);
  if (text === undefined) return { failure: `${name} is missing` };
  const bytes = percentDecode(text);
  return bytes?.length === 20 ? bytes : { failure: `${name} is not 20 bytes` };
}

function dictionary({ ip, port, peerId }: PeerEntry): Encodable {
  return { ip, "peer id": peerId, port };
}
