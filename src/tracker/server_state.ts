/**
 * What the HTTP and the UDP side of a tracker server share: the peers, the rules, the counters. Pure.
 *
 * The state lives in memory only. A tracker that is started anew knows nobody, and is told of everybody by
 * their next announces, so that within one interval it is complete again.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { PeerLimits } from "./peer_limits.ts";
import {
  type Announcement,
  PeerTable,
  type Seat,
  type TableCounts,
  type TorrentRefusal,
} from "./peer_table.ts";
import { Picks } from "./swarm_lists.ts";

/** Peers in an answer where the client does not say how many it wants. */
export const DEFAULT_WANT = 50;
/** Peers in an answer at the most, of each address family. */
export const MAX_WANT = 200;
/** How often peers are to announce, where nothing else is said: what most trackers say. */
export const DEFAULT_INTERVAL_MS = 1_800_000;
/** Intervals given differ by this much to either side, so that peers do not come in waves. */
const JITTER = 0.1;

/** How a tracker server is made. */
export interface ServerStateOptions {
  /** For secrets, intervals and the choice of peers. */
  readonly random: Random;
  /** How often peers are to announce ({@link DEFAULT_INTERVAL_MS}). */
  readonly intervalMs?: number;
  /** Infohashes (20 bytes each) that are tracked, and no others; where it is not given, all. */
  readonly whitelist?: Iterable<Uint8Array>;
  /** What bounds the memory. */
  readonly limits?: Partial<PeerLimits>;
}

/** What happened since the start. */
export interface ServerCounters {
  /** Announces over HTTP that were taken. */
  httpAnnounces: number;
  /** Scrapes over HTTP that were answered. */
  httpScrapes: number;
  /** Questions over HTTP that were answered with a failure. */
  httpFailures: number;
  /** Connection ids given. */
  udpConnects: number;
  /** Announces over UDP that were taken. */
  udpAnnounces: number;
  /** Scrapes over UDP that were answered. */
  udpScrapes: number;
  /** Questions over UDP that were answered with an error. */
  udpErrors: number;
  /** Packets that were no question, and not answered. */
  udpIgnored: number;
  /** Announces of peers that a limit kept from being listed. */
  unlisted: number;
}

/** Why a torrent is not tracked, for people. */
export const REFUSALS: Readonly<Record<TorrentRefusal, string>> = {
  "not-admitted": "this torrent is not tracked here",
  "torrents": "the tracker is full",
};

/** The state. */
export class ServerState {
  readonly #random: Random;
  readonly #table: PeerTable;
  readonly #intervalSeconds: number;
  readonly #spreadSeconds: number;
  readonly #startedAt: Millis;
  /** Counts, by whoever answers. */
  readonly counters: ServerCounters = {
    httpAnnounces: 0,
    httpScrapes: 0,
    httpFailures: 0,
    udpConnects: 0,
    udpAnnounces: 0,
    udpScrapes: 0,
    udpErrors: 0,
    udpIgnored: 0,
    unlisted: 0,
  };
  /** Peers of the last answer, used again for the next. */
  readonly picks: Picks = new Picks();

  /** Nobody is there yet. */
  constructor(options: ServerStateOptions, now: Millis) {
    const { random, intervalMs = DEFAULT_INTERVAL_MS, whitelist, limits } = options;
    this.#random = random;
    this.#intervalSeconds = Math.max(1, Math.round(intervalMs / 1000));
    this.#spreadSeconds = Math.floor(JITTER * this.#intervalSeconds);
    this.#startedAt = now;
    this.#table = new PeerTable({
      random,
      // One announce may be missed.
      timeoutMs: 2000 * (this.#intervalSeconds + this.#spreadSeconds) + 60_000,
      isOpen: whitelist === undefined,
      ...(limits && { limits }),
    });
    for (const infoHash of whitelist ?? []) this.#table.admit(infoHash);
  }

  /** The peers. */
  get table(): PeerTable {
    return this.#table;
  }

  /** The interval for the next answer, in seconds. */
  nextInterval(): number {
    const spread = this.#spreadSeconds;
    return this.#intervalSeconds - spread + this.#random.below(2 * spread + 1);
  }

  /** The least time between two announces of a peer that are not events, in seconds. */
  get minInterval(): number {
    return Math.ceil(this.#intervalSeconds / 2);
  }

  /** Takes an announce. */
  announce(announcement: Announcement, now: Millis): Seat | TorrentRefusal {
    const answer = this.#table.announce(announcement, now);
    if (typeof answer === "object" && answer.limit !== undefined) this.counters.unlisted++;
    return answer;
  }

  /** Everything in numbers. */
  stats(now: Millis): ServerCounters & TableCounts & { uptimeSeconds: number } {
    return {
      uptimeSeconds: Math.floor((now - this.#startedAt) / 1000),
      ...this.#table.counts,
      ...this.counters,
    };
  }
}

/** How many peers to give to a client that wants `numWant`, where a negative number leaves it to us. */
export function clampWant(numWant: number): number {
  return numWant < 0 ? DEFAULT_WANT : Math.min(numWant, MAX_WANT);
}
