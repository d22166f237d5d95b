/**
 * Trackers in words.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { trackerError, trackerHost } from "../../src/tracker/announce.ts";
import { spanWords, statusWords } from "../../src/tracker/status.ts";
import { TierList } from "../../src/tracker/tiers.ts";

Deno.test("spanWords() rounds to what a person wants to know", () => {
  const cases: [number, string][] = [
    [-5, "0s"],
    [1400, "1s"],
    [89_000, "89s"],
    [90_000, "2m"],
    [1_800_000, "30m"],
    [3_600_000, "1h"],
    [5_400_000, "1h 30m"],
    [7_200_000, "2h"],
  ];
  for (const [ms, words] of cases) assertEquals(spanWords(ms), words);
});

Deno.test("trackerHost() shows host and port only, since the rest may be a passkey", () => {
  assertEquals(trackerHost("http://me:secret@t.example:80/passkey/announce?k=1"), "t.example");
  assertEquals(trackerHost("udp://t.example:1337/x"), "t.example:1337");
  assertEquals(trackerHost("http://[::1]:8/announce"), "[::1]:8");
  assertEquals(trackerHost("not a\x1b url"), "not a url");
});

Deno.test("statusWords() follows a tracker through its life", () => {
  const url = "http://t.example/announce";
  const list = new TierList({ tiers: [[url]], random: { below: () => 0 } });
  const tracker = list.trackers[0]!;
  const words = (now: number) => statusWords(tracker, now);
  assertEquals(words(0), "not asked yet");
  list.take(0);
  assertEquals(words(0), "announcing");
  list.failed(tracker, trackerError(url, "unreachable", "connection refused"), 0);
  assertEquals(words(0), "unreachable: connection refused");
  list.take(15_000);
  assertEquals(words(15_000), "unreachable: connection refused");
  const peers = [{ host: "1.2.3.4", port: 5 }];
  const answer = { peers, intervalMs: 1_800_000, seeds: null, leeches: null, warning: null };
  list.succeeded(tracker, answer, 15_000);
  assertEquals(words(15_000), "ok, 1 peer, next in 30m");
  list.take(1_815_000);
  assertEquals(words(1_815_000), "ok, 1 peer, announcing");
});
