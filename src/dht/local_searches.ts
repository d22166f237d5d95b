/**
 * Searches of our own whose peers come to us by themselves: our node is one of those that others announce to,
 * but a search asks only others. In a network of two, nobody would find anybody.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { equalBytes } from "../base/bytes.ts";
import type { SearchState } from "./search.ts";

/** Searches that are remembered. */
const MAX_SEARCHES = 512;

/** The searches that have not been stopped, over or not. */
export class LocalSearches {
  readonly #searches = new Set<SearchState>();

  /** Remembers a search until it is stopped; the oldest gives way. */
  add(search: SearchState): void {
    for (const old of this.#searches) if (old.isStopped) this.#searches.delete(old);
    this.#searches.add(search);
    if (this.#searches.size > MAX_SEARCHES) {
      for (const oldest of this.#searches) {
        this.#searches.delete(oldest);
        break;
      }
    }
  }

  /** A peer announced itself to us; gives the searches that had not heard of it. */
  onAnnounce(infoHash: Uint8Array, peer: Address): SearchState[] {
    const out: SearchState[] = [];
    for (const search of this.#searches) {
      if (equalBytes(search.infoHash, infoHash) && search.onPeers([peer])) out.push(search);
    }
    return out;
  }
}
