/**
 * TCP streams and listeners over `Deno.connect` and `Deno.listen`.
 *
 * Nagle's algorithm is off, since requests are gathered into one write by the caller. One listener on
 * "::" takes IPv4 as well; its mapped addresses (`::ffff:a.b.c.d`) are unmapped here, so that one peer
 * has one name. No error of the runtime leaves this file.
 *
 * @module
 */

import { type Address, canonicalIp, formatAddress } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import type { ByteStream, Listener } from "../ports/network.ts";
import { isEndOfStream, toNetworkError } from "./net_errors.ts";

// What an accept that fails for want of descriptors waits before the next try.
const ACCEPT_PAUSE_MS = 100;

/**
 * Connects to a peer.
 *
 * @throws {NetworkError} refused, unreachable, timed out; or the signal's reason.
 */
export async function dialTcp(
  address: Address,
  options: { signal?: AbortSignal } = {},
): Promise<ByteStream> {
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    const conn = await Deno.connect({
      transport: "tcp",
      hostname: address.host,
      port: address.port,
      ...(signal && { signal }),
    });
    return new TcpStream(conn);
  } catch (error) {
    signal?.throwIfAborted();
    throw toNetworkError(error, `Cannot connect to ${formatAddress(address)}`);
  }
}

/**
 * Listens on a port, 0 for any; without a host on every address, IPv6 and IPv4 alike.
 *
 * @throws {NetworkError} kind `in-use` when the port is taken.
 */
export function listenTcp(options: { port: number; host?: string }): Listener {
  const { port, host } = options;
  const what = `Cannot listen on port ${port}`;
  if (host !== undefined) return listenOn(host, port, what);
  try {
    return listenOn("::", port, what);
  } catch (error) {
    // A machine whose kernel has no IPv6 at all.
    if (error instanceof NetworkError && error.kind === "in-use") throw error;
    return listenOn("0.0.0.0", port, what);
  }
}

/** An address of the runtime as one of ours. */
export function toAddress(addr: Deno.Addr): Address {
  const { hostname, port } = addr as Deno.NetAddr;
  const bare = hostname.includes("%") ? hostname.slice(0, hostname.indexOf("%")) : hostname;
  return { host: canonicalIp(bare) ?? hostname, port };
}

function listenOn(hostname: string, port: number, what: string): Listener {
  try {
    return new TcpListener(Deno.listen({ transport: "tcp", hostname, port }));
  } catch (error) {
    throw toNetworkError(error, what);
  }
}

class TcpStream implements ByteStream {
  readonly remote: Address;
  readonly local: Address;
  readonly #conn: Deno.TcpConn;
  #isClosed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.remote = toAddress(conn.remoteAddr);
    this.local = toAddress(conn.localAddr);
    try {
      conn.setNoDelay(true);
    } catch {
      // The peer is gone already; the first read says so.
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#isClosed) return null;
    try {
      return await this.#conn.read(into);
    } catch (error) {
      if (this.#isClosed || isEndOfStream(error)) return null;
      throw toNetworkError(error, `Cannot read from ${formatAddress(this.remote)}`);
    }
  }

  async write(data: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < data.length;) {
        if (this.#isClosed) return false;
        at += await this.#conn.write(at === 0 ? data : data.subarray(at));
      }
      return !this.#isClosed;
    } catch (error) {
      if (this.#isClosed || isEndOfStream(error)) return false;
      throw toNetworkError(error, `Cannot write to ${formatAddress(this.remote)}`);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#conn.close();
    } catch {
      // Closed by the runtime after an error.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class TcpListener implements Listener {
  readonly address: Address;
  readonly #listener: Deno.TcpListener;
  readonly #closed = new AbortController();

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = toAddress(listener.addr);
  }

  async accept(): Promise<ByteStream | null> {
    while (!this.#closed.signal.aborted) {
      try {
        return new TcpStream(await this.#listener.accept());
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return null;
        // A peer that left before it was taken, or no descriptor free: the next may do.
        await pause(ACCEPT_PAUSE_MS, this.#closed.signal);
      }
    }
    return null;
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#listener.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
