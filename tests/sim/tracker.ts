/**
 * An HTTP tracker in the simulated world: it gives the peers it was told of, and keeps what it was told.
 *
 * @module
 */

import { type Address, encodeCompact } from "../../src/base/address.ts";
import { concat, hex } from "../../src/base/bytes.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import type { SimAnswer, SimServer } from "./http.ts";
import type { SimHost } from "./world.ts";

/** An announce as it arrived. */
export interface SimAnnounce {
  /** World time. */
  readonly at: number;
  /** IP literal of the client. */
  readonly from: string;
  /** "started", "completed", "stopped" or "". */
  readonly event: string;
  /** Every parameter of the query, as text. */
  readonly query: ReadonlyMap<string, string>;
  /** The infohash in hex, decoded byte by byte. */
  readonly infoHash: string;
}

/** A tracker at `http://<host>:<port>/announce`. */
export class SimTracker {
  /** Its announce URL. */
  readonly url: string;
  /** What was announced, in order. */
  readonly announces: SimAnnounce[] = [];
  /** The peers it gives. */
  peers: readonly Address[];
  /** More keys of the answer, or an answer in place of its own. */
  extra: Readonly<Record<string, Encodable>> = {};
  override: SimAnswer | undefined;
  readonly #host: SimHost;

  constructor(host: SimHost, options: { peers?: readonly Address[]; port?: number } = {}) {
    const port = options.port ?? 80;
    this.#host = host;
    this.url = `http://${host.ip}:${port}/announce`;
    this.peers = options.peers ?? [];
    const server: SimServer = ({ url, from }) => this.#answer(url, from);
    host.serve(port, server);
  }

  #answer(url: URL, from: string): SimAnswer {
    const query = new Map<string, string>();
    for (const pair of url.search.slice(1).split("&")) {
      const [name, value] = pair.split("=", 2);
      query.set(name ?? "", value ?? "");
    }
    this.announces.push({
      at: this.#host.world.clock.now(),
      from,
      event: query.get("event") ?? "",
      query,
      infoHash: hex(percentDecode(query.get("info_hash") ?? "")),
    });
    if (this.override) return this.override;
    const peers = concat(this.peers.map(encodeCompact));
    return { body: encode({ interval: 1800, peers, ...this.extra }) };
  }
}

function percentDecode(text: string): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const isEscape = text[i] === "%";
    out.push(isEscape ? parseInt(text.slice(i + 1, i + 3), 16) : text.charCodeAt(i));
    if (isEscape) i += 2;
  }
  return Uint8Array.from(out);
}
