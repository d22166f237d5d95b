/**
 * Whole announces against scripted trackers, on a clock that is moved by hand.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import type { HttpOptions, HttpResponse } from "../../src/ports/http.ts";
import { Announcer, type AnnouncerOptions } from "../../src/session/announcer.ts";

/** Time that stands still until `advance`. */
class FakeClock {
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
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

type Reply = Encodable | NetworkError | "silent" | { redirect: string } | { status: number };
type Script = (query: URLSearchParams, url: URL) => Reply | Promise<Reply>;

/** Trackers by host. What they were asked is in `log` as `host event left`. */
class FakeHttp {
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

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** `n` peers and an interval of half an hour. */
function peers(n: number, more: Record<string, Encodable> = {}): Encodable {
  return {
    interval: 1800,
    complete: 3,
    incomplete: 4,
    peers: new Uint8Array(6 * n).fill(9),
    ...more,
  };
}

const OPTIONS = { userAgent: "starling/test" };

function setup(
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

const A = "http://a.example/announce";
const B = "http://b.example/announce";
const C = "http://c.example/announce";

Deno.test("run() announces started, then at the interval, when a tracker answers", async () => {
  const { clock, http, found, status, announcer, warnings, end } = setup(
    { "a.example": () => peers(2, { "tracker id": "id&", "warning message": "be\x1bware" }) },
    { tiers: [[A + "?key=1#x"]] },
  );
  await clock.advance(0);
  assertEquals(http.take(), ["a.example started 100"]);
  assertEquals(
    http.urls[0],
    A + "?key=1&info_hash=%F0%F1%F2%F3%F4%F5%F6%F7%F8%F9%FA%FB%FC%FD%FE%FF%00%01%02%03" +
      "&peer_id=AAAAAAAAAAAAAAAAAAAA&port=6881&uploaded=1&downloaded=2&left=100&compact=1" +
      "&no_peer_id=1&numwant=100&key=07070707&event=started",
  );
  assertEquals(http.headers[0], { "user-agent": "starling/test" });
  assertEquals(found.length, 2);
  assertEquals(status(), ["ok, 2 peers, next in 30m"]);
  const [stats] = announcer.stats();
  assertEquals([stats?.isWorking, stats?.seeds, stats?.leeches], [true, 3, 4]);
  await clock.advance(1_799_999);
  assertEquals(http.take(), []);
  await clock.advance(1);
  assertEquals(http.take(), ["a.example - 100"]);
  assert(http.urls[1]?.endsWith("&key=07070707&trackerid=id%26"));
  assertEquals(warnings, ["Tracker a.example: be ware"]);
  await end();
});

Deno.test("run() asks the other tiers after 1 s when the first is silent, and gives up after 15 s", async () => {
  const { clock, http, status, end } = setup(
    { "a.example": () => "silent", "b.example": () => "silent", "c.example": () => peers(50) },
    { tiers: [[A], [B], [C]] },
  );
  await clock.advance(999);
  assertEquals(http.take(), ["a.example started 100"]);
  await clock.advance(1);
  assertEquals(http.take(), ["b.example started 100", "c.example started 100"]);
  await clock.advance(0);
  assertEquals(status().slice(1), ["announcing", "ok, 50 peers, next in 30m"]);
  await clock.advance(14_000);
  assertEquals(status()[0], "timed out: no answer within 15 s");
  await clock.advance(14_999);
  assertEquals(http.take(), []);
  await clock.advance(1);
  assertEquals(http.take(), ["a.example started 100"]);
  await end();
});

Deno.test("run() ends announces that ignore their signal when the time is over", async () => {
  const stuck = Promise.withResolvers<Reply>();
  const { clock, status, controller, running, http } = setup({ "a.example": () => stuck.promise }, {
    tiers: [[A]],
  });
  await clock.advance(15_000);
  assertEquals(status(), ["timed out: no answer within 15 s"]);
  await clock.advance(15_000);
  assertEquals(http.take().length, 2);
  controller.abort();
  await running;
  stuck.resolve({});
  await settle();
});

Deno.test("run() tells what is wrong in words when trackers fail", async () => {
  const hosts: Record<string, [Reply, string]> = {
    "refused.example": [new NetworkError("refused", "x"), "unreachable: connection refused"],
    "dns.example": [
      new NetworkError("unreachable", "Cannot fetch http://dns.example/secret: name not found"),
      "unreachable: name not found",
    ],
    "slow.example": [new NetworkError("timeout", "x: y"), "timed out: no answer in time"],
    "bomb.example": [new NetworkError("too-large", "x"), "bad answer: more than 2 MiB"],
    "loop.example": [
      new NetworkError("policy", "Cannot fetch x: the redirects go in circles"),
      "not allowed: the redirects go in circles",
    ],
    "html.example": ["<html>", "bad answer: not a dictionary"],
    "missing.example": [{ status: 404 }, "bad answer: HTTP status 404"],
    "no.example": [{ "failure reason": "un\nregistered" }, "refused: un registered"],
  };
  const trackers = Object.fromEntries(
    Object.entries(hosts).map(([host, [reply]]) => [host, () => reply]),
  );
  const tiers = Object.keys(hosts).map((host) => [`http://${host}/announce`]);
  const { clock, status, warnings, end } = setup(trackers, { tiers });
  await clock.advance(0);
  assertEquals(status(), Object.values(hosts).map(([, words]) => words));
  await clock.advance(3_600_000);
  assertEquals(
    warnings,
    [
      "Tracker loop.example: not allowed: the redirects go in circles",
      "Tracker no.example: refused: un registered",
      "Tracker no.example: refused: un registered (no tracker works)",
    ].slice(0, 2),
  );
  await end();
});

Deno.test("run() warns once when no tracker works", async () => {
  const { clock, warnings, end } = setup({}, { tiers: [[A], [B]] });
  await clock.advance(7_200_000);
  assertEquals(warnings, [
    "Tracker b.example: unreachable: connection refused (no tracker works)",
  ]);
  await end();
});

Deno.test("run() reads the failure reason and Retry-After when the status is bad", async () => {
  const { clock, http, status, end } = setup({
    "a.example": () => ({ "status": 403, "failure reason": "banned", "retry in": 2 }),
    "b.example": () => ({ status: 503 }),
  }, { tiers: [[A], [B]] });
  await clock.advance(0);
  assertEquals(status(), ["refused: banned", "bad answer: HTTP status 503"]);
  http.take();
  await clock.advance(89_999);
  assertEquals(http.take(), []);
  await clock.advance(1);
  assertEquals(http.take(), ["b.example started 100"]);
  await clock.advance(30_000);
  assertEquals(http.take(), ["a.example started 100"]);
  await end();
});

Deno.test("run() skips trackers it cannot use, with one warning for each reason", async () => {
  const many = Array.from({ length: 100_000 }, (_, i) => `wss://t${i}.example:1/announce`);
  const { clock, http, warnings, announcer, end } = setup({ "a.example": () => peers(1) }, {
    tiers: [["http://"], [A], many],
  });
  await clock.advance(0);
  assertEquals(http.take(), ["a.example started 100"]);
  assertEquals(warnings, [
    "Skipped 1 tracker: not allowed: not a URL",
    "Skipped 998 trackers: not allowed: not an http, https or udp URL",
  ]);
  const stats = announcer.stats();
  assertEquals(stats.length, 101);
  assertEquals(stats.slice(0, 3).map((s) => [s.url, s.tier, s.status.split(":")[0]]), [
    ["http://", 0, "not allowed"],
    [A, 1, "ok, 1 peer, next in 30m"],
    ["t0.example:1", 2, "not allowed"],
  ]);
  await end();
});

Deno.test("run() follows redirects under the policy", async () => {
  const seen: string[] = [];
  const trackers: Record<string, Script> = {
    "a.example": () => ({ redirect: C }),
    "b.example": () => ({ redirect: "http://127.0.0.1/announce" }),
    "c.example": () => peers(1),
    "d.example": (_, url) => ({
      redirect: `http://d.example/${Number(url.pathname.slice(1)) + 1}`,
    }),
    "127.0.0.1": (_, url) => {
      seen.push(url.href);
      return peers(1);
    },
  };
  const tiers = [[A], [B], ["http://d.example/0"], ["http://127.0.0.1/delete"]];
  const stranger = setup(trackers, { tiers });
  await stranger.clock.advance(0);
  assertEquals(stranger.status(), [
    "ok, 1 peer, next in 30m",
    "not allowed: a redirect from a public to a private address",
    "bad answer: more than 5 redirects",
    "not allowed: an odd path on a private address",
  ]);
  assertEquals(stranger.http.log.filter((line) => line.startsWith("d")).length, 6);
  assertEquals(seen, []);
  await stranger.end();

  for (const options of [{ tiers, allowPrivate: true }, { userTrackers: tiers.flat() }]) {
    const trusted = setup(trackers, options);
    await trusted.clock.advance(0);
    assertEquals(trusted.status()[1], "ok, 1 peer, next in 30m");
    assertEquals(trusted.status()[3], "ok, 1 peer, next in 30m");
    await trusted.end();
  }
  assertEquals(seen.filter((url) => url.startsWith("http://127.0.0.1/delete?info")).length, 2);
});

Deno.test("completed() is announced once, at once, when the download was incomplete", async () => {
  const { announcer, clock, http, counters, end } = setup(
    { "a.example": () => peers(1), "b.example": () => new NetworkError("refused", "x") },
    { tiers: [[A], [B]] },
  );
  await clock.advance(1000);
  assertEquals(http.take(), ["a.example started 100", "b.example started 100"]);
  counters.left = 0;
  announcer.completed();
  announcer.completed();
  await clock.advance(0);
  assertEquals(http.take(), ["a.example completed 0"]);
  // The other never knew us as incomplete.
  await clock.advance(1_000_000);
  assert(http.take().every((line) => line === "b.example started 0"));
  await end();
});

Deno.test("completed() says nothing when the download was complete at the start", async () => {
  const trackers: Record<string, Script> = { "a.example": () => peers(1) };
  const counters = () => ({ uploaded: 0, downloaded: 0, left: 0 });
  const { announcer, clock, http, end } = setup(trackers, { tiers: [[A]], counters });
  await clock.advance(0);
  announcer.completed();
  await clock.advance(1000);
  assertEquals(http.take(), ["a.example started 0"]);
  await end();
});

Deno.test("stop() tells the trackers that accepted started, side by side", async () => {
  const { announcer, clock, http, running, end } = setup({
    "a.example": () => peers(1),
    "b.example": () => new NetworkError("refused", "x"),
    "c.example": (query) => query.get("event") === "stopped" ? {} : peers(1),
    "d.example": () => "silent",
  }, { tiers: [[A], [B], [C], ["http://d.example/announce"]] });
  await clock.advance(1000);
  http.take();
  const stopped = announcer.stop();
  assertEquals(announcer.stop(), stopped);
  await stopped;
  await running;
  assertEquals(http.take(), ["a.example stopped 100", "c.example stopped 100"]);
  assert(http.urls.at(-1)?.includes("&numwant=0&"));
  assertEquals(clock.now(), 1000);
  await end();
});

Deno.test("stop() ends at the deadline when a tracker does not answer", async () => {
  for (const [deadline, expected] of [[undefined, 1000], [250, 250], [0, 0]] as const) {
    const { announcer, clock, http, end } = setup({
      "a.example": (query) => query.get("event") === "stopped" ? "silent" : peers(1),
    }, { tiers: [[A]] });
    await clock.advance(10);
    let endedAt = -1;
    const stopped = announcer.stop(deadline).then(() => endedAt = clock.now());
    if (expected === 0) await clock.advance(0);
    if (expected > 0) {
      await clock.advance(expected - 1);
      assertEquals(endedAt, -1);
      await clock.advance(1);
    }
    await stopped;
    assertEquals(endedAt, 10 + expected);
    assertEquals(http.take().at(-1), "a.example stopped 100");
    await end();
  }
});

Deno.test("stop() sends completed before stopped when it is still owed", async () => {
  const { announcer, clock, http, counters, end } = setup({ "a.example": () => peers(1) }, {
    tiers: [[A]],
  });
  await clock.advance(0);
  counters.left = 0;
  announcer.completed();
  await announcer.stop();
  assertEquals(http.take(), [
    "a.example started 100",
    "a.example completed 0",
    "a.example stopped 0",
  ]);
  await end();
});

Deno.test("stop() waits half its time for a completed under way, even when run is aborted", async () => {
  const { announcer, clock, http, controller, end } = setup({
    "a.example": (query) => query.get("event") === "completed" ? "silent" : peers(1),
  }, { tiers: [[A]] });
  await clock.advance(0);
  announcer.completed();
  await clock.advance(5);
  const stopped = announcer.stop();
  controller.abort();
  await clock.advance(499);
  assertEquals(http.take(), ["a.example started 100", "a.example completed 100"]);
  await clock.advance(1);
  assertEquals(http.take(), ["a.example stopped 100"]);
  await stopped;
  await end();
});

Deno.test("stop() works when run was aborted before", async () => {
  const { announcer, clock, http, end } = setup({ "a.example": () => peers(1) }, { tiers: [[A]] });
  await clock.advance(0);
  await end();
  await announcer.stop();
  assertEquals(http.take(), ["a.example started 100", "a.example stopped 100"]);
});

Deno.test("announceSoon() asks again after 30 s when peers are wanted", async () => {
  const { announcer, clock, http, end } = setup({ "a.example": () => peers(0) }, { tiers: [[A]] });
  await clock.advance(1);
  announcer.announceSoon();
  await clock.advance(29_998);
  assertEquals(http.take(), ["a.example started 100"]);
  await clock.advance(1);
  assertEquals(http.take(), ["a.example - 100"]);
  await end();
});

Deno.test("run() throws what a callback threw", async () => {
  const { running, clock } = setup({ "a.example": () => peers(1) }, {
    tiers: [[A]],
    onPeers: () => {
      throw new RangeError("ours");
    },
  });
  const outcome = running.then(() => "fine", (error) => error.message);
  await clock.advance(0);
  assertEquals(await outcome, "ours");
});
