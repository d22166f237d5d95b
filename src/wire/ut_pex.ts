/**
 * Messages of `ut_pex`, peer exchange (BEP 11, https://www.bittorrent.org/beps/bep_0011.html): payloads
 * to lists of addresses and back. How often a peer may send one, and what its addresses are worth, is
 * decided elsewhere.
 *
 * ```text
 * added, dropped     6 bytes a peer: IPv4, port     added.f    1 byte of flags a peer
 * added6, dropped6   18 bytes a peer: IPv6, port    added6.f   1 byte of flags a peer
 * ```
 *
 * @module
 */

import { type Address, decodeCompact, encodeCompact } from "../base/address.ts";
import { concat } from "../base/bytes.ts";
import type { BencodeDict } from "../bencode/decode.ts";
import { encode } from "../bencode/encode.ts";
import { readBytes, readDict } from "./payload.ts";

/** "Prefers encryption, as indicated by `e` field in extension handshake." */
export const PEX_PREFERS_ENCRYPTION = 0x01;
/** "Seed/upload_only." */
export const PEX_SEED = 0x02;
/** "Peer indicated `ut_holepunch` support in extension handshake." */
export const PEX_HOLEPUNCH = 0x08;
/** "Outgoing connection, peer is reachable." */
export const PEX_REACHABLE = 0x10;

/**
 * Entries taken of the added and of the dropped ones each, IPv4 and IPv6 together: "except for the initial
 * PEX message the combined amount of added v4/v6 contacts should not exceed 50 entries. The same applies
 * to dropped entries." Of a longer message the first ones are taken.
 */
export const MAX_PEX_PEERS = 50;

/** A peer that someone else is connected to. */
export interface PexPeer {
  /** Where it is. */
  readonly address: Address;
  /** `PEX_…` bits; 0 where the sender gave none. */
  readonly flags: number;
}

/** What a message says. */
export interface PexMessage {
  /** Peers it is now connected to. */
  readonly added: readonly PexPeer[];
  /** Peers it no longer is. */
  readonly dropped: readonly Address[];
}

/**
 * The payload of a message. The caller keeps to the rules of BEP 11: at most 50 entries of each, no
 * duplicates, nothing both added and dropped, once a minute.
 */
export function encodePex(message: PexMessage): Uint8Array<ArrayBuffer> {
  const added = message.added.map((peer) => ({ ...peer, compact: encodeCompact(peer.address) }));
  const dropped = message.dropped.map(encodeCompact);
  const [added4, added6] = [
    added.filter((p) => !isV6(p.compact)),
    added.filter((p) => isV6(p.compact)),
  ];
  const dropped4 = dropped.filter((compact) => !isV6(compact));
  const dropped6 = dropped.filter(isV6);
  return encode({
    // "Messages must contain at least one of the following fields."
    added: concat(added4.map((peer) => peer.compact)),
    "added.f": Uint8Array.from(added4, (peer) => peer.flags),
    added6: added6.length ? concat(added6.map((peer) => peer.compact)) : undefined,
    "added6.f": added6.length ? Uint8Array.from(added6, (peer) => peer.flags) : undefined,
    dropped: dropped4.length ? concat(dropped4) : undefined,
    dropped6: dropped6.length ? concat(dropped6) : undefined,
  });
}

/**
 * Reads a payload. Fields of the wrong type, entries that nobody could dial, and trailing bytes that make
 * no entry are left out.
 *
 * @throws {PeerError} `bad-message` where it is no dictionary.
 */
export function decodePex(payload: Uint8Array): PexMessage {
  const { dict } = readDict(payload);
  const added = readPeers(dict, "added");
  const dropped = readPeers(dict, "dropped");
  return { added, dropped: dropped.map((peer) => peer.address) };
}

/** The peers under `key` (IPv4) and `key`6, at most {@link MAX_PEX_PEERS} together. */
function readPeers(dict: BencodeDict, key: string): PexPeer[] {
  const v4 = readBytes(dict, key) ?? NOTHING;
  const v6 = readBytes(dict, `${key}6`) ?? NOTHING;
  // When both lists are long each gets half.
  const v6Share = Math.min(Math.floor(v6.length / 18), MAX_PEX_PEERS / 2);
  const v4Count = Math.min(Math.floor(v4.length / 6), MAX_PEX_PEERS - v6Share);
  const v6Count = Math.min(Math.floor(v6.length / 18), MAX_PEX_PEERS - v4Count);
  const out: PexPeer[] = [];
  const v4Flags = readBytes(dict, `${key}.f`) ?? NOTHING;
  const v6Flags = readBytes(dict, `${key}6.f`) ?? NOTHING;
  for (let i = 0; i < v4Count; i++) {
    for (const address of decodeCompact(v4.subarray(6 * i, 6 * i + 6), 4)) {
      out.push({ address, flags: v4Flags[i] ?? 0 });
    }
  }
  for (let i = 0; i < v6Count; i++) {
    for (const address of decodeCompact(v6.subarray(18 * i, 18 * i + 18), 16)) {
      out.push({ address, flags: v6Flags[i] ?? 0 });
    }
  }
  return out;
}

const NOTHING = new Uint8Array();

function isV6(compact: Uint8Array): boolean {
  return compact.length === 18;
}
