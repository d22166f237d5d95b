/**
 * What a DHT node gives its driver: datagrams to send, facts that happened, and a snapshot of how it stands.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import type { PeerSearch } from "./search.ts";

/** What happened that the driver may want to know. */
export type DhtFact =
  /** The node knows its neighbourhood for the first time. `nodes` are in the table. */
  | { readonly type: "joined"; readonly nodes: number }
  /** Enough others agree on where they see us; `host` is an IP literal. */
  | { readonly type: "external-ip"; readonly host: string }
  /** A search has peers to take. */
  | { readonly type: "peers"; readonly search: PeerSearch }
  /** A search is over; late answers may still bring peers. */
  | { readonly type: "search-done"; readonly search: PeerSearch };

/** A datagram to send. */
export interface OutgoingDatagram {
  /** Owned by the taker. */
  readonly data: Uint8Array;
  /** Where to. */
  readonly to: Address;
}

/** A snapshot of a node. */
export interface DhtStats {
  /** Nodes in the table. */
  readonly nodes: number;
  /** Those of them that have answered in this run. */
  readonly confirmedNodes: number;
  /** Lookups under way, for itself and for torrents. */
  readonly lookups: number;
  /** Queries under way. */
  readonly pending: number;
  /** Addresses that wait to be pinged. */
  readonly waiting: number;
  /** Announced peers that are stored. */
  readonly storedPeers: number;
  /** The torrents they belong to. */
  readonly storedTorrents: number;
  /** Senders whose queries are counted. */
  readonly senders: number;
  /** Queries that we sent, ever. */
  readonly sent: number;
  /** Those of them that were answered. */
  readonly answered: number;
  /** Queries of others that we answered, ever. */
  readonly served: number;
  /** Queries of others that came too fast. */
  readonly refused: number;
  /** Datagrams that were no message or nothing we asked for. */
  readonly dropped: number;
}
