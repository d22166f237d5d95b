/**
 * How well peers are found in a simulated DHT with 50 ms between any two nodes: run with
 * `deno run -A tests/bench/dht_bench.ts [NODES] [LOOKUPS] [SEED]`. Time is simulated; only the last column is
 * real: 10,000 nodes take 6 to 13 minutes a line and 4 GB on a core.
 *
 * At most 2000 searches: those of a longer run come when the peers are forgotten, half an hour after they were
 * announced.
 *
 * What is to be reached among 10,000 nodes: with 20 % of them dead, 99.9 % of searches find a stored peer, in a
 * median of at most 3 s and 60 queries; with 20 % of them lying, as in `tests/dht/sim_liars.ts`, 95 % do. Measured:
 *
 * | 10,000 nodes             | searches, seed | found   | median until found | median until over   |
 * | ------------------------ | -------------- | ------- | ------------------ | ------------------- |
 * | 20 % dead                | 1000, 1        | 100 %   | 150 ms, 12 queries | 650 ms, 26 queries  |
 * | 20 % dead                | 2000, 2        | 100 %   | 150 ms, 12 queries | 400 ms, 24 queries  |
 * | 20 % liars               | 1000, 1        | 98.00 % | 150 ms, 14 queries | 850 ms, 32 queries  |
 * | 20 % dead and 20 % liars | 1000, 1        | 96.60 % | 150 ms, 13 queries | 1200 ms, 34 queries |
 *
 * @module
 */

import { median, runTrial } from "../dht/sim_trial.ts";

const [nodes = 10_000, lookups = 1000, seed = 1] = Deno.args.map(Number);

console.log(`${nodes} nodes, ${lookups} lookups, seed ${seed}`);
for (
  const [name, dead, liars] of [
    ["20 % dead", 0.2, 0],
    ["20 % liars", 0, 0.2],
    ["20 % dead and 20 % liars", 0.2, 0.2],
  ] as const
) {
  const start = performance.now();
  const { outcomes, world, hosts } = runTrial({ seed, nodes, lookups, dead, liars });
  const found = outcomes.flatMap((outcome) => outcome.found ?? []);
  const tables = hosts.map((host) => host.node.stats.nodes);
  console.log(
    `${name}: ${(100 * found.length / lookups).toFixed(2)} % found,`,
    `the peer after ${median(found.map((f) => f.afterMs))} ms`,
    `and ${median(found.map((f) => f.queries))} queries,`,
    `the end after ${median(outcomes.map((o) => o.tookMs))} ms`,
    `and ${median(outcomes.map((o) => o.queries))} queries (medians);`,
    `worst ${Math.max(...found.map((f) => f.afterMs))} ms,`,
    `${Math.max(...outcomes.map((o) => o.queries))} queries;`,
    `tables of ${
      median(tables)
    } nodes; ${world.datagrams} datagrams, longest ${world.longest} bytes;`,
    `${((performance.now() - start) / 1000).toFixed(0)} s,`,
    `${(Deno.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  );
}
