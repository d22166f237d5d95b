/**
 * How many queries are served: of one sender and of all together, so that a flood costs its sender the
 * answers and not us the line.
 *
 * Nothing here has a timer: what has been saved up is worked out when it is asked for. Senders are
 * remembered in order of their last query, at most {@link MAX_SENDERS}; who is forgotten starts anew, which
 * is why there is a limit for all.
 *
 * @module
 */

import { LatestMap } from "../base/latest_map.ts";
import type { Millis } from "../base/units.ts";

/** Senders that are remembered. */
export const MAX_SENDERS = 1024;

/** An allowance: `perSecond` on average, `burst` at once. */
export interface Rate {
  /** Units a second, on average. */
  readonly perSecond: number;
  /** Units that can be saved up; the start is full. */
  readonly burst: number;
}

/** What one sender may ask: more than any lookup needs of one node. */
const SENDER_RATE: Rate = { perSecond: 5, burst: 30 };
/** What all together may ask; about 40 KB/s of answers. */
const TOTAL_RATE: Rate = { perSecond: 150, burst: 500 };

/** One allowance over time. */
export class Allowance {
  readonly #rate: Rate;
  #saved: number;
  #at: Millis | undefined;

  /** Starts with a full burst. */
  constructor(rate: Rate) {
    this.#rate = rate;
    this.#saved = rate.burst;
  }

  /** Takes one unit if there is one; gives whether there was. */
  take(now: Millis): boolean {
    const elapsed = Math.max(0, now - (this.#at ?? now));
    this.#at = now;
    this.#saved = Math.min(
      this.#rate.burst,
      this.#saved + (elapsed * this.#rate.perSecond) / 1000,
    );
    if (this.#saved < 1) return false;
    this.#saved--;
    return true;
  }
}

/** Decides which queries are served. */
export class RateLimit {
  readonly #senderRate: Rate;
  readonly #total: Allowance;
  /** In order of the last query. */
  readonly #senders = new LatestMap<string, Allowance>(MAX_SENDERS);

  /** Nobody has asked anything yet. */
  constructor(rates: { sender: Rate; total: Rate } = { sender: SENDER_RATE, total: TOTAL_RATE }) {
    this.#senderRate = rates.sender;
    this.#total = new Allowance(rates.total);
  }

  /** How many senders are remembered. */
  get size(): number {
    return this.#senders.size;
  }

  /** Whether a query of this sender is served now; if so, it counts. */
  allows(sender: string, now: Millis): boolean {
    const allowance = this.#senders.get(sender) ?? new Allowance(this.#senderRate);
    this.#senders.set(sender, allowance);
    return allowance.take(now) && this.#total.take(now);
  }
}
