/**
 * An announcer among scripted trackers, on a clock that is moved by hand.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import type { HttpOptions, HttpResponse } from "../../src/ports/http.ts";
import { Announcer, type AnnouncerOptions } from "../../src/session/announcer.ts";

/** Time that stands still until `advance`. */
export class FakeClock {
  #now = 0;
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();
  now = () => this.#now;
  epochMs = () => this.#now;
  get sleeping() {
    return this.#sleepers.size;
  }
  sleep = (ms: number, options: { signal?: AbortSignal } = {}) =>
    new Promise<void>((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { at: this.#now + ms, wake: () => resolve() };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  async advance(ms: number) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers.delete(next);
      next.wake();
    }
    this.#now = end;
    await settle();
  }
}

/** One turn of the event loop: every promise that can go on has gone on. */
export const settle = (): Promise<void> => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** What a tracker does. */
export type Reply = Encodable | NetworkError | "silent" | { redirect: string } | { status: number };
/** How a tracker answers a query. */
export type Script = (query: URLSearchParams, url: URL) => Reply | Promise<Reply>;

/** Trackers by host. What they were asked is in `log` as `host event left`. */
export class FakeHttp {
  readonly log: string[] = [];
  readonly urls: string[] = [];
  readonly headers: unknown[] = [];
  pending = 0;
  constructor(readonly trackers: Record<string, Script>) {}
  get = async (text: string, options: HttpOptions): Promise<HttpResponse> => {
    const url = new URL(text);
    const query = url.searchParams;
    this.urls.push(text);
    this.headers.push(options.headers);
    this.log.push(`${url.hostname} ${query.get("event") ?? "-"} ${query.get("left")}`);
    this.pending++;
    try {
      const script = this.trackers[url.hostname];
      if (!script) throw new NetworkError("refused", "Cannot fetch: connection refused");
      const reply = await script(query, url);
      if (reply === "silent") return await untilAborted(options.signal!);
      if (reply instanceof Error) throw reply;
      const isPlain = typeof reply === "object" && reply !== null;
      if (isPlain && "redirect" in reply) {
        assertEquals(options.mayRedirect?.(url, new URL(reply.redirect as string)), false);
        throw new NetworkError("policy", "Cannot fetch: refused");
      }
      const status = isPlain && "status" in reply ? reply.status as number : 200;
      return { url: text, status, header: () => "90", body: encode(reply as Encodable) };
    } finally {
      this.pending--;
    }
  };
  take(): string[] {
    return this.log.splice(0);
  }
}

/** Rejects when the signal aborts, with its reason. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** `n` peers and an interval of half an hour. */
export function peers(n: number, more: Record<string, Encodable> = {}): Encodable {
  return {
    interval: 1800,
    complete: 3,
    incomplete: 4,
    peers: new Uint8Array(6 * n).fill(9),
    ...more,
  };
}

/** What every announcer has. */
export const OPTIONS = { userAgent: "starling/test" };

/** An announcer that runs. */
export function setup(
  trackers: Record<string, Script>,
  options: Partial<AnnouncerOptions> = {},
) {
  const clock = new FakeClock();
  const http = new FakeHttp(trackers);
  const counters = { uploaded: 1, downloaded: 2, left: 100 };
  const found: Address[] = [];
  const warnings: string[] = [];
  const controller = new AbortController();
  const announcer = new Announcer({
    tiers: [],
    infoHash: Uint8Array.from({ length: 20 }, (_, i) => i + 240),
    peerId: new Uint8Array(20).fill(0x41),
    port: () => 6881,
    counters: () => counters,
    onPeers: (list) => found.push(...list),
    onWarning: (message) => warnings.push(message),
    world: {
      clock,
      http,
      random: { bytes: (n) => new Uint8Array(n).fill(7), below: (limit) => limit - 1 },
      network: {
        resolve: () => Promise.resolve(["203.0.113.9"]),
        bindUdp: () => Promise.reject(new NetworkError("other", "Cannot bind: not here")),
      },
      log: { write: () => {} },
    },
    ...OPTIONS,
    ...options,
  });
  const running = announcer.run(controller.signal);
  const status = () => announcer.stats().map((s) => s.status);
  /** Ends the run and sees that nothing is left over. */
  const end = async () => {
    controller.abort();
    await running;
    await settle();
    assertEquals([clock.sleeping, http.pending], [0, 0]);
  };
  return { announcer, clock, http, counters, found, warnings, controller, running, status, end };
}

/** Trackers by host. */
export const A = "http://a.example/announce";
/** The second. */
export const B = "http://b.example/announce";
/** The third. */
export const C = "http://c.example/announce";
