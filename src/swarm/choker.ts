/**
 * Whom we serve: the choking algorithm of BEP 3 (https://www.bittorrent.org/beps/bep_0003.html).
 *
 * A round every ten seconds decides anew; between rounds nobody loses a slot, but what stands idle is given
 * to somebody who waits, so that the line is never idle while a peer wants something.
 *
 * ```
 * slots   | regular ...................................... | optimistic ... |
 *          downloading: who gave most in the last two        who has one keeps it for 30 s, then by
 *          rounds. Seeding: turns of a minute, then who      lot; newcomers have three tickets
 *          has waited longest
 * ```
 *
 * While downloading, a peer that could give and does not for a minute can have the optimistic slot only
 * (anti-snubbing). The number of slots follows what the line carries. A served peer that asks for nothing
 * takes no slot.
 *
 * @module
 */

import { KIB, type Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { Peer } from "./peer.ts";

/** A round is made this often. */
export const ROUND_MS = 10_000;
/** An optimistic slot goes to somebody else this often. */
export const OPTIMISTIC_MS = 30_000;
/** A peer that gives nothing for this long while we want something of it is not reciprocated. */
export const SNUB_MS = 60_000;
/** A peer is new for this long. */
const NEW_MS = 60_000;
/** Slots at the least, the optimistic one included. */
export const MIN_SLOTS = 4;
/** Slots that carry this much each are served well and may be more, bytes per second. */
const GOOD_SLOT_RATE: number = 32 * KIB;
/** Slots that carry less than this each are too many. Half, or the number would go up and down. */
const POOR_SLOT_RATE: number = 16 * KIB;
/** A seed's turn lasts this long at the least. */
const TURN_MS = 60_000;
/** A served peer that has asked for nothing for this long takes no slot: one tick and what a request takes. */
const IDLE_MS = 500;
/** Unchoked peers, for each slot, whether they ask or not. */
const MAX_UNCHOKED_PER_SLOT = 2;

/** What it had given when a round was made. */
interface Mark {
  readonly bytes: number;
  readonly at: Millis;
}

/** Makes the rounds of one torrent. */
export class Choker {
  readonly #random: Random;
  #slots = MIN_SLOTS;
  // Of every peer, what it had given at the last round and at the one before.
  #marks = new Map<Peer, readonly [Mark, Mark]>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Slots of the last round. */
  get slots(): number {
    return this.#slots;
  }

  /** A round: the peers that are unchoked from now on, all others are choked. To be made every {@link ROUND_MS}. */
  round(peers: readonly Peer[], now: Millis, options: { isSeeding: boolean }): Set<Peer> {
    const candidates = peers.filter(isCandidate);
    this.#adaptSlots(candidates, now);
    const served = this.#serve(new Set(), this.#rank(candidates, now, options.isSeeding), now);
    this.#mark(peers, now);
    return served;
  }

  /** Between rounds: the peers that are unchoked from now on. Nobody loses a slot but by losing interest. */
  refill(peers: readonly Peer[], now: Millis, options: { isSeeding: boolean }): Set<Peer> {
    const candidates = peers.filter(isCandidate);
    const served = new Set(candidates.filter((peer) => !peer.amChoking));
    if (served.size === candidates.length || this.#isFull(served, now)) return served;
    return this.#serve(served, this.#rank(candidates, now, options.isSeeding), now);
  }

  /** Adds peers in their order until the slots are full. */
  #serve(served: Set<Peer>, ranked: ReadonlySet<Peer>, now: Millis): Set<Peer> {
    for (const peer of ranked) {
      if (this.#isFull(served, now)) break;
      served.add(peer);
    }
    return served;
  }

  #isFull(served: ReadonlySet<Peer>, now: Millis): boolean {
    if (served.size >= MAX_UNCHOKED_PER_SLOT * this.#slots) return true;
    let used = 0;
    for (const peer of served) if (!isIdle(peer, now)) used++;
    return used >= this.#slots;
  }

  #adaptSlots(candidates: readonly Peer[], now: Millis): void {
    let [used, total] = [0, 0];
    for (const peer of candidates) {
      if (peer.amChoking || isIdle(peer, now)) continue;
      used++;
      total += peer.up.rate(now);
    }
    if (total < used * POOR_SLOT_RATE) this.#slots = Math.max(MIN_SLOTS, this.#slots - 1);
    else if (used >= this.#slots && total >= used * GOOD_SLOT_RATE) this.#slots += this.#slots >> 1;
  }

  /** The order in which slots are given. */
  #rank(candidates: readonly Peer[], now: Millis, isSeeding: boolean): Set<Peer> {
    const regular = isSeeding ? byTurn(candidates, now) : this.#byGift(candidates, now);
    const ranked = new Set(regular.slice(0, this.#slots - 1));
    const others = candidates.filter((peer) => !ranked.has(peer));
    const lucky = others.filter((peer) => isInTurn(peer, now, OPTIMISTIC_MS));
    const byLot = this.#byLot(others, now);
    for (const peer of lucky.length > 0 ? lucky : byLot.slice(0, 1)) ranked.add(peer);
    // What stands idle goes to whoever gives, or could not give so far.
    for (const peer of regular) ranked.add(peer);
    for (const peer of byLot) if (isSeeding || !isSnubbing(peer, now)) ranked.add(peer);
    return ranked;
  }

  /** Who gives to us, the most generous first. */
  #byGift(candidates: readonly Peer[], now: Millis): Peer[] {
    const gifts = new Map<Peer, number>();
    for (const peer of candidates) {
      const gift = isSnubbing(peer, now) ? 0 : this.#gift(peer, now);
      if (gift > 0) gifts.set(peer, gift);
    }
    return [...gifts.keys()].sort((a, b) => gifts.get(b)! - gifts.get(a)!);
  }

  /** Bytes per second that a peer gave since the round before the last. */
  #gift(peer: Peer, now: Millis): number {
    const { bytes, at } = this.#marks.get(peer)?.[1] ?? { bytes: 0, at: peer.connectedAt };
    return (peer.down.total - bytes) / Math.max(1, now - at);
  }

  #mark(peers: readonly Peer[], now: Millis): void {
    const marks = new Map<Peer, readonly [Mark, Mark]>();
    for (const peer of peers) {
      const before = this.#marks.get(peer)?.[0] ?? { bytes: 0, at: peer.connectedAt };
      marks.set(peer, [{ bytes: peer.down.total, at: now }, before]);
    }
    this.#marks = marks;
  }

  /** In the order of a lottery in which newcomers have three tickets. */
  #byLot(peers: readonly Peer[], now: Millis): Peer[] {
    const tickets: Peer[] = [];
    for (const peer of peers) {
      const count = now - peer.connectedAt < NEW_MS ? 3 : 1;
      for (let i = 0; i < count; i++) tickets.push(peer);
    }
    for (let i = tickets.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [tickets[i], tickets[j]] = [tickets[j]!, tickets[i]!];
    }
    return [...new Set(tickets)];
  }
}

/** What asks for nothing is not served, nor what says that it never will (BEP 21). */
function isCandidate(peer: Peer): boolean {
  return peer.peerInterested && peer.closing === undefined && !peer.isUploadOnly;
}

/** It has what we want and has kept it to itself. */
function isSnubbing(peer: Peer, now: Millis): boolean {
  return peer.amInterested && now - peer.lastBlockAt >= SNUB_MS;
}

/** Served, and asks for nothing. */
function isIdle(peer: Peer, now: Millis): boolean {
  return !peer.amChoking && now - peer.busyAt >= IDLE_MS;
}

function isInTurn(peer: Peer, now: Millis, turnMs: Millis): boolean {
  return !peer.amChoking && now - peer.servedAt < turnMs;
}

/** Those whose turn is not over, the longest served first; then who has waited longest. */
function byTurn(candidates: readonly Peer[], now: Millis): Peer[] {
  const rank = (peer: Peer) => isInTurn(peer, now, TURN_MS) ? 0 : peer.amChoking ? 1 : 2;
  return [...candidates].sort((a, b) => rank(a) - rank(b) || a.servedAt - b.servedAt);
}
