/**
 * What sockets of `node:dgram` have in common: how they are bound, and the queue between its events and
 * whoever receives.
 *
 * @module
 */

import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import type { Address } from "../base/address.ts";
import type { Datagram } from "../ports/network.ts";

/**
 * Binds a socket; what goes wrong with it later is passed over, as datagrams may be lost.
 *
 * @throws the system's error when it cannot be bound.
 */
export function bindSocket(
  options: SocketOptions,
  { host, port }: { host: string; port: number },
): Promise<Socket> {
  const socket = createSocket(options);
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** Datagrams that have arrived, for one receiver at a time; past a bound they are lost. */
export class DatagramQueue {
  readonly #most: number;
  readonly #queue: Datagram[] = [];
  #waiter: ((datagram: Datagram | null) => void) | undefined;
  #isClosed = false;

  /** Takes how many may wait. */
  constructor(most: number) {
    this.#most = most;
  }

  /** One has arrived; takes over its bytes. */
  put(data: Uint8Array, from: Address): void {
    if (this.#waiter !== undefined) {
      this.#waiter({ data, from });
      this.#waiter = undefined;
    } else if (this.#queue.length < this.#most) this.#queue.push({ data, from });
  }

  /** The next one, `null` when the queue is closed. */
  take(): Promise<Datagram | null> {
    const first = this.#queue.shift();
    if (first !== undefined || this.#isClosed) return Promise.resolve(first ?? null);
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** Takes all that wait. */
  drain(): Datagram[] {
    return this.#queue.splice(0);
  }

  /** Nothing arrives any more, and what has is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#waiter?.(null);
    this.#waiter = undefined;
  }
}
