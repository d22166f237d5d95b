/**
 * The server's half of the UDP tracker protocol: bytes to questions, answers to bytes (BEP 15).
 *
 * Hot path: one question is one small object of views, answers are written into the caller's buffer.
 * Whatever arrives, nothing is thrown; what is too short for what it says it is, is no question. The address
 * an announce names is not even read: peers are where their packets come from. Nor are its options (BEP 41),
 * since every path is tracked alike.
 *
 * https://www.bittorrent.org/beps/bep_0015.html
 *
 * @module
 */

import { getUint16, getUint32, putUint32 } from "../base/bytes.ts";
import type { AnnounceEvent } from "./announce.ts";
import {
  ANNOUNCE_BYTES,
  CONNECT_BYTES,
  type ConnectionId,
  getConnectionId,
  PROTOCOL_ID,
  UDP_ACTION,
} from "./udp_codec.ts";
import { MAX_SCRAPE, type ScrapeCounts } from "./scrape.ts";

/** An announce as it arrived. The byte strings are views of the packet. */
export interface UdpAnnounce {
  /** Which question this is. */
  readonly action: "announce";
  /** To be repeated in the answer. */
  readonly transactionId: number;
  /** To be checked against the sender. */
  readonly connectionId: ConnectionId;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Bytes; not exact past 2^53. */
  readonly downloaded: number;
  /** Bytes; not exact past 2^53, but 0 only where it is 0. */
  readonly left: number;
  /** Bytes; not exact past 2^53. */
  readonly uploaded: number;
  /** None for a code that is not known. */
  readonly event: AnnounceEvent | undefined;
  /** By which a client may be known again. */
  readonly key: number;
  /** As the client gave it: negative for the tracker to choose. */
  readonly numWant: number;
  /** 0 to 65535. */
  readonly port: number;
}

/** A question. */
export type UdpQuery =
  | { readonly action: "connect"; readonly transactionId: number }
  | UdpAnnounce
  | {
    readonly action: "scrape";
    readonly transactionId: number;
    readonly connectionId: ConnectionId;
    /** Views of 20 bytes each, 1 to {@link MAX_SCRAPE}. */
    readonly infoHashes: readonly Uint8Array[];
  };

const EVENTS: readonly (AnnounceEvent | undefined)[] = [
  undefined,
  "completed",
  "started",
  "stopped",
];

/** The question in a packet, `undefined` where it is none. */
export function decodeQuery(packet: Uint8Array): UdpQuery | undefined {
  if (packet.length < CONNECT_BYTES) return undefined;
  const transactionId = getUint32(packet, 12);
  const connectionId = getConnectionId(packet, 0);
  switch (getUint32(packet, 8)) {
    case UDP_ACTION.connect: {
      const { high, low } = connectionId;
      if (high !== PROTOCOL_ID.high || low !== PROTOCOL_ID.low) return undefined;
      return { action: "connect", transactionId };
    }
    case UDP_ACTION.announce:
      if (packet.length < ANNOUNCE_BYTES) return undefined;
      return announce(packet, transactionId, connectionId);
    case UDP_ACTION.scrape:
      if (packet.length < 36) return undefined;
      return { action: "scrape", transactionId, connectionId, infoHashes: hashes(packet) };
    default:
      return undefined;
  }
}

/** `<action=0><transaction id><connection id>` at the start of `out`; returns its length. */
export function putConnectAnswer(
  out: Uint8Array,
  transactionId: number,
  connectionId: ConnectionId,
): number {
  putUint32(out, 0, UDP_ACTION.connect);
  putUint32(out, 4, transactionId);
  putUint32(out, 8, connectionId.high);
  putUint32(out, 12, connectionId.low);
  return 16;
}

/**
 * `<action=1><transaction id><interval><leechers><seeders>` at the start of `out`; returns its length. The
 * compact peers go behind it.
 */
export function putAnnounceAnswer(
  out: Uint8Array,
  transactionId: number,
  answer: {
    readonly intervalSeconds: number;
    readonly leeches: number;
    readonly seeds: number;
  },
): number {
  putUint32(out, 0, UDP_ACTION.announce);
  putUint32(out, 4, transactionId);
  putUint32(out, 8, answer.intervalSeconds);
  putUint32(out, 12, answer.leeches);
  putUint32(out, 16, answer.seeds);
  return 20;
}

/** `<action=2><transaction id>` at the start of `out`; returns its length. */
export function putScrapeAnswer(out: Uint8Array, transactionId: number): number {
  putUint32(out, 0, UDP_ACTION.scrape);
  putUint32(out, 4, transactionId);
  return 8;
}

/** `<seeders><completed><leechers>` at `at`; returns where the next goes. */
export function putScrapeCounts(out: Uint8Array, at: number, counts: ScrapeCounts): number {
  putUint32(out, at, counts.seeds);
  putUint32(out, at + 4, counts.completed);
  putUint32(out, at + 8, counts.leeches);
  return at + 12;
}

/** `<action=3><transaction id><message>` at the start of `out`, whole in `maxBytes`; returns its length. */
export function putError(
  out: Uint8Array,
  transactionId: number,
  error: { readonly message: string; readonly maxBytes: number },
): number {
  putUint32(out, 0, UDP_ACTION.error);
  putUint32(out, 4, transactionId);
  const { message, maxBytes } = error;
  const length = Math.max(0, Math.min(message.length, maxBytes - 8, out.length - 8));
  for (let i = 0; i < length; i++) out[8 + i] = message.charCodeAt(i) & 0x7f;
  return 8 + length;
}

function announce(
  packet: Uint8Array,
  transactionId: number,
  connectionId: ConnectionId,
): UdpAnnounce {
  return {
    action: "announce",
    transactionId,
    connectionId,
    infoHash: packet.subarray(16, 36),
    peerId: packet.subarray(36, 56),
    downloaded: getUint64(packet, 56),
    left: getUint64(packet, 64),
    uploaded: getUint64(packet, 72),
    event: EVENTS[getUint32(packet, 80)],
    key: getUint32(packet, 88),
    numWant: getUint32(packet, 92) | 0,
    port: getUint16(packet, 96),
  };
}

function hashes(packet: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 16; at + 20 <= packet.length && out.length < MAX_SCRAPE; at += 20) {
    out.push(packet.subarray(at, at + 20));
  }
  return out;
}

function getUint64(packet: Uint8Array, at: number): number {
  return getUint32(packet, at) * 2 ** 32 + getUint32(packet, at + 4);
}
