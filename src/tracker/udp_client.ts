/**
 * The client's side of the conversation with UDP trackers: which packet to send when, and whose answer an
 * arriving one is (BEP 15). One machine serves every torrent of a session; no I/O here.
 *
 * ```
 *            no connection id                       connection id
 * question ──▶ connect ──▶ … 15·2ⁿ s … ──▶ announce or scrape ──▶ … 15·2ⁿ s … ──▶ answer
 *                 ▲                                                     │
 *                 └──────────── the connection id is 60 s old ◀─────────┘
 * ```
 *
 * Questions to one tracker share a connect and its connection id. An answer counts only if its transaction
 * id belongs to a question asked of the very address it came from; everything else is ignored, and asked
 * again in its time.
 *
 * https://www.bittorrent.org/beps/bep_0015.html
 *
 * @module
 */

import { type Address, formatAddress } from "../base/address.ts";
import { getUint32 } from "../base/bytes.ts";
import { BugError } from "../base/errors.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { AnnounceRequest, AnnounceResponse } from "./announce.ts";
import type { ScrapeCounts } from "./scrape.ts";
import {
  type ConnectionId,
  decodeAnswer,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  type UdpAnswer,
} from "./udp_codec.ts";

/** "If a response is not received after 15 * 2 ^ n seconds, the client should retransmit." */
const RETRANSMIT_MS = 15_000;
/** "… where n starts at 0 and is increased up to 8 (3840 seconds) after every retransmission." */
export const MAX_DOUBLINGS = 8;
/** "A client can use a connection ID until one minute after it has received it." */
const CONNECTION_MS = 60_000;

/** What is asked of a tracker. */
export type UdpQuestion =
  | {
    readonly action: "announce";
    readonly request: AnnounceRequest;
    /** Path and query of the tracker's URL. */
    readonly urlData: string;
  }
  | { readonly action: "scrape"; readonly infoHashes: readonly Uint8Array[] };

/** How a question ended. */
export type UdpOutcome =
  | { readonly action: "announce"; readonly response: AnnounceResponse }
  | { readonly action: "scrape"; readonly counts: readonly ScrapeCounts[] }
  /** The tracker said no, in one clean line, perhaps empty. */
  | { readonly action: "error"; readonly message: string };

/** A packet to be sent. */
export interface UdpPacket {
  /** The payload. */
  readonly data: Uint8Array;
  /** The tracker. */
  readonly to: Address;
}

interface Exchange {
  readonly id: number;
  readonly tracker: Tracker;
  readonly question: UdpQuestion;
  readonly transactionId: number;
  /** Retransmissions so far, of connects as well. */
  tries: number;
  /** When to send again; `Infinity` while the tracker's connect is waited for. */
  dueAt: Millis;
  /** The connection id of the last packet was there before this exchange. */
  isOnOldId: boolean;
}

interface Tracker {
  readonly address: Address;
  readonly exchanges: Set<Exchange>;
  connection: { readonly id: ConnectionId; readonly until: Millis } | undefined;
  connect: { readonly transactionId: number; tries: number; dueAt: Millis } | undefined;
}

/** Conversations with any number of trackers. Packets and outcomes are queued until they are taken. */
export class UdpTrackerClient {
  readonly #random: Pick<Random, "bytes">;
  readonly #trackers = new Map<string, Tracker>();
  readonly #exchanges = new Map<number, Exchange>();
  /** Who waits for an answer, by transaction id. */
  readonly #transactions = new Map<number, Exchange | Tracker>();
  #packets: UdpPacket[] = [];
  #outcomes: [id: number, outcome: UdpOutcome][] = [];
  #lastId = 0;

  /** No conversations yet. Transaction ids, which must not be guessed, are from `random`. */
  constructor(random: Pick<Random, "bytes">) {
    this.#random = random;
  }

  /** Questions that have neither been answered nor cancelled. */
  get pending(): number {
    return this.#exchanges.size;
  }

  /** When {@link tick} must be called; `Infinity` for not at all. */
  get wakeAt(): Millis {
    let at = Infinity;
    for (const { connect, exchanges } of this.#trackers.values()) {
      if (connect) at = Math.min(at, connect.dueAt);
      for (const exchange of exchanges) at = Math.min(at, exchange.dueAt);
    }
    return at;
  }

  /** Asks a tracker; the result is the question's id. */
  ask(to: Address, question: UdpQuestion, now: Millis): number {
    const tracker = this.#trackerAt(to);
    const exchange: Exchange = {
      id: ++this.#lastId,
      tracker,
      question,
      transactionId: this.#newTransactionId(),
      tries: 0,
      dueAt: Infinity,
      isOnOldId: tracker.connection !== undefined,
    };
    this.#exchanges.set(exchange.id, exchange);
    this.#transactions.set(exchange.transactionId, exchange);
    tracker.exchanges.add(exchange);
    this.#send(exchange, now);
    return exchange.id;
  }

  /** Gives a question up; no outcome of it will come. */
  cancel(id: number): void {
    const exchange = this.#exchanges.get(id);
    if (exchange) this.#forget(exchange);
    this.#outcomes = this.#outcomes.filter(([other]) => other !== id);
  }

  /** A packet has arrived. */
  onPacket(packet: Uint8Array, from: Address, now: Millis): void {
    const answer = decodeAnswer(packet, from.host.includes(":") ? 16 : 4);
    if (!answer) return;
    const asker = this.#transactions.get(answer.transactionId);
    if (!asker) return;
    const tracker = "tracker" in asker ? asker.tracker : asker;
    const { host, port } = tracker.address;
    if (from.host !== host || from.port !== port) return;
    if ("tracker" in asker) this.#onAnswer(asker, answer, now);
    else this.#onConnectAnswer(asker, answer, now);
  }

  /** Sends again what is due. */
  tick(now: Millis): void {
    for (const [key, tracker] of this.#trackers) {
      if (tracker.connect && tracker.connect.dueAt <= now) this.#connectAgain(tracker, now);
      for (const exchange of tracker.exchanges) {
        if (exchange.dueAt > now) continue;
        exchange.tries = Math.min(exchange.tries + 1, MAX_DOUBLINGS);
        this.#send(exchange, now);
      }
      const isIdle = tracker.exchanges.size === 0 && !tracker.connect;
      if (isIdle && !isConnected(tracker, now)) this.#trackers.delete(key);
    }
  }

  /** The packets to send now. */
  takePackets(): UdpPacket[] {
    const packets = this.#packets;
    if (packets.length > 0) this.#packets = [];
    return packets;
  }

  /** The questions that have ended, by id, and how. */
  takeOutcomes(): [id: number, outcome: UdpOutcome][] {
    const outcomes = this.#outcomes;
    if (outcomes.length > 0) this.#outcomes = [];
    return outcomes;
  }

  /** Proves the invariants. @throws {BugError} when one is broken. */
  checkInvariants(): void {
    let count = 0;
    for (const tracker of this.#trackers.values()) {
      const waiting = [...tracker.exchanges].filter((e) => e.dueAt === Infinity);
      count += tracker.exchanges.size + (tracker.connect ? 1 : 0);
      check((waiting.length > 0) === (tracker.connect !== undefined), "a connect for nobody");
      for (const e of tracker.exchanges) {
        check(this.#exchanges.get(e.id) === e, "an exchange that is not known");
        check(this.#transactions.get(e.transactionId) === e, "a transaction of another");
      }
    }
    check(count === this.#transactions.size, "a transaction without a question");
  }

  /** The question itself where there is a connection id, or else a connect unless one is under way. */
  #send(exchange: Exchange, now: Millis): void {
    const { tracker, question, transactionId } = exchange;
    if (!isConnected(tracker, now)) return this.#connect(exchange, now);
    const head = { connectionId: tracker.connection!.id, transactionId };
    const data = question.action === "announce"
      ? encodeAnnounce(head, question.request, question.urlData)
      : encodeScrape(head, question.infoHashes);
    this.#packets.push({ data, to: tracker.address });
    exchange.dueAt = now + delayMs(exchange.tries);
  }

  #connect(exchange: Exchange, now: Millis): void {
    const { tracker } = exchange;
    exchange.dueAt = Infinity;
    exchange.isOnOldId = false;
    tracker.connection = undefined;
    if (tracker.connect) return;
    const transactionId = this.#newTransactionId();
    const { tries } = exchange;
    tracker.connect = { transactionId, tries, dueAt: now + delayMs(tries) };
    this.#transactions.set(transactionId, tracker);
    this.#packets.push({ data: encodeConnect(transactionId), to: tracker.address });
  }

  #connectAgain(tracker: Tracker, now: Millis): void {
    const connect = tracker.connect!;
    connect.tries = Math.min(connect.tries + 1, MAX_DOUBLINGS);
    connect.dueAt = now + delayMs(connect.tries);
    this.#packets.push({ data: encodeConnect(connect.transactionId), to: tracker.address });
  }

  #onConnectAnswer(tracker: Tracker, answer: UdpAnswer, now: Millis): void {
    if (answer.action === "error") {
      for (const exchange of tracker.exchanges) {
        if (exchange.dueAt === Infinity) this.#end(exchange, answer);
      }
      return;
    }
    if (answer.action !== "connect") return;
    const { tries } = this.#endConnect(tracker);
    tracker.connection = { id: answer.connectionId, until: now + CONNECTION_MS };
    for (const exchange of tracker.exchanges) {
      if (exchange.dueAt !== Infinity) continue;
      exchange.tries = Math.max(exchange.tries, tries);
      this.#send(exchange, now);
    }
  }

  #onAnswer(exchange: Exchange, answer: UdpAnswer, now: Millis): void {
    const isAwaited = exchange.dueAt !== Infinity;
    if (answer.action === "error" && exchange.isOnOldId) {
      // It may only be the connection id that the tracker, perhaps started anew, does not know any more.
      exchange.tracker.connection = undefined;
      this.#send(exchange, now);
    } else if (answer.action === exchange.question.action) {
      // However late: while we connect anew, it answers what was sent before.
      this.#end(exchange, answer as UdpOutcome);
    } else if (answer.action === "error" && isAwaited) this.#end(exchange, answer);
  }

  #end(exchange: Exchange, outcome: UdpOutcome): void {
    this.#forget(exchange);
    this.#outcomes.push([exchange.id, outcome]);
  }

  #forget(exchange: Exchange): void {
    const { tracker } = exchange;
    this.#exchanges.delete(exchange.id);
    this.#transactions.delete(exchange.transactionId);
    tracker.exchanges.delete(exchange);
    const isAwaited = [...tracker.exchanges].some((e) => e.dueAt === Infinity);
    if (tracker.connect && !isAwaited) this.#endConnect(tracker);
  }

  #endConnect(tracker: Tracker): { readonly tries: number } {
    const connect = tracker.connect!;
    this.#transactions.delete(connect.transactionId);
    tracker.connect = undefined;
    return connect;
  }

  #trackerAt(address: Address): Tracker {
    const key = formatAddress(address);
    let tracker = this.#trackers.get(key);
    if (!tracker) {
      tracker = { address, exchanges: new Set(), connection: undefined, connect: undefined };
      this.#trackers.set(key, tracker);
    }
    return tracker;
  }

  #newTransactionId(): number {
    for (;;) {
      const id = getUint32(this.#random.bytes(4), 0);
      if (!this.#transactions.has(id)) return id;
    }
  }
}

function isConnected(tracker: Tracker, now: Millis): boolean {
  return tracker.connection !== undefined && now < tracker.connection.until;
}

function delayMs(tries: number): number {
  return RETRANSMIT_MS * 2 ** tries;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new BugError(what);
}
