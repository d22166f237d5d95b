/**
 * A tracker server: HTTP and UDP on one port number, for whoever runs it and for people with a browser.
 *
 * Everything that can be decided without sockets is in `tracker/`: this file binds, hands packets and queries
 * to the pure servers, and takes away the peers that have timed out. It keeps nothing on a disk. After a
 * restart the state is rebuilt by the announces of the peers themselves, within one interval.
 *
 * ```
 * GET /announce /scrape   bencode, for clients (BEP 3, 7, 23, 48)      UDP   the same (BEP 15, 41)
 * GET /stats              JSON                  GET /                  a page
 * GET /NAME.torrent       torrent files that were given to be served
 * ```
 *
 * @module
 */

import { type Address, parseIp, putIp } from "../base/address.ts";
import { BugError, NetworkError } from "../base/errors.ts";
import { isRefusedPort } from "../base/refused_ports.ts";
import { Scope } from "../base/scope.ts";
import type { HttpAnswer, HttpRequest, HttpServer, ServeHttp } from "../ports/http_server.ts";
import type { DatagramSocket } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import { HttpTrackerServer } from "../tracker/http_server.ts";
import type { PeerLimits } from "../tracker/peer_limits.ts";
import { ServerState } from "../tracker/server_state.ts";
import { UdpTrackerServer } from "../tracker/udp_server.ts";
import { trackerPage, trackerStats } from "./tracker_page.ts";

/** The outside world of a tracker server. */
export interface TrackerWorld extends Pick<World, "clock" | "random" | "log"> {
  /** For UDP. */
  readonly network: Pick<World["network"], "bindUdp">;
  /** For HTTP. */
  readonly serveHttp: ServeHttp;
}

/** How a tracker server is run. */
export interface TrackerOptions {
  /** The port for both, 0 for any. */
  readonly port: number;
  /** The address to listen on; without it every address of this host, IPv6 and IPv4 alike. */
  readonly host?: string;
  /** How often peers are to announce (half an hour). */
  readonly intervalMs?: number;
  /** Infohashes (20 bytes each) that are tracked, and no others; where it is not given, all. */
  readonly whitelist?: Iterable<Uint8Array>;
  /** What bounds the memory. */
  readonly limits?: Partial<PeerLimits>;
  /** Torrent files to serve, by name: `data.torrent`. Read at each request, so it may change. */
  readonly torrents?: ReadonlyMap<string, Uint8Array>;
}

/** How often peers that have timed out are looked for. */
const EXPIRE_EVERY_MS = 1000;
/** How many of them are taken away in one go, so that announces need not wait. */
const EXPIRE_AT_ONCE = 20_000;
/** Ports tried until TCP and UDP are both free, where the system may choose. */
const TRIES = 20;

const TYPES = {
  bencode: "text/plain; charset=iso-8859-1",
  text: "text/plain; charset=utf-8",
  json: "application/json",
  page: "text/html; charset=utf-8",
  torrent: "application/x-bittorrent",
} as const;

/** A tracker that runs. Disposing it closes its sockets; idempotent. */
export class TrackerServer implements AsyncDisposable {
  readonly #world: TrackerWorld;
  readonly #torrents: ReadonlyMap<string, Uint8Array>;
  readonly #state: ServerState;
  readonly #http: HttpTrackerServer;
  readonly #udp: UdpTrackerServer;
  readonly #scope = new Scope("tracker server");
  #address: Address = { host: "::", port: 0 };

  private constructor(world: TrackerWorld, options: TrackerOptions) {
    const { torrents = new Map(), ...rest } = options;
    this.#world = world;
    this.#torrents = torrents;
    this.#state = new ServerState({ ...rest, random: world.random }, world.clock.now());
    this.#http = new HttpTrackerServer(this.#state);
    this.#udp = new UdpTrackerServer(this.#state, world.random.bytes(8));
    this.ended = this.#end();
    // It is no failure of whoever does not ask.
    this.ended.catch(() => {});
  }

  /**
   * Starts a tracker.
   *
   * @throws {NetworkError} kind `in-use` when the port is taken, for TCP or for UDP.
   */
  static async start(world: TrackerWorld, options: TrackerOptions): Promise<TrackerServer> {
    const tracker = new TrackerServer(world, options);
    try {
      await tracker.#open(options);
    } catch (error) {
      await tracker[Symbol.asyncDispose]();
      throw error;
    }
    return tracker;
  }

  /** Where it listens, TCP and UDP alike. */
  get address(): Address {
    return this.#address;
  }

  /** The peers, the rules, the counters. */
  get state(): ServerState {
    return this.#state;
  }

  /** Resolves when the tracker has been disposed; rejects with what else has ended it. */
  readonly ended: Promise<void>;

  /** Closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
  }

  async #end(): Promise<void> {
    const { signal } = this.#scope;
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await this.#scope[Symbol.asyncDispose]();
    if (this.#scope.failure) throw this.#scope.failure.error;
  }

  async #open(options: TrackerOptions): Promise<void> {
    const [http, socket] = await this.#bind(options);
    this.#address = http.address;
    this.#scope.use(http);
    this.#scope.signal.addEventListener("abort", () => socket.close(), { once: true });
    this.#scope.spawn(() => this.#serveUdp(socket));
    this.#scope.spawn((signal) => this.#expire(signal));
  }

  /** Both on one port number; where the system chooses it, one that is free for both and that clients ask. */
  async #bind(options: TrackerOptions): Promise<[HttpServer, DatagramSocket]> {
    const host = options.host === undefined ? {} : { host: options.host };
    const handler = (request: HttpRequest) => this.#answerOrFail(request);
    for (let tries = 1;; tries++) {
      const http = await this.#world.serveHttp({ port: options.port, ...host, handler });
      const { port } = http.address;
      if (options.port === 0 && isRefusedPort(port) && tries < TRIES) {
        await http[Symbol.asyncDispose]();
        continue;
      }
      try {
        return [http, await this.#world.network.bindUdp({ port, ...host })];
      } catch (error) {
        await http[Symbol.asyncDispose]();
        const isTaken = error instanceof NetworkError && error.kind === "in-use";
        if (!isTaken || options.port !== 0 || tries === TRIES) throw error;
      }
    }
  }

  async #serveUdp(socket: DatagramSocket): Promise<void> {
    const { clock } = this.#world;
    const ip = new Uint8Array(16);
    const ip4 = ip.subarray(0, 4);
    const onDatagram = (data: Uint8Array, from: Address) => {
      const length = putIp(from.host, ip);
      if (length === 0) return undefined;
      const asker = { ip: length === 4 ? ip4 : ip, now: clock.now() };
      return this.#udp.answer(data, asker);
    };
    if (socket.serve) await socket.serve(onDatagram);
    else {
      for (let next = await socket.receive(); next; next = await socket.receive()) {
        const answer = onDatagram(next.data, next.from);
        if (answer) socket.send(answer, next.from);
      }
    }
    throw new NetworkError("other", "Cannot receive: the UDP socket was closed");
  }

  async #expire(signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    while (!signal.aborted) {
      const count = this.#state.table.expire(clock.now(), EXPIRE_AT_ONCE);
      await clock.sleep(count === EXPIRE_AT_ONCE ? 0 : EXPIRE_EVERY_MS, { signal });
    }
  }

  /** A bug that one request brings to light must not end the tracker for all others. */
  #answerOrFail(request: HttpRequest): HttpAnswer {
    try {
      return this.#answer(request);
    } catch (error) {
      const { path } = request;
      this.#world.log.write("warning", "a request failed", { path, error: String(error) });
      return answer(500, TYPES.text, "that did not work\n");
    }
  }

  #answer(request: HttpRequest): HttpAnswer {
    const { method, path, query } = request;
    if (method !== "GET" && method !== "HEAD") {
      return answer(405, TYPES.text, "only GET is answered here\n", { allow: "GET, HEAD" });
    }
    const { clock } = this.#world;
    const now = clock.now();
    switch (path) {
      case "/announce": {
        const ip = parseIp(request.from.host);
        if (!ip) throw new BugError(`a client at "${request.from.host}"`);
        return answer(200, TYPES.bencode, this.#http.announce(query, { ip, now }));
      }
      case "/scrape":
        return answer(200, TYPES.bencode, this.#http.scrape(query));
      case "/stats": {
        const stats = trackerStats(this.#state, { now, epochMs: clock.epochMs() });
        return answer(200, TYPES.json, stats);
      }
      case "/": {
        const torrents = [...this.#torrents.keys()];
        const page = { state: this.#state, now, host: request.header("host"), torrents };
        return answer(200, TYPES.page, trackerPage(page));
      }
      default:
        return this.#torrent(path);
    }
  }

  #torrent(path: string): HttpAnswer {
    const name = decodePath(path.slice(1));
    const bytes = name === undefined ? undefined : this.#torrents.get(name);
    if (!bytes) return answer(404, TYPES.text, "there is nothing here\n");
    return answer(200, TYPES.torrent, bytes.slice(), { "content-disposition": "attachment" });
  }
}

function answer(
  status: number,
  type: string,
  body: Uint8Array<ArrayBuffer> | string,
  more: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const headers = {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    ...more,
  };
  return { status, headers, body };
}

function decodePath(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
