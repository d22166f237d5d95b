/**
 * An HTTP tracker server without HTTP: the query of a URL in, a bencoded body out (BEP 3, 7, 23, 48).
 *
 * Whatever is wrong with a question is said in a `failure reason`; nothing is thrown.
 *
 * @module
 */

import { formatIp } from "../base/address.ts";
import { getUint16 } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import {
  encodeAnnounceAnswer,
  encodeFailure,
  encodeScrapeAnswer,
  type HttpAnnounce,
  parseAnnounceQuery,
  parseScrapeQuery,
  type PeerEntry,
} from "./http_server_codec.ts";
import type { PeerLimits } from "./peer_limits.ts";
import type { Seat } from "./peer_table.ts";
import { clampWant, MAX_WANT, REFUSALS, type ServerState } from "./server_state.ts";

/** Why a peer is not listed, for people. */
const LIMIT_WORDS: Readonly<Record<keyof PeerLimits, string>> = {
  peers: "the tracker is full",
  torrents: "the tracker is full",
  peersPerTorrent: "this torrent is full",
  peersPerAddress: "your address has too many peers",
  portsPerAddress: "your address has too many peers in this torrent",
  portsPerLocalAddress: "your address has too many peers in this torrent",
};

/** Answers queries. */
export class HttpTrackerServer {
  readonly #state: ServerState;
  readonly #out = new Uint8Array(MAX_WANT * 18);
  readonly #pairs = new Uint16Array(this.#out.buffer);

  /** Shares the state with a `UdpTrackerServer`. */
  constructor(state: ServerState) {
    this.#state = state;
  }

  /** The answer to an announce whose query begins behind the `?` and that came from `ip` (4 or 16 bytes). */
  announce(
    query: string,
    from: { readonly ip: Uint8Array; readonly now: Millis },
  ): Uint8Array<ArrayBuffer> {
    const question = parseAnnounceQuery(query);
    if ("failure" in question) return this.#fail(question.failure);
    const { ip, now } = from;
    const seat = this.#state.announce({ ...question, ip }, now);
    if (typeof seat === "string") return this.#fail(REFUSALS[seat]);
    this.#state.counters.httpAnnounces++;
    const { limit } = seat;
    return encodeAnnounceAnswer({
      interval: this.#state.nextInterval(),
      minInterval: this.#state.minInterval,
      counts: this.#state.table.countsOf(seat.torrent),
      ...this.#peers(question, seat),
      ...(limit && { warning: `you are not listed: ${LIMIT_WORDS[limit]}` }),
    });
  }

  /** The answer to a scrape. */
  scrape(query: string): Uint8Array<ArrayBuffer> {
    const infoHashes = parseScrapeQuery(query);
    if ("failure" in infoHashes) return this.#fail(infoHashes.failure);
    this.#state.counters.httpScrapes++;
    return encodeScrapeAnswer(infoHashes.flatMap((infoHash) => {
      const counts = this.#state.table.scrape(infoHash);
      return counts ? [[infoHash, counts] as const] : [];
    }));
  }

  #fail(reason: string): Uint8Array<ArrayBuffer> {
    this.#state.counters.httpFailures++;
    return encodeFailure(reason);
  }

  #peers(
    question: HttpAnnounce,
    seat: Seat,
  ): { peers: Uint8Array | PeerEntry[]; peers6?: Uint8Array } {
    if (!question.isCompact) {
      return {
        peers: [...this.#entries(question, seat, false), ...this.#entries(question, seat, true)],
      };
    }
    return {
      peers: this.#compact(question, seat, false).slice(),
      peers6: this.#compact(question, seat, true).slice(),
    };
  }

  /** Compact peers of one family: a view that is valid until the next. */
  #compact(question: HttpAnnounce, { torrent, peer }: Seat, isV6: boolean): Uint8Array {
    const { table, picks } = this.#state;
    const { isSeed, isPartialSeed, event, numWant } = question;
    const want = event === "stopped" ? 0 : clampWant(numWant);
    // From a magnet link aria2 1.36 says that nothing is left, since it does not know: it wants seeds.
    const isSated = isPartialSeed || (isSeed && event !== "started");
    table.choose({ torrent, asker: peer, isSeed: isSated, isV6, want }, picks);
    return this.#out.subarray(0, 2 * table.putCompact(picks, this.#pairs, 0));
  }

  #entries(question: HttpAnnounce, seat: Seat, isV6: boolean): PeerEntry[] {
    const list = this.#compact(question, seat, isV6);
    const length = isV6 ? 16 : 4;
    const { table, picks } = this.#state;
    return Array.from({ length: picks.count }, (_, i) => {
      const at = i * (length + 2);
      const entry = {
        ip: formatIp(list.subarray(at, at + length)),
        port: getUint16(list, at + length),
      };
      return question.noPeerId ? entry : { ...entry, peerId: table.idOf(picks, i) };
    });
  }
}
