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

/** Answers packets. */
export class UdpTrackerServer {
  readonly #state: ServerState;
  readonly #ids: ConnectionIds;

  /** Shares the state with an `HttpTrackerServer`; the secret, 8 bytes, is for connection ids. */
  constructor(state: ServerState, secret: Uint8Array) {
    this.#state = state;
    this.#ids = new ConnectionIds(secret);
  }

  /**
   * Answers a packet that came from `ip` (4 or 16 bytes): writes the answer to `out`, which has room for
   * {@link MAX_ANSWER_BYTES}, and returns its length; 0 for no answer.
   */
  answer(
    packet: Uint8Array,
    from: { readonly ip: Uint8Array; readonly now: Millis },
    out: Uint8Array,
  ): number {
    const { ip, now } = from;
    const { counters } = this.#state;
    const query = decodeQuery(packet);
    if (!query) {
      counters.udpIgnored++;
      return 0;
    }
    const { transactionId } = query;
    if (query.action === "connect") {
      counters.udpConnects++;
      return putConnectAnswer(out, transactionId, this.#ids.make(ip, now));
    }
    if (!this.#ids.isValid(query.connectionId, ip, now)) {
      return this.#error(query, "connection id expired", { out, maxBytes: packet.length });
    }
    if (query.action === "announce") return this.#announce(query, from, out);
    counters.udpScrapes++;
    let end = putScrapeAnswer(out, transactionId);
    for (const infoHash of query.infoHashes) {
      end = putScrapeCounts(out, end, this.#state.table.scrape(infoHash) ?? NOTHING);
    }
    return end;
  }

  #announce(
    query: UdpAnnounce,
    { ip, now }: { readonly ip: Uint8Array; readonly now: Millis },
    out: Uint8Array,
  ): number {
    const { table, picks, counters } = this.#state;
    const { infoHash, peerId, port, event, transactionId } = query;
    const isSeed = query.left === 0;
    const seat = this.#state.announce({ infoHash, peerId, ip, port, isSeed, event }, now);
    if (typeof seat === "string") {
      return this.#error(query, REFUSALS[seat], { out, maxBytes: MAX_ANSWER_BYTES });
    }
    counters.udpAnnounces++;
    const { torrent, peer } = seat;
    const isV6 = ip.length === 16;
    const room = Math.floor((MAX_ANSWER_BYTES - 20) / (isV6 ? 18 : 6));
    const want = event === "stopped" ? 0 : Math.min(clampWant(query.numWant), room);
    table.choose({ torrent, asker: peer, isSeed, isV6, want }, picks);
    const { seeds, leeches } = table.countsOf(torrent);
    const intervalSeconds = this.#state.nextInterval();
    const end = putAnnounceAnswer(out, transactionId, { intervalSeconds, leeches, seeds });
    return table.putCompact(picks, out, end);
  }

  #error(
    query: UdpQuery,
    message: string,
    room: { readonly out: Uint8Array; readonly maxBytes: number },
  ): number {
    this.#state.counters.udpErrors++;
    return putError(room.out, query.transactionId, { message, maxBytes: room.maxBytes });
  }
}

const NOTHING = { seeds: 0, completed: 0, leeches: 0 };
