/**
 * Whole announces against scripted trackers: when, and what becomes of failures.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { A, B, C, peers, type Reply, type Script, settle, setup } from "./announcer_lab.ts";

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
