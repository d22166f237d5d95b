/**
 * Answers to the queries of others (BEP 5, 32, 33, 42).
 *
 * A query whose sender's address may be forged must not make us send more than it cost: before the sender has
 * shown that the address is its own, by a token of ours or an answer to a query of ours, an answer is shorter
 * than three times the question. Lists are cut to fit, peers before nodes.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { concat } from "../base/bytes.ts";
import { LatestMap } from "../base/latest_map.ts";
import type { Millis } from "../base/units.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Random } from "../ports/random.ts";
import { FILTER_BYTES } from "./bloom_filter.ts";
import { CONTACT_BYTES, type Family, hostKey, type Place, readAddress } from "./contact.ts";
import type { AnnounceQuery, GetPeersQuery, MalformedQuery, Query, Want } from "./krpc.ts";
import {
  type Answer,
  answerBytes,
  encodeAnswer,
  encodeRefusal,
  entryBytes,
  MAX_ANSWER,
  valuesBytes,
} from "./krpc_encode.ts";
import { compareDistance } from "./node_id.ts";
import { PeerStore } from "./peer_store.ts";
import { K, type TableNode } from "./routing_table.ts";
import { TOKEN_BYTES, Tokens } from "./tokens.ts";

/** The answer to an unproven address is shorter than this many times the question. */
export const AMPLIFICATION = 3;
/** Peers in an answer. */
export const MAX_PEERS = 50;

/** Senders whose address is known to be theirs, and for how long. */
const MAX_PROVEN = 1024;
const PROVEN_MS = 600_000;
/** Of the room for peers and nodes, what peers may take. */
const PEERS_SHARE = 2 / 3;

/** What the responder asks of its node. */
export interface Neighbourhood {
  /** Our node id. */
  readonly id: Uint8Array;
  /** The closest nodes that may be named; `undefined` where we have no table of that family. */
  closest(family: Family, target: Uint8Array, count: number): readonly TableNode[] | undefined;
}

/** A query and how it came. */
export interface Received {
  /** The query. */
  readonly query: Query | MalformedQuery;
  /** Its sender, as the datagram says. */
  readonly from: Address;
  /** What its sender's address counts as. */
  readonly place: Place;
  /** Bytes of its datagram. */
  readonly bytes: number;
  /** When it came. */
  readonly now: Millis;
}

/** A query with the room that its answer has. */
interface Task<Q> {
  readonly query: Q;
  readonly from: Address;
  readonly place: Place;
  readonly now: Millis;
  /** The most bytes of an answer. */
  readonly limit: number;
}

/** What a responder is made of. */
export interface ResponderOptions {
  /** For tokens and scrapes. */
  readonly hasher: Pick<Hasher, "sha1">;
  /** Must not be guessable. */
  readonly random: Random;
  /** A peer has announced itself to us. */
  readonly onAnnounce?: (infoHash: Uint8Array, peer: Address) => void;
}

/** Serves queries; holds the announced peers. */
export class Responder {
  /** The announced peers. */
  readonly store: PeerStore = new PeerStore();
  readonly #node: Neighbourhood;
  readonly #hasher: Pick<Hasher, "sha1">;
  readonly #random: Random;
  readonly #onAnnounce: ResponderOptions["onAnnounce"];
  readonly #tokens: Tokens;
  /** Until when an address counts as proven, the latest proof last. */
  readonly #proven = new LatestMap<string, Millis>(MAX_PROVEN);

  /** Nothing is stored, nobody proven. */
  constructor(node: Neighbourhood, options: ResponderOptions) {
    this.#node = node;
    this.#hasher = options.hasher;
    this.#random = options.random;
    this.#onAnnounce = options.onAnnounce;
    this.#tokens = new Tokens(options);
  }

  /** A datagram from there answered a query of ours, so the address is not forged. */
  prove(address: Address, now: Millis): void {
    this.#prove(hostKey(address), now);
  }

  #prove(host: string, now: Millis): void {
    this.#proven.set(host, now + PROVEN_MS);
  }

  /** Peers of a torrent that have announced themselves to us. */
  peersOf(infoHash: Uint8Array, now: Millis): Address[] {
    const sample = { noSeed: false, now, random: this.#random };
    return this.store.sample(infoHash, MAX_PEERS, sample).flatMap((peer) =>
      readAddress(peer) ?? []
    );
  }

  /** The datagram that answers, `undefined` where silence does. */
  answer(received: Received): Uint8Array | undefined {
    const { query, from, place, now } = received;
    const isProven = (this.#proven.get(place.host) ?? -Infinity) > now;
    const limit = isProven ? MAX_ANSWER : Math.min(MAX_ANSWER, AMPLIFICATION * received.bytes - 1);
    const answer = this.#serve(query, { from, place, now, limit });
    return answer.length <= limit ? answer : undefined;
  }

  #serve(query: Query | MalformedQuery, rest: Omit<Task<Query>, "query">): Uint8Array {
    if (query.kind === "malformed") return encodeRefusal(query.tid, 203, "Protocol Error");
    switch (query.method) {
      case "ping":
        return this.#answer({ query, ...rest });
      case "find_node":
        return this.#findNode({ query, ...rest }, query.target, query.want);
      case "get_peers":
        return this.#getPeers({ query, ...rest });
      case "announce_peer":
        return this.#announce({ query, ...rest });
      case "unknown":
        return encodeRefusal(query.tid, 204, "Method Unknown");
    }
  }

  #findNode(task: Task<Query>, target: Uint8Array, want: Want | undefined): Uint8Array {
    return this.#answer(task, this.#nodes(task, target, want, this.#room(task)));
  }

  #getPeers(task: Task<GetPeersQuery>): Uint8Array {
    const { query, from, now } = task;
    const { infoHash, noSeed } = query;
    const token = this.#tokens.issue(from.host, now);
    let room = this.#room(task, TOKEN_BYTES);
    const filtersBytes = 2 * entryBytes("BFsd", FILTER_BYTES);
    const filters = query.isScrape && room >= filtersBytes
      ? this.store.filters(infoHash, this.#hasher, now)
      : undefined;
    if (filters) room -= filtersBytes;
    const bytesEach = task.place.ip.length + 2;
    const peerRoom = Math.floor(room * PEERS_SHARE);
    let count = MAX_PEERS;
    while (count > 0 && valuesBytes(count, bytesEach) > peerRoom) count--;
    const values = this.store.sample(infoHash, count, { noSeed, now, random: this.#random });
    room -= valuesBytes(values.length, bytesEach);
    return this.#answer(task, {
      token,
      values: values.length > 0 ? values : undefined,
      seedFilter: filters?.seeds,
      peerFilter: filters?.peers,
      ...this.#nodes(task, infoHash, query.want, room),
    });
  }

  #announce(task: Task<AnnounceQuery>): Uint8Array {
    const { query, from, now } = task;
    if (!this.#tokens.isValid(query.token, from.host, now)) {
      return encodeRefusal(query.tid, 203, "Bad token");
    }
    this.#prove(task.place.host, now);
    const address = { host: from.host, port: query.port ?? from.port };
    const isStored = this.store.announce(query.infoHash, { address, isSeed: query.isSeed }, now);
    if (isStored) this.#onAnnounce?.(query.infoHash, address);
    return isStored ? this.#answer(task) : encodeRefusal(query.tid, 202, "Storage full");
  }

  /** As many of the closest nodes as fit into `room`, of the families that are wanted (BEP 32). */
  #nodes(
    task: Task<Query>,
    target: Uint8Array,
    want: Want | undefined,
    room: number,
  ): { nodes?: Uint8Array | undefined; nodes6?: Uint8Array | undefined } {
    const isV4 = task.place.ip.length === 4;
    const out: { nodes?: Uint8Array; nodes6?: Uint8Array } = {};
    let left = room;
    for (
      const [family, key, isWanted] of [
        [4, "nodes", want ? want.n4 : isV4],
        [6, "nodes6", want ? want.n6 : !isV4],
      ] as const
    ) {
      const found = isWanted ? this.#node.closest(family, target, K + 1) : undefined;
      const asker = task.query.id;
      const nodes = found?.filter(({ id }) => compareDistance(target, id, asker) !== 0);
      if (!nodes) continue;
      let count = Math.min(K, nodes.length);
      while (count > 0 && entryBytes(key, count * CONTACT_BYTES[family]) > left) count--;
      const list = concat(nodes.slice(0, count).map((node) => node.compact));
      const bytes = entryBytes(key, list.length);
      if (bytes > left) continue;
      out[key] = list;
      left -= bytes;
    }
    return out;
  }

  /** Bytes that are left for lists. */
  #room(task: Task<Query>, tokenBytes = 0): number {
    const ipBytes = task.place.ip.length + 2;
    return task.limit - answerBytes(task.query.tid.length, ipBytes, tokenBytes);
  }

  #answer(
    task: Task<Query>,
    more: Omit<Answer, "tid" | "id" | "ip" | "port"> = {},
  ): Uint8Array {
    const { query, place, from } = task;
    const { id } = this.#node;
    return encodeAnswer({ tid: query.tid, id, ip: place.ip, port: from.port, ...more });
  }
}
