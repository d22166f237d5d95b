/**
 * Announce URLs, usable and not.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { sortTrackerUrls } from "../../src/session/tracker_urls.ts";

Deno.test("sortTrackerUrls() keeps what can be announced to, without fragments", () => {
  const sorted = sortTrackerUrls(
    ["http://u/a#x"],
    [["http://a/?k=%ff", " HTTP://b:80 "], [], ["udp://c:1/x#y"]],
  );
  assertEquals(sorted, {
    userTrackers: ["http://u/a"],
    tiers: [["http://a/?k=%ff", "http://b/"], [], ["udp://c:1/x"]],
    skipped: [],
    warnings: [],
  });
});

Deno.test("sortTrackerUrls() says why when it skips, the user's trackers included", () => {
  const { userTrackers, tiers, skipped, warnings } = sortTrackerUrls(
    ["nonsense\x1b[2J"],
    [["wss://a:1/x", "ftp://b:2"], ["constructor:x"]],
  );
  assertEquals([userTrackers, tiers], [[], [[], []]]);
  assertEquals(skipped.map((s) => [s.url, s.tier, s.status]), [
    ["nonsense [2J", 0, "not allowed: not a URL"],
    ["a:1", 1, "not allowed: not an http, https or udp URL"],
    ["b:2", 1, "not allowed: not an http, https or udp URL"],
    ["constructor:x", 2, "not allowed: not a URL"],
  ]);
  assertEquals(warnings, [
    "Skipped 2 trackers: not allowed: not a URL",
    "Skipped 2 trackers: not allowed: not an http, https or udp URL",
  ]);
});
