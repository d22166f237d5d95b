/**
 * Pieces that a newcomer may have while it is choked, so that it soon has something to give
 * (BEP 6, https://www.bittorrent.org/beps/bep_0006.html).
 *
 * Which pieces these are follows from the newcomer's address and the torrent: whoever gives gives the same, and
 * nobody gains by asking everybody. What they cost is bounded: few pieces, few bytes, each piece once, nothing in
 * small torrents, and nothing to a peer that has as many pieces. A seed grants none: its line is what the swarm
 * lives on, and would go into pieces that others have.
 *
 * @module
 */

import { parseIp } from "../base/address.ts";
import { concat, getUint32 } from "../base/bytes.ts";
import type { PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Peer } from "./peer.ts";

/** Pieces that are granted at the most. */
const MAX_PIECES = 5;
/** Bytes of them at the most. */
const MAX_BYTES = 8 * 1024 * 1024;
/** In a torrent of fewer pieces they would be too large a part of it. */
const LEAST_PIECES = 100;

/** What pieces are drawn from. */
export interface FastSource {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  readonly sha1: Hasher["sha1"];
}

/**
 * The first `count` pieces of an address, all different; `undefined` where the host is no IP literal. An address
 * stands for its network: the first three bytes of IPv4, the first eight of IPv6.
 */
export function allowedFastSet(
  host: string,
  count: number,
  { infoHash, pieceCount, sha1 }: FastSource,
): PieceIndex[] | undefined {
  const ip = parseIp(host);
  if (ip === undefined) return undefined;
  const kept = ip.length === 4 ? 3 : 8;
  const masked = ip.map((byte, i) => i < kept ? byte : 0);
  const pieces = new Set<number>();
  for (let x: Uint8Array = concat([masked, infoHash]); pieces.size < Math.min(count, pieceCount);) {
    x = sha1(x);
    for (let at = 0; at < x.length && pieces.size < count; at += 4) {
      pieces.add(getUint32(x, at) % pieceCount);
    }
  }
  return [...pieces] as PieceIndex[];
}

/** Grants pieces to newcomers of one torrent. */
export class AllowedFast {
  readonly #map: PieceMap;
  readonly #count: number;
  readonly #source: FastSource;

  constructor(map: PieceMap, source: Omit<FastSource, "pieceCount">) {
    const { pieceCount, pieceLength } = map;
    this.#map = map;
    const isLarge = pieceCount >= LEAST_PIECES;
    this.#count = isLarge ? Math.min(MAX_PIECES, Math.floor(MAX_BYTES / pieceLength)) : 0;
    this.#source = { ...source, pieceCount };
  }

  /** Tells a newcomer, after what we have, which of these pieces it may ask for. */
  grant(peer: Peer, has: (piece: PieceIndex) => boolean): void {
    if (this.#count === 0 || !peer.supportsFast) return;
    for (const piece of allowedFastSet(peer.address.host, this.#count, this.#source) ?? []) {
      if (!has(piece)) continue;
      peer.granted.set(piece, this.#map.pieceBytes(piece));
      peer.encoder.allowedFast(piece);
    }
  }

  /** Whether a choked peer is given these bytes of a piece all the same; they are counted. */
  take(peer: Peer, piece: PieceIndex, bytes: number): boolean {
    const left = peer.granted.get(piece);
    if (left === undefined || left < bytes || peer.have.count >= this.#count) return false;
    peer.granted.set(piece, left - bytes);
    return true;
  }
}
