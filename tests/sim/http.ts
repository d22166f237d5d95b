/**
 * Simulated HTTP: servers are functions from a request to an answer, on ports of simulated hosts.
 *
 * An answer may be late, slow, endless or never come; the client keeps the caps of the port. A body
 * that is only declared by its size (a decompression bomb) takes no memory.
 *
 * @module
 */

import { parseIp } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import type { HttpClient, HttpOptions, HttpResponse } from "../../src/ports/http.ts";
import type { Life } from "./life.ts";
import type { NetHost } from "./net_host.ts";
import type { SimNetwork } from "./network.ts";

/** A request as a server sees it. */
export interface SimRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** IP literal of the client. */
  readonly from: string;
}

/** What a server answers. */
export interface SimAnswer {
  /** Status code (200). */
  readonly status?: number;
  /** Headers by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, decompressed (empty). */
  readonly body?: Uint8Array;
  /** Bytes of a body that is not spelled out; zeros where somebody reads it. */
  readonly bodyBytes?: number;
  /** Milliseconds before the answer starts (0). */
  readonly delayMs?: number;
  /** Bytes of the body a second (unlimited). */
  readonly rate?: number;
  /** Never answer at all. */
  readonly never?: boolean;
}

/** A server. */
export type SimServer = (request: SimRequest) => SimAnswer;

/** Every server of a world. */
export class SimHttp {
  readonly #servers = new Map<string, SimServer>();

  /** Answers requests to `port` of `host` with `server`. */
  serve(host: NetHost, port: number, server: SimServer): void {
    for (const ip of host.ips) this.#servers.set(`${ip} ${port}`, server);
  }

  /** The server at an address. */
  at(ip: string, port: number): SimServer | undefined {
    return this.#servers.get(`${ip} ${port}`);
  }
}

/** HTTP as one process of a host sees it. */
export class ProcessHttp implements HttpClient {
  readonly #http: SimHttp;
  readonly #net: SimNetwork;
  readonly #host: NetHost;
  readonly #life: Life;

  constructor(http: SimHttp, net: SimNetwork, host: NetHost, life: Life) {
    this.#http = http;
    this.#net = net;
    this.#host = host;
    this.#life = life;
  }

  async get(url: string, options: HttpOptions): Promise<HttpResponse> {
    options.signal?.throwIfAborted();
    const timeout = new AbortController();
    const timer = this.#net.clock.at(
      this.#net.clock.now() + options.timeoutMs,
      () => timeout.abort(new NetworkError("timeout", `Cannot get ${url}: no answer in time`)),
    );
    const signal = options.signal
      ? AbortSignal.any([timeout.signal, options.signal])
      : timeout.signal;
    try {
      return await this.#follow(url, options, signal);
    } finally {
      timer.cancel();
    }
  }

  async #follow(url: string, options: HttpOptions, signal: AbortSignal): Promise<HttpResponse> {
    let from = new URL(url);
    for (let redirects = 0;; redirects++) {
      const answer = await this.#ask(from, options, signal);
      const location = answer.header("location");
      if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
      const to = new URL(location, from);
      const isAllowed = redirects < options.maxRedirects && /^https?:$/.test(to.protocol) &&
        (options.mayRedirect?.(from, to) ?? true);
      if (!isAllowed) throw new NetworkError("policy", `Cannot follow redirect to ${to}`);
      from = to;
    }
  }

  async #ask(url: URL, options: HttpOptions, signal: AbortSignal): Promise<HttpResponse> {
    if (!/^https?:$/.test(url.protocol)) throw new NetworkError("policy", `Cannot get ${url}`);
    this.#net.log(this.#host, `gets ${url}`);
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    const ip = this.#ipOf(url.hostname);
    const target = this.#net.hostAt(ip);
    if (!target || this.#net.isCut(this.#host, target)) return await this.#wait(Infinity, signal);
    const oneWay = this.#net.delay(this.#host, target, false);
    await this.#wait(2 * oneWay, signal);
    const server = this.#http.at(ip, port);
    if (!server) throw new NetworkError("refused", `Cannot get ${url}: refused`);
    await this.#wait(oneWay, signal);
    const answer = server({ url, headers: options.headers ?? {}, from: this.#host.ips[0]! });
    if (answer.never) return await this.#wait(Infinity, signal);
    await this.#wait(oneWay + (answer.delayMs ?? 0), signal);
    return await this.#receive(url, answer, options.maxBytes, signal);
  }

  async #receive(
    url: URL,
    answer: SimAnswer,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const bytes = answer.bodyBytes ?? answer.body?.length ?? 0;
    await this.#wait(1000 * Math.min(bytes, maxBytes) / (answer.rate ?? Infinity), signal);
    if (bytes > maxBytes) throw new NetworkError("too-large", `Cannot get ${url}: too large`);
    return {
      url: url.href,
      status: answer.status ?? 200,
      header: (name) => answer.headers?.[name.toLowerCase()],
      body: answer.body?.slice() ?? new Uint8Array(bytes),
    };
  }

  #ipOf(hostname: string): string {
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    if (parseIp(host)) return host;
    const ip = this.#net.names.get(host)?.[0];
    if (ip === undefined) throw new NetworkError("unreachable", `Cannot resolve "${host}"`);
    return ip;
  }

  /** Waits; the type is what the caller would have had if the wait could end, which for ever it cannot. */
  #wait(ms: number, signal: AbortSignal): Promise<never> {
    return this.#net.clock.sleep(ms, { signal, guard: () => this.#life.isAlive }) as Promise<never>;
  }
}
