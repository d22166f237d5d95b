/**
 * The peers that were announced to us, by infohash: what the DHT as a whole is for (BEP 5, 33).
 *
 * One peer an IP address and torrent (BEP 33), for half an hour. Everything is bounded: torrents, peers of a
 * torrent (the one announced longest ago makes room), peers in all, and torrents of one address, since an
 * honest one announces to us only what happens to lie close to our id.
 *
 * @module
 */

import { type Address, encodeCompact } from "../base/address.ts";
import { hex } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Random } from "../ports/random.ts";
import { addToFilter, FILTER_BYTES } from "./bloom_filter.ts";
import { hostKey } from "./contact.ts";

/** How long a peer is named after it announced; clients announce every 10 to 15 minutes. */
export const PEER_MS = 1_800_000;

/** The bounds of a store. */
export interface StoreLimits {
  /** Torrents. */
  readonly torrents: number;
  /** Peers of one torrent. */
  readonly peersEach: number;
  /** Peers in all. */
  readonly peers: number;
  /** Torrents one address can announce. */
  readonly torrentsPerHost: number;
}

const DEFAULT_LIMITS: StoreLimits = {
  torrents: 2000,
  peersEach: 500,
  peers: 20_000,
  torrentsPerHost: 100,
};

interface Peer {
  /** 6 or 18 bytes. */
  readonly compact: Uint8Array;
  readonly isSeed: boolean;
  readonly expiresAt: Millis;
}

/** Peers by {@link hostKey}, the one announced longest ago first. */
type Swarm = Map<string, Peer>;

/** Announced peers. */
export class PeerStore {
  readonly #limits: StoreLimits;
  readonly #swarms = new Map<string, Swarm>();
  /** In how many swarms an address is. */
  readonly #counts = new Map<string, number>();
  #size = 0;

  /** An empty store. */
  constructor(limits: StoreLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Peers in all. */
  get size(): number {
    return this.#size;
  }

  /** Torrents that have a peer. */
  get torrents(): number {
    return this.#swarms.size;
  }

  /** Stores a peer; gives whether there was room. */
  announce(
    infoHash: Uint8Array,
    peer: { readonly address: Address; readonly isSeed: boolean },
    now: Millis,
  ): boolean {
    const key = hex(infoHash);
    const host = hostKey(peer.address);
    const swarm = this.#swarms.get(key);
    const isKnown = swarm?.has(host) ?? false;
    if (!isKnown && !this.#hasRoom(swarm, host)) return false;
    const peers = swarm ?? new Map<string, Peer>();
    this.#swarms.set(key, peers);
    if (isKnown) this.#forget(peers, host);
    else if (peers.size >= this.#limits.peersEach) this.#forget(peers, firstKey(peers)!);
    peers.set(host, {
      compact: encodeCompact(peer.address),
      isSeed: peer.isSeed,
      expiresAt: now + PEER_MS,
    });
    this.#size++;
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
    return true;
  }

  /** Up to `count` random peers of a torrent in compact form, seeds last if they are not wanted. */
  sample(
    infoHash: Uint8Array,
    count: number,
    options: { readonly noSeed: boolean; readonly now: Millis; readonly random: Random },
  ): Uint8Array[] {
    const peers = this.#alive(infoHash, options.now);
    const shuffled = options.noSeed ? peers.length : Math.min(count, peers.length);
    for (let i = 0; i < shuffled; i++) {
      const j = i + options.random.below(peers.length - i);
      [peers[i], peers[j]] = [peers[j]!, peers[i]!];
    }
    if (options.noSeed) peers.sort((a, b) => +a.isSeed - +b.isSeed);
    return peers.slice(0, count).map((peer) => peer.compact);
  }

  /** The Bloom filters of a torrent's seeds and of its other peers (BEP 33); `undefined` where it has none. */
  filters(
    infoHash: Uint8Array,
    hasher: Pick<Hasher, "sha1">,
    now: Millis,
  ): { readonly seeds: Uint8Array; readonly peers: Uint8Array } | undefined {
    const all = this.#alive(infoHash, now);
    if (all.length === 0) return undefined;
    const out = { seeds: new Uint8Array(FILTER_BYTES), peers: new Uint8Array(FILTER_BYTES) };
    for (const { compact, isSeed } of all) {
      const ip = compact.subarray(0, compact.length - 2);
      addToFilter(isSeed ? out.seeds : out.peers, ip, hasher);
    }
    return out;
  }

  /** Forgets the peers whose time is over. To be called every few minutes. */
  purge(now: Millis): void {
    for (const [key, peers] of this.#swarms) {
      for (const [host, peer] of peers) {
        if (peer.expiresAt > now) break;
        this.#forget(peers, host);
      }
      if (peers.size === 0) this.#swarms.delete(key);
    }
  }

  #hasRoom(swarm: Swarm | undefined, host: string): boolean {
    const limits = this.#limits;
    if ((this.#counts.get(host) ?? 0) >= limits.torrentsPerHost) return false;
    if (!swarm) return this.#swarms.size < limits.torrents && this.#size < limits.peers;
    return swarm.size >= limits.peersEach || this.#size < limits.peers;
  }

  #alive(infoHash: Uint8Array, now: Millis): Peer[] {
    const peers = this.#swarms.get(hex(infoHash));
    return peers ? [...peers.values()].filter((peer) => peer.expiresAt > now) : [];
  }

  #forget(peers: Swarm, host: string): void {
    peers.delete(host);
    this.#size--;
    const count = this.#counts.get(host)! - 1;
    if (count === 0) this.#counts.delete(host);
    else this.#counts.set(host, count);
  }
}

function firstKey<K>(map: ReadonlyMap<K, unknown>): K | undefined {
  for (const key of map.keys()) return key;
  return undefined;
}
