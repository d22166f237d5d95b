/**
 * The last announces of a torrent: completed and stopped.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { A, B, C, peers, type Script, setup } from "./announcer_lab.ts";

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

Deno.test("completed() says nothing when something is left, and a partial seed says that it is one", async () => {
  let isPartialSeed = false;
  const { announcer, clock, http, counters, end } = setup({ "a.example": () => peers(1) }, {
    tiers: [[A]],
    isPartialSeed: () => isPartialSeed,
  });
  await clock.advance(1000);
  [counters.left, isPartialSeed] = [40, true];
  announcer.completed();
  await clock.advance(1_800_000);
  await announcer.stop();
  assertEquals(http.take(), [
    "a.example started 100",
    "a.example paused 40",
    "a.example stopped 40",
  ]);
  await end();
});

Deno.test("run() calls a partial seed by no name that a tracker refuses", async () => {
  const script: Script = (query) =>
    query.get("event") === "paused" ? { "failure reason": "unknown event" } : peers(1);
  const { clock, http, end } = setup({ "a.example": script }, {
    tiers: [[A]],
    isPartialSeed: () => true,
  });
  await clock.advance(1_900_000);
  assertEquals(http.take(), ["a.example paused 100", "a.example started 100", "a.example - 100"]);
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
  const { announcer, clock, http, counters, controller, end } = setup({
    "a.example": (query) => query.get("event") === "completed" ? "silent" : peers(1),
  }, { tiers: [[A]] });
  await clock.advance(0);
  counters.left = 0;
  announcer.completed();
  await clock.advance(5);
  const stopped = announcer.stop();
  controller.abort();
  await clock.advance(499);
  assertEquals(http.take(), ["a.example started 100", "a.example completed 0"]);
  await clock.advance(1);
  assertEquals(http.take(), ["a.example stopped 0"]);
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
