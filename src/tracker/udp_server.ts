/**
 * A UDP tracker server without its socket: packet in, packet out (BEP 15).
 *
 * An address that has not shown a connection id gets at most as many bytes as it sent, so nobody can be
 * flooded through us. What is no question gets no answer. An answer fits into the smallest packet that IPv6
 * carries whole.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import { ConnectionIds } from "./connection_ids.ts";
import { clampWant, REFUSALS, type ServerState } from "./server_state.ts";
import type { UdpQuery } from "./udp_server_codec.ts";
import {
  decodeQuery,
  putAnnounceAnswer,
  putConnectAnswer,
  putError,
  putScrapeAnswer,
  putScrapeCounts,
  type UdpAnnounce,
} from "./udp_server_codec.ts";

/** The longest answer: 1,280 bytes of an IPv6 packet less 40 and 8 of its headers. */
export const MAX_ANSWER_BYTES = 1232;

/** An answer stays as it is while this many more are made: a socket keeps no more on their way out. */
const ANSWERS = 1024;

/** Room for one answer, as bytes and as pairs of bytes. */
interface Room {
  readonly bytes: Uint8Array;
  readonly pairs: Uint16Array;
}

/** Answers packets. */
export class UdpTrackerServer {
  readonly #state: ServerState;
  readonly #ids: ConnectionIds;
  readonly #rooms: readonly Room[];
  #turn = 0;

  /** Shares the state with an `HttpTrackerServer`; the secret, 8 bytes, is for connection ids. */
  constructor(state: ServerState, secret: Uint8Array) {
    this.#state = state;
    this.#ids = new ConnectionIds(secret);
    const { buffer } = new Uint8Array(ANSWERS * MAX_ANSWER_BYTES);
    this.#rooms = Array.from({ length: ANSWERS }, (_, i) => ({
      bytes: new Uint8Array(buffer, i * MAX_ANSWER_BYTES, MAX_ANSWER_BYTES),
      pairs: new Uint16Array(buffer, i * MAX_ANSWER_BYTES, MAX_ANSWER_BYTES / 2),
    }));
  }

  /**
   * The answer to a packet that came from `ip` (4 or 16 bytes), `undefined` for none. A view, valid until
   * 1,024 more answers were made; until then it may be on its way.
   */
  answer(
    packet: Uint8Array,
    from: { readonly ip: Uint8Array; readonly now: Millis },
  ): Uint8Array | undefined {
    const query = decodeQuery(packet);
    if (!query) {
      this.#state.counters.udpIgnored++;
      return undefined;
    }
    this.#turn = (this.#turn + 1) % ANSWERS;
    const room = this.#rooms[this.#turn]!;
    const { ip, now } = from;
    const end = this.#put(query, { ip, now, questionBytes: packet.length }, room);
    return room.bytes.subarray(0, end);
  }

  /** Writes the answer to a question; returns where it ends. */
  #put(query: UdpQuery, from: Asker, room: Room): number {
    const { ip, now, questionBytes } = from;
    const { counters, table } = this.#state;
    const out = room.bytes;
    if (query.action === "connect") {
      counters.udpConnects++;
      return putConnectAnswer(out, query.transactionId, this.#ids.make(ip, now));
    }
    if (!this.#ids.isValid(query.connectionId, ip, now)) {
      return this.#error(query, { message: "connection id expired", maxBytes: questionBytes }, out);
    }
    if (query.action === "announce") return this.#announce(query, from, room);
    counters.udpScrapes++;
    let end = putScrapeAnswer(out, query.transactionId);
    for (const infoHash of query.infoHashes) {
      end = putScrapeCounts(out, end, table.scrape(infoHash) ?? NOTHING);
    }
    return end;
  }

  #announce(query: UdpAnnounce, { ip, now }: Asker, { bytes, pairs }: Room): number {
    const { table, picks, counters } = this.#state;
    const { infoHash, peerId, port, event, transactionId } = query;
    const isSeed = query.left === 0;
    const seat = this.#state.announce({ infoHash, peerId, ip, port, isSeed, event }, now);
    if (typeof seat === "string") {
      return this.#error(query, { message: REFUSALS[seat], maxBytes: MAX_ANSWER_BYTES }, bytes);
    }
    counters.udpAnnounces++;
    const { torrent, peer } = seat;
    const isV6 = ip.length === 16;
    const room = Math.floor((MAX_ANSWER_BYTES - 20) / (isV6 ? 18 : 6));
    const want = event === "stopped" ? 0 : Math.min(clampWant(query.numWant), room);
    // Whoever starts with nothing left may not know the size yet, and want seeds.
    const isSated = isSeed && event !== "started";
    table.choose({ torrent, asker: peer, isSeed: isSated, isV6, want }, picks);
    const { seeds, leeches } = table.countsOf(torrent);
    const intervalSeconds = this.#state.nextInterval();
    const end = putAnnounceAnswer(bytes, transactionId, { intervalSeconds, leeches, seeds });
    return 2 * table.putCompact(picks, pairs, end / 2);
  }

  #error(
    query: UdpQuery,
    error: { readonly message: string; readonly maxBytes: number },
    out: Uint8Array,
  ): number {
    this.#state.counters.udpErrors++;
    return putError(out, query.transactionId, error);
  }
}

/** Who asks, when, and with how many bytes. */
interface Asker {
  readonly ip: Uint8Array;
  readonly now: Millis;
  readonly questionBytes: number;
}

const NOTHING = { seeds: 0, completed: 0, leeches: 0 };
