/**
 * Sessions that give to each other in the simulated world.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { Download, OUTPUT, seedOn } from "../sim/download.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

const PORT = 6881;

Deno.test("a seed gives everything to a leech, and nothing is written on its side", async () => {
  const world = new SimWorld({ seed: 1 });
  const content = makeTorrent({ length: 3_000_000, pieceLength: 65_536 });
  const seed = await seedOn(world.host("10.0.0.1"), content);
  const before = [...seed.host.disk.files.keys()].sort();
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    peers: [`10.0.0.1:${PORT}`],
  });
  assertEquals(await leech.outcome(60_000), { kind: "complete" });
  leech.assertFiles();
  assertEquals(seed.stats.bytesUploaded, 3_000_000);
  await seed.close();
  assertEquals([...seed.host.disk.files.keys()].sort(), before);
  assertEquals(seed.ended, { kind: "complete" });
});

Deno.test("a leech gives to another what the seed gave to it", async () => {
  const world = new SimWorld({ seed: 2 });
  const content = makeTorrent({ length: 4 << 20, pieceLength: 65_536 });
  const seed = await seedOn(world.host("10.0.0.1", { upRate: 200_000 }), content);
  const peers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((ip) => `${ip}:${PORT}`);
  const leeches: Download[] = [];
  for (const ip of ["10.0.0.2", "10.0.0.3"]) {
    leeches.push(
      await Download.start(world.host(ip, { upRate: 1e6 }), content, { peers, seed: true }),
    );
  }
  const isDone = () => leeches.every((leech) => leech.stats.state === "seeding");
  await world.runUntil(isDone, { within: 120_000 });
  leeches.forEach((leech) => leech.assertFiles());
  // Alone the seed would need 42 s for both; the leeches pass on what they have.
  assertLess(world.clock.now(), 34_000);
  assertGreater(leeches[0]!.stats.bytesUploaded + leeches[1]!.stats.bytesUploaded, 1 << 20);
  for (const one of [seed, ...leeches]) await one.close();
});

Deno.test("seeding ends by itself when the ratio or the time is reached", async () => {
  const world = new SimWorld({ seed: 3 });
  const content = makeTorrent({ length: 1 << 20 });
  const seed = await seedOn(world.host("10.0.0.1"), content, { seedRatio: 1 });
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    peers: [`10.0.0.1:${PORT}`],
    seed: true,
    seedTimeMs: 20_000,
  });
  assertEquals(await seed.outcome(30_000), { kind: "complete" });
  const startedAt = world.clock.now();
  assertEquals(await leech.outcome(60_000), { kind: "complete" });
  assertGreater(world.clock.now() - startedAt, 15_000);
});

Deno.test("a seed keeps its upload limit within a twentieth", async () => {
  const world = new SimWorld({ seed: 4 });
  const content = makeTorrent({ length: 4 << 20, pieceLength: 65_536 });
  await seedOn(world.host("10.0.0.1"), content, { session: { upLimit: 400_000 } });
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    peers: [`10.0.0.1:${PORT}`],
  });
  const startedAt = world.clock.now();
  assertEquals(await leech.outcome(60_000), { kind: "complete" });
  const rate = (4 << 20) / (world.clock.now() - startedAt) * 1000;
  assert(rate > 380_000 && rate < 420_000, `${rate} bytes a second`);
});

Deno.test("an upload-only torrent of which nothing verifies fails as bad data", async () => {
  const world = new SimWorld({ seed: 5 });
  const content = makeTorrent({ length: 1 << 20 });
  const download = await Download.start(world.host("10.0.0.1"), content, { isUploadOnly: true });
  const outcome = await download.outcome(10_000);
  assert(outcome.kind === "failed" && outcome.reason === "bad-data");
});

Deno.test("a file that is cut short while seeding is no longer offered, with one warning", async () => {
  const world = new SimWorld({ seed: 2 });
  const content = makeTorrent({ length: 2 << 20, pieceLength: 65_536 });
  const seed = await seedOn(world.host("10.0.0.1", { upRate: 300_000 }), content);
  const path = `${OUTPUT}/${content.metainfo.name}`;
  seed.host.disk.put(path, content.content.slice(0, 1 << 20));
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    peers: [`10.0.0.1:${PORT}`],
    stallTimeoutMs: 30_000,
  });
  const outcome = await leech.outcome(180_000);
  assert(outcome.kind === "failed" && outcome.reason === "stalled", JSON.stringify(outcome));
  // Runs of blocks are read together; the one that crosses the cut is lost as a whole.
  assertGreater(leech.stats.bytesDone, (1 << 20) - 131_072);
  assertEquals(seed.events.filter((event) => event.type === "warning").length, 1);
  assertEquals(seed.ended, undefined);
});

Deno.test("metadata that is given counts under the upload limit", async () => {
  const world = new SimWorld({ seed: 7 });
  const longName = "n".repeat(200);
  const files = Array.from({ length: 1600 }, (_, i) => ({ path: `${longName}${i}`, length: 10 }));
  const content = makeTorrent({ files });
  const bytes = content.metainfo.infoBytes.length;
  const upLimit = 40_000;
  await seedOn(world.host("10.0.0.1"), content, { session: { upLimit } });
  const startedAt = world.clock.now();
  const leech = await Download.start(world.host("10.0.0.2"), content, {
    magnet: { peers: [`10.0.0.1:${PORT}`] },
    isMetadataOnly: true,
  });
  assertEquals(await leech.outcome(60_000), { kind: "complete" });
  const seconds = (world.clock.now() - startedAt) / 1000;
  assertGreater(bytes, 300_000);
  assert(seconds > 0.85 * bytes / upLimit && seconds < 1.3 * bytes / upLimit, `${seconds} s`);
});
