/**
 * Whole swarms of sessions: how fast a torrent spreads, and who is treated how.
 *
 * The optimum is the largest of what the seed, the slowest line down and all lines up together need:
 * `max(F / seed up, F / slowest down, n F / (seed up + sum of up))`.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { Download, seedOn } from "../sim/download.ts";
import type { HostOptions } from "../sim/net_host.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import { SimWorld } from "../sim/world.ts";

const SEED = "10.0.0.1";
const PORT = 6881;

/** A leech of a swarm. */
interface Leech {
  readonly link: HostOptions;
  /** What it gives at the most, bytes per second. */
  readonly upLimit?: number;
}

interface SwarmParts {
  readonly number: number;
  readonly length: number;
  readonly seedUp: number;
  readonly leeches: readonly Leech[];
  readonly maxPeers?: number;
  readonly superSeed?: boolean;
  readonly within: number;
}

interface Course {
  readonly world: SimWorld;
  /** Milliseconds after which each leech had everything. */
  readonly doneMs: readonly number[];
  /** Bytes that the seed had given when the first leech had everything. */
  readonly seedGave: number;
}

/** The tracker knows everybody: other sources would add nothing but events. */
const ALONE = { noDht: true, noLsd: true, noPex: true };
/** A whole message at a time costs less to simulate and changes little where lines are shared by few. */
const SEGMENT = 16_500;

/** Runs a swarm until every leech has everything. All know each other through a tracker. */
async function course(parts: SwarmParts): Promise<Course> {
  const world = new SimWorld({ seed: parts.number });
  const tracker = new SimTracker(world.host("10.9.9.9"));
  const torrent = makeTorrent({
    length: parts.length,
    pieceLength: 32_768,
    trackers: [tracker.url],
  });
  const ips = parts.leeches.map((_, i) => `10.0.1.${i + 1}`);
  tracker.peers = [SEED, ...ips].map((host) => ({ host, port: PORT }));
  const seed = await startSeed(world, torrent, parts);
  const startedAt = world.clock.now();
  const leeches: Download[] = [];
  for (const [i, { link, upLimit }] of parts.leeches.entries()) {
    const host = world.host(ips[i]!, { segmentBytes: SEGMENT, ...link });
    const maxPeers = parts.maxPeers ?? 40;
    const session = { bufferBytes: 1 << 20, maxPeers, ...(upLimit && { upLimit }) };
    leeches.push(await Download.start(host, torrent, { ...ALONE, seed: true, session }));
  }
  const doneMs = leeches.map(() => Infinity);
  let left = leeches.length;
  let seedGave = 0;
  for (const [i, { torrent }] of leeches.entries()) {
    torrent.downloaded.then(() => {
      doneMs[i] = world.clock.now() - startedAt;
      if (left-- === leeches.length) seedGave = seed.stats.bytesUploaded;
    });
  }
  await world.runUntil(() => left === 0, { within: parts.within });
  assert(leeches.every(({ stats }) => stats.state === "seeding"));
  return { world, doneMs, seedGave };
}

function startSeed(
  world: SimWorld,
  torrent: TestTorrent,
  { seedUp, superSeed = false }: SwarmParts,
): Promise<Download> {
  const host = world.host(SEED, { upRate: seedUp, segmentBytes: SEGMENT });
  return seedOn(host, torrent, { ...ALONE, superSeed });
}

function optimumMs({ length, seedUp, leeches }: SwarmParts): number {
  const sum = leeches.reduce((all, { link }) => all + (link.upRate ?? Infinity), seedUp);
  const slowest = Math.min(...leeches.map(({ link }) => link.downRate ?? Infinity));
  return 1000 * Math.max(length / seedUp, length / slowest, leeches.length * length / sum);
}

function many(count: number, leech: (i: number) => Leech): Leech[] {
  return Array.from({ length: count }, (_, i) => leech(i));
}

Deno.test("a swarm of a seed and a hundred leeches takes at most 1.4 of what its lines allow", async () => {
  // Lines up of 30 to 70 kB/s, eight times as much down.
  const upRate = (i: number) => 30_000 + 10_000 * (i % 5);
  const parts = {
    number: 1,
    length: 2 << 20,
    seedUp: 200_000,
    leeches: many(100, (i) => ({ link: { upRate: upRate(i), downRate: 8 * upRate(i) } })),
    maxPeers: 16,
    within: 120_000,
  };
  const { doneMs } = await course(parts);
  const ratio = Math.max(...doneMs) / optimumMs(parts);
  assertLess(ratio, 1.4);
});

Deno.test("a seed that is no faster than its leeches gives little twice, and the swarm is as fast as they allow", async () => {
  const parts = {
    number: 1,
    length: 8 << 20,
    seedUp: 80_000,
    leeches: many(24, () => ({ link: { upRate: 80_000 } })),
    maxPeers: 12,
    within: 400_000,
  };
  const { doneMs, seedGave } = await course(parts);
  assertLess(Math.max(...doneMs) / optimumMs(parts), 1.25);
  assertLess(seedGave / parts.length, 1.2);
});

Deno.test("free riders finish later than those who give", async () => {
  const isRider = (i: number) => i % 5 === 4;
  const { doneMs } = await course({
    number: 2,
    length: 3 << 20,
    seedUp: 30_000,
    leeches: many(16, (i) => ({ link: { upRate: 10_000 }, ...(isRider(i) && { upLimit: 100 }) })),
    within: 600_000,
  });
  const givers = doneMs.filter((_, i) => !isRider(i)).sort((a, b) => a - b);
  const riders = doneMs.filter((_, i) => isRider(i)).sort((a, b) => a - b);
  assertGreater(riders[0]!, givers[givers.length >> 1]!, "the first after half of the givers");
  assertGreater(riders.at(-1)!, givers.at(-1)!, "the last after them all");
});

Deno.test("free riders finish later where every second is one", async () => {
  const isRider = (i: number) => i % 2 === 1;
  const { doneMs } = await course({
    number: 8,
    length: 2 << 20,
    seedUp: 60_000,
    leeches: many(24, (i) => ({ link: { upRate: 20_000 }, ...(isRider(i) && { upLimit: 100 }) })),
    within: 600_000,
  });
  const sorted = (wanted: boolean) =>
    doneMs.filter((_, i) => isRider(i) === wanted).sort((a, b) => a - b);
  const [givers, riders] = [sorted(false), sorted(true)];
  for (const place of [0, 6, 11]) assertGreater(riders[place]!, givers[place]!, `number ${place}`);
});

Deno.test("a leech behind a slow line gets what its line carries", async () => {
  const slow = { upRate: 3_000, downRate: 24_000 };
  const length = 1 << 20;
  for (const number of [3, 4]) {
    const { doneMs } = await course({
      number,
      length,
      seedUp: 100_000,
      leeches: many(
        20,
        (i) => ({ link: i === 7 ? slow : { upRate: 50_000, downRate: 400_000 } }),
      ),
      within: 300_000,
    });
    assertLess(doneMs[7]!, 1.5 * 1000 * length / slow.downRate, `world ${number}`);
  }
});

Deno.test("a swarm takes the same course when the seed of the world is the same", async () => {
  const run = async (number: number) => {
    const { world } = await course({
      number,
      length: 512 * 1024,
      seedUp: 100_000,
      leeches: many(8, (i) => ({ link: { upRate: 40_000 + 5_000 * i, loss: 0.01 } })),
      within: 120_000,
    });
    return world.fingerprint();
  };
  const [first, second, other] = [await run(4), await run(4), await run(5)];
  assertEquals(first, second);
  assert(first !== other);
});

Deno.test("a super-seed gives little more than one copy until somebody has it, and nobody waits longer", async () => {
  const parts = {
    number: 6,
    length: 1 << 20,
    seedUp: 40_000,
    leeches: many(24, () => ({ link: { upRate: 40_000 } })),
    within: 300_000,
  };
  const plain = await course(parts);
  const sparing = await course({ ...parts, superSeed: true });
  const copies = ({ seedGave }: Course) => seedGave / parts.length;
  assertLess(copies(sparing), 1.2);
  assertGreater(copies(plain), 1.3);
  assertLess(Math.max(...sparing.doneMs), 1.1 * Math.max(...plain.doneMs));
});

Deno.test("a super-seed serves a single leech, and one that comes later", async () => {
  const link = { upRate: 100_000 };
  for (const count of [1, 2]) {
    const { doneMs } = await course({
      number: 7,
      length: 1 << 20,
      seedUp: 100_000,
      leeches: many(count, () => ({ link })),
      superSeed: true,
      within: 60_000,
    });
    assertLess(Math.max(...doneMs), 40_000);
  }
});
