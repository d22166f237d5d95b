/**
 * Queries under way: which answer belongs to which, and when to stop waiting.
 *
 * An answer counts only with the transaction id of a query and from the very address the query went to. The
 * ids are 32 random bits, so that nobody off the path answers in a node's stead. What counts as slow follows
 * from the answers so far, as TCP's retransmission timer does; a slow query may still be answered.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { getUint32, putUint32 } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { isSameAddress } from "./contact.ts";

/** Queries under way at the most; beyond that, new ones have to wait. */
export const MAX_TRANSACTIONS = 512;

/** When a query counts as slow before any was answered, and the bounds of that later on. */
const FIRST_SLOW_MS = 1000;
const MIN_SLOW_MS = 250;
const MAX_SLOW_MS = 2000;
/** A query is lost after this many times as long, within bounds. */
const LOST_FACTOR = 3;
const MIN_LOST_MS = 2000;

/** A query under way. */
export interface Transaction<P> {
  /** Where it went. */
  readonly to: Address;
  /** What it was for. */
  readonly purpose: P;
  /** When it was sent. */
  readonly sentAt: Millis;
}

interface Entry<P> extends Transaction<P> {
  readonly slowAt: Millis;
  readonly lostAt: Millis;
  isSlow: boolean;
}

/** The queries of one node. */
export class Transactions<P> {
  readonly #random: Random;
  readonly #open = new Map<number, Entry<P>>();
  #meanMs = 0;
  #deviationMs = 0;

  /** Nothing is under way. The random numbers must not be guessable. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Queries under way. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether new queries have to wait. */
  get isFull(): boolean {
    return this.#open.size >= MAX_TRANSACTIONS;
  }

  /** How long an answer may take before it counts as slow, in milliseconds. */
  get slowMs(): number {
    if (this.#meanMs === 0) return FIRST_SLOW_MS;
    const usual = this.#meanMs + 4 * this.#deviationMs;
    return Math.min(MAX_SLOW_MS, Math.max(MIN_SLOW_MS, usual));
  }

  /** A new query; gives its transaction id, 4 bytes. */
  open(to: Address, purpose: P, now: Millis): Uint8Array {
    let id: number;
    do id = this.#random.below(2 ** 32); while (this.#open.has(id));
    const slowAt = now + this.slowMs;
    const lostAt = now + Math.max(MIN_LOST_MS, LOST_FACTOR * this.slowMs);
    this.#open.set(id, { to, purpose, sentAt: now, slowAt, lostAt, isSlow: false });
    const out = new Uint8Array(4);
    putUint32(out, 0, id);
    return out;
  }

  /** The query that an answer belongs to, which ends it; `undefined` where nothing of the kind was asked. */
  settle(tid: Uint8Array, from: Address, now: Millis): Transaction<P> | undefined {
    if (tid.length !== 4) return undefined;
    const id = getUint32(tid, 0);
    const entry = this.#open.get(id);
    if (!entry || !isSameAddress(entry.to, from)) return undefined;
    this.#open.delete(id);
    this.#measure(Math.max(1, now - entry.sentAt));
    return entry;
  }

  /** The queries that have become slow, each given once, and those that are lost, which ends them. */
  takeDue(now: Millis): { readonly slow: Transaction<P>[]; readonly lost: Transaction<P>[] } {
    const slow: Transaction<P>[] = [];
    const lost: Transaction<P>[] = [];
    for (const [id, entry] of this.#open) {
      if (entry.lostAt <= now) {
        this.#open.delete(id);
        lost.push(entry);
      } else if (!entry.isSlow && entry.slowAt <= now) {
        entry.isSlow = true;
        slow.push(entry);
      }
    }
    return { slow, lost };
  }

  /** When {@link takeDue} has something to give; `Infinity` for never. */
  nextAt(): Millis {
    let next = Infinity;
    for (const entry of this.#open.values()) {
      next = Math.min(next, entry.isSlow ? entry.lostAt : entry.slowAt);
    }
    return next;
  }

  #measure(tookMs: number): void {
    if (this.#meanMs === 0) {
      this.#meanMs = tookMs;
      this.#deviationMs = tookMs / 2;
      return;
    }
    this.#deviationMs += (Math.abs(tookMs - this.#meanMs) - this.#deviationMs) / 4;
    this.#meanMs += (tookMs - this.#meanMs) / 8;
  }
}
