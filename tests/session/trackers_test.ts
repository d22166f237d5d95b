/**
 * Downloads that find their peers through trackers, good and bad ones.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { Download } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import type { SimAnswer } from "../sim/http.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimTracker } from "../sim/tracker.ts";
import { SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;
const text = (words: string) => new TextEncoder().encode(words);

async function withTracker(options: { seed: number; length?: number; upRate?: number }) {
  const world = new SimWorld({ seed: options.seed });
  const { length = 262_144, upRate = Infinity } = options;
  const tracker = new SimTracker(world.host("10.0.3.1"));
  const content = makeTorrent({ length, trackers: [tracker.url] });
  const peer = await FakePeer.start(world.host("10.0.1.0", { upRate }), content);
  tracker.peers = [peer.address];
  return { world, tracker, content, peer };
}

Deno.test("a download finds its peers through a tracker and tells it started, completed, stopped", async () => {
  const { world, tracker, content } = await withTracker({ seed: 1, length: 2 * MIB, upRate: 1e6 });
  const download = await Download.start(world.host("10.0.0.1"), content);
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  download.assertFiles();
  await download.close();
  const { announces } = tracker;
  assertEquals(announces[0]!.event, "started");
  for (const event of ["started", "completed", "stopped"]) {
    assertEquals(announces.filter((a) => a.event === event).length, 1, event);
  }
  assertEquals(announces[0]!.infoHash, hex(content.metainfo.infoHash));
  assertEquals(announces[0]!.query.get("left"), String(2 * MIB));
  assertEquals(announces[0]!.query.get("port"), String(6881));
  assertEquals(announces.at(-1)!.query.get("left"), "0");
  assertEquals(announces.at(-1)!.query.get("downloaded"), String(2 * MIB));
});

Deno.test("who stays with some of the files is a partial seed to the trackers, and no seed", async () => {
  const world = new SimWorld({ seed: 7 });
  const tracker = new SimTracker(world.host("10.0.3.1"));
  const files = [{ path: "a", length: 100_000 }, { path: "b", length: 200_000 }];
  const content = makeTorrent({ files, trackers: [tracker.url] });
  const peer = await FakePeer.start(world.host("10.0.1.0"), content);
  tracker.peers = [peer.address];
  const download = await Download.start(world.host("10.0.0.1"), content, {
    selection: [0],
    seed: true,
  });
  await world.runUntil(() => tracker.announces.length > 1, { within: 2_000_000 });
  await download.close();
  const told = tracker.announces.map(({ event, query }) => [event, query.get("left")]);
  // Four pieces of 32 KiB are there.
  const left = String(300_000 - 4 * 32_768);
  assertEquals(told, [["started", "300000"], ["paused", left], ["stopped", left]]);
});

Deno.test("a bad tracker costs one announce, and the next tier is used", async () => {
  const cases: Readonly<Record<string, SimAnswer>> = {
    "not bencode": { body: text("<html>hello</html>") },
    "empty": { body: new Uint8Array() },
    "a list": { body: text("le") },
    "wrong types": { body: text("d8:intervali-5e5:peersi7ee") },
    "half a peer": { body: text("d8:intervali60e5:peers4:abcde") },
    "a failure": { body: text("d14:failure reason11:go\u0007 away\u001b[e") },
    "a server error": { status: 503, body: text("busy") },
    "not found": { status: 404 },
    "a bomb": { bodyBytes: 1e10 },
    "a drip": { bodyBytes: 100_000, rate: 10 },
    "no answer": { never: true },
    "a loop": { status: 302, headers: { location: "/announce" } },
    "a file": { status: 302, headers: { location: "file:///etc/passwd" } },
    "ourselves and nobody": { body: text("d8:intervali60e5:peers12:\0\0\0\0\0\0\0\0\0\0\0\0e") },
  };
  for (const [name, override] of Object.entries(cases)) {
    const { world, tracker, content } = await withTracker({ seed: 2 });
    const bad = new SimTracker(world.host("10.0.3.2"));
    bad.override = override;
    const metainfo = makeTorrent({ trackers: [bad.url, tracker.url] });
    const download = await Download.start(world.host("10.0.0.1"), metainfo);
    assertEquals(await download.outcome(20_000), { kind: "complete" }, name);
    download.assertFiles();
    assertLess(world.clock.now(), 17_000, name);
    assert(bad.announces.length <= 6, `${name}: ${bad.announces.length} requests`);
    for (const event of download.events) {
      if (event.type !== "warning") continue;
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f\x7f]/.test(event.message), JSON.stringify(event.message));
    }
    assertEquals(hex(content.metainfo.infoHash), tracker.announces[0]?.infoHash ?? "", name);
  }
});

Deno.test("a tracker that is down does not hold up the end, whatever it does then", async () => {
  for (const override of [{ never: true }, { bodyBytes: 1e6, rate: 1 }, { status: 500 }]) {
    const { world, tracker, content } = await withTracker({
      seed: 3,
      length: MIB,
      upRate: 500_000,
    });
    const download = await Download.start(world.host("10.0.0.1"), content);
    await world.runUntil(() => tracker.announces.length > 0, { within: 5_000 });
    await world.run(500);
    tracker.override = override;
    await world.runUntil(() => download.stats.bytesDone === MIB, { within: 20_000 });
    const last = world.clock.now();
    assertEquals(await download.outcome(5_000), { kind: "complete" });
    assertLess(world.clock.now() - last, 1_000);
  }
});

Deno.test("a tracker that comes back is asked again", async () => {
  const { world, tracker, content } = await withTracker({ seed: 4 });
  tracker.override = { status: 503 };
  const download = await Download.start(world.host("10.0.0.1"), content);
  await world.run(60_000);
  assertEquals(download.ended, undefined);
  const tries = tracker.announces.length;
  assert(tries >= 2 && tries < 15, `${tries} announces in a minute`);
  tracker.override = undefined;
  assertEquals(await download.outcome(300_000), { kind: "complete" });
});

Deno.test("a tracker is not asked more often than it says", async () => {
  const { world, tracker, content, peer } = await withTracker({ seed: 5, length: 64 * MIB });
  peer.behaviour = { unchokeMs: Infinity };
  tracker.extra = { interval: 600, "min interval": 300 };
  const download = await Download.start(world.host("10.0.0.1"), content);
  await world.run(3_600_000);
  assertEquals(download.ended, undefined);
  assert(tracker.announces.length <= 13, `${tracker.announces.length} announces in an hour`);
  const gaps = tracker.announces.map((a, i) => a.at - (tracker.announces[i - 1]?.at ?? -Infinity));
  assert(gaps.every((gap) => gap >= 290_000), `${gaps}`);
});

Deno.test("our own address among a tracker's peers is recognised and forgotten", async () => {
  const { world, tracker, content } = await withTracker({
    seed: 6,
    length: 4 * MIB,
    upRate: 500_000,
  });
  const host = world.host("10.0.0.1");
  tracker.peers = [{ host: host.ip, port: 6881 }, ...tracker.peers];
  const download = await Download.start(host, content);
  assertEquals(await download.outcome(30_000), { kind: "complete" });
  const dials = world.events.filter((line) => line.endsWith("10.0.0.1 dials 10.0.0.1:6881"));
  assertEquals(dials.length, 1);
});

Deno.test("three thousand peers of a tracker are more than enough", async () => {
  const { world, tracker, content } = await withTracker({ seed: 7, length: MIB });
  const dead = Array.from({ length: 5_000 }, (_, i) => ({
    host: `172.16.${i >> 8}.${i & 255}`,
    port: 1000,
  }));
  tracker.peers = [...dead.slice(0, 200), ...tracker.peers, ...dead.slice(200)];
  const download = await Download.start(world.host("10.0.0.1"), content);
  await world.run(20_000);
  assert(download.stats.peersKnown <= 3_000, `${download.stats.peersKnown} known`);
  assert(world.host("10.0.0.1").sockets <= 40);
});

Deno.test("no tracker is contacted when trackers are switched off, none but the user's when asked", async () => {
  const { world, tracker, content, peer } = await withTracker({ seed: 8 });
  const peers = [peer.text];
  const off = await Download.start(world.host("10.0.0.1"), content, { noTrackers: true, peers });
  assertEquals(await off.outcome(10_000), { kind: "complete" });
  assertEquals(tracker.announces, []);
  const own = new SimTracker(world.host("10.0.3.9"), { peers: [peer.address] });
  const bare = makeTorrent({});
  const named = await Download.start(world.host("10.0.0.2"), bare, { trackers: [own.url] });
  assertEquals(await named.outcome(10_000), { kind: "complete" });
  assertEquals(own.announces[0]?.event, "started");
});

Deno.test("a magnet that turns out to be private goes on with one tracker", async () => {
  const world = new SimWorld({ seed: 8 });
  const trackers = ["10.0.3.1", "10.0.3.2"].map((ip) => new SimTracker(world.host(ip)));
  const content = makeTorrent({ isPrivate: true });
  const peer = await FakePeer.start(world.host("10.0.1.0"), content, { metadata: {} });
  for (const tracker of trackers) tracker.peers = [peer.address];
  const download = await Download.start(world.host("10.0.0.1"), content, {
    magnet: { trackers: trackers.map(({ url }) => [url]) },
    seed: true,
  });
  await world.run(6 * 3_600_000);
  const asked = trackers.map(({ announces }) => announces.filter(({ event }) => event === ""));
  assertLess(8, asked[0]!.length);
  assertEquals([asked[1]!.length, trackers[1]!.announces[0]?.event], [0, "started"]);
  await download.close();
});
