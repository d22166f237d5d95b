/**
 * What the parts of the simulated network share: a host as the network sees it, and the state of the
 * network as its streams see it.
 *
 * @module
 */

import type { Address } from "../../src/base/address.ts";
import type { ByteStream, Datagram } from "../../src/ports/network.ts";
import type { SimClock } from "./clock.ts";
import type { Life } from "./life.ts";
import type { Link } from "./link.ts";

/** How a host hangs on the network. */
export interface HostOptions {
  /** From the host to the middle of the network, one way (10). Between two hosts both count. */
  readonly latencyMs?: number;
  /** Bytes per second up (unlimited). */
  readonly upRate?: number;
  /** Bytes per second down (unlimited). */
  readonly downRate?: number;
  /** Bytes that leave at a time; 0 is one to eleven TCP segments, as the rate is (0). More costs less to simulate. */
  readonly segmentBytes?: number;
  /** Share of lost packets, 0 to 1 (0): streams are delayed by it, datagrams do not arrive. */
  readonly loss?: number;
  /** What becomes of connections from outside: accepted where someone listens, or never answered ("open"). */
  readonly firewall?: "open" | "drop";
  /** The local network whose hosts hear each other's multicast ("": none, alone in every group). */
  readonly lan?: string;
}

/** Whoever listens on a port. */
export interface Port<T> {
  /** Takes what has arrived; false when it cannot. */
  accept(item: T): boolean;
}

/** A connection request that has arrived. */
export interface Knock {
  /** Who knocks. */
  readonly from: Address;
  /** Makes the pair of streams; the answer is the acceptor's end of it. */
  connect(life: Life): ByteStream;
}

/** A host as the network sees it. */
export interface NetHost {
  /** Its IP literals, at least one. */
  readonly ips: readonly string[];
  readonly options: Required<HostOptions>;
  readonly uplink: Link;
  readonly downlink: Link;
  /** Listeners by port. */
  readonly tcp: Map<number, Port<Knock>>;
  /** Datagram sockets by port. */
  readonly udp: Map<number, Port<Datagram>>;
  /** Streams open at this end, and dials under way. */
  readonly sockets: Set<unknown>;
}

/** The network as its streams see it. */
export interface NetState {
  readonly clock: SimClock;
  /** Bytes that may be on their way or unread in one direction of a stream. */
  readonly windowBytes: number;
  /** Milliseconds one way, what lost packets cost included. */
  delay(from: NetHost, to: NetHost, mayBeLost: boolean): number;
  /** The host with an address. */
  hostAt(ip: string): NetHost | undefined;
  /** Draws whether a packet is lost. */
  isLost(from: NetHost, to: NetHost): boolean;
  /** Whether nothing passes between two hosts. */
  isCut(a: NetHost, b: NetHost): boolean;
  /** Calls back once when a cut has been healed. */
  whenHealed(then: () => void): void;
  /** Something that is worth a line in the event log. */
  log(host: NetHost, text: string): void;
  /** Bytes have arrived. */
  onDeliver(host: NetHost, data: Uint8Array): void;
}
