/**
 * A small HTTP server, as a service sees it: requests without bodies in, whole answers out, at once.
 *
 * @module
 */

import type { Address } from "../base/address.ts";

/** A request, as it arrived. */
export interface HttpRequest {
  /** The method, in capitals. */
  readonly method: string;
  /** The path with its slash, percent-encoded. */
  readonly path: string;
  /** What is behind the `?`, percent-encoded; "" where there is none. */
  readonly query: string;
  /** The client's end of the connection. */
  readonly from: Address;
  /** A header by its name. */
  header(name: string): string | undefined;
}

/** An answer. */
export interface HttpAnswer {
  /** The status code. */
  readonly status: number;
  /** Headers by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, taken over. */
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** A server that runs. Disposing it closes every connection and resolves when all is closed; idempotent. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: Address;
}

/** How a server is started. */
export interface HttpServerOptions {
  /** The TCP port, 0 for any. */
  readonly port: number;
  /** The address to listen on; without it every address of this host, IPv6 and IPv4 alike. */
  readonly host?: string;
  /** Answers a request, without waiting for anything. What it throws becomes status 500. */
  readonly handler: (request: HttpRequest) => HttpAnswer;
}

/**
 * Starts a server.
 *
 * @throws {NetworkError} kind `in-use` when the port is taken.
 */
export type ServeHttp = (options: HttpServerOptions) => Promise<HttpServer>;
