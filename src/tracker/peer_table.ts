/**
 * The state of a tracker server: which peers are in which swarm. Pure: the time and randomness are arguments.
 *
 * Everything is numbers in typed arrays: about 130 bytes for a peer and for a torrent, and nothing that a
 * garbage collector would have to visit. A peer is an address in a swarm, and its address is where its
 * announces come from, never what they say. What has not been heard of for the timeout is at the old end of one
 * chain, and is taken from there a few at a time.
 *
 * A flood is bounded on every side: peers, torrents, peers of a torrent, peers of an address (of IPv6 the first
 * 64 bits, which one customer has) and its ports in one torrent. A peer over a limit is answered and not listed.
 *
 * @module
 */

import { isLocal } from "../base/address.ts";
import { getUint32, putUint16, putUint32 } from "../base/bytes.ts";
import { BugError } from "../base/errors.ts";
import { HalfSipHash } from "../base/half_siphash.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { AnnounceEvent } from "./announce.ts";
import { DEFAULT_LIMITS, type PeerLimits } from "./peer_limits.ts";
import { NO_SLOT, PeerSlab } from "./peer_slab.ts";
import type { ScrapeCounts } from "./scrape.ts";
import { SlotIndex } from "./slot_index.ts";
import { type PeerWish, type Picks, SwarmLists } from "./swarm_lists.ts";
import { TorrentSlab } from "./torrent_slab.ts";

/** How a table is made. */
export interface PeerTableOptions {
  /** For the secret of its hashes, and for choosing peers. */
  readonly random: Random;
  /** How long a peer is listed after an announce. */
  readonly timeoutMs: number;
  /** Whether an announce makes a torrent (true), or only {@link PeerTable.admit} does. */
  readonly isOpen?: boolean;
  /** Where they differ from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<PeerLimits>;
}

/** An announce, as far as the table cares. Nothing of it is kept but copies. */
export interface Announcement {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where the announce came from: 4 or 16 bytes. */
  readonly ip: Uint8Array;
  /** Where it accepts peers; with 0 it is answered and not listed. */
  readonly port: number;
  /** Whether it has everything. */
  readonly isSeed: boolean;
  /** What else it tells. */
  readonly event: AnnounceEvent | undefined;
}

/** Where a peer is; both numbers are valid until the table is changed. */
export interface Seat {
  /** The torrent, -1 where there is none (for a `stopped` that nobody knew of). */
  readonly torrent: number;
  /** The peer itself, -1 where it is not listed. */
  readonly peer: number;
  /** Why it is not listed, though it asked to be. */
  readonly limit?: keyof PeerLimits;
}

/** Why a torrent is not tracked. */
export type TorrentRefusal = "not-admitted" | "torrents";

/** How many of what there are. */
export interface TableCounts {
  /** Torrents that anybody has, or that were admitted. */
  readonly torrents: number;
  /** Peers, one for each torrent that a client is in. */
  readonly peers: number;
  /** Those of them that have everything. */
  readonly seeds: number;
  /** Those of them that announced over IPv6. */
  readonly peersV6: number;
}

const NOWHERE: Seat = { torrent: -1, peer: -1 };
const NO_COUNTS: ScrapeCounts = { seeds: 0, completed: 0, leeches: 0 };
/** How many peers that have timed out an announce takes away. */
const EXPIRED_PER_ANNOUNCE = 8;
/** Counters by address, and by torrent and address. Two that fall together share a limit, which is rare. */
const COUNTERS = 2 ** 18;

/**
 * The table.
 *
 * Invariants: a torrent has peers unless it was admitted; every peer is in the list that its record says, and
 * found by its address; every count is what one would count.
 */
export class PeerTable {
  readonly #peers = new PeerSlab();
  readonly #swarms: SwarmLists;
  readonly #torrents: TorrentSlab;
  /** Peers by torrent, address and port. */
  readonly #index = new SlotIndex();
  readonly #addressCounts = new Uint32Array(COUNTERS);
  readonly #portCounts = new Uint32Array(COUNTERS);
  readonly #hash: HalfSipHash;
  readonly #limits: PeerLimits;
  readonly #timeoutSeconds: number;
  readonly #isOpen: boolean;
  /** What is hashed: four bytes of a torrent, up to 18 of an address. */
  readonly #key = new Uint8Array(22);
  #seeds = 0;
  #peersV6 = 0;

  /** An empty table. */
  constructor(options: PeerTableOptions) {
    const { random, timeoutMs, isOpen = true, limits } = options;
    this.#hash = new HalfSipHash(random.bytes(8));
    this.#torrents = new TorrentSlab(this.#hash);
    this.#swarms = new SwarmLists(this.#peers, getUint32(random.bytes(4), 0));
    this.#swarms.reserve(this.#torrents.capacity);
    this.#timeoutSeconds = Math.ceil(timeoutMs / 1000);
    this.#isOpen = isOpen;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** How many of what there are, peers that have timed out and were not taken away yet included. */
  get counts(): TableCounts {
    return {
      torrents: this.#torrents.size,
      peers: this.#peers.size,
      seeds: this.#seeds,
      peersV6: this.#peersV6,
    };
  }

  /** Bytes of all its arrays. */
  get bytes(): number {
    return this.#peers.bytes.length + this.#swarms.bytes + this.#index.bytes +
      this.#torrents.bytes + 2 * this.#addressCounts.byteLength;
  }

  /** Tracks a torrent whether anybody announces it or not; false where there is no room. */
  admit(infoHash: Uint8Array): boolean {
    const torrent = this.#find(infoHash, true);
    if (torrent >= 0) this.#torrents.keep(torrent);
    return torrent >= 0;
  }

  /** Takes an announce. Peers for the answer are then to be had from {@link choose}. */
  announce(a: Announcement, now: Millis): Seat | TorrentRefusal {
    this.expire(now, EXPIRED_PER_ANNOUNCE);
    const isStopped = a.event === "stopped";
    const torrent = this.#find(a.infoHash, this.#isOpen && !isStopped);
    if (torrent < 0) {
      if (!this.#isOpen) return "not-admitted";
      return isStopped ? NOWHERE : "torrents";
    }
    const peer = this.#findPeer(torrent, a);
    if (isStopped) return this.#stop(torrent, peer, a);
    if (a.event === "completed" && a.isSeed && (peer < 0 || !this.#peers.isSeed(peer))) {
      this.#torrents.complete(torrent);
    }
    if (peer < 0) return this.#join(torrent, a, now);
    this.#peers.touch(peer, secondsOf(now));
    this.#peers.setId(peer, a.peerId);
    if (this.#peers.isSeed(peer) !== a.isSeed) this.#turn(peer);
    return { torrent, peer };
  }

  /** What is known of a torrent; `undefined` where it is not there. */
  scrape(infoHash: Uint8Array): ScrapeCounts | undefined {
    const torrent = this.#torrents.find(infoHash);
    return torrent < 0 ? undefined : this.countsOf(torrent);
  }

  /** What is known of a torrent by its number; of -1 nothing. */
  countsOf(torrent: number): ScrapeCounts {
    if (torrent < 0) return NO_COUNTS;
    return {
      seeds: this.#swarms.seedsOf(torrent),
      completed: this.#torrents.completedOf(torrent),
      leeches: this.#swarms.leechesOf(torrent),
    };
  }

  /** Chooses peers, as {@link SwarmLists.choose}. */
  choose(wish: PeerWish, picks: Picks): void {
    this.#swarms.choose(wish, picks);
  }

  /** Writes the compact addresses of all that were chosen, 3 or 9 pairs of bytes each; returns where they end. */
  putCompact(picks: Picks, out: Uint16Array, at: number): number {
    return this.#swarms.putCompact(picks, out, at);
  }

  /** The id of a peer that was chosen: 20 bytes, a view that is valid until the table is changed. */
  idOf(picks: Picks, index: number): Uint8Array {
    const at = this.#peers.idAt(this.#swarms.peerOf(picks, index));
    return this.#peers.bytes.subarray(at, at + 20);
  }

  /** Takes away peers that have not been heard of for the timeout, at most `most`; returns how many. */
  expire(now: Millis, most: number): number {
    const limit = secondsOf(now) - this.#timeoutSeconds;
    let count = 0;
    for (; count < most; count++) {
      const { oldest } = this.#peers;
      if (oldest === NO_SLOT || this.#peers.seenAt(oldest) > limit) break;
      this.#remove(oldest);
    }
    return count;
  }

  /** Proves the invariants of the class, slowly. @throws {BugError} when one is broken. */
  checkInvariants(): void {
    let [peers, seeds, v6] = [0, 0, 0];
    for (const torrent of this.#torrents.all()) {
      const hash = this.#torrents.infoHashOf(torrent);
      if (this.#torrents.find(hash) !== torrent) throw new BugError("a torrent is not found");
      const count = this.#swarms.check(torrent, (peer) => {
        seeds += Number(this.#peers.isSeed(peer));
        v6 += Number(this.#peers.isV6(peer));
        this.#positionOf(peer);
      });
      const isNeeded = count > 0 || this.#torrents.isKept(torrent);
      if (!isNeeded) throw new BugError("a torrent without peers");
      peers += count;
    }
    const counts = [
      this.#peers.size,
      this.#index.size,
      sumOf(this.#addressCounts),
      sumOf(this.#portCounts),
    ];
    if (counts.some((count) => count !== peers)) throw new BugError("peers are miscounted");
    const isRight = seeds === this.#seeds && v6 === this.#peersV6;
    if (!isRight) throw new BugError("seeds or IPv6 peers are miscounted");
  }

  /** The torrent, made where it may be. */
  #find(infoHash: Uint8Array, mayAdd: boolean): number {
    const torrent = this.#torrents.find(infoHash);
    if (torrent >= 0 || !mayAdd || this.#torrents.size >= this.#limits.torrents) return torrent;
    const added = this.#torrents.add(infoHash);
    this.#swarms.reserve(this.#torrents.capacity);
    return added;
  }

  #findPeer(torrent: number, { ip, port }: Announcement): number {
    const peers = this.#peers;
    const { length } = ip;
    const key = this.#key;
    for (let i = 0; i < length; i++) key[4 + i] = ip[i]!;
    putUint16(key, 4 + length, port);
    let at = this.#index.find(this.#hashKey(torrent, length + 2));
    for (; at >= 0; at = this.#index.findNext(at)) {
      const peer = this.#index.slotAt(at);
      if (peers.torrentOf(peer) !== torrent || peers.isV6(peer) !== (length === 16)) continue;
      const from = peers.addressAt(peer);
      let same = 0;
      while (same < length + 2 && peers.bytes[from + same] === key[4 + same]) same++;
      if (same === length + 2) return peer;
    }
    return -1;
  }

  #join(torrent: number, a: Announcement, now: Millis): Seat {
    const { ip, port, peerId, isSeed } = a;
    const limit = port === 0 ? undefined : this.#limitOf(torrent, ip);
    if (port === 0 || limit !== undefined) {
      const seat = this.#dropIfEmpty(torrent) ? NOWHERE : { torrent, peer: -1 };
      return limit === undefined ? seat : { ...seat, limit };
    }
    const peer = this.#peers.add({ torrent, ip, port, peerId, isSeed }, secondsOf(now));
    this.#index.add(this.#hashOf(peer), peer);
    this.#count(peer, 1);
    this.#swarms.enter(peer);
    return { torrent, peer };
  }

  /** The limit that keeps a new peer out. */
  #limitOf(torrent: number, ip: Uint8Array): keyof PeerLimits | undefined {
    const limits = this.#limits;
    if (this.#peers.size >= limits.peers) return "peers";
    const inTorrent = this.#swarms.leechesOf(torrent) + this.#swarms.seedsOf(torrent);
    if (inTorrent >= limits.peersPerTorrent) return "peersPerTorrent";
    const length = prefixOf(ip.length === 16);
    const ports = this.#portCounts[this.#counterOf(torrent, { bytes: ip, at: 0, length })]!;
    if (ports >= limits.portsPerAddress) {
      if (!isLocal(ip)) return "portsPerAddress";
      if (ports >= limits.portsPerLocalAddress) return "portsPerLocalAddress";
    }
    const peers = this.#addressCounts[this.#counterOf(NO_SLOT, { bytes: ip, at: 0, length })]!;
    return peers >= limits.peersPerAddress && !isLocal(ip) ? "peersPerAddress" : undefined;
  }

  /** A `stopped` that was overtaken by the next start of the program, with another id, says nothing. */
  #stop(torrent: number, peer: number, a: Announcement): Seat {
    if (peer < 0) return { torrent, peer };
    const { bytes } = this.#peers;
    const at = this.#peers.idAt(peer);
    for (let i = 0; i < 20; i++) {
      if (bytes[at + i] !== a.peerId[i]) return { torrent, peer: -1 };
    }
    return this.#remove(peer) ? NOWHERE : { torrent, peer: -1 };
  }

  /** A leech has become a seed, or the other way round. */
  #turn(peer: number): void {
    this.#swarms.leave(peer);
    this.#peers.turn(peer);
    this.#swarms.enter(peer);
    this.#seeds += this.#peers.isSeed(peer) ? 1 : -1;
  }

  /** Removes a peer, and its torrent with the last; whether that is so. */
  #remove(peer: number): boolean {
    const torrent = this.#peers.torrentOf(peer);
    this.#index.removeAt(this.#positionOf(peer));
    this.#count(peer, -1);
    this.#swarms.leave(peer);
    this.#peers.remove(peer);
    return this.#dropIfEmpty(torrent);
  }

  #dropIfEmpty(torrent: number): boolean {
    if (this.#torrents.isKept(torrent)) return false;
    if (this.#swarms.leechesOf(torrent) + this.#swarms.seedsOf(torrent) > 0) return false;
    this.#torrents.remove(torrent);
    return true;
  }

  #count(peer: number, by: 1 | -1): void {
    const isV6 = this.#peers.isV6(peer);
    if (isV6) this.#peersV6 += by;
    if (this.#peers.isSeed(peer)) this.#seeds += by;
    const { bytes } = this.#peers;
    const prefix = { bytes, at: this.#peers.addressAt(peer), length: prefixOf(isV6) };
    this.#addressCounts[this.#counterOf(NO_SLOT, prefix)]! += by;
    this.#portCounts[this.#counterOf(this.#peers.torrentOf(peer), prefix)]! += by;
  }

  /** Where a peer is in the index. */
  #positionOf(peer: number): number {
    let at = this.#index.find(this.#hashOf(peer));
    while (at >= 0 && this.#index.slotAt(at) !== peer) at = this.#index.findNext(at);
    if (at < 0) throw new BugError("a peer is not found by its address");
    return at;
  }

  #hashOf(peer: number): number {
    const at = this.#peers.addressAt(peer);
    const length = this.#peers.isV6(peer) ? 18 : 6;
    for (let i = 0; i < length; i++) this.#key[4 + i] = this.#peers.bytes[at + i]!;
    return this.#hashKey(this.#peers.torrentOf(peer), length);
  }

  #counterOf(torrent: number, { bytes, at, length }: Prefix): number {
    for (let i = 0; i < length; i++) this.#key[4 + i] = bytes[at + i]!;
    return this.#hashKey(torrent, length) & (COUNTERS - 1);
  }

  #hashKey(torrent: number, length: number): number {
    putUint32(this.#key, 0, torrent);
    return this.#hash.hash32(this.#key, 4 + length);
  }
}

/** The bytes of an address that belong to one customer. */
interface Prefix {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly length: number;
}

function prefixOf(isV6: boolean): number {
  return isV6 ? 8 : 4;
}

function sumOf(counts: Uint32Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

function secondsOf(now: Millis): number {
  return Math.floor(now / 1000);
}
