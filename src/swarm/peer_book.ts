/**
 * Every address of one torrent that is known, and which to dial next.
 *
 * An address the user named goes first (once); for the others see peer_rank.ts. A failure makes it wait, twice
 * as long each time; a ban is for good, and comes with a proven lie or the second fault. The book is bounded:
 * when it is full the worst address that is not in use makes room for a better one, or the new one is
 * refused. The user's are never put out. What nobody can dial, and we ourselves, never enter.
 *
 * Pure: time is an argument. All sources of addresses end in {@link PeerBook.add}, and those that the torrent
 * may not use (peer_sources.ts) end there in vain.
 *
 * @module
 */

import { type Address, formatAddress, isLocalIp, isUnicast, parseIp } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { badness, isBetter, isDialable, type KnownPeer } from "./peer_rank.ts";
import { ALL_SOURCES, type PeerSource, type PeerSources } from "./peer_sources.ts";

/** Addresses known at the most. */
export const MAX_KNOWN = 3000;
/** The first wait after a failure; doubles with each further one. */
export const BASE_BACKOFF_MS = 5_000;
/** The longest wait after a failure. */
export const MAX_BACKOFF_MS: number = 30 * 60_000;
/** Faults after which nothing more is had to do with a peer. One may be an accident of the line. */
const MAX_FAULTS = 2;
/** Hosts whose faults are remembered. */
const MAX_FAULTY = 1000;

/** What a source says of an address. */
export interface Hint {
  readonly isReachable?: boolean;
  readonly isSeed?: boolean;
}

/** What a book is made with. */
export interface PeerBookOptions {
  /** Where addresses may come from (everywhere). */
  readonly sources?: PeerSources;
  /** Whether an address is our own (none is). */
  readonly isUs?: (address: Address) => boolean;
  /** The priority of an address, a 32-bit number; `undefined` while it cannot be told. */
  readonly priority?: (address: Address) => number | undefined;
  /** Whether seeds are of no use (never). */
  readonly skipsSeeds?: () => boolean;
}

/** The addresses of a torrent. */
export class PeerBook {
  readonly #random: Random;
  readonly #options: PeerBookOptions;
  readonly #known = new Map<string, KnownPeer>();
  readonly #byId = new Map<number, KnownPeer>();
  readonly #bannedHosts = new Set<string>();
  readonly #faults = new Map<string, number>();
  #sources: PeerSources;
  #nextId = 0;
  #banned = 0;

  /** Empty. */
  constructor(random: Random, options: PeerBookOptions = {}) {
    this.#random = random;
    this.#options = options;
    this.#sources = options.sources ?? ALL_SOURCES;
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
    for (const known of this.#known.values()) {
      if (sources.has(known.source) || known.isBanned) continue;
      // A connection that is to be closed has its entry until then, and is not dialled again.
      known.source = "incoming";
      if (!known.isBusy) this.#forget(known);
    }
  }

  /** Takes note of an address; returns its entry unless it is refused. Only the user's may wake a hopeless one. */
  add(address: Address, source: PeerSource, hint: Hint = {}): KnownPeer | undefined {
    if (!this.#sources.has(source) || !isUsable(address)) return undefined;
    const { isReachable = false, isSeed = false } = hint;
    const key = formatAddress(address);
    const old = this.#known.get(key);
    if (old !== undefined) {
      // Where a peer dialled us from is no address to dial, until somebody says that it is.
      if (source === "user" || old.source === "incoming") old.source = source;
      old.isReachable ||= isReachable;
      return old;
    }
    if (this.#bannedHosts.has(address.host)) return undefined;
    // Who the user or the line says is there has to say so itself.
    const isTold = source !== "user" && source !== "incoming";
    if (isTold && this.#options.isUs?.(address) === true) return undefined;
    const isFull = this.#known.size >= MAX_KNOWN;
    if (isFull && !this.#makeRoom({ source, isReachable, failures: 0 })) return undefined;
    const known: KnownPeer = {
      id: this.#nextId++,
      address,
      source,
      isBusy: false,
      failures: 0,
      vain: 0,
      notBefore: 0,
      isNeedless: false,
      isBanned: false,
      isReachable,
      isSeed,
      priority: this.#options.priority?.(address) ?? this.#random.below(2 ** 32),
    };
    this.#known.set(key, known);
    this.#byId.set(known.id, known);
    return known;
  }

  /** Priorities may be others by now: our own address has become known. */
  rerank(): void {
    for (const known of this.#known.values()) {
      known.priority = this.#options.priority?.(known.address) ?? known.priority;
    }
  }

  /** The best address to dial now, marked busy; `undefined` when none is due. */
  take(now: Millis): KnownPeer | undefined {
    let best: KnownPeer | undefined;
    for (const known of this.#dialable()) {
      if (known.notBefore <= now && (!best || isBetter(known, best))) best = known;
    }
    if (best) best.isBusy = true;
    return best;
  }

  /** When the next address is due; `Infinity` when none ever will be. */
  nextAt(): Millis {
    let at = Infinity;
    for (const { notBefore } of this.#dialable()) at = Math.min(at, notBefore);
    return at;
  }

  /** How many addresses could be dialled now. */
  dueCount(now: Millis): number {
    let count = 0;
    for (const { notBefore } of this.#dialable()) if (notBefore <= now) count++;
    return count;
  }

  /**
   * A connection ended. A useful one may be tried again soon, a failed one waits longer each time; one that
   * neither side has any need of waits longest, and it is nobody's failure.
   */
  release(
    known: KnownPeer,
    now: Millis,
    outcome: "useful" | "failed" | "rotated" | "needless",
  ): void {
    known.isBusy = false;
    known.isNeedless = outcome === "needless";
    if (outcome === "needless") {
      known.notBefore = now + MAX_BACKOFF_MS;
      return;
    }
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

  /** Something is missing again: nobody is needless. */
  needAll(now: Millis): void {
    for (const known of this.#known.values()) {
      if (!known.isNeedless) continue;
      known.isNeedless = false;
      known.notBefore = now;
    }
  }

  /** A peer broke the protocol. The second time it is banned. */
  fault(id: number): void {
    const known = this.#byId.get(id);
    if (known === undefined || known.isBanned) return;
    const { host } = known.address;
    // On a local host many peers may be at home; elsewhere one that comes back from another port is the same.
    const key = isLocalIp(host) ? formatAddress(known.address) : host;
    const faults = (this.#faults.get(key) ?? 0) + 1;
    if (faults >= MAX_FAULTS) return this.ban(id);
    if (this.#faults.size >= MAX_FAULTY) this.#faults.clear();
    this.#faults.set(key, faults);
  }

  /** An address turned out to be ourselves: it is not dialled again, and nobody is to blame. */
  exclude(known: KnownPeer): void {
    known.isBanned = true;
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

  *#dialable(): Generator<KnownPeer> {
    const skipsSeeds = this.#options.skipsSeeds?.() === true;
    for (const known of this.#known.values()) {
      if (isDialable(known) && !(skipsSeeds && known.isSeed)) yield known;
    }
  }

  #makeRoom(newcomer: Pick<KnownPeer, "source" | "failures" | "isReachable">): boolean {
    let worst: KnownPeer | undefined;
    for (const known of this.#known.values()) {
      if (known.isBusy || known.isBanned || known.source === "user") continue;
      if (worst === undefined || badness(known) > badness(worst)) worst = known;
    }
    if (worst === undefined) return false;
    // Who dials us is better than hearsay, as long as it stays.
    const isHere = newcomer.source === "user" || newcomer.source === "incoming";
    if (badness(worst) <= (isHere ? 0 : badness(newcomer)) && newcomer.source !== "user") {
      return false;
    }
    this.#forget(worst);
    return true;
  }

  #forget(known: KnownPeer): void {
    this.#known.delete(formatAddress(known.address));
    this.#byId.delete(known.id);
  }
}

/** Whether an address can be dialled: one host, a port, and no zone needed to tell where it is. */
function isUsable({ host, port }: Address): boolean {
  const ip = parseIp(host);
  if (ip === undefined || !isUnicast(ip)) return false;
  const isLinkLocal = ip.length === 16 && ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80;
  return !isLinkLocal && Number.isInteger(port) && port > 0 && port < 65_536;
}
