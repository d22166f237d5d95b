/**
 * One node of the DHT of one address family (BEP 5, 32, 33, 42, 43): datagrams go in, datagrams and facts
 * come out. It has no socket, clock or timer; the driver gives it what arrives and calls {@link DhtNode.tick}
 * when {@link DhtNode.nextTickAt} says so, and after each call, of this node or its sibling, sends what
 * {@link DhtNode.takeOutgoing} gives and takes what {@link DhtNode.takeFacts} has.
 *
 * What a node does by itself: it looks up its own id to get to know its neighbourhood (again as long as it
 * knows few nodes), pings nodes that were silent for long and those that asked something, refreshes
 * buckets, and takes another id when enough others see it at an address that its id does not fit.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import { type Address, isLocalIp, parseIp } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Random } from "../ports/random.ts";
import { AddressVote } from "./address_vote.ts";
import {
  type Contact,
  type Family,
  familyOf,
  hostKey,
  isReachable,
  placeOf,
  senderKey,
} from "./contact.ts";
import type { DhtFact, DhtStats, OutgoingDatagram } from "./facts.ts";
import { type Job, type JobHost, Jobs, type Purpose } from "./jobs.ts";
import { decodeMessage, type MalformedQuery, type Query, type Response } from "./krpc.ts";
import { encodeQuery, type Question } from "./krpc_encode.ts";
import { ID_BYTES, idForIp, idMatchesIp, renewId } from "./node_id.ts";
import { RateLimit } from "./rate_limit.ts";
import { type Received, Responder } from "./responder.ts";
import { K, RoutingTable, type TableNode } from "./routing_table.ts";
import { decodeTable, encodeTable } from "./saved_table.ts";
import { LocalSearches } from "./local_searches.ts";
import { type AnnounceOptions, type PeerSearch, SearchState } from "./search.ts";
import { Suspicion } from "./suspicion.ts";
import { type Transaction, Transactions } from "./transactions.ts";
import { WaitingRoom } from "./waiting_room.ts";

/** What a node is made of. */
export interface DhtNodeOptions {
  /** Which DHT it is in. */
  readonly family: Family;
  /** For ids, tokens and transaction ids: must not be guessable. */
  readonly random: Random;
  /** For tokens and scrapes. */
  readonly hasher: Pick<Hasher, "sha1">;
  /** Its id, 20 bytes (random until the external address is known). */
  readonly id?: Uint8Array;
  /** It only asks and answers nothing (false; BEP 43). For those who stay for a short time. */
  readonly isReadOnly?: boolean;
}

/** Addresses to start from that are remembered. */
const MAX_STARTING_POINTS = 64;
/** How often the node looks after itself. */
const UPKEEP_MS = 5000;
const PURGE_MS = 60_000;
/** The wait before joining again with few nodes, doubled each time. */
const REJOIN_MS = 5000;
const MAX_REJOIN_MS = 300_000;
/** A new id at most this often. */
const RENAME_MS = 1_800_000;

/** A node. */
export class DhtNode {
  /** Which DHT it is in. */
  readonly family: Family;
  /** It only asks and answers nothing (BEP 43); may be set at any time, when it turns out to stay. */
  isReadOnly: boolean;
  readonly #random: Random;
  readonly #responder: Responder;
  readonly #limit = new RateLimit();
  readonly #vote = new AddressVote();
  readonly #waiting = new WaitingRoom();
  readonly #suspicion = new Suspicion();
  readonly #transactions: Transactions<Purpose>;
  readonly #jobs: Jobs;
  readonly #local = new LocalSearches();
  readonly #startingPoints = new Map<string, Address>();
  #table: RoutingTable;
  #sibling: DhtNode | undefined;
  #outgoing: OutgoingDatagram[] = [];
  #facts: DhtFact[] = [];
  #externalHost: string | undefined;
  #now: Millis = -Infinity;
  #upkeepAt: Millis = -Infinity;
  #purgeAt: Millis = -Infinity;
  #renamedAt: Millis = -Infinity;
  #joinAt: Millis = -Infinity;
  #joinTries = 0;
  #hasJoined = false;
  readonly #counters = { sent: 0, answered: 0, served: 0, refused: 0, dropped: 0 };

  /** Knows nobody and does nothing before {@link load}, {@link bootstrap}, {@link addNode} or a datagram. */
  constructor(options: DhtNodeOptions) {
    this.family = options.family;
    this.#random = options.random;
    this.isReadOnly = options.isReadOnly ?? false;
    this.#transactions = new Transactions(options.random);
    this.#table = new RoutingTable(options.id ?? options.random.bytes(ID_BYTES), -Infinity);
    this.#responder = new Responder(this, {
      ...options,
      onAnnounce: (infoHash, peer) => this.#found(...this.#local.onAnnounce(infoHash, peer)),
    });
    this.#jobs = new Jobs(this.#jobHost());
  }

  /** Our node id, 20 bytes. It changes when our address turns out to need another. */
  get id(): Uint8Array {
    return this.#table.ownId;
  }

  /** Our IP address as others see it, once enough of them agree. */
  get externalHost(): string | undefined {
    return this.#externalHost;
  }

  /** How the node stands. */
  get stats(): DhtStats {
    return {
      ...this.#counters,
      nodes: this.#table.size,
      confirmedNodes: this.#table.confirmed,
      lookups: this.#jobs.size,
      pending: this.#transactions.size,
      storedPeers: this.#responder.store.size,
      storedTorrents: this.#responder.store.torrents,
      waiting: this.#waiting.size,
      senders: this.#limit.size,
    };
  }

  /** Makes two nodes of different families help each other to contacts (BEP 32). To be called once, for one of them. */
  link(sibling: DhtNode): void {
    this.#sibling = sibling;
    sibling.#sibling = this;
  }

  /** The closest nodes that may be named to others, for the families that we or the sibling know. */
  closest(family: Family, target: Uint8Array, count: number): readonly TableNode[] | undefined {
    if (family === this.family) return this.#table.closestConfirmed(target, count);
    const sibling = this.#sibling;
    return sibling && sibling.#table.closestConfirmed(target, count);
  }

  /**
   * Addresses to start from (bootstrap nodes, the user's, a torrent's), of which the first {@link
   * MAX_STARTING_POINTS} are asked whenever few nodes are known or none answers. Starts to join the DHT, also from a loaded
   * table alone.
   */
  bootstrap(addresses: readonly Address[], now: Millis): void {
    for (const address of addresses) {
      if (!isReachable(address, this.family)) continue;
      if (this.#hasJoined) this.#waiting.add(address, now);
      if (this.#startingPoints.size >= MAX_STARTING_POINTS) continue;
      this.#startingPoints.set(hostKey(address), address);
    }
    this.#joinAt = this.#upkeepAt = now;
    this.tick(now);
  }

  /** Somebody may run a node there (a PORT message): it is pinged, and known once it answers. */
  addNode(address: Address, now: Millis): void {
    if (!isReachable(address, this.family)) return;
    this.#waiting.add(address, now);
    this.tick(now);
  }

  /** Searches the peers of a torrent and, if asked to, announces us at the end. */
  getPeers(
    infoHash: Uint8Array,
    options: { readonly now: Millis; readonly announce?: AnnounceOptions },
  ): PeerSearch {
    const search = new SearchState(infoHash, options.announce);
    this.#local.add(search);
    if (search.onPeers(this.#responder.peersOf(infoHash, options.now))) this.#found(search);
    this.#jobs.search(search, options.now);
    this.tick(options.now);
    return search;
  }

  /** A datagram arrived. The view is not kept. Never throws. */
  handle(datagram: Uint8Array, from: Address, now: Millis): void {
    this.#now = now;
    const message = isReachable(from, this.family) ? decodeMessage(datagram) : undefined;
    if (!message) this.#counters.dropped++;
    else if (message.kind === "query" || message.kind === "malformed") {
      const received = { from, place: placeOf(from), bytes: datagram.length, now };
      if (!this.isReadOnly) this.#onQuery(message, received);
    } else {
      const transaction = this.#transactions.settle(message.tid, from, now);
      if (!transaction) this.#counters.dropped++;
      else if (message.kind === "error") this.#onLost(transaction);
      else this.#onResponse(message, transaction, now);
    }
    this.tick(now);
  }

  /** Time has passed. Harmless when called too often. */
  tick(now: Millis): void {
    this.#now = now;
    const { slow, lost } = this.#transactions.takeDue(now);
    for (const { purpose } of slow) {
      if (purpose.kind === "lookup") purpose.lookup.onSlow(purpose.candidate);
    }
    for (const transaction of lost) {
      this.#onLost(transaction);
      this.#suspect(transaction);
    }
    if (this.#transactions.size === 0 && this.#suspicion.takeWitnessCall(now)) {
      const witness = this.#table.freshest;
      if (witness) this.#ping(witness.address, witness);
    }
    if (now >= this.#upkeepAt) this.#upkeep(now);
    for (let to = this.#waiting.take(now); to; to = this.#waiting.take(now)) this.#ping(to);
    for (const job of this.#jobs.proceed(now)) this.#onOver(job);
  }

  /** When {@link tick} has to be called again at the latest. */
  nextTickAt(): Millis {
    return Math.min(this.#upkeepAt, this.#transactions.nextAt(), this.#waiting.nextAt);
  }

  /** The datagrams to send, each given once. */
  takeOutgoing(): OutgoingDatagram[] {
    const out = this.#outgoing;
    if (out.length > 0) this.#outgoing = [];
    return out;
  }

  /** What happened since the last call. */
  takeFacts(): DhtFact[] {
    const out = this.#facts;
    if (out.length > 0) this.#facts = [];
    return out;
  }

  /** Id and nodes for the next run, as bencode. */
  save(): Uint8Array {
    const nodes = this.#table.buckets().flatMap((bucket) => bucket.nodes);
    const alive = nodes.filter((node) => node.failures === 0);
    alive.sort((a, b) => +(a.repliedAt === undefined) - +(b.repliedAt === undefined));
    return encodeTable(this.id, alive.map((node) => node.compact), this.family);
  }

  /**
   * Takes place and nodes of an earlier run; to be called before anything else. Bytes that are no such thing
   * are ignored. The id is new but for what decides its place, so that two runs at a time are two nodes and
   * can know each other. Gives how many nodes were taken.
   */
  load(bytes: Uint8Array, now: Millis): number {
    const saved = decodeTable(bytes, this.family);
    if (!saved) return 0;
    this.#table = new RoutingTable(renewId(saved.id, this.#random), now);
    let count = 0;
    for (const contact of saved.contacts) count += +this.#table.addSaved(contact, now);
    return count;
  }

  #onQuery(query: Query | MalformedQuery, received: Omit<Received, "query">): void {
    const { from, place, now } = received;
    if (!this.#limit.allows(senderKey(place), now)) {
      this.#counters.refused++;
      return;
    }
    const data = this.#responder.answer({ query, ...received });
    if (!data) return;
    this.#counters.served++;
    this.#outgoing.push({ data, to: from });
    if (query.kind !== "query" || query.isReadOnly) return;
    if (this.#table.onQuery({ id: query.id, address: from }, now)) this.#waiting.add(from, now);
  }

  #onResponse(response: Response, { to, purpose }: Transaction<Purpose>, now: Millis): void {
    const { id, token } = response;
    this.#counters.answered++;
    for (const guilty of this.#suspicion.onHeard(now)) this.#table.onFailure(guilty);
    this.#responder.prove(to, now);
    this.#meet({ id, address: to }, now);
    if (response.ip) this.#onVote(to, response.ip, now);
    this.#tellSibling(response, now);
    if (purpose.kind === "announce") {
      purpose.search.announced++;
      purpose.search.pendingAnnounces--;
    } else if (purpose.kind === "lookup") {
      const { lookup, search, candidate } = purpose;
      const contacts = this.family === 4 ? response.nodes : response.nodes6;
      lookup.onAnswer(candidate, { id, contacts, token });
      // A node on the internet knows nothing of our local network.
      const isLocal = isLocalIp(to.host);
      const peers = response.values.filter(({ host }) => isLocal || !isLocalIp(host));
      if (search?.onPeers(peers)) this.#found(search);
    }
  }

  #found(...searches: readonly PeerSearch[]): void {
    this.#facts.push(...searches.map((search) => ({ type: "peers", search }) as const));
  }

  /** A node has shown that it is there. */
  #meet(contact: Contact, now: Millis): void {
    const isFirst = !this.#hasJoined && this.#table.confirmed === 0;
    const challenged = this.#table.onReply(contact, now);
    if (challenged) this.#ping(challenged.address, challenged);
    if (isFirst && this.#table.confirmed > 0) this.#joinAt = this.#upkeepAt = now;
  }

  /** A query came to nothing. */
  #onLost({ purpose }: Transaction<Purpose>): void {
    if (purpose.kind === "lookup") purpose.lookup.onFailure(purpose.candidate);
    else if (purpose.kind === "announce") purpose.search.pendingAnnounces--;
  }

  #suspect({ to, purpose, sentAt }: Transaction<Purpose>): void {
    if (purpose.kind === "announce") return;
    const id = purpose.kind === "lookup" ? purpose.candidate.id : purpose.contact?.id;
    const contact = id && { id, address: to };
    if (contact && this.#suspicion.isGuilty(contact, sentAt, this.#now)) {
      this.#table.onFailure(contact);
    }
  }

  #onVote(voter: Address, seen: Address, now: Millis): void {
    if (familyOf(seen) !== this.family) return;
    const host = this.#vote.add(voter, seen.host);
    if (host === undefined) return;
    if (host !== this.#externalHost) this.#facts.push({ type: "external-ip", host });
    this.#externalHost = host;
    const ip = parseIp(host)!;
    if (idMatchesIp(this.id, ip) || now - this.#renamedAt < RENAME_MS) return;
    this.#renamedAt = now;
    this.#table = this.#table.withId(idForIp(ip, this.#random), now);
    this.#jobs.join(now);
  }

  /** Contacts of the other family are the sibling's business. */
  #tellSibling(response: Response, now: Millis): void {
    const sibling = this.#sibling;
    if (!sibling || sibling.#table.confirmed >= K) return;
    const contacts = this.family === 4 ? response.nodes6 : response.nodes;
    for (const { address } of contacts.slice(0, K)) sibling.addNode(address, now);
  }

  #upkeep(now: Millis): void {
    this.#upkeepAt = now + UPKEEP_MS;
    if (now >= this.#purgeAt) {
      this.#purgeAt = now + PURGE_MS;
      this.#responder.store.purge(now);
    }
    const stale = this.#table.takeStale(now);
    if (stale) this.#ping(stale.address, stale);
    if (this.#jobs.isMinding) return;
    const knowsAny = this.#startingPoints.size > 0 || this.#table.size > 0;
    const needsMore = this.#table.confirmed < K || !this.#hasJoined;
    if (needsMore && knowsAny && now >= this.#joinAt) return this.#jobs.join(now);
    const target = this.#table.takeRefreshTarget(now, this.#random);
    if (target) this.#jobs.refresh(target, now);
  }

  #onOver({ kind, answers, search }: Job): void {
    if (search) this.#facts.push({ type: "search-done", search });
    if (kind !== "join") return;
    const isFilled = this.#table.confirmed >= K;
    this.#joinTries = isFilled ? 0 : this.#joinTries + 1;
    this.#joinAt = this.#now + Math.min(MAX_REJOIN_MS, REJOIN_MS * 2 ** this.#joinTries);
    if (this.#hasJoined || answers === 0) return;
    this.#hasJoined = true;
    this.#facts.push({ type: "joined", nodes: this.#table.size });
  }

  #ping(to: Address, contact?: Contact): void {
    this.#ask(to, { method: "ping" }, { kind: "ping", contact });
  }

  #ask(to: Address, question: Question, purpose: Purpose): void {
    const tid = this.#transactions.open(to, purpose, this.#now);
    const data = encodeQuery(question, { tid, id: this.id, isReadOnly: this.isReadOnly });
    this.#counters.sent++;
    this.#outgoing.push({ data, to });
  }

  #jobHost(): JobHost {
    return {
      table: () => this.#table,
      startingPoints: () => this.#startingPoints.values(),
      isBusy: () => this.#transactions.isFull,
      want: () => {
        const sibling = this.#sibling;
        return sibling && sibling.#table.confirmed < K ? { n4: true, n6: true } : undefined;
      },
      ask: (to, question, purpose) => this.#ask(to, question, purpose),
    };
  }
}
