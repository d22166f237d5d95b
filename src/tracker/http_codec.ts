/**
 * The announce over HTTP: a request as a URL, an answer from bencode (BEP 3, 7, 21, 23, 31).
 *
 * No I/O here. Peers come as a compact list of 6 bytes each, as a list of dictionaries, or as `peers6` of
 * 18 bytes each; host names in dictionaries are left out, since a peer is an address. Whatever a tracker
 * sends, nothing but a `TrackerError` is thrown.
 *
 * https://www.bittorrent.org/beps/bep_0003.html · https://www.bittorrent.org/beps/bep_0031.html
 *
 * @module
 */

import { type Address, decodeCompact, isUnicast, makeAddress, parseIp } from "../base/address.ts";
import { BencodeError } from "../base/errors.ts";
import { cleanLine } from "../base/text.ts";
import { BencodeDict, type BencodeValue, decode } from "../bencode/decode.ts";
import {
  type AnnounceRequest,
  type AnnounceResponse,
  clampInterval,
  clampRetry,
  DEFAULT_INTERVAL_MS,
  MAX_PEERS,
  MAX_TRACKER_ID,
  trackerError,
} from "./announce.ts";

/** Values and keys of an answer: 1,000 peers as dictionaries of four entries are 9,000. */
const MAX_ITEMS = 100_000;

/** The URL of an announce; a query of `base` is kept and a fragment dropped. `base` must be a URL. */
export function announceUrl(base: string, request: AnnounceRequest): string {
  const pairs = [
    `info_hash=${percentEncode(request.infoHash)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${count(request.uploaded)}`,
    `downloaded=${count(request.downloaded)}`,
    `left=${count(request.left)}`,
    "compact=1",
    "no_peer_id=1",
    `numwant=${count(request.numWant)}`,
    `key=${(request.key >>> 0).toString(16).padStart(8, "0")}`,
  ];
  const event = eventOf(request);
  if (event) pairs.push(`event=${event}`);
  if (request.trackerId !== undefined) {
    pairs.push(`trackerid=${percentEncode(bytesOf(request.trackerId))}`);
  }
  const hash = base.indexOf("#");
  const url = hash < 0 ? base : base.slice(0, hash);
  const joint = !url.includes("?") ? "?" : /[?&]$/.test(url) ? "" : "&";
  return url + joint + pairs.join("&");
}

/** A partial seed "must send an event=paused parameter in every announce while it is a partial seed" (BEP 21). */
function eventOf({ event, isPartialSeed }: AnnounceRequest): string | undefined {
  return isPartialSeed === true && event !== "stopped" ? "paused" : event;
}

/**
 * Bytes for a query, one by one: letters, digits and `-._~` stay, the rest becomes `%XX`. Not a job for
 * `URLSearchParams` or `encodeURIComponent`, which would make UTF-8 of bytes past 127.
 */
export function percentEncode(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    out += /[0-9A-Za-z._~-]/.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/**
 * The answer in `body`. What is of a wrong type or out of range counts as missing.
 *
 * @param url the tracker, for the error.
 * @throws {TrackerError} `refused` when the tracker gives a failure reason, `garbage` when the body is no
 * bencoded dictionary.
 */
export function parseAnnounce(url: string, body: Uint8Array): AnnounceResponse {
  const answer = readAnswer(url, body);
  const interval = answer.get("interval");
  const minInterval = answer.get("min interval");
  const trackerId = answer.get("tracker id");
  const warning = answer.get("warning message");
  const list = answer.get("peers");
  const list6 = answer.get("peers6");
  return {
    peers: [...readPeers(list), ...(list6 instanceof Uint8Array ? compact(list6, 16) : [])],
    intervalMs: isInteger(interval) ? clampInterval(interval) : DEFAULT_INTERVAL_MS,
    ...(isInteger(minInterval) ? { minIntervalMs: clampInterval(minInterval) } : {}),
    ...(isTrackerId(trackerId) ? { trackerId: String.fromCharCode(...trackerId) } : {}),
    seeds: readCount(answer.get("complete")),
    leeches: readCount(answer.get("incomplete")),
    warning: (warning instanceof Uint8Array && cleanLine(warning)) ||
      oddLength("peers", list, 6) || oddLength("peers6", list6, 18),
  };
}

/**
 * The dictionary in `body`.
 *
 * @param url the tracker, for the error.
 * @param verb what was being done, for the error.
 * @throws {TrackerError} `refused` when the tracker gives a failure reason, `garbage` when the body is no
 * bencoded dictionary.
 */
export function readAnswer(url: string, body: Uint8Array, verb = "announce to"): BencodeDict {
  if (body.length === 0) throw trackerError(url, "garbage", "empty", { verb });
  let answer: BencodeValue;
  try {
    answer = decode(body, { maxItems: MAX_ITEMS, allowTrailing: "any" });
  } catch (cause) {
    if (!(cause instanceof BencodeError)) throw cause;
    throw trackerError(url, "garbage", `not bencode at byte ${cause.offset}`, { cause, verb });
  }
  if (!(answer instanceof BencodeDict)) {
    throw trackerError(url, "garbage", "not a dictionary", { verb });
  }
  const failure = answer.get("failure reason");
  if (failure === undefined) return answer;
  const reason = failure instanceof Uint8Array ? cleanLine(failure) : "";
  throw trackerError(url, "refused", reason === "" ? "no reason given" : reason, {
    ...retryOf(answer.get("retry in")),
    verb,
  });
}

/** BEP 31: `retry in` is a number of minutes, in its examples one that is written as a string, or "never". */
function retryOf(retry: BencodeValue | undefined): { retryAfterMs?: number } {
  const text = retry instanceof Uint8Array ? cleanLine(retry) : "";
  if (text === "never") return { retryAfterMs: Infinity };
  const minutes = /^\d{1,9}$/.test(text) ? Number(text) : retry;
  if (!isInteger(minutes) || minutes < 0) return {};
  return { retryAfterMs: clampRetry(Number(minutes) * 60) };
}

function readPeers(list: BencodeValue | undefined): Address[] {
  if (list instanceof Uint8Array) return compact(list, 4);
  if (!Array.isArray(list)) return [];
  const out: Address[] = [];
  for (const entry of list) {
    if (out.length === MAX_PEERS) break;
    const peer = entry instanceof BencodeDict ? readPeer(entry) : undefined;
    if (peer) out.push(peer);
  }
  return out;
}

function readPeer(entry: BencodeDict): Address | undefined {
  const host = entry.get("ip");
  const port = entry.get("port");
  // The longest IPv6 literal has 45 characters.
  if (!(host instanceof Uint8Array) || host.length > 45 || typeof port !== "number") return;
  const text = String.fromCharCode(...host);
  const ip = parseIp(text);
  return ip && isUnicast(ip) ? makeAddress(text, port) : undefined;
}

function compact(list: Uint8Array, bytesPerIp: 4 | 16): Address[] {
  return decodeCompact(list.subarray(0, MAX_PEERS * (bytesPerIp + 2)), bytesPerIp);
}

/** A list that was cut or is of another kind: its whole entries are used, and a person is told. */
function oddLength(key: string, list: BencodeValue | undefined, step: number): string | null {
  if (!(list instanceof Uint8Array) || list.length % step === 0) return null;
  return `its ${key} have ${list.length} bytes, not a multiple of ${step}`;
}

function isInteger(value: BencodeValue | undefined): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isTrackerId(value: BencodeValue | undefined): value is Uint8Array {
  return value instanceof Uint8Array && value.length > 0 && value.length <= MAX_TRACKER_ID;
}

function readCount(value: BencodeValue | undefined): number | null {
  return typeof value === "number" && value >= 0 ? value : null;
}

/** A counter as decimal digits, never an exponent or a sign. */
function count(value: number): string {
  const whole = Math.min(Math.max(0, Math.floor(value)), Number.MAX_SAFE_INTEGER);
  return String(Number.isNaN(whole) ? 0 : whole);
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0) & 0xff);
}
