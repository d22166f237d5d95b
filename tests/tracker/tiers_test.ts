/**
 * Which trackers are asked, and in which order, without a tracker.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { trackerError } from "../../src/tracker/announce.ts";
import { ENOUGH_PEERS, MAX_TRACKERS, TierList, type Tracker } from "../../src/tracker/tiers.ts";
import { below, forSeeds, pick } from "../support/prng.ts";
import { answer, setup } from "./tiers_lab.ts";

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

Deno.test("take() goes on with one tier when the torrent turns out to be private", () => {
  const { list, at, ok, fail } = setup("a b c");
  for (const [url, now] of [["a", 0], ["b", 10]] as const) {
    at(now);
    ok(url, now + 10, 1);
  }
  assertEquals(at(20)[0], "c:started");
  list.turnPrivate();
  ok("c", 30, 1);
  assertEquals(at(1_800_030), ["a", Infinity]);
  fail("a", 1_800_040);
  assertEquals(at(1_800_040)[0], "b");
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
