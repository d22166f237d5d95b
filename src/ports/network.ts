/**
 * Streams, listeners, datagrams and names, as the session sees them.
 *
 * No error of the runtime passes: the end of a stream, a reset and a closed socket all read as `null`,
 * everything else is a `NetworkError`.
 *
 * @module
 */

import type { Address } from "../base/address.ts";

/** A connected byte stream. */
export interface ByteStream extends Disposable {
  /** The other end. */
  readonly remote: Address;
  /** This end. */
  readonly local: Address;
  /**
   * Reads at least one byte into `into` and returns how many; `null` at the end of the stream, after a
   * reset or once closed. One read at a time.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `data`; false when the stream has ended. `data` must stay untouched until it settles.
   * One write at a time.
   */
  write(data: Uint8Array): Promise<boolean>;
  /** Closes both directions; idempotent. A pending read gives `null`. */
  close(): void;
}

/** Accepts streams. */
export interface Listener extends Disposable {
  /** Where it listens. */
  readonly address: Address;
  /** The next stream; `null` once closed. */
  accept(): Promise<ByteStream | null>;
  /** Stops listening; idempotent. */
  close(): void;
}

/** One datagram. */
export interface Datagram {
  /** The payload; a view that is valid until the next receive. */
  readonly data: Uint8Array;
  /** The sender. */
  readonly from: Address;
}

/**
 * Takes a datagram, and gives what is to be sent back to where it came from, if anything is. The answer may be on
 * its way while some hundred more are made, and must stay as it is for so long.
 */
export type DatagramHandler = (data: Uint8Array, from: Address) => Uint8Array | undefined | void;

/** Sends and receives datagrams. */
export interface DatagramSocket extends Disposable {
  /** Where it is bound. */
  readonly address: Address;
  /** Sends one datagram; whether it could leave is not known, so nothing is thrown. */
  send(data: Uint8Array, to: Address): void;
  /** The next datagram; `null` once closed. */
  receive(): Promise<Datagram | null>;
  /**
   * Hands every datagram to `handler` until the socket is closed, and resolves then. `data` is valid until the
   * handler returns. For servers, in the place of {@link receive}: it saves promises for each datagram. Not
   * every platform has it. Rejects with what the handler throws.
   */
  serve?(handler: DatagramHandler): Promise<void>;
  /** Closes it; idempotent. */
  close(): void;
}

/** How a multicast group is joined. */
export interface GroupOptions {
  /**
   * The interfaces that take part (all): names, for every address of one, or IP literals, for that address
   * alone. Nothing is sent elsewhere, and what comes from another network is dropped as far as it can be told.
   */
  readonly interfaces?: readonly string[];
}

/**
 * A multicast group as one host hears and addresses it: a member on every interface that can be had, or on
 * the default one where the system does not let the interfaces be asked for.
 */
export interface GroupSocket extends Disposable {
  /** Whether anything can be heard; where not, what is sent may still reach the others. */
  readonly isMember: boolean;
  /** Sends one datagram to the group on every interface; it comes back to us as well. */
  send(data: Uint8Array): void;
  /** The next datagram from a host of a network that we are in; `null` once closed. */
  receive(): Promise<Datagram | null>;
  /** Leaves the group; idempotent. */
  close(): void;
}

/** The network. */
export interface Network {
  /**
   * Connects to a peer.
   *
   * @throws {NetworkError} refused, unreachable, timed out; or the signal's reason.
   */
  dial(address: Address, options?: { signal?: AbortSignal }): Promise<ByteStream>;
  /**
   * Listens for streams on `port` of every address of this host (IPv6 and IPv4 alike), 0 for any port.
   *
   * @throws {NetworkError} kind `in-use` when the port is taken.
   */
  listen(options: { port: number; host?: string }): Promise<Listener>;
  /**
   * Binds a datagram socket.
   *
   * @throws {NetworkError} kind `in-use` when the port is taken.
   */
  bindUdp(options: { port: number; host?: string }): Promise<DatagramSocket>;
  /**
   * Joins a multicast group whose port may be shared with other programs on this host.
   *
   * @throws {NetworkError} where the group can neither be heard nor addressed.
   */
  joinGroup(group: Address, options?: GroupOptions): Promise<GroupSocket>;
  /**
   * The IP literals of a host name, at least one; a literal gives itself.
   *
   * @throws {NetworkError} kind `unreachable` when the name has none; or the signal's reason.
   */
  resolve(host: string, options?: { signal?: AbortSignal }): Promise<string[]>;
}
