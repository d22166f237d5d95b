/**
 * A search for the peers of one torrent, as its starter sees it: peers come as nodes answer, and at the end
 * we may be announced to the nodes closest to the infohash (BEP 5).
 *
 * @module
 */

import { type Address, formatAddress } from "../base/address.ts";

/** How we are announced. */
export interface AnnounceOptions {
  /** The port where we take peers, 1 to 65535. */
  readonly port: number;
  /** The port that our datagrams come from counts instead (false): behind a NAT, when uTP shares the port. */
  readonly isPortImplied?: boolean;
  /** We have everything (false; BEP 33). */
  readonly isSeed?: boolean;
}

/** Peers of one search that are kept. */
const MAX_PEERS = 3000;

/** A search under way. */
export interface PeerSearch {
  /** What is searched, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Whether it is over; late answers may still bring peers. While nobody at all answers, it waits and is not. */
  readonly isDone: boolean;
  /** Queries sent so far, announces not counted. */
  readonly queries: number;
  /** Nodes that answered. */
  readonly answers: number;
  /** Nodes that took our announce. */
  readonly announced: number;
  /** Different peers so far. */
  readonly found: number;
  /** The peers that came since the last call, each once a search. Addresses are those that others named: to be judged. */
  takePeers(): Address[];
  /** Ends it: nothing is announced and no peers come any more. */
  stop(): void;
}

/** The node's side of a {@link PeerSearch}. */
export class SearchState implements PeerSearch {
  readonly infoHash: Uint8Array;
  /** How to announce, if at all. */
  readonly announce: AnnounceOptions | undefined;
  isDone = false;
  queries = 0;
  answers = 0;
  announced = 0;
  /** Announces without an answer yet. */
  pendingAnnounces = 0;
  readonly #seen = new Set<string>();
  #fresh: Address[] = [];
  #isStopped = false;

  /** A search that has not begun. */
  constructor(infoHash: Uint8Array, announce: AnnounceOptions | undefined) {
    this.infoHash = infoHash;
    this.announce = announce;
  }

  /** Whether nobody wants its peers any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  get found(): number {
    return this.#seen.size;
  }

  takePeers(): Address[] {
    const out = this.#fresh;
    this.#fresh = [];
    return out;
  }

  stop(): void {
    this.isDone = this.#isStopped = true;
    this.#fresh = [];
  }

  /** A node named peers. Gives whether there are new ones to take. */
  onPeers(peers: readonly Address[]): boolean {
    if (this.#isStopped) return false;
    for (const peer of peers) {
      const key = formatAddress(peer);
      if (this.#seen.size >= MAX_PEERS || this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.#fresh.push(peer);
    }
    return this.#fresh.length > 0;
  }
}
