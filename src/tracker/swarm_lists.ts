/**
 * The swarms of a tracker: lists of peers for each torrent, and the choice of some of them for an answer.
 *
 * ```
 * one set of lists for IPv4, one for IPv6; in each
 * list of a torrent   2·torrent + 0 leeches   + 1 seeds
 * ```
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { PeerSlab } from "./peer_slab.ts";
import { SlotLists } from "./slot_lists.ts";

/** Four stretches of a ring, in which the ends of the two lists and the asker make three gaps at the most. */
const MAX_RUNS = 7;

/** Who asks for peers, and for what. */
export interface PeerWish {
  /** The torrent; -1 for one that has no peers. */
  readonly torrent: number;
  /** The asker's own number, which is not chosen; -1 where it has none. */
  readonly asker: number;
  /** Whether the asker has everything, so that seeds are of no use to it. */
  readonly isSeed: boolean;
  /** Which family. */
  readonly isV6: boolean;
  /** How many at the most. */
  readonly want: number;
}

/** Peers that were chosen: runs of cells. Made once and used again; valid until the lists are changed. */
export class Picks {
  /** The first cell of each run. */
  readonly starts: Uint32Array = new Uint32Array(MAX_RUNS);
  /** How many cells each run has. */
  readonly lengths: Uint32Array = new Uint32Array(MAX_RUNS);
  /** How many runs there are. */
  runs = 0;
  /** How many peers there are. */
  count = 0;
  /** Of which family they are. */
  isV6 = false;
}

/** The lists. A peer's torrent, family and state are read from its record. */
export class SwarmLists {
  readonly #peers: PeerSlab;
  readonly #v4 = new SlotLists(3);
  readonly #v6 = new SlotLists(9);
  #state: number;

  /** No torrents yet. The seed is for the choice of peers and need not be secret. */
  constructor(peers: PeerSlab, seed: number) {
    this.#peers = peers;
    // The generator below stands still at 0.
    this.#state = seed | 1;
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#v4.bytes + this.#v6.bytes;
  }

  /** Makes room for torrents with numbers below `count`. */
  reserve(count: number): void {
    this.#v4.reserve(2 * count);
    this.#v6.reserve(2 * count);
  }

  /** Puts a peer where its record says it belongs. */
  enter(peer: number): void {
    const extra = { pairs: this.#peers.pairs, at: this.#peers.addressAt(peer) / 2 };
    this.#peers.setPlace(peer, this.#listsOf(peer).push(this.#listOf(peer), peer, extra));
  }

  /** Takes a peer out; its record must still say where it is. */
  leave(peer: number): void {
    const place = this.#peers.placeOf(peer);
    const moved = this.#listsOf(peer).removeAt(this.#listOf(peer), place);
    if (moved >= 0) this.#peers.setPlace(moved, place);
  }

  /** Leeches of a torrent. */
  leechesOf(torrent: number): number {
    return this.#v4.lengthOf(2 * torrent) + this.#v6.lengthOf(2 * torrent);
  }

  /** Seeds of a torrent. */
  seedsOf(torrent: number): number {
    return this.#v4.lengthOf(2 * torrent + 1) + this.#v6.lengthOf(2 * torrent + 1);
  }

  /**
   * Chooses peers. Each is as likely as any other, but not each set of them: the lists, one behind the other
   * and closed to a ring, are read from a random place, in four stretches a quarter of the ring apart where
   * there is room. Stretches touch a tenth of the memory that as many single places would, and that is what an
   * answer costs. The time goes with `want`, not with the swarm.
   */
  choose(wish: PeerWish, picks: Picks): void {
    picks.runs = picks.count = 0;
    picks.isV6 = wish.isV6;
    const { torrent, want } = wish;
    if (torrent < 0) return;
    const lists = wish.isV6 ? this.#v6 : this.#v4;
    const leechCount = lists.lengthOf(2 * torrent);
    const ring: Ring = {
      leechCount,
      total: leechCount + (wish.isSeed ? 0 : lists.lengthOf(2 * torrent + 1)),
      leeches: lists.cellOf(2 * torrent, 0),
      seeds: lists.cellOf(2 * torrent + 1, 0),
      asker: this.#cellOf(wish.asker, lists),
    };
    const { total } = ring;
    const start = total > want ? this.#below(total) : 0;
    // Long enough that no stretch reaches the next one, though it may have to pass over the asker.
    if (want < 8 || total < 2 * want) return take(ring, { from: start, until: want }, picks);
    for (let quarter = 0; quarter < 4; quarter++) {
      const from = (start + quarter * Math.floor(total / 4)) % total;
      take(ring, { from, until: Math.ceil((want * (quarter + 1)) / 4) }, picks);
    }
  }

  /** Writes the compact addresses of all that were chosen, 3 or 9 pairs of bytes each; returns where they end. */
  putCompact(picks: Picks, out: Uint16Array, at: number): number {
    const lists = picks.isV6 ? this.#v6 : this.#v4;
    let end = at;
    for (let run = 0; run < picks.runs; run++) {
      const cells = { cell: picks.starts[run]!, count: picks.lengths[run]! };
      end = lists.putExtras(cells, out, end);
    }
    return end;
  }

  /** The number of a peer that was chosen. */
  peerOf(picks: Picks, index: number): number {
    let run = 0;
    let place = index;
    while (place >= picks.lengths[run]!) place -= picks.lengths[run++]!;
    return (picks.isV6 ? this.#v6 : this.#v4).slotIn(picks.starts[run]! + place);
  }

  /**
   * Proves that every peer of a torrent is where its record says, slowly; returns how many there are.
   *
   * @throws {BugError} when one is not.
   */
  check(torrent: number, onPeer: (peer: number) => void): number {
    let count = 0;
    for (const lists of [this.#v4, this.#v6]) {
      for (const list of [2 * torrent, 2 * torrent + 1]) {
        for (let place = 0; place < lists.lengthOf(list); place++, count++) {
          const cell = lists.cellOf(list, place);
          const peer = lists.slotIn(cell);
          const isHere = this.#peers.placeOf(peer) === place && this.#listsOf(peer) === lists;
          if (!isHere || this.#listOf(peer) !== list) throw new BugError("a peer is elsewhere");
          const address = new Uint16Array(9);
          const end = lists.putExtras({ cell, count: 1 }, address, 0);
          const from = this.#peers.addressAt(peer) / 2;
          for (let i = 0; i < end; i++) {
            if (address[i] !== this.#peers.pairs[from + i]) throw new BugError("a wrong address");
          }
          onPeer(peer);
        }
      }
    }
    return count;
  }

  /** Where a peer is in these lists, -1 where it is not. */
  #cellOf(peer: number, lists: SlotLists): number {
    if (peer < 0 || this.#listsOf(peer) !== lists) return -1;
    return lists.cellOf(this.#listOf(peer), this.#peers.placeOf(peer));
  }

  #listsOf(peer: number): SlotLists {
    return this.#peers.isV6(peer) ? this.#v6 : this.#v4;
  }

  #listOf(peer: number): number {
    return 2 * this.#peers.torrentOf(peer) + (this.#peers.isSeed(peer) ? 1 : 0);
  }

  /** A number below `limit` (xorshift; nobody gains by guessing it). */
  #below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * limit);
  }
}

/** The leeches and then the seeds of a torrent, closed to a ring. */
interface Ring {
  readonly leechCount: number;
  readonly total: number;
  /** The first cell of the leeches. */
  readonly leeches: number;
  /** The first cell of the seeds. */
  readonly seeds: number;
  /** The cell that is passed over. */
  readonly asker: number;
}

/** Adds runs that begin at a place of the ring, until so many peers are chosen or it is read whole. */
function take(
  ring: Ring,
  { from, until }: { readonly from: number; readonly until: number },
  picks: Picks,
): void {
  const { leechCount, total, asker } = ring;
  let at = from;
  for (let left = total; left > 0 && picks.count < until;) {
    const isLeech = at < leechCount;
    const cell = isLeech ? ring.leeches + at : ring.seeds + at - leechCount;
    let length = Math.min((isLeech ? leechCount : total) - at, left, until - picks.count);
    // As far as the asker, and past it the next time round.
    if (asker >= cell && asker < cell + length) length = asker - cell;
    if (length > 0) {
      picks.starts[picks.runs] = cell;
      picks.lengths[picks.runs++] = length;
      picks.count += length;
    }
    const passed = Math.max(length, 1);
    left -= passed;
    at += passed;
    if (at === total) at = 0;
  }
}
