/**
 * Peer exchange in whole sessions: hosts that hear of each other from a third, and what is kept to itself.
 *
 * @module
 */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { Download, type DownloadOptions, putAll } from "../sim/download.ts";
import type { HostOptions } from "../sim/net_host.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;

/** Starts a download that nobody helps, with all of the content there or none. */
function start(
  world: SimWorld,
  ip: string,
  content: TestTorrent,
  options: DownloadOptions & { hasAll?: boolean; link?: HostOptions } = {},
): Promise<Download> {
  const { hasAll = false, link, ...rest } = options;
  const host = world.host(ip, link);
  if (hasAll) putAll(host, content);
  return Download.start(host, content, {
    noTrackers: true,
    noDht: true,
    noLsd: true,
    seed: true,
    ...rest,
  });
}

/** The address of a download. */
const at = (download: Download) => `${download.host.ip}:${download.session.port}`;

/** A seed, a leech that knows it, and another leech that knows the first one only. */
async function chain(
  seed: number,
  options: { content?: TestTorrent; middle?: DownloadOptions; last?: DownloadOptions } = {},
) {
  const world = new SimWorld({ seed });
  const { content = makeTorrent({ length: 4 * MIB }) } = options;
  const first = await start(world, "9.0.0.1", content, { hasAll: true, link: { upRate: 100_000 } });
  const peers = [at(first)];
  const link = { upRate: 10_000 };
  const middle = await start(world, "9.0.0.2", content, { link, peers, ...options.middle });
  await world.run(3_000);
  const last = await start(world, "9.0.0.3", content, { peers: [at(middle)], ...options.last });
  const close = async () => {
    for (const download of [first, middle, last]) await download.close();
  };
  return { world, first, middle, last, close };
}

Deno.test("a third peer is learned from a second and found by it alone", async () => {
  const { world, first, last, close } = await chain(1);
  await world.runUntil(() => first.stats.peers === 2, { within: 10_000 });
  await world.runUntil(() => last.stats.state === "seeding", { within: 120_000 });
  last.assertFiles();
  // Both have heard of each other; whoever was first has dialled.
  const others = last.stats.sources.filter(({ source }) => source !== "user");
  assertGreater(others.reduce((sum, { bytes }) => sum + bytes, 0), MIB);
  await close();
});

Deno.test("a magnet learns of others while it fetches its metadata", async () => {
  const { world, first, last, close } = await chain(4, { last: { magnet: {} } });
  await world.runUntil(() => first.stats.peers === 2, { within: 10_000 });
  await world.runUntil(() => last.stats.state === "seeding", { within: 120_000 });
  last.assertFiles();
  await close();
});

Deno.test("a leech hears from a seed of another seed that it has left", async () => {
  const world = new SimWorld({ seed: 2 });
  const content = makeTorrent({ length: 4 * MIB });
  const first = await start(world, "9.0.0.1", content, { hasAll: true });
  const second = await start(world, "9.0.0.2", content, {
    hasAll: true,
    peers: [at(first)],
    link: { upRate: 20_000 },
  });
  await world.run(20_000);
  assertEquals(second.stats.peers, 0);
  const leech = await start(world, "9.0.0.3", content, { peers: [at(second)] });
  await world.runUntil(() => leech.stats.state === "seeding", { within: 20_000 });
  for (const download of [first, second, leech]) await download.close();
});

Deno.test("peers that a peer does not want to be told of, or to tell, stay unknown", async () => {
  const content = makeTorrent({ length: 2 * MIB });
  const secret = makeTorrent({ length: 2 * MIB, isPrivate: true });
  const cases = [{ content: secret }, { content, middle: { noPex: true } }];
  for (const options of cases) {
    const { world, first, last, close } = await chain(3, options);
    await world.run(100_000);
    assertLess(first.stats.peers, 2);
    assertEquals(last.stats.peersKnown, 1);
    await close();
  }
});
