/**
 * Announce URLs, usable and not.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { sortTrackerUrls } from "../../src/session/tracker_urls.ts";

const canCarry = (scheme: string) => scheme === "http:";

Deno.test("sortTrackerUrls() keeps what there is a transport for, without fragments", () => {
  const sorted = sortTrackerUrls(
    ["http://u/a#x"],
    [["http://a/?k=%ff", " HTTP://b:80 "], []],
    canCarry,
  );
  assertEquals(sorted, {
    userTrackers: ["http://u/a"],
    tiers: [["http://a/?k=%ff", "http://b/"], []],
    skipped: [],
    warnings: [],
  });
});

Deno.test("sortTrackerUrls() says why when it skips, the user's trackers included", () => {
  const { userTrackers, tiers, skipped, warnings } = sortTrackerUrls(
    ["nonsense\x1b[2J"],
    [["udp://a:1/x", "udp://b:2"], ["constructor:x"]],
    canCarry,
  );
  assertEquals([userTrackers, tiers], [[], [[], []]]);
  assertEquals(skipped.map((s) => [s.url, s.tier, s.status]), [
    ["nonsense [2J", 0, "not allowed: not a URL"],
    ["udp://a:1/x", 1, "unsupported yet: udp trackers"],
    ["udp://b:2", 1, "unsupported yet: udp trackers"],
    ["constructor:x", 2, "not allowed: not a URL"],
  ]);
  assertEquals(warnings, [
    "Skipped 2 trackers: not allowed: not a URL",
    "Skipped 2 trackers: unsupported yet: udp trackers",
  ]);
});
