/**
 * When a tracker is asked again, and what it is told of, without a tracker.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { BugError } from "../../src/base/errors.ts";
import { ENOUGH_PEERS } from "../../src/tracker/tiers.ts";
import { answer, setup } from "./tiers_lab.ts";

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

Deno.test("succeeded() throws BugError when the tracker is of another list", () => {
  const { list } = setup("a");
  const stranger = setup("a").find("a");
  assertThrows(() => list.succeeded(stranger, answer(0), 0), BugError);
});
