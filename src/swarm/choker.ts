/**
 * Whom we serve: the choking algorithm of BEP 3 as one pure decision per round.
 *
 * While we download, those who give us most are served (reciprocation); a peer that owes us blocks for a
 * minute is not (anti-snubbing). While we seed, turns go round: who is served keeps its turn until it has
 * had its share, then who has waited longest follows. One slot is optimistic in either case and moves every
 * 30 s; newcomers are three times as likely to get it.
 *
 * The number of slots follows what the line carries: while every slot is served well another one opens.
 *
 * @module
 */

import { KIB, type Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { Peer } from "./peer.ts";

/** A round is made this often. */
export const ROUND_MS = 10_000;
/** The optimistic slot moves this often. */
export const OPTIMISTIC_MS = 30_000;
/** A peer that gives nothing for this long while it owes us is not reciprocated. */
export const SNUB_MS = 60_000;
/** A peer is new for this long. */
const NEW_MS = 60_000;
/** Slots at the least, the optimistic one included. */
export const MIN_SLOTS = 4;
/** A slot that carries this much is served well, bytes per second. */
const GOOD_SLOT_RATE: number = 32 * KIB;
/** A seed's turn lasts this long at the least. */
const TURN_MS = 60_000;

/** Makes the rounds of one torrent. */
export class Choker {
  readonly #random: Random;
  #slots = MIN_SLOTS;
  #optimistic: Peer | undefined;
  #optimisticAt: Millis = -Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Slots of the last round. */
  get slots(): number {
    return this.#slots;
  }

  /**
   * One round: the peers that are to be unchoked from now on, all others are choked. At most once every
   * {@link ROUND_MS}, and when a served peer leaves or loses interest.
   */
  round(peers: readonly Peer[], now: Millis, options: { isSeeding: boolean }): Set<Peer> {
    const candidates = peers.filter((peer) => peer.peerInterested && peer.closing === undefined);
    this.#adaptSlots(candidates, now);
    const served = new Set<Peer>();
    this.#moveOptimistic(candidates, now);
    if (this.#optimistic !== undefined) served.add(this.#optimistic);
    const ranked = options.isSeeding ? byTurn(candidates, now) : byGift(candidates, now);
    for (const peer of ranked) {
      if (served.size >= this.#slots) break;
      served.add(peer);
    }
    return served;
  }

  #adaptSlots(candidates: readonly Peer[], now: Millis): void {
    const served = candidates.filter((peer) => !peer.amChoking);
    if (served.length < this.#slots) return;
    let good = 0;
    for (const peer of served) if (peer.up.rate(now) >= GOOD_SLOT_RATE) good++;
    if (good === served.length) this.#slots += Math.max(1, this.#slots >> 1);
    else this.#slots = Math.max(MIN_SLOTS, good + 1);
  }

  #moveOptimistic(candidates: readonly Peer[], now: Millis): void {
    const isGone = this.#optimistic === undefined || !candidates.includes(this.#optimistic);
    if (!isGone && now - this.#optimisticAt < OPTIMISTIC_MS) return;
    this.#optimisticAt = now;
    const waiting: Peer[] = [];
    for (const peer of candidates) {
      if (!peer.amChoking) continue;
      const tickets = now - peer.connectedAt < NEW_MS ? 3 : 1;
      for (let i = 0; i < tickets; i++) waiting.push(peer);
    }
    if (waiting.length > 0) this.#optimistic = waiting[this.#random.below(waiting.length)];
    else if (isGone) this.#optimistic = undefined;
  }
}

/** Who gives us most comes first. */
function byGift(candidates: readonly Peer[], now: Millis): Peer[] {
  const isSnubbing = (peer: Peer) => peer.amInterested && now - peer.lastBlockAt >= SNUB_MS;
  const rate = (peer: Peer) => isSnubbing(peer) ? -1 : peer.down.rate(now);
  return rankBy(candidates, rate);
}

/** Whose turn it is: those served for less than a turn, then who has waited longest. */
function byTurn(candidates: readonly Peer[], now: Millis): Peer[] {
  return rankBy(candidates, (peer) => {
    const isInTurn = !peer.amChoking && now - peer.servedAt < TURN_MS;
    return isInTurn ? Number.MAX_VALUE : now - peer.servedAt;
  });
}

function rankBy(peers: readonly Peer[], score: (peer: Peer) => number): Peer[] {
  const scored = peers.map((peer) => ({ peer, score: score(peer) }));
  scored.sort((a, b) => b.score - a.score);
  return scored.map((entry) => entry.peer);
}
