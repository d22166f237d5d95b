/**
 * How well peers are found in a simulated DHT, at a scale that fits a test; `tests/bench/dht_bench.ts` has
 * the large one.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MAX_ANSWER } from "../../src/dht/krpc_encode.ts";
import { ROUND_TRIP_MS } from "./sim_dht.ts";
import { median, runTrial, type TrialResult } from "./sim_trial.ts";

function summary({ outcomes }: TrialResult) {
  const found = outcomes.flatMap((outcome) => outcome.found ?? []);
  return {
    share: found.length / outcomes.length,
    afterMs: median(found.map((one) => one.afterMs)),
    queries: median(outcomes.map((one) => one.queries)),
    worst: Math.max(...outcomes.map((one) => one.queries)),
  };
}

Deno.test("getPeers() finds a stored peer when every fifth node is dead", () => {
  const result = runTrial({ seed: 1, nodes: 300, lookups: 100, dead: 0.2, liars: 0 });
  const { share, afterMs, queries, worst } = summary(result);
  assertEquals(share, 1);
  assert(afterMs <= 8 * ROUND_TRIP_MS, `after ${afterMs} ms`);
  // A few believe their eight to be too far away, and look around until they are content.
  assert(queries <= 30 && worst <= 84, `${queries} queries, at most ${worst}`);
  assert(result.world.longest <= MAX_ANSWER, `${result.world.longest} bytes`);
  const tables = result.hosts.map(({ node }) => node.stats.confirmedNodes);
  assert(Math.min(...tables) >= 8, "everybody knows enough others");
});

Deno.test("getPeers() finds a stored peer when every fifth node lies", () => {
  const result = runTrial({ seed: 2, nodes: 400, lookups: 100, dead: 0, liars: 0.2 });
  const { share, queries, worst } = summary(result);
  assert(share >= 0.98, `${share} found`);
  assert(queries <= 40 && worst <= 90, `${queries} queries, at most ${worst}`);
});
