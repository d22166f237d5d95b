/**
 * The message of local service discovery (BEP 14, https://www.bittorrent.org/beps/bep_0014.html): lines as in
 * HTTP, sent to a multicast group.
 *
 * ```text
 * BT-SEARCH * HTTP/1.1\r\n
 * Host: 239.192.152.143:6771\r\n      the group, "[ff15::efc0:988f]:6771" the other one
 * Port: 6881\r\n                      where the sender listens
 * Infohash: 40 hex digits\r\n         once a torrent
 * cookie: 1f3a…\r\n                   by which a sender knows its own
 * \r\n
 * \r\n
 * ```
 *
 * @module
 */

import { type Address, formatAddress } from "../base/address.ts";

/** "LSD uses the following multicast groups: 239.192.152.143:6771 (org-local)". */
export const LSD_GROUP_V4: Address = { host: "239.192.152.143", port: 6771 };
/** "[ff15::efc0:988f]:6771 (site-local)". */
export const LSD_GROUP_V6: Address = { host: "ff15::efc0:988f", port: 6771 };

/** "The packet length should not exceed 1400 bytes to avoid MTU/fragmentation problems." */
export const MAX_MESSAGE_BYTES = 1400;
/** Infohashes that fit into one message beside everything else. */
export const MAX_SENT_HASHES = 23;
/** Longer datagrams are not looked at: nobody may send them, and none is worth the time. */
const MAX_READ_BYTES = 4096;
/** Infohashes taken of one message: more than fit into the longest that may be sent. */
const MAX_READ_HASHES = 32;
const MAX_COOKIE_LENGTH = 64;

/** What an announce says. */
export interface LsdMessage {
  /** Where the sender accepts peers, 1 to 65535. */
  readonly port: number;
  /** Infohashes as 40 lower-case hex digits, at least one. */
  readonly infoHashes: readonly string[];
  /** Tells the sender from others; opaque. */
  readonly cookie?: string;
}

const ascii = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** The bytes of an announce for `group`, at most {@link MAX_MESSAGE_BYTES} for {@link MAX_SENT_HASHES} infohashes. */
export function encodeLsd(message: LsdMessage, group: Address): Uint8Array<ArrayBuffer> {
  const { port, infoHashes, cookie } = message;
  const lines = ["BT-SEARCH * HTTP/1.1", `Host: ${formatAddress(group)}`, `Port: ${port}`];
  for (const infoHash of infoHashes) lines.push(`Infohash: ${infoHash}`);
  if (cookie !== undefined) lines.push(`cookie: ${cookie}`);
  return ascii.encode(`${lines.join("\r\n")}\r\n\r\n\r\n`);
}

/**
 * Reads a datagram; `undefined` where it is no announce that names a port and a torrent. "Any additional
 * headers that not understood by a client should be ignored." Of two ports or cookies the first counts.
 */
export function decodeLsd(data: Uint8Array): LsdMessage | undefined {
  if (data.length > MAX_READ_BYTES) return undefined;
  const [first, ...lines] = latin1.decode(data).split(/\r?\n/);
  if (!/^BT-SEARCH \* HTTP\/1\.[01]$/i.test(first ?? "")) return undefined;
  let port: number | undefined;
  let cookie: string | undefined;
  const infoHashes = new Set<string>();
  for (const line of lines) {
    if (line === "") break;
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).trim().toLowerCase()) {
      case "port":
        port ??= /^\d{1,5}$/.test(value) ? Number(value) : 0;
        break;
      case "infohash":
        if (/^[0-9a-f]{40}$/i.test(value) && infoHashes.size < MAX_READ_HASHES) {
          infoHashes.add(value.toLowerCase());
        }
        break;
      case "cookie":
        cookie ??= value.slice(0, MAX_COOKIE_LENGTH);
    }
  }
  if (port === undefined || port < 1 || port > 65_535 || infoHashes.size === 0) return undefined;
  return { port, infoHashes: [...infoHashes], ...(cookie === undefined ? {} : { cookie }) };
}
