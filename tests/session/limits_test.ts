/**
 * What ends a torrent but its own end.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Ended } from "../../src/session/ending.ts";
import { Limits } from "../../src/session/limits.ts";

Deno.test("checkStall() does not count the time for which the process stood still", () => {
  let now = 0;
  const ends: Ended[] = [];
  const limits = new Limits({
    clock: { now: () => now, epochMs: () => now, sleep: () => Promise.resolve() },
    options: { output: ".", stallTimeoutMs: 20_000 },
    onEnd: (ended) => void ends.push(ended),
    why: () => "",
  });
  const lookFor = (ms: number) => {
    for (const end = now + ms; now < end;) {
      now += 1000;
      limits.checkStall({ outreach: undefined, swarm: undefined, verified: 0, progressAt: 0 });
    }
  };
  lookFor(5_000);
  now += 60_000;
  lookFor(20_000);
  assertEquals(ends.length, 0);
  lookFor(1_000);
  const [{ outcome }] = ends as [Ended];
  assertEquals(outcome.kind === "failed" && outcome.reason, "stalled");
});
