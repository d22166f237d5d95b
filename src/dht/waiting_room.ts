/**
 * Addresses that are to be pinged, since a node there asked us something or somebody told of it: slowly, each
 * once in a while, so that nobody can make us send datagrams to a victim by naming or forging its address.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { LatestMap } from "../base/latest_map.ts";
import type { Millis } from "../base/units.ts";
import { placeOf, senderKey } from "./contact.ts";
import { Allowance } from "./rate_limit.ts";

/** Addresses that wait at the most; more are turned away. */
const MAX_WAITING = 64;
/** An address is pinged at most once in this time. */
const HOLD_MS = 300_000;
/** Addresses whose last ping is remembered. */
const MAX_HELD = 512;
const RATE = { perSecond: 4, burst: 20 } as const;
/** When to look again while the allowance is used up. */
const RETRY_MS = 250;

/** A bounded queue of addresses, drained at a fixed rate. */
export class WaitingRoom {
  readonly #allowance = new Allowance(RATE);
  readonly #waiting = new Map<string, Address>();
  /** Until when an address is not pinged again, the latest last. */
  readonly #held = new LatestMap<string, Millis>(MAX_HELD);
  #nextAt: Millis = -Infinity;

  /** Addresses that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** When {@link take} has something to give; `Infinity` for never. */
  get nextAt(): Millis {
    return this.#waiting.size === 0 ? Infinity : this.#nextAt;
  }

  /** Adds an address. */
  add(address: Address, now: Millis): void {
    const key = senderKey(placeOf(address));
    if (this.#waiting.size >= MAX_WAITING || (this.#held.get(key) ?? -Infinity) > now) return;
    this.#held.set(key, now + HOLD_MS);
    this.#waiting.set(key, address);
  }

  /** The next address to ping, `undefined` where none is due. */
  take(now: Millis): Address | undefined {
    for (const [key, address] of this.#waiting) {
      if (!this.#allowance.take(now)) {
        this.#nextAt = now + RETRY_MS;
        return undefined;
      }
      this.#waiting.delete(key);
      return address;
    }
    return undefined;
  }
}
