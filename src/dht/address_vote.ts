/**
 * Our address as others see it: every answer may say where our query came from (BEP 42), and one that
 * enough of them agree on is believed.
 *
 * One vote a network (/24, /64), since one liar has many addresses there; the latest {@link MAX_VOTERS} count.
 *
 * https://www.bittorrent.org/beps/bep_0042.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { LatestMap } from "../base/latest_map.ts";
import { placeOf } from "./contact.ts";

/** Voters that are remembered. */
export const MAX_VOTERS = 24;
/** Votes for one address that it takes at least; they must also be more than half of all. */
export const MIN_VOTES = 4;

/** Counts votes. */
export class AddressVote {
  /** IP addresses by the network of the voter. */
  readonly #votes = new LatestMap<string, string>(MAX_VOTERS);

  /** A voter has seen us at this IP address. Gives the address that has won, if one has. */
  add(voter: Address, host: string): string | undefined {
    const place = placeOf(voter);
    const name = place.net ?? place.host;
    this.#votes.set(name, host);
    let count = 0;
    for (const vote of this.#votes.values()) count += +(vote === host);
    return count >= MIN_VOTES && 2 * count > this.#votes.size ? host : undefined;
  }
}
