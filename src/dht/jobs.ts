/**
 * What a node is looking up: its own neighbourhood, a bucket that is to be refreshed, the peers of torrents.
 * Each job has one lookup; this sends its queries as the lookup wants them, announces at the end, and says
 * what is over.
 *
 * A search that nobody answers does not end: it goes on as soon as the table has a node, and begins anew from
 * time to time.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import type { Contact } from "./contact.ts";
import type { Want } from "./krpc.ts";
import type { Question } from "./krpc_encode.ts";
import { type Candidate, Lookup } from "./lookup.ts";
import { K, type RoutingTable } from "./routing_table.ts";
import type { AnnounceOptions, SearchState } from "./search.ts";

/** Something that is looked up. Owned and changed by {@link Jobs} alone. */
export interface Job {
  /** Ourselves, a random id of a quiet bucket, or a torrent. */
  readonly kind: "join" | "refresh" | "search";
  /** How many nodes answered. */
  readonly answers: number;
  /** Where peers go. */
  readonly search: SearchState | undefined;
}

interface Entry extends Job {
  answers: number;
  readonly target: Uint8Array;
  lookup: Lookup;
  startedAt: Millis;
  isAnnouncing: boolean;
}

/** What a query under way is for. */
export type Purpose =
  | {
    readonly kind: "lookup";
    readonly lookup: Lookup;
    readonly candidate: Candidate;
    readonly search: SearchState | undefined;
  }
  | { readonly kind: "announce"; readonly search: SearchState }
  | { readonly kind: "ping"; readonly contact: Contact | undefined };

/** What jobs need of their node. */
export interface JobHost {
  /** Where lookups start. */
  table(): RoutingTable;
  /** Addresses to start from while the table has few nodes or none that answers. */
  startingPoints(): Iterable<Address>;
  /** Which contacts the node wants when it looks up something for itself (BEP 32). */
  want(): Want | undefined;
  /** Whether queries have to wait. */
  isBusy(): boolean;
  /** Sends a query. */
  ask(to: Address, question: Question, purpose: Purpose): void;
}

/** Searches at a time; the oldest is stopped for a new one. */
export const MAX_SEARCHES = 256;
/** How long nodes of the table may take to answer before starting points are asked. */
const PATIENCE_MS = 1000;
/** A search without any answer begins anew after this time. */
const RETRY_MS = 5000;
/** The jobs of one node. */
export class Jobs {
  readonly #host: JobHost;
  readonly #jobs = new Set<Entry>();

  /** Nothing to do yet. */
  constructor(host: JobHost) {
    this.#host = host;
  }

  /** How many there are. */
  get size(): number {
    return this.#jobs.size;
  }

  /** Whether the node looks up something for itself. */
  get isMinding(): boolean {
    for (const job of this.#jobs) if (!job.search) return true;
    return false;
  }

  /** Looks up our own id. One that is under way is given up. */
  join(now: Millis): void {
    for (const job of this.#jobs) if (job.kind === "join") this.#jobs.delete(job);
    this.#start("join", this.#host.table().ownId, { now });
  }

  /** Looks up a random id. */
  refresh(target: Uint8Array, now: Millis): void {
    this.#start("refresh", target, { now });
  }

  /** Searches peers. */
  search(search: SearchState, now: Millis): void {
    const searches = [...this.#jobs].filter((job) => job.search);
    if (searches.length >= MAX_SEARCHES) searches[0]!.search!.stop();
    this.#start("search", search.infoHash, { now, search });
  }

  /** Sends what can be sent now, and gives the jobs that are over. */
  proceed(now: Millis): Job[] {
    const over: Job[] = [];
    for (const job of this.#jobs) {
      if (job.search?.isDone) this.#jobs.delete(job);
      else if (this.#advance(job, now)) {
        this.#jobs.delete(job);
        over.push(job);
      }
    }
    return over;
  }

  #start(
    kind: Job["kind"],
    target: Uint8Array,
    { now, search }: { now: Millis; search?: SearchState },
  ): void {
    const lookup = this.#makeLookup(target, search !== undefined);
    const state = { answers: 0, startedAt: now, isAnnouncing: false };
    this.#jobs.add({ kind, target, lookup, search, ...state });
  }

  #makeLookup(target: Uint8Array, isSearch: boolean): Lookup {
    const table = this.#host.table();
    const density = isSearch ? table.density : undefined;
    return new Lookup({
      target,
      ownId: table.ownId,
      density,
      asksOutsiders: isSearch,
    });
  }

  /** Does what can be done now; gives whether the job is over. */
  #advance(job: Entry, now: Millis): boolean {
    const { search } = job;
    if (!job.isAnnouncing) {
      if (job.lookup.answers === 0) this.#supply(job, now);
      this.#send(job);
      job.answers = job.lookup.answers;
      if (search) search.answers = job.answers;
      if (!job.lookup.isDone) return false;
    }
    if (!search) return true;
    if (job.answers === 0) {
      if (now - job.startedAt >= RETRY_MS && !job.lookup.isEmpty) this.#retry(job, now);
      return false;
    }
    if (!job.isAnnouncing && search.announce) this.#announce(job.lookup, search, search.announce);
    job.isAnnouncing = true;
    search.isDone = search.pendingAnnounces === 0;
    return search.isDone;
  }

  #retry(job: Entry, now: Millis): void {
    job.lookup = this.#makeLookup(job.target, true);
    job.startedAt = now;
    this.#supply(job, now);
    this.#send(job);
  }

  /**
   * What we know ourselves, for a job that got no answer yet. The starting points are not bothered while the
   * table has nodes enough, be it those of an earlier run, and one of them answers.
   */
  #supply({ lookup, startedAt }: Entry, now: Millis): void {
    const table = this.#host.table();
    for (const node of table.closest(lookup.target, 2 * K)) lookup.add(node);
    if (table.size >= K && now - startedAt < PATIENCE_MS) return;
    for (const address of this.#host.startingPoints()) lookup.addAddress(address);
  }

  #send(job: Entry): void {
    const { lookup, search, target } = job;
    while (!this.#host.isBusy()) {
      const candidate = lookup.next();
      if (!candidate) return;
      if (search) search.queries++;
      const question: Question = search
        ? { method: "get_peers", infoHash: target }
        : { method: "find_node", target, want: this.#host.want() };
      this.#host.ask(candidate.address, question, { kind: "lookup", lookup, candidate, search });
    }
  }

  #announce(lookup: Lookup, search: SearchState, options: AnnounceOptions): void {
    for (const { address, token } of lookup.closest()) {
      if (!token) continue;
      search.pendingAnnounces++;
      this.#host.ask(address, {
        method: "announce_peer",
        infoHash: search.infoHash,
        token,
        port: options.port,
        isPortImplied: options.isPortImplied ?? false,
        isSeed: options.isSeed ?? false,
      }, { kind: "announce", search });
    }
  }
}
