/**
 * One trial of a simulated DHT: nodes join, some turn into liars, peers are announced, some nodes die, and
 * then the peers are searched. For the test and the bench.
 *
 * @module
 */

import { formatAddress } from "../../src/base/address.ts";
import type { Millis } from "../../src/base/units.ts";
import { Conspiracy, LiarHost } from "./sim_liars.ts";
import { NodeHost, SimDht } from "./sim_dht.ts";

/** What is tried. */
export interface Trial {
  readonly seed: number;
  readonly nodes: number;
  readonly lookups: number;
  /** Of the nodes, how many die after the announces, 0 to 1. */
  readonly dead: number;
  /** Of the nodes, how many lie after they have joined, 0 to 1. */
  readonly liars: number;
}

/** How one search went. */
export interface Outcome {
  /** When the announced peer was found and after how many queries; `undefined` if it was not. */
  readonly found: { readonly afterMs: Millis; readonly queries: number } | undefined;
  /** Queries until the search was over. */
  readonly queries: number;
  /** How long that took. */
  readonly tookMs: Millis;
}

/** How a trial went. */
export interface TrialResult {
  readonly outcomes: readonly Outcome[];
  readonly world: SimDht;
  readonly hosts: readonly NodeHost[];
}

/** Runs a trial; searches by honest, living nodes for peers announced by such nodes. */
export function runTrial(trial: Trial): TrialResult {
  const world = new SimDht(trial.seed);
  const hosts = grow(world, trial);
  const liars = hosts.filter((host) => host instanceof LiarHost);
  if (liars.length > 0) new Conspiracy(world, liars, 5 * trial.nodes);
  const honest = hosts.filter((host) => !(host instanceof LiarHost));
  const wanted = Array.from({ length: trial.lookups }, (_, i) => {
    const host = honest[world.random.below(honest.length)]!;
    const infoHash = world.random.bytes(20);
    const peer = { host: host.address.host, port: 1 + i };
    host.search(infoHash, peer.port);
    world.run(world.now + 50);
    return { infoHash, peer: formatAddress(peer) };
  });
  world.run(world.now + 20_000);
  const living = honest.filter((host) => {
    if (world.random.fraction() >= trial.dead) return true;
    world.kill(host);
    return false;
  });
  for (const host of hosts) {
    if (host instanceof LiarHost && world.random.fraction() < trial.dead) world.kill(host);
  }
  const outcomes = wanted.map(({ infoHash, peer }) => {
    const host = living[world.random.below(living.length)]!;
    return searchFor(world, { host, infoHash, peer });
  });
  return { outcomes, world, hosts };
}

/** The middle of the numbers. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

function grow(world: SimDht, { nodes, liars }: Trial): NodeHost[] {
  const hosts: NodeHost[] = [];
  for (let i = 0; i < nodes; i++) {
    const host = world.random.fraction() < liars ? new LiarHost(world) : new NodeHost(world);
    const known = Array.from({ length: Math.min(3, hosts.length) }, () => {
      return hosts[world.random.below(hosts.length)]!;
    });
    host.join(...known);
    hosts.push(host);
    world.run(world.now + 20);
  }
  world.run(world.now + 30_000);
  return hosts;
}

function searchFor(
  world: SimDht,
  { host, infoHash, peer }: { host: NodeHost; infoHash: Uint8Array; peer: string },
): Outcome {
  const start = world.now;
  const search = host.search(infoHash);
  let found: Outcome["found"];
  world.run(start + 120_000, () => {
    if (!found && search.takePeers().some((address) => formatAddress(address) === peer)) {
      found = { afterMs: world.now - start, queries: search.queries };
    }
    return search.isDone;
  });
  return { found, queries: search.queries, tookMs: world.now - start };
}
