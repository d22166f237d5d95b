/**
 * How the DHT of a session stands, in numbers: for `doctor` and for embedders.
 *
 * @module
 */

import type { DhtLink } from "./dht_link.ts";

/** One of the two DHTs. */
export interface DhtFamilyReport {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Nodes in the routing table. */
  readonly nodes: number;
  /** Those of them that have answered in this run. */
  readonly confirmedNodes: number;
  /** Our IP address as enough others see it, null while unknown. */
  readonly externalHost: string | null;
  /** Queries sent. */
  readonly sent: number;
  /** Those of them that were answered: above 0, the DHT can be reached. */
  readonly answered: number;
  /** Queries of others that were answered: above 0, others can reach us. */
  readonly served: number;
}

/** A snapshot of the DHT. */
export interface DhtReport {
  /** Whether it is in use, was not needed yet, or cannot be used here. */
  readonly state: "idle" | "open" | "failed";
  /** Why it cannot be used, null where it can. */
  readonly error: string | null;
  /** The UDP port, 0 while it is not open. */
  readonly port: number;
  /** Whether queries of others are left without an answer, as a short-lived session does (BEP 43). */
  readonly isReadOnly: boolean;
  /** Whether any node has answered in this run. */
  readonly isReachable: boolean;
  /** IPv4 and, where there is a socket for it, IPv6; none while it is not open. */
  readonly families: readonly DhtFamilyReport[];
}

/** Takes a snapshot. */
export function dhtReport(link: DhtLink | undefined, error: string | undefined): DhtReport {
  const families = (link?.nodes ?? []).map((node): DhtFamilyReport => {
    const { nodes, confirmedNodes, sent, answered, served } = node.stats;
    const { family, externalHost = null } = node;
    return { family, nodes, confirmedNodes, externalHost, sent, answered, served };
  });
  return Object.freeze({
    state: error !== undefined ? "failed" : link ? "open" : "idle",
    error: error ?? null,
    port: link?.port ?? 0,
    isReadOnly: link?.isReadOnly ?? false,
    isReachable: families.some(({ answered }) => answered > 0),
    families,
  });
}
