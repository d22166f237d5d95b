/**
 * Every address of one torrent that is known, and which to dial next.
 *
 * An address the user named goes first (once), then those that were tried in vain least, then those tried longest ago. A
 * failure makes it wait, twice as long each time; a ban is for good. The book is bounded: when it is full
 * the worst address that is not in use makes room, or the new one is refused. The user's are never put
 * out, and any other makes room for them.
 *
 * Pure: time is an argument. All sources of addresses end in {@link PeerBook.add}, and those that the torrent
 * may not use (peer_sources.ts) end there in vain.
 *
 * @module
 */

import { type Address, formatAddress, isLocalIp } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { ALL_SOURCES, type PeerSource, type PeerSources } from "./peer_sources.ts";

/** Addresses known at the most. */
export const MAX_KNOWN = 3000;
/** The first wait after a failure; doubles with each further one. */
export const BASE_BACKOFF_MS = 5_000;
/** The longest wait after a failure. */
export const MAX_BACKOFF_MS: number = 30 * 60_000;
/** Failures in a row after which an address is not dialled any more, unless the user named it. */
const MAX_FAILURES = 8;

/** One known address. */
export interface KnownPeer {
  /** Its number, never used again; names it as the giver of blocks. */
  readonly id: number;
  readonly address: Address;
  source: PeerSource;
  /** Being dialled or connected. */
  isBusy: boolean;
  /** Failures in a row. */
  failures: number;
  /** Connections in a row that failed or were of no use. */
  vain: number;
  /** Not dialled before this time. */
  notBefore: Millis;
  isBanned: boolean;
  /** Order among equals. */
  readonly lot: number;
}

/** The addresses of a torrent. */
export class PeerBook {
  readonly #random: Random;
  #sources: PeerSources;
  readonly #known = new Map<string, KnownPeer>();
  readonly #byId = new Map<number, KnownPeer>();
  readonly #bannedHosts = new Set<string>();
  #nextId = 0;
  #banned = 0;

  /** Empty; takes addresses of these sources only (all). */
  constructor(random: Random, sources: PeerSources = ALL_SOURCES) {
    this.#random = random;
    this.#sources = sources;
  }

  /** Addresses known. */
  get size(): number {
    return this.#known.size;
  }

  /** Addresses convicted; the others of their hosts are banned with them and not counted. */
  get bannedCount(): number {
    return this.#banned;
  }

  /** Banned addresses, `host:port` each. */
  get banned(): string[] {
    return [...this.#known].filter(([, known]) => known.isBanned).map(([key]) => key);
  }

  /** How many addresses of each source are known. */
  countBySource(): Partial<Record<PeerSource, number>> {
    const counts: Partial<Record<PeerSource, number>> = {};
    for (const { source } of this.#known.values()) counts[source] = (counts[source] ?? 0) + 1;
    return counts;
  }

  /** Where the address of a number came from; `undefined` once it was put out. */
  sourceOf(id: number): PeerSource | undefined {
    return this.#byId.get(id)?.source;
  }

  /** Takes no addresses but of these sources from now on, and forgets those of others that are not in use. */
  restrict(sources: PeerSources): void {
    this.#sources = sources;
    for (const [key, known] of this.#known) {
      if (sources.has(known.source) || known.isBanned) continue;
      // A connection that is to be closed has its entry until then, and is not dialled again.
      known.source = "incoming";
      if (known.isBusy) continue;
      this.#known.delete(key);
      this.#byId.delete(known.id);
    }
  }

  /** Takes note of an address; returns its entry unless it is refused. Only the user's may wake a hopeless one. */
  add(address: Address, source: PeerSource): KnownPeer | undefined {
    if (!this.#sources.has(source)) return undefined;
    const key = formatAddress(address);
    const old = this.#known.get(key);
    if (old !== undefined) {
      // Where a peer dialled us from is no address to dial, until somebody says that it is.
      if (source === "user" || old.source === "incoming") old.source = source;
      return old;
    }
    if (this.#bannedHosts.has(address.host)) return undefined;
    if (this.#known.size >= MAX_KNOWN && !this.#makeRoom(source)) return undefined;
    const known: KnownPeer = {
      id: this.#nextId++,
      address,
      source,
      isBusy: false,
      failures: 0,
      vain: 0,
      notBefore: 0,
      isBanned: false,
      lot: this.#random.below(2 ** 30),
    };
    this.#known.set(key, known);
    this.#byId.set(known.id, known);
    return known;
  }

  /** The best address to dial now, marked busy; `undefined` when none is due. */
  take(now: Millis): KnownPeer | undefined {
    let best: KnownPeer | undefined;
    for (const known of this.#known.values()) {
      if (isDialable(known) && known.notBefore <= now && (!best || isBetter(known, best))) {
        best = known;
      }
    }
    if (best) best.isBusy = true;
    return best;
  }

  /** When the next address is due; `Infinity` when none ever will be. */
  nextAt(): Millis {
    let at = Infinity;
    for (const known of this.#known.values()) {
      if (isDialable(known) && known.notBefore < at) at = known.notBefore;
    }
    return at;
  }

  /** How many addresses could be dialled now. */
  dueCount(now: Millis): number {
    let count = 0;
    for (const known of this.#known.values()) {
      if (isDialable(known) && known.notBefore <= now) count++;
    }
    return count;
  }

  /** A connection ended. A useful one may be tried again soon, a failed one waits longer each time. */
  release(known: KnownPeer, now: Millis, outcome: "useful" | "failed" | "rotated"): void {
    known.isBusy = false;
    if (outcome === "useful") {
      known.failures = known.vain = 0;
      known.notBefore = now + BASE_BACKOFF_MS;
      return;
    }
    known.vain++;
    if (outcome === "rotated") {
      known.notBefore = now + 12 * BASE_BACKOFF_MS;
      return;
    }
    known.notBefore = now + Math.min(BASE_BACKOFF_MS * 2 ** known.failures, MAX_BACKOFF_MS);
    known.failures++;
  }

  /** Bans an address for good, and its whole host unless that is local, where many peers share one. */
  ban(id: number): void {
    const known = this.#byId.get(id);
    if (known === undefined || known.isBanned) return;
    known.isBanned = true;
    this.#banned++;
    const { host } = known.address;
    if (isLocalIp(host)) return;
    this.#bannedHosts.add(host);
    for (const other of this.#known.values()) {
      if (other.address.host === host) other.isBanned = true;
    }
  }

  /** Whether nothing is to be had from this address any more. */
  isBanned(address: Address): boolean {
    return this.#bannedHosts.has(address.host) ||
      this.#known.get(formatAddress(address))?.isBanned === true;
  }

  #makeRoom(source: PeerSource): boolean {
    let worst: KnownPeer | undefined;
    for (const known of this.#known.values()) {
      if (known.isBusy || known.isBanned || known.source === "user") continue;
      if (worst === undefined || badness(known) > badness(worst)) worst = known;
    }
    if (worst === undefined || (badness(worst) === 0 && source !== "user")) return false;
    this.#known.delete(formatAddress(worst.address));
    this.#byId.delete(worst.id);
    return true;
  }
}

/** What cannot be dialled goes first, or peers that come and go would fill the book for good. */
function badness(known: KnownPeer): number {
  return known.source === "incoming" ? Infinity : known.failures;
}

function isDialable(known: KnownPeer): boolean {
  return !known.isBusy && !known.isBanned && known.source !== "incoming" &&
    (known.failures < MAX_FAILURES || known.source === "user");
}

function isBetter(a: KnownPeer, b: KnownPeer): boolean {
  // The user's word counts until the address has proven to be of no use; then others have their turn.
  const isNamed = (known: KnownPeer) => known.source === "user" && known.vain === 0;
  if (isNamed(a) !== isNamed(b)) return isNamed(a);
  if (a.vain !== b.vain) return a.vain < b.vain;
  return a.notBefore !== b.notBefore ? a.notBefore < b.notBefore : a.lot < b.lot;
}
