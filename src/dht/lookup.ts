/**
 * An iterative lookup (BEP 5): ask the closest nodes we know for closer ones, until the eight closest that
 * are alive have answered. Pure: it says whom to ask and is told what became of it.
 *
 * What keeps liars from stopping or steering it:
 * - a node whose id does not match its address (BEP 42) is no part of the lookup; a few such are asked at the
 *   end for the peers they may have, and for nothing else;
 * - one address is one candidate, whatever ids it is given; two candidates a /24 or /64;
 * - a node answers for the contacts it tells of: two are tried before the others, and when they turn out to be
 *   dead or somebody else, the rest is passed over;
 * - of the eight, no node may have told of more than two, so that one liar's accomplices do not end it;
 * - when the eight are farther from the target than the size of the network explains, as those of liars who
 *   know only each other are, others are asked: those that descend from nodes of ours whose word was taken less;
 * - ids that are closer than it explains are asked, too, but do not count among the eight;
 * - nodes on the internet cannot send us to loopback or private addresses;
 * - a node that takes too long no longer holds up others, though its late answer is welcome.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { type Contact, type Place, placeOf } from "./contact.ts";
import { closeness, compareDistance, idMatchesIp } from "./node_id.ts";
import { K } from "./routing_table.ts";

/** Queries under way at a time, slow ones not counted. */
export const ALPHA = 4;
/** Queries of one lookup; what an honest network needs is about 30. */
export const MAX_QUERIES = 150;

/** Nodes known by address alone that are asked at a time, beside the others: many of them tend to be dead. */
const MAX_NAMELESS = 8;
/** Candidates that are remembered, the closest. */
const MAX_CANDIDATES = 200;
const MAX_PER_NET = 2;
/** Nodes that one node told of that count among the eight; the others are asked beside them. */
const MAX_OF_ONE = 2;
/** Where a lookup ends even if fewer count. */
const MAX_AHEAD = 3 * K;
/** So many queries, and a lookup is content with eight that are too far from the target to be the closest. */
const CONTENT_QUERIES = 10 * K;
/** Queries of one descent before others have their turn. */
const DESCENT = 4;
/** The eighth closest node may be so many bits farther than it usually is; chance makes it 0.7, one in five 2.3. */
const TOO_FAR_BITS = 1;
/** And an id so many bits closer than that is too close to be true: it takes a thousand lookups to see an honest one. */
const TOO_CLOSE_BITS = 13;
/** Nodes whose id does not match their address that are asked for peers. */
const MAX_OUTSIDERS = 4;
/** Nodes that are too close to be true that are asked. */
const MAX_TOO_CLOSE = K;
/** Contacts of a node that are tried before one has answered. */
const UNTRIED = 2;
/** So many dead contacts, and two more for each live one, and the rest of a node's contacts are passed over. */
const PATIENCE = 3;

/** A node that can be asked. Owned and changed by its {@link Lookup} alone. */
export interface Candidate {
  /** Its id, `undefined` before a node that was given by address alone has answered. */
  readonly id: Uint8Array | undefined;
  /** Where it is. */
  readonly address: Address;
  /** Slow ones have been asked as well. */
  readonly state: "new" | "asked" | "slow" | "answered" | "failed";
  /** What an announce to it must carry. */
  readonly token: Uint8Array | undefined;
}

interface Entry extends Candidate {
  id: Uint8Array | undefined;
  state: Candidate["state"];
  token: Uint8Array | undefined;
  /** Who told of it; `undefined` for our own knowledge. */
  source: Entry | undefined;
  /** The node of ours from which it descends; it may be itself. */
  root: Entry;
  readonly place: Place;
  isVerified: boolean;
  isTooClose: boolean;
  /** Of the contacts it told of: how many are being tried, are alive, are not. */
  tried: number;
  live: number;
  dead: number;
  /** And how many have been passed in looking for the next one to ask. */
  ahead: number;
  /** Of a node that we knew ourselves: queries to it and to all that descend from what it told. */
  descent: number;
}

/** What a node answered. */
export interface LookupAnswer {
  /** Its id. */
  readonly id: Uint8Array;
  /** The nodes it told of. */
  readonly contacts: readonly Contact[];
  /** What an announce to it must carry. */
  readonly token: Uint8Array | undefined;
}

/** What a lookup is made of. */
export interface LookupOptions {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** Our own id, which is no candidate. */
  readonly ownId: Uint8Array;
  /** How close to any id the eighth closest node usually is ({@link closeness}), where known. */
  readonly density?: number | undefined;
  /** Whether nodes whose id does not match their address are asked at the end. */
  readonly asksOutsiders?: boolean;
}

/** One lookup. Invariant: candidates with an id are sorted by distance, and one address is there once. */
export class Lookup {
  /** What is looked for. */
  readonly target: Uint8Array;
  readonly #options: LookupOptions;
  /** What the closeness of the eighth can be at the least, and that of any node at the most. */
  readonly #minBits: number;
  readonly #maxBits: number;
  readonly #candidates: Entry[] = [];
  /** Known by address alone. */
  readonly #nameless: Entry[] = [];
  readonly #byHost = new Map<string, Entry>();
  #asked = 0;
  #slow = 0;
  #queries = 0;
  #answers = 0;
  #outsiders = 0;
  #tooClose = 0;

  /** Knows nobody to ask yet. */
  constructor(options: LookupOptions) {
    this.target = options.target;
    this.#options = options;
    this.#minBits = (options.density ?? -Infinity) - TOO_FAR_BITS;
    this.#maxBits = (options.density ?? Infinity) + TOO_CLOSE_BITS;
  }

  /** Queries so far. */
  get queries(): number {
    return this.#queries;
  }

  /** Answers so far. */
  get answers(): number {
    return this.#answers;
  }

  /** Whether nobody is known who could be asked or could have been. */
  get isEmpty(): boolean {
    return this.#byHost.size === 0;
  }

  /** Whether the closest nodes have been found, or nobody is left to ask. */
  get isDone(): boolean {
    if (this.#asked > 0 || this.#pickNameless() || this.#pick()) return false;
    return this.#slow === 0 || this.closest().length >= K;
  }

  /** Adds a node of our own table. */
  add(contact: Contact): void {
    this.#add(contact, undefined);
  }

  /** Adds a node of which only the address is known: it is asked at once, beside the others. */
  addAddress(address: Address): void {
    const place = placeOf(address);
    if (this.#byHost.has(place.host)) return;
    const entry = makeEntry(undefined, { address, place, source: undefined });
    this.#byHost.set(place.host, entry);
    this.#nameless.push(entry);
  }

  /** The next node to ask, `undefined` where none is to be asked now. It counts as asked from then on. */
  next(): Candidate | undefined {
    const nameless = this.#nameless.filter((entry) => entry.state === "asked").length;
    const entry = (nameless < MAX_NAMELESS ? this.#pickNameless() : undefined) ??
      (this.#asked - nameless < ALPHA ? this.#pick() : undefined);
    if (!entry) return undefined;
    entry.state = "asked";
    if (entry.source) entry.source.tried++;
    if (entry.id && !entry.isVerified) this.#outsiders++;
    if (entry.isTooClose) this.#tooClose++;
    entry.root.descent++;
    this.#asked++;
    this.#queries++;
    return entry;
  }

  /** A node that was asked has answered, in time or late. */
  onAnswer(candidate: Candidate, answer: LookupAnswer): void {
    const entry = candidate as Entry;
    if (entry.state !== "asked" && entry.state !== "slow") return;
    if (isSame(answer.id, this.#options.ownId)) return this.onFailure(candidate);
    const isExpected = entry.id === undefined || isSame(entry.id, answer.id);
    this.#settle(entry, isExpected);
    this.#answers++;
    entry.state = "answered";
    entry.token = answer.token;
    if (!isExpected || entry.id === undefined) this.#name(entry, answer.id);
    if (!entry.isVerified && !this.#nameless.includes(entry)) return;
    for (const contact of answer.contacts) this.#add(contact, entry);
  }

  /** A node that was asked takes its time. */
  onSlow(candidate: Candidate): void {
    const entry = candidate as Entry;
    if (entry.state !== "asked") return;
    entry.state = "slow";
    this.#asked--;
    this.#slow++;
    if (entry.source) {
      entry.source.tried--;
      entry.source.dead++;
    }
  }

  /** A node that was asked does not answer, or refuses. */
  onFailure(candidate: Candidate): void {
    const entry = candidate as Entry;
    this.#settle(entry, false);
    entry.state = "failed";
  }

  /** The closest nodes that have answered, the closest first: where to announce. Eight, and those too close to be true. */
  closest(): Candidate[] {
    const out: Candidate[] = [];
    let count = 0;
    for (const entry of this.#candidates) {
      if (entry.state !== "answered" || !entry.isVerified) continue;
      out.push(entry);
      if (!entry.isTooClose && ++count === K) break;
    }
    return out;
  }

  #pickNameless(): Entry | undefined {
    if (this.#queries >= MAX_QUERIES) return undefined;
    return this.#nameless.find((entry) => entry.state === "new");
  }

  /** The closest node that is new, unless enough of those before it have been asked. */
  #pick(): Entry | undefined {
    if (this.#queries >= MAX_QUERIES) return undefined;
    for (const entry of this.#byHost.values()) entry.ahead = 0;
    let [ahead, counted] = [0, 0];
    let [isWaiting, isClose] = [false, true];
    let outsider: Entry | undefined;
    for (const entry of this.#candidates) {
      if (counted >= K || ahead === MAX_AHEAD) break;
      if (!entry.isVerified) {
        if (entry.state === "new") outsider ??= entry;
      } else if (entry.state === "new") {
        if (!this.#isPassedOver(entry)) return entry;
      } else if (entry.state === "answered" || entry.state === "asked") {
        if (entry.state === "asked") isWaiting = true;
        if (entry.isTooClose) continue;
        if (!entry.source || entry.source.ahead++ < MAX_OF_ONE) counted++;
        if (++ahead === K) isClose = closeness(entry.id!, this.target) >= this.#minBits;
      }
    }
    const detour = isClose || this.#queries >= CONTENT_QUERIES ? undefined : this.#pickDetour();
    if (detour) return detour;
    const mayAskOutsider = this.#options.asksOutsiders && this.#outsiders < MAX_OUTSIDERS;
    return mayAskOutsider && !isWaiting ? outsider : undefined;
  }

  /** The closest node that is new, of those that descend from the nodes whose word was taken least. */
  #pickDetour(): Entry | undefined {
    let best: Entry | undefined;
    let least = Infinity;
    for (const entry of this.#candidates) {
      if (entry.state !== "new" || !entry.isVerified || this.#isPassedOver(entry)) continue;
      const turns = Math.floor(entry.root.descent / DESCENT);
      if (turns < least) [best, least] = [entry, turns];
    }
    return best;
  }

  #isPassedOver({ isTooClose, source }: Entry): boolean {
    if (isTooClose && this.#tooClose >= MAX_TOO_CLOSE) return true;
    return source !== undefined && (isDistrusted(source) || source.tried >= UNTRIED + source.live);
  }

  #add(contact: Contact, source: Entry | undefined): void {
    const { id, address } = contact;
    if (isSame(id, this.#options.ownId)) return;
    const place = placeOf(address);
    if (source && place.isLocal && !source.place.isLocal) return;
    const known = this.#byHost.get(place.host);
    if (known) {
      if (known.source && isDistrusted(known.source)) {
        known.source = source;
        known.root = source?.root ?? known;
      }
      return;
    }
    if (this.#isCrowded(place.net)) return;
    const entry = makeEntry(id, { address, place, source });
    this.#judge(entry);
    this.#byHost.set(place.host, entry);
    this.#place(entry);
    if (this.#candidates.length <= MAX_CANDIDATES) return;
    const farthest = this.#candidates[MAX_CANDIDATES]!;
    if (farthest.state !== "new") return;
    this.#candidates.pop();
    this.#byHost.delete(farthest.place.host);
  }

  #isCrowded(net: string | undefined): boolean {
    if (net === undefined) return false;
    let count = 0;
    for (const entry of this.#candidates) {
      if (entry.place.net === net && entry.state !== "failed") count++;
    }
    return count >= MAX_PER_NET;
  }

  /** A node turned out to have this id. */
  #name(entry: Entry, id: Uint8Array): void {
    const at = this.#candidates.indexOf(entry);
    if (at >= 0) this.#candidates.splice(at, 1);
    entry.id = id;
    this.#judge(entry);
    this.#place(entry);
  }

  #judge(entry: Entry): void {
    const id = entry.id!;
    entry.isVerified = idMatchesIp(id, entry.place.ip);
    entry.isTooClose = closeness(id, this.target) > this.#maxBits;
  }

  #place(entry: Entry): void {
    let [low, high] = [0, this.#candidates.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const isCloser = compareDistance(this.target, this.#candidates[middle]!.id!, entry.id!) < 0;
      if (isCloser) low = middle + 1;
      else high = middle;
    }
    this.#candidates.splice(low, 0, entry);
  }

  /** Ends a query and lets the node's source have the credit or the blame. */
  #settle(entry: Entry, isAlive: boolean): void {
    const { source } = entry;
    if (entry.state === "asked") {
      this.#asked--;
      if (source) source.tried--;
    } else if (entry.state === "slow") {
      this.#slow--;
      if (source) source.dead--;
    } else return;
    if (source && isAlive) source.live++;
    else if (source) source.dead++;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return compareDistance(a, b, a) === 0;
}

function isDistrusted(source: Entry): boolean {
  return source.dead >= PATIENCE + 2 * source.live;
}

function makeEntry(
  id: Uint8Array | undefined,
  where: Pick<Entry, "address" | "place" | "source">,
): Entry {
  const { address, place, source } = where;
  const counts = { tried: 0, live: 0, dead: 0, ahead: 0, descent: 0 };
  const judgement = { isVerified: false, isTooClose: false };
  const entry: Omit<Entry, "root"> & { root: Entry | undefined } = {
    ...{ id, address, place, source, state: "new", token: undefined, root: source?.root },
    ...judgement,
    ...counts,
  };
  // Two that were told of by each other are no circle: what they descend from was settled before.
  entry.root ??= entry as Entry;
  return entry as Entry;
}
