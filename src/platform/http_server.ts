/**
 * An HTTP server over `Deno.serve`.
 *
 * @module
 */

import { type Address, formatAddress } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import type {
  HttpAnswer,
  HttpRequest,
  HttpServer,
  HttpServerOptions,
} from "../ports/http_server.ts";
import { toNetworkError } from "./net_errors.ts";
import { toAddress } from "./tcp.ts";

/**
 * Starts a server; without a host on every address, IPv6 and IPv4 alike.
 *
 * @throws {NetworkError} kind `in-use` when the port is taken.
 */
export function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  // What is thrown becomes a rejection.
  return Promise.try(() => {
    const { host } = options;
    if (host !== undefined) return serveOn(host, options);
    try {
      return serveOn("::", options);
    } catch (error) {
      // A machine whose kernel has no IPv6 at all.
      if (error instanceof NetworkError && error.kind === "in-use") throw error;
      return serveOn("0.0.0.0", options);
    }
  });
}

function serveOn(hostname: string, { port, handler }: HttpServerOptions): HttpServer {
  const stop = new AbortController();
  const onRequest = (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) =>
    toResponse(handler(new IncomingRequest(request, toAddress(remoteAddr))));
  try {
    const server = Deno.serve({
      transport: "tcp",
      hostname,
      port,
      signal: stop.signal,
      onListen: () => {},
      onError: () => new Response(null, { status: 500 }),
    }, onRequest);
    return new RunningServer(server, stop);
  } catch (error) {
    const what = `Cannot listen on ${formatAddress({ host: hostname, port })}`;
    throw toNetworkError(error, what);
  }
}

class RunningServer implements HttpServer {
  readonly address: Address;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop: AbortController;

  constructor(server: Deno.HttpServer<Deno.NetAddr>, stop: AbortController) {
    this.#server = server;
    this.#stop = stop;
    this.address = toAddress(server.addr);
  }

  // Aborted and not shut down, since a client could keep a connection open for as long as it likes.
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }
}

class IncomingRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly from: Address;
  readonly #headers: Headers;

  constructor(request: Request, from: Address) {
    this.method = request.method;
    this.from = from;
    this.#headers = request.headers;
    // Cut by hand, since it is done for each announce: "http://host/path?query".
    const { url } = request;
    const start = url.indexOf("/", url.indexOf("//") + 2);
    const mark = url.indexOf("?", start);
    this.path = url.slice(start, mark < 0 ? undefined : mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
  }

  header(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined;
  }
}

function toResponse({ status, headers, body }: HttpAnswer): Response {
  return new Response(body, { status, headers });
}
