/**
 * The order and the times of announces, without a tracker.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BugError } from "../../src/base/errors.ts";
import { type AnnounceResponse, trackerError } from "../../src/tracker/announce.ts";
import { ENOUGH_PEERS, MAX_TRACKERS, TierList, type Tracker } from "../../src/tracker/tiers.ts";
import { below, forSeeds, pick } from "../support/prng.ts";

/** Drawn tiers: `"ab c"` is a tier of a and b, then one of c. Not shuffled: `below` gives the last. */
function setup(
  drawn: string,
  options: { user?: string; isPrivate?: boolean; asksAll?: boolean } = {},
) {
  const list = new TierList({
    tiers: drawn.split(" ").map((tier) => [...tier]),
    userTrackers: [...options.user ?? ""],
    random: { below: (limit) => limit - 1 },
    isPrivate: options.isPrivate ?? false,
    asksAll: options.asksAll ?? false,
  });
  const find = (url: string) => list.trackers.find((t) => t.url === url)!;
  const at = (now: number) => {
    const { due, wakeAt } = list.take(now);
    list.checkInvariants();
    const drawnDue = due.map((t) => t.url + (t.asking?.event ? `:${t.asking.event}` : ""));
    return [drawnDue.join(" "), wakeAt];
  };
  const ok = (url: string, now: number, peers = 0, more: Partial<AnnounceResponse> = {}) => {
    list.succeeded(find(url), { ...answer(peers), ...more }, now);
    list.checkInvariants();
  };
  const fail = (url: string, now: number, retryAfterMs?: number) => {
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
    list.failed(find(url), trackerError(url, "unreachable", "no", retry), now);
    list.checkInvariants();
  };
  const order = () => list.trackers.map((t) => t.url).join("");
  return { list, find, at, ok, fail, order };
}

function answer(peers: number): AnnounceResponse {
  const list = Array.from({ length: peers }, (_, i) => ({ host: "1.2.3.4", port: i + 1 }));
  return { peers: list, intervalMs: 1_800_000, seeds: 1, leeches: 2, warning: null };
}

Deno.test("take() stays with the first tier when it gives enough peers", () => {
  const { at, ok } = setup("a b");
  assertEquals(at(0), ["a:started", 1000]);
  ok("a", 100, ENOUGH_PEERS);
  assertEquals(at(100), ["", 1_800_100]);
  assertEquals(at(1_800_100), ["a", Infinity]);
});

Deno.test("take() starts one tracker of every tier when nobody has answered for 1 s", () => {
  const { at, ok } = setup("ab cd e");
  assertEquals(at(0), ["a:started", 1000]);
  assertEquals(at(999), ["", 1000]);
  assertEquals(at(1000), ["c:started e:started", 3000]);
  ok("e", 1100, ENOUGH_PEERS);
  // Inside its tier the next one waits for the first, which is heard when it answers at last.
  assertEquals(at(3000), ["b:started", 4000]);
  ok("a", 3500, 5);
  assertEquals(at(3500), ["", 4000]);
  assertEquals(at(4000), ["d:started", 7000]);
});

Deno.test("take() starts the next tier when one is silent for 1 s after others have answered", () => {
  const { at, ok } = setup("a b c d");
  at(0);
  ok("a", 100, 1);
  assertEquals(at(100), ["b:started", 1100]);
  assertEquals(at(1099)[0], "");
  assertEquals(at(1100), ["c:started", 2100]);
  ok("c", 1200, ENOUGH_PEERS);
  assertEquals(at(9000)[0], "");
});

Deno.test("take() starts the next tier after 3 s of silence when the torrent is private", () => {
  const { at } = setup("a b c", { isPrivate: true });
  assertEquals(at(0), ["a:started", 3000]);
  assertEquals(at(2999), ["", 3000]);
  assertEquals(at(3000), ["b:started", 6000]);
  assertEquals(at(6000)[0], "c:started");
});

Deno.test("take() starts the next tier at once when the one before failed as a whole", () => {
  const { at, fail } = setup("ab c");
  assertEquals(at(0), ["a:started", 1000]);
  fail("a", 10);
  assertEquals(at(10), ["b:started", 1000]);
  fail("b", 20);
  assertEquals(at(20), ["c:started", 3020]);
});

Deno.test("take() starts the next tier when an answer has too few peers", () => {
  const { at, ok } = setup("a b c");
  at(0);
  ok("a", 50, ENOUGH_PEERS - 1);
  assertEquals(at(50), ["b:started", 1050]);
  ok("b", 90, ENOUGH_PEERS);
  assertEquals(at(90), ["", 1_800_050]);
});

Deno.test("take() keeps to the tier that works when the torrent is private", () => {
  const { list, at, ok, fail } = setup("a b", { isPrivate: true });
  at(0);
  ok("a", 50, 0);
  list.announceSoon();
  assertEquals(at(50), ["", 30_050]);
  assertEquals(at(30_050), ["a", Infinity]);
  fail("a", 31_000);
  assertEquals(at(31_000), ["b:started", 34_000]);
});

Deno.test("take() uses one tier at a time when the torrent is private, whoever answers late", () => {
  const { at, ok, fail } = setup("a b", { isPrivate: true, user: "u" });
  assertEquals(at(0)[0], "u:started a:started");
  assertEquals(at(3000)[0], "b:started");
  for (const url of "bau") ok(url, 4000, 1);
  // Only the user's own goes beside it.
  assertEquals(at(1_804_000), ["u a", Infinity]);
  ok("u", 1_804_000, 1);
  fail("a", 1_804_010);
  assertEquals(at(1_804_010)[0], "b");
  ok("b", 1_804_020, 1);
  // The one before is not asked again while the other works.
  assertEquals(at(1_900_000), ["", 3_604_000]);
});

Deno.test("take() tries the next tracker of a tier when one is silent for 3 s", () => {
  const { at, ok, order } = setup("abc");
  assertEquals(at(0), ["a:started", 3000]);
  assertEquals(at(3000), ["b:started", 6000]);
  ok("b", 3500, 1);
  assertEquals(order(), "bac");
  ok("a", 5000, 1);
  assertEquals(order(), "bac");
  assertEquals(at(5000), ["", 1_803_500]);
});

Deno.test("take() does not try others when a working tracker is slow to answer again", () => {
  const { at, ok } = setup("ab");
  at(0);
  ok("a", 1, 1);
  assertEquals(at(1_800_001), ["a", Infinity]);
  assertEquals(at(1_810_000), ["", Infinity]);
});

Deno.test("take() starts all of the user's trackers and the first tier at once", () => {
  const { at, ok, order, find } = setup("ab uc d", { user: "uv" });
  assertEquals(order(), "uvabcd");
  assertEquals(["u", "v", "a", "c", "d"].map((url) => find(url).tier), [0, 1, 2, 3, 4]);
  assertEquals(["u", "v", "a"].map((url) => find(url).isUserTyped), [true, true, false]);
  assertEquals(at(0), ["u:started v:started a:started", 1000]);
  for (const url of "uva") ok(url, 5, ENOUGH_PEERS);
  assertEquals(at(5), ["", 1_800_005]);
});

Deno.test("take() starts every tracker at once when all are to be asked", () => {
  const { at, ok } = setup("ab c", { user: "u", asksAll: true, isPrivate: true });
  assertEquals(at(0)[0], "u:started a:started b:started c:started");
  for (const url of "uabc") ok(url, 10, ENOUGH_PEERS);
  assertEquals(at(10), ["", 1_800_010]);
});

Deno.test("failed() backs off from 15 s to 30 min", () => {
  const { at, fail } = setup("a");
  const waits: number[] = [];
  let now = 0;
  at(now);
  for (let i = 0; i < 10; i++) {
    fail("a", now);
    const [due, wakeAt] = at(now);
    assertEquals(due, "");
    waits.push((Number(wakeAt) - now) / 1000);
    now = Number(wakeAt);
    assertEquals(at(now)[0], "a:started");
  }
  assertEquals(waits, [15, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
});

Deno.test("failed() does not change when others are asked", () => {
  const { at, ok, fail } = setup("a b");
  at(0);
  fail("a", 0);
  at(0);
  ok("b", 0, ENOUGH_PEERS, { intervalMs: 60_000 });
  assertEquals(at(15_000), ["a:started", 18_000]);
  assertEquals(at(60_000)[0], "b");
});

Deno.test("failed() waits longer when the tracker asks for it, for ever if so", () => {
  const { at, fail } = setup("a");
  at(0);
  fail("a", 0, 60_000);
  assertEquals(at(0), ["", 60_000]);
  assertEquals(at(60_000)[0], "a:started");
  fail("a", 60_000, Infinity);
  assertEquals(at(60_000), ["", Infinity]);
  assertEquals(at(1e12), ["", Infinity]);
});

Deno.test("succeeded() clears a failure and promotes to the front of the tier", () => {
  const { at, ok, fail, order, find } = setup("abc");
  at(0);
  fail("a", 0);
  at(0);
  fail("b", 0);
  at(0);
  ok("c", 0, 1);
  assertEquals(order(), "cab");
  assertEquals(find("c").state, "working");
  // c fails later: the others are asked again, in order.
  assertEquals(at(1_800_000), ["c", Infinity]);
  fail("c", 1_800_000);
  assertEquals(at(1_800_000)[0], "a:started");
  ok("a", 1_800_100, 1);
  assertEquals(order(), "acb");
  assertEquals(find("a").error, undefined);
});

Deno.test("succeeded() honours the longer of interval and minimum, and keeps the tracker id", () => {
  const { at, ok, find } = setup("a");
  at(0);
  ok("a", 0, 1, { intervalMs: 30_000, minIntervalMs: 90_000, trackerId: "x" });
  assertEquals(at(0), ["", 90_000]);
  at(90_000);
  ok("a", 90_000, 1);
  assertEquals(find("a").trackerId, "x");
});

Deno.test("completed() is sent once to every tracker that knows us as incomplete", () => {
  const { list, at, ok, fail } = setup("a b c d");
  at(0);
  ok("a", 0, 0);
  at(0);
  fail("b", 0);
  assertEquals(at(0)[0], "c:started");
  list.completed();
  // a is told at once, c once it has accepted, b and d never knew.
  assertEquals(at(10)[0], "a:completed");
  ok("c", 20, 0);
  assertEquals(at(20)[0], "c:completed d:started");
  ok("a", 30, 0);
  fail("c", 30);
  ok("d", 30, 0);
  list.completed();
  assertEquals(at(15_000)[0], "b:started");
  ok("b", 15_000, 0);
  assertEquals(at(15_030)[0], "c:completed");
  ok("c", 15_040, 0);
  assertEquals(at(15_040), ["", 1_800_030]);
});

Deno.test("completed() is owed nothing when the started before it failed", () => {
  const { list, at, fail, ok } = setup("a");
  at(0);
  list.completed();
  fail("a", 0);
  assertEquals(at(15_000)[0], "a:started");
  ok("a", 15_000, 0);
  assertEquals(at(15_000)[0], "");
});

Deno.test("announceSoon() respects minimum intervals and gets rarer", () => {
  const { list, at, ok } = setup("a");
  at(0);
  const more = { minIntervalMs: 40_000 };
  ok("a", 0, 0, more);
  const times: number[] = [];
  for (let now = 0; now < 400_000; now += 500) {
    list.announceSoon();
    if (at(now)[0] === "a") {
      times.push(now);
      ok("a", now, 0, more);
    }
  }
  assertEquals(times, [40_000, 120_000, 280_000]);
});

Deno.test("announceSoon() opens one more tier unless an answer brought enough", () => {
  const { list, at, ok } = setup("a b c");
  list.announceSoon();
  at(0);
  ok("a", 100, ENOUGH_PEERS);
  assertEquals(at(3000)[0], "");
  list.announceSoon();
  assertEquals(at(3000)[0], "b:started");
  ok("b", 3010, ENOUGH_PEERS);
  assertEquals(at(6010)[0], "");
});

Deno.test("announceSoon() does not hurry a tracker that fails", () => {
  const { list, at, fail } = setup("a");
  at(0);
  fail("a", 0);
  list.announceSoon();
  assertEquals(at(14_999), ["", 15_000]);
});

Deno.test("cancelled() makes it as if the tracker had not been taken", () => {
  const { list, at, find } = setup("a");
  at(0);
  list.completed();
  list.cancelled(find("a"));
  list.checkInvariants();
  assertEquals(at(0)[0], "a:started");
});

Deno.test("TierList() shuffles within tiers only, takes each URL once and 100 in all", () => {
  const urls = (name: string, n: number) => Array.from({ length: n }, (_, i) => `${name}${i}`);
  const orders = new Set<string>();
  forSeeds(20, (next) => {
    const list = new TierList({
      tiers: [urls("a", 20), urls("a", 25), [], urls("b", 200)],
      userTrackers: ["u", "a3", "u"],
      random: { below: (limit) => below(next, limit) },
    });
    const order = list.trackers.map((t) => t.url);
    orders.add(order.join());
    assertEquals(order.length, MAX_TRACKERS);
    assertEquals(order.slice(0, 2), ["u", "a3"]);
    assertEquals(order.slice(2, 21).toSorted(), urls("a", 20).filter((u) => u !== "a3").toSorted());
    assertEquals(order.slice(21, 26).toSorted(), ["a20", "a21", "a22", "a23", "a24"]);
  });
  assertEquals(orders.size, 20);
});

Deno.test("take() has nothing to do when there are no trackers", () => {
  assertEquals(new TierList({ tiers: [], random: { below: () => 0 } }).take(0), {
    due: [],
    wakeAt: Infinity,
  });
});

Deno.test("succeeded() throws BugError when the tracker is of another list", () => {
  const { list } = setup("a");
  const stranger = setup("a").find("a");
  assertThrows(() => list.succeeded(stranger, answer(0), 0), BugError);
});

Deno.test("TierList keeps its invariants through random histories", () => {
  forSeeds(150, (next) => {
    const list = new TierList({
      tiers: [["a", "b", "c"], ["d"], ["e", "f"], ["g"]],
      userTrackers: next() < 0.5 ? ["u"] : [],
      random: { below: (limit) => below(next, limit) },
      isPrivate: next() < 0.3,
    });
    // The slow model: what each tracker was told, by what it answered.
    const told = new Map<string, string[]>();
    const lastAsked = new Map<string, number>();
    const asked = new Set<Tracker>();
    let now = 0;
    for (let step = 0; step < 120; step++) {
      const { due, wakeAt } = list.take(now);
      assert(wakeAt > now, "would spin");
      for (const tracker of due) {
        assert(!asked.has(tracker), "asked twice at the same time");
        const gap = now - (lastAsked.get(tracker.url) ?? -Infinity);
        assert(gap >= 15_000 || tracker.asking?.event === "completed", `asked again after ${gap}`);
        lastAsked.set(tracker.url, now);
        asked.add(tracker);
      }
      if (next() < 0.02) list.completed();
      if (next() < 0.2) list.announceSoon();
      for (const tracker of [...asked]) {
        if (next() < 0.5) continue;
        asked.delete(tracker);
        const event = tracker.asking?.event;
        if (next() < 0.5) {
          const error = trackerError(tracker.url, "timeout", "x");
          list.failed(tracker, error, now);
          continue;
        }
        list.succeeded(tracker, { ...answer(pick(next, [0, 60])), intervalMs: 60_000 }, now);
        if (event) told.set(tracker.url, [...told.get(tracker.url) ?? [], event]);
      }
      list.checkInvariants();
      now += pick(next, [0, 10, 3000, 20_000, Math.min(wakeAt - now, 60_000)]);
    }
    for (const [url, events] of told) {
      assertEquals(events, ["started", "completed"].slice(0, events.length), url);
    }
  });
});
