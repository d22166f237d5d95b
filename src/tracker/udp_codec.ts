/**
 * The client's half of the UDP tracker protocol: questions to bytes, bytes to answers (BEP 15, 41).
 *
 * No I/O and no state here; `udp_client.ts` knows which answer belongs to which question, and
 * `udp_server_codec.ts` is the other half. All integers are big-endian. A packet that is too short for what
 * it says it is, is no answer; one that is longer is read as far as we know it, as the protocol wants.
 *
 * https://www.bittorrent.org/beps/bep_0015.html · https://www.bittorrent.org/beps/bep_0041.html
 *
 * @module
 */

import { type Address, decodeCompact } from "../base/address.ts";
import { getUint32, putUint32 } from "../base/bytes.ts";
import { cleanLine } from "../base/text.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  clampInterval,
  MAX_PEERS,
} from "./announce.ts";
import { MAX_SCRAPE, type ScrapeCounts } from "./scrape.ts";

/** What a packet is about, at byte 8 of a question and byte 0 of an answer. */
export const UDP_ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const;
/** "0x41727101980 // magic constant": the first eight bytes of a connect, high and low half. */
export const PROTOCOL_ID: ConnectionId = { high: 0x417, low: 0x27101980 };
/** A connect: `<protocol id><action=0><transaction id>`. */
export const CONNECT_BYTES = 16;
/** An announce without options. */
export const ANNOUNCE_BYTES = 98;
/** BEP 41: `<2><length><path and query of the URL>`, to be joined where it comes more than once. */
const OPTION_URL_DATA = 2;

/** The 64 bits with which a tracker knows that we can be reached where we say we are. */
export interface ConnectionId {
  /** The first four bytes, unsigned. */
  readonly high: number;
  /** The last four bytes, unsigned. */
  readonly low: number;
}

/** An answer of a tracker. */
export type UdpAnswer =
  & {
    /** The question it answers. */
    readonly transactionId: number;
  }
  & (
    | { readonly action: "connect"; readonly connectionId: ConnectionId }
    | { readonly action: "announce"; readonly response: AnnounceResponse }
    /** In the order of the question; fewer where the tracker gave fewer. */
    | { readonly action: "scrape"; readonly counts: readonly ScrapeCounts[] }
    /** One clean line, perhaps empty. */
    | { readonly action: "error"; readonly message: string }
  );

const EVENT_CODES: Readonly<Record<AnnounceEvent, number>> = {
  completed: 1,
  started: 2,
  stopped: 3,
};

/** `<protocol id><action=0><transaction id>` */
export function encodeConnect(transactionId: number): Uint8Array {
  const out = new Uint8Array(CONNECT_BYTES);
  putHead(out, PROTOCOL_ID, UDP_ACTION.connect, transactionId);
  return out;
}

/**
 * ```
 * <connection id><action=1><transaction id><info hash><peer id><downloaded><left><uploaded>
 * <event><ip=0><key><num want><port> and <2><length><url data>… where there is any
 * ```
 *
 * @param urlData path and query of the tracker's URL; "" and "/" are left out.
 */
export function encodeAnnounce(
  head: { readonly connectionId: ConnectionId; readonly transactionId: number },
  request: AnnounceRequest,
  urlData: string,
): Uint8Array {
  const data = urlData === "/" ? new Uint8Array(0) : new TextEncoder().encode(urlData);
  const out = new Uint8Array(ANNOUNCE_BYTES + data.length + 2 * Math.ceil(data.length / 255));
  putHead(out, head.connectionId, UDP_ACTION.announce, head.transactionId);
  out.set(request.infoHash.subarray(0, 20), 16);
  out.set(request.peerId.subarray(0, 20), 36);
  putUint64(out, 56, request.downloaded);
  putUint64(out, 64, request.left);
  putUint64(out, 72, request.uploaded);
  putUint32(out, 80, request.event === undefined ? 0 : EVENT_CODES[request.event]);
  putUint32(out, 88, request.key);
  putUint32(out, 92, request.numWant);
  out[96] = request.port >> 8;
  out[97] = request.port;
  let at = ANNOUNCE_BYTES;
  for (let from = 0; from < data.length; from += 255) {
    const part = data.subarray(from, from + 255);
    out[at] = OPTION_URL_DATA;
    out[at + 1] = part.length;
    out.set(part, at + 2);
    at += 2 + part.length;
  }
  return out;
}

/** `<connection id><action=2><transaction id><info hash>…`; of more than {@link MAX_SCRAPE} the first. */
export function encodeScrape(
  head: { readonly connectionId: ConnectionId; readonly transactionId: number },
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  const hashes = infoHashes.slice(0, MAX_SCRAPE);
  const out = new Uint8Array(16 + 20 * hashes.length);
  putHead(out, head.connectionId, UDP_ACTION.scrape, head.transactionId);
  hashes.forEach((hash, i) => out.set(hash.subarray(0, 20), 16 + 20 * i));
  return out;
}

/**
 * The answer in a packet, `undefined` where it is none. Whose it is must be checked by transaction id *and*
 * sender.
 *
 * @param bytesPerIp 4 or 16: "which format is used is determined by the address family of the underlying
 * UDP packet".
 */
export function decodeAnswer(packet: Uint8Array, bytesPerIp: 4 | 16): UdpAnswer | undefined {
  if (packet.length < 8) return undefined;
  const transactionId = getUint32(packet, 4);
  switch (getUint32(packet, 0)) {
    case UDP_ACTION.connect:
      if (packet.length < 16) return undefined;
      return { transactionId, action: "connect", connectionId: getConnectionId(packet, 8) };
    case UDP_ACTION.announce:
      if (packet.length < 20) return undefined;
      return { transactionId, action: "announce", response: announceResponse(packet, bytesPerIp) };
    case UDP_ACTION.scrape:
      return { transactionId, action: "scrape", counts: scrapeCounts(packet) };
    case UDP_ACTION.error:
      return { transactionId, action: "error", message: cleanLine(packet.subarray(8)) };
    default:
      return undefined;
  }
}

/** The connection id at `at`; the caller sees to it that eight bytes are there. */
export function getConnectionId(packet: Uint8Array, at: number): ConnectionId {
  return { high: getUint32(packet, at), low: getUint32(packet, at + 4) };
}

/** `<action=1><transaction id><interval><leechers><seeders>` and `<ip><port>…` */
function announceResponse(packet: Uint8Array, bytesPerIp: 4 | 16): AnnounceResponse {
  const step = bytesPerIp + 2;
  const list = packet.subarray(20, 20 + MAX_PEERS * step);
  const peers: Address[] = decodeCompact(list, bytesPerIp);
  return {
    peers,
    intervalMs: clampInterval(getUint32(packet, 8)),
    seeds: getUint32(packet, 16),
    leeches: getUint32(packet, 12),
    warning: null,
  };
}

/** `<action=2><transaction id>` and `<seeders><completed><leechers>…` */
function scrapeCounts(packet: Uint8Array): ScrapeCounts[] {
  const counts: ScrapeCounts[] = [];
  for (let at = 8; at + 12 <= packet.length && counts.length < MAX_SCRAPE; at += 12) {
    counts.push({
      seeds: getUint32(packet, at),
      completed: getUint32(packet, at + 4),
      leeches: getUint32(packet, at + 8),
    });
  }
  return counts;
}

function putHead(out: Uint8Array, id: ConnectionId, action: number, transactionId: number): void {
  putUint32(out, 0, id.high);
  putUint32(out, 4, id.low);
  putUint32(out, 8, action);
  putUint32(out, 12, transactionId);
}

/** A counter of bytes; what is no whole number of at least 0 is made one. */
function putUint64(out: Uint8Array, at: number, value: number): void {
  const whole = Math.min(Math.max(0, Math.floor(value)), Number.MAX_SAFE_INTEGER) || 0;
  putUint32(out, at, Math.floor(whole / 2 ** 32));
  putUint32(out, at + 4, whole);
}
