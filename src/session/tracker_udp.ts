/**
 * Announces and scrapes over UDP (BEP 15, 41): gives the pure conversation of `tracker/udp_client.ts` a socket
 * and the time.
 *
 * One {@link UdpTrackers} serves a whole session. Its one socket, for both address families, is open while
 * something is being asked and closed with the last question, so there is nothing to dispose of and no dead
 * tracker can hold up the end. A tracker with addresses of both families is asked over both at once (BEP 7),
 * and the slower one is waited for as long again as the faster one took.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { BugError, NetworkError } from "../base/errors.ts";
import { Scope } from "../base/scope.ts";
import { Wakeup } from "../base/wakeup.ts";
import type { DatagramSocket, Network } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import { type AnnounceRequest, type AnnounceResponse, trackerError } from "../tracker/announce.ts";
import { MAX_SCRAPE, type ScrapeResult } from "../tracker/scrape.ts";
import { type UdpOutcome, type UdpQuestion, UdpTrackerClient } from "../tracker/udp_client.ts";

/** The outside world of UDP announces. */
export interface UdpWorld extends Pick<World, "clock" | "random"> {
  /** For the socket, and the addresses of trackers. */
  readonly network: Pick<Network, "bindUdp" | "resolve">;
}

/** The shortest and the longest wait for a second address family, once the first has answered. */
const GRACE_MS = { least: 50, most: 500 } as const;

/** The UDP trackers of a session. */
export class UdpTrackers {
  readonly #world: UdpWorld;
  #link: Promise<Link> | undefined;
  #questions = 0;

  /** Opens nothing yet. */
  constructor(world: UdpWorld) {
    this.#world = world;
  }

  /**
   * Announces to the tracker at `url`, and again in ever longer intervals until it answers or `signal` aborts.
   *
   * @throws {TrackerError} `refused`, `unreachable` or `policy`; or the signal's reason.
   */
  async announce(
    url: string,
    request: AnnounceRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<AnnounceResponse> {
    const { pathname, search } = new URL(url);
    const question: UdpQuestion = { action: "announce", request, urlData: pathname + search };
    const outcomes = await this.#ask({ url, verb: "announce to", question }, options.signal);
    return outcomes.flatMap((outcome) => outcome.action === "announce" ? [outcome.response] : [])
      .reduce(merge);
  }

  /**
   * Asks the tracker at `url` about torrents, at most `MAX_SCRAPE` of them.
   *
   * @throws {TrackerError} as {@link announce}; or the signal's reason.
   */
  async scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    options: { readonly signal: AbortSignal },
  ): Promise<(ScrapeResult | null)[]> {
    const asked = infoHashes.slice(0, MAX_SCRAPE);
    const question: UdpQuestion = { action: "scrape", infoHashes: asked };
    const [outcome] = await this.#ask({ url, verb: "scrape", question }, options.signal);
    if (outcome?.action !== "scrape") throw new BugError("a scrape was answered otherwise");
    return asked.map((_, i) => outcome.counts[i] ?? null);
  }

  /** The answers of one tracker, at least one and none of them an error. */
  async #ask(ask: Ask, signal: AbortSignal): Promise<UdpOutcome[]> {
    const targets = await this.#targets(ask, signal);
    this.#questions++;
    try {
      const link = await this.#open(ask);
      signal.throwIfAborted();
      return await this.#askEach(link, targets, ask, signal);
    } finally {
      await this.#leave();
    }
  }

  /** Asks all targets; ends when they have answered, or some time after the first has. */
  async #askEach(
    link: Link,
    targets: readonly Address[],
    ask: Ask,
    signal: AbortSignal,
  ): Promise<UdpOutcome[]> {
    const { clock } = this.#world;
    const startedAt = clock.now();
    const outcomes: UdpOutcome[] = [];
    const over = new AbortController();
    const inner = AbortSignal.any([signal, over.signal]);
    const asking = targets.map((to) =>
      link.ask(to, ask.question, inner).then((outcome) => void outcomes.push(outcome))
    );
    try {
      await Promise.race(asking);
      const graceMs = Math.min(Math.max(clock.now() - startedAt, GRACE_MS.least), GRACE_MS.most);
      if (outcomes.length < targets.length) {
        const grace = clock.sleep(graceMs, { signal: inner });
        await Promise.race([grace, Promise.all(asking)]);
      }
    } finally {
      over.abort();
      await Promise.allSettled(asking);
    }
    const good = outcomes.filter(({ action }) => action !== "error");
    if (good.length > 0) return good;
    const [error] = outcomes;
    const reason = error?.action === "error" && error.message || "no reason given";
    throw trackerError(ask.url, "refused", reason, { verb: ask.verb });
  }

  /** The tracker's first address of each family. */
  async #targets({ url, verb }: Ask, signal: AbortSignal): Promise<Address[]> {
    const { hostname, port: digits } = new URL(url);
    const port = Number(digits);
    if (port === 0) {
      const never = { retryAfterMs: Infinity, verb };
      throw trackerError(url, "policy", "its URL names no port", never);
    }
    try {
      const name = hostname.replace(/^\[(.*)\]$/, "$1");
      const hosts = await this.#world.network.resolve(name, { signal });
      const v4 = hosts.find((host) => !host.includes(":"));
      const v6 = hosts.find((host) => host.includes(":"));
      return [v4, v6].flatMap((host) => host === undefined ? [] : [{ host, port }]);
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(url, verb, error);
    }
  }

  async #open({ url, verb }: Ask): Promise<Link> {
    const { network } = this.#world;
    this.#link ??= network.bindUdp({ port: 0 }).then((socket) => new Link(this.#world, socket));
    try {
      return await this.#link;
    } catch (error) {
      throw unreachable(url, verb, error);
    }
  }

  async #leave(): Promise<void> {
    if (--this.#questions > 0) return;
    const link = this.#link;
    this.#link = undefined;
    await link?.then((open) => open.close(), () => {});
  }
}

interface Ask {
  readonly url: string;
  /** What is being done, for errors. */
  readonly verb: string;
  readonly question: UdpQuestion;
}

/** An open socket with what is said over it. */
class Link {
  readonly #world: UdpWorld;
  readonly #socket: DatagramSocket;
  readonly #client: UdpTrackerClient;
  readonly #scope = new Scope("UDP trackers");
  /** There may be something new to wait for. */
  readonly #changed = new Wakeup();
  readonly #askers = new Map<number, PromiseWithResolvers<UdpOutcome>>();

  constructor(world: UdpWorld, socket: DatagramSocket) {
    this.#world = world;
    this.#socket = socket;
    this.#client = new UdpTrackerClient(world.random);
    this.#scope.signal.addEventListener("abort", () => this.#end(), { once: true });
    this.#scope.spawn(() => this.#receive());
    this.#scope.spawn((signal) => this.#retransmit(signal));
  }

  /** Asks until there is an answer. @throws the signal's reason. */
  async ask(to: Address, question: UdpQuestion, signal: AbortSignal): Promise<UdpOutcome> {
    const asker = Promise.withResolvers<UdpOutcome>();
    const id = this.#client.ask(to, question, this.#world.clock.now());
    const onAbort = () => asker.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#askers.set(id, asker);
    this.#flush();
    this.#changed.notify();
    try {
      return await asker.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#askers.delete(id);
      this.#client.cancel(id);
    }
  }

  /** Closes the socket. Nobody may be asking. */
  async close(): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
    if (this.#scope.failure) throw this.#scope.failure.error;
  }

  /** A socket that is closed while somebody asks is a bug somewhere; it must not leave them waiting. */
  #end(): void {
    this.#socket.close();
    const failure = this.#scope.failure?.error ?? new BugError("the UDP socket was closed");
    for (const asker of this.#askers.values()) asker.reject(failure);
  }

  async #receive(): Promise<void> {
    for (;;) {
      const datagram = await this.#socket.receive();
      if (!datagram) return this.#scope.abort();
      this.#client.onPacket(datagram.data, datagram.from, this.#world.clock.now());
      this.#flush();
      this.#changed.notify();
    }
  }

  async #retransmit(signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    while (!signal.aborted) {
      const { wakeAt } = this.#client;
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      const waits = [this.#changed.wait(either)];
      if (wakeAt !== Infinity) {
        const ms = Math.max(0, wakeAt - clock.now());
        waits.push(clock.sleep(ms, { signal: either }).catch(() => {}));
      }
      await Promise.race(waits);
      over.abort();
      await Promise.all(waits);
      this.#client.tick(clock.now());
      this.#flush();
    }
  }

  /** Sends what is to be sent, tells what has ended. */
  #flush(): void {
    for (const { data, to } of this.#client.takePackets()) this.#socket.send(data, to);
    for (const [id, outcome] of this.#client.takeOutcomes()) this.#askers.get(id)?.resolve(outcome);
  }
}

function merge(a: AnnounceResponse, b: AnnounceResponse): AnnounceResponse {
  const most = (key: "seeds" | "leeches") => Math.max(a[key] ?? 0, b[key] ?? 0);
  return {
    ...a,
    peers: [...a.peers, ...b.peers],
    seeds: most("seeds"),
    leeches: most("leeches"),
  };
}

function unreachable(url: string, verb: string, cause: unknown): Error {
  if (!(cause instanceof NetworkError)) throw cause;
  const why = cause.message.slice(cause.message.indexOf(": ") + 1);
  return trackerError(url, "unreachable", why, { cause, verb });
}
