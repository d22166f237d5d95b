/**
 * One node of local service discovery (BEP 14): which torrents are announced when, and what is believed of
 * what others announce. Datagrams and time go in, messages and peers come out; it waits for nothing.
 *
 * A torrent is announced when it begins, once more a minute later, since a single multicast is easily lost, and
 * then every five minutes, all torrents together. Never is anything sent within a minute of the last time:
 * who begins in between waits. A stranger who announces a torrent of
 * ours is answered by an announce as soon as that minute is over, since it may not have heard the last one.
 * What comes in is bounded: datagrams a second, peers a torrent and minute, and peers of one sender.
 *
 * @module
 */

import { type Address, makeAddress } from "../base/address.ts";
import { hex } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { decodeLsd, type LsdMessage, MAX_SENT_HASHES } from "./message.ts";

/** "It should send a LSD announce every 5 minutes." */
export const ANNOUNCE_EVERY_MS: number = 5 * 60_000;
/** "A client should send no more than 1 announce per minute." */
export const LEAST_PAUSE_MS = 60_000;
/** Announces of a torrent that come as soon as they may. */
const FIRST_TIMES = 2;
/** An answer waits for up to so long, or all who have heard a stranger would speak at once. */
const ANSWER_WITHIN_MS = 2_000;
/** Datagrams that are read a second: many hundreds of hosts may share a network, more is a flood. */
const MAX_READ_PER_SECOND = 100;
/** Peers taken for one torrent in a minute. */
const MAX_PEERS_PER_MINUTE = 50;
/** Peers taken of one sender for one torrent in a minute: several programs may run on one machine. */
const MAX_PEERS_PER_SENDER = 4;

/** A peer of one of our torrents. */
export interface LsdPeer {
  /** In hex. */
  readonly infoHash: string;
  readonly address: Address;
}

interface Announced {
  /** How often it was announced. */
  times: number;
  /** Peers taken in this minute, `port@host` each. */
  readonly taken: Set<string>;
  /** How many of those each sender has. */
  readonly bySender: Map<string, number>;
  /** Peers that were heard before, so that they need no answer. */
  heard: Set<string>;
}

/** The node of one session. */
export class LsdNode {
  /** By which we know our own messages. */
  readonly cookie: string;
  readonly #random: Random;
  readonly #torrents = new Map<string, Announced>();
  #announcedAt: Millis = -Infinity;
  #answerAt: Millis = Infinity;
  #turn = 0;
  #second = -1;
  #read = 0;
  #minuteAt: Millis = -Infinity;

  constructor(random: Random) {
    this.#random = random;
    this.cookie = hex(random.bytes(8));
  }

  /** A torrent, by its infohash in hex, takes part from now on. */
  add(infoHash: string): void {
    if (this.#torrents.has(infoHash)) return;
    const [taken, heard] = [new Set<string>(), new Set<string>()];
    this.#torrents.set(infoHash, { times: 0, taken, bySender: new Map(), heard });
  }

  /** It takes part no longer. */
  delete(infoHash: string): void {
    this.#torrents.delete(infoHash);
  }

  /** When {@link takeMessages} will have something; `Infinity` while nothing takes part. */
  nextAt(): Millis {
    if (this.#torrents.size === 0) return Infinity;
    const isNew = [...this.#torrents.values()].some(({ times }) => times < FIRST_TIMES);
    const wanted = isNew
      ? -Infinity
      : Math.min(this.#answerAt, this.#announcedAt + ANNOUNCE_EVERY_MS);
    return Math.max(wanted, this.#announcedAt + LEAST_PAUSE_MS);
  }

  /**
   * What is to be sent to every group now, `port` being where we accept peers. Some read the first
   * infohash of a message only: with each announce another one is first.
   */
  takeMessages(port: number, now: Millis): LsdMessage[] {
    if (now < this.nextAt()) return [];
    this.#announcedAt = now;
    this.#answerAt = Infinity;
    const turn = this.#turn++ % this.#torrents.size;
    const all = [...this.#torrents.keys()];
    const hashes = [...all.slice(turn), ...all.slice(0, turn)];
    for (const torrent of this.#torrents.values()) torrent.times++;
    const out: LsdMessage[] = [];
    for (let i = 0; i < hashes.length; i += MAX_SENT_HASHES) {
      out.push({ port, infoHashes: hashes.slice(i, i + MAX_SENT_HASHES), cookie: this.cookie });
    }
    return out;
  }

  /** The peers that a datagram tells of, at the address it came from. Our own tells of none. */
  onDatagram(data: Uint8Array, from: Address, now: Millis): LsdPeer[] {
    if (!this.#mayRead(now)) return [];
    const message = decodeLsd(data);
    if (message === undefined || message.cookie === this.cookie) return [];
    const address = makeAddress(from.host, message.port);
    if (address === undefined) return [];
    this.#startMinute(now);
    const out: LsdPeer[] = [];
    for (const infoHash of message.infoHashes) {
      const torrent = this.#torrents.get(infoHash);
      if (torrent !== undefined && this.#take(torrent, address, now)) {
        out.push({ infoHash, address });
      }
    }
    return out;
  }

  #mayRead(now: Millis): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) [this.#second, this.#read] = [second, 0];
    return this.#read++ < MAX_READ_PER_SECOND;
  }

  #startMinute(now: Millis): void {
    if (now - this.#minuteAt < 60_000) return;
    this.#minuteAt = now;
    for (const { taken, bySender } of this.#torrents.values()) {
      taken.clear();
      bySender.clear();
    }
  }

  #take(torrent: Announced, { host, port }: Address, now: Millis): boolean {
    const key = `${port}@${host}`;
    const ofSender = torrent.bySender.get(host) ?? 0;
    if (torrent.taken.has(key) || ofSender >= MAX_PEERS_PER_SENDER) return false;
    if (torrent.taken.size >= MAX_PEERS_PER_MINUTE) return false;
    torrent.taken.add(key);
    torrent.bySender.set(host, ofSender + 1);
    this.#greet(torrent, key, now);
    return true;
  }

  /** Answers whoever was not heard before. */
  #greet(torrent: Announced, key: string, now: Millis): void {
    if (torrent.heard.has(key)) return;
    if (torrent.heard.size >= 2 * MAX_PEERS_PER_MINUTE) torrent.heard = new Set();
    torrent.heard.add(key);
    const at = Math.max(now, this.#announcedAt + LEAST_PAUSE_MS);
    this.#answerAt = Math.min(this.#answerAt, at + this.#random.below(ANSWER_WITHIN_MS));
  }
}
