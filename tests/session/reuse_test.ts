/**
 * Older copies in a whole session: only what they lack is fetched.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Download, OUTPUT } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

Deno.test("a download fetches what older copies lack, and tells what they had", async () => {
  const content = makeTorrent({
    files: [{ path: "a", length: 400_000 }, { path: "b", length: 300_000 }],
  });
  const world = new SimWorld({ seed: 1 });
  const host = world.host("10.0.0.1");
  const old = content.content.slice(0, 400_000);
  old[200_000]! ^= 1;
  host.disk.put("/old/1/renamed", old);
  host.disk.put("/old/2/b", content.content.slice(400_000));
  const peer = await FakePeer.start(world.host("10.0.1.0"), content);
  const download = await Download.start(host, content, {
    peers: [peer.text],
    reuse: ["/old", "/old"],
  });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  // The one piece that is damaged, of two blocks.
  assertEquals(peer.served, 2);
  const told = download.events.filter((event) => event.type === "reuse");
  const reused = { folder: "/old", bytes: 700_000 - 32_768, pieces: 21 };
  assertEquals(told.map(({ folder, bytes, pieces }) => ({ folder, bytes, pieces })), [
    reused,
    { folder: "/old", bytes: 0, pieces: 0 },
  ]);
  assertEquals(host.disk.contents("/old/1/renamed"), old);
  await download.close();
});

Deno.test("a download whose pieces are all in an older copy needs nobody", async () => {
  const content = makeTorrent();
  const world = new SimWorld({ seed: 2 });
  const host = world.host("10.0.0.1");
  host.disk.put("/old/x", content.content);
  const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
  assertEquals(await download.outcome(5_000), { kind: "complete" });
  download.assertFiles();
  await download.close();
});

Deno.test("a folder of older copies that cannot be used ends the download", async () => {
  const content = makeTorrent();
  const world = new SimWorld({ seed: 3 });
  const host = world.host("10.0.0.1");
  host.disk.put("/old/x", content.content);
  host.disk.faults.freeBytes = 60_000;
  const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
  const outcome = await download.outcome(5_000);
  assertEquals(outcome.kind === "failed" && outcome.reason, "storage");
  await download.close();
});

/** Two files that share a piece, each with pieces of its own, and older copies of both. */
function older(seed: number) {
  const content = makeTorrent({
    files: [{ path: "a", length: 400_000 }, { path: "b", length: 300_000 }],
  });
  const host = new SimWorld({ seed }).host("10.0.0.1");
  host.disk.put("/old/1/a", content.content.slice(0, 400_000));
  host.disk.put("/old/2/b", content.content.slice(400_000));
  return { content, host };
}

Deno.test("older copies that can be shared take no room", async () => {
  const { content, host } = older(4);
  host.disk.faults.sharesCopies = true;
  // For what is remembered of the torrent.
  host.disk.faults.freeBytes = 50_000;
  const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
  assertEquals(await download.outcome(5_000), { kind: "complete" });
  download.assertFiles();
  assertEquals([...host.disk.files.keys()].filter((path) => path.startsWith(OUTPUT)).sort(), [
    `${OUTPUT}/t/a`,
    `${OUTPUT}/t/b`,
  ]);
  const told = download.events.filter((event) => event.type === "reuse");
  assertEquals(told.map(({ bytes, pieces }) => ({ bytes, pieces })), [
    { bytes: 700_000, pieces: 22 },
  ]);
  await download.close();
});

Deno.test("a download that is killed while it copies leaves no copy behind once it goes on", async () => {
  for (const ms of [300, 500, 800]) {
    const { content, host } = older(5);
    host.disk.faults.bytesPerSecond = 2e6;
    await Download.start(host, content, { peers: [], reuse: ["/old"] });
    await host.world.run(ms);
    host.kill();
    host.boot();
    const next = await Download.start(host, content, { peers: [], reuse: ["/old"] });
    assertEquals(await next.outcome(60_000), { kind: "complete" }, `${ms} ms`);
    next.assertFiles();
    const left = [...host.disk.files.keys()].filter((path) => path.startsWith(OUTPUT)).sort();
    assertEquals(left, [`${OUTPUT}/t/a`, `${OUTPUT}/t/b`], `${ms} ms`);
    await next.close();
  }
});

Deno.test("a download that is stopped while it copies leaves no copy behind", async () => {
  const { content, host } = older(6);
  host.disk.faults.bytesPerSecond = 1e6;
  const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
  await host.world.run(200);
  const isDraft = (path: string) => path.endsWith(".copy");
  assertEquals([...host.disk.files.keys()].filter(isDraft).length, 1);
  await download.close();
  assertEquals([...host.disk.files.keys()].filter(isDraft), []);
});

Deno.test("older copies that cannot be copied as a whole are taken piece by piece", async () => {
  const { content, host } = older(7);
  host.disk.faults.hasDrafts = false;
  const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
  assertEquals(await download.outcome(5_000), { kind: "complete" });
  download.assertFiles();
  await download.close();
});

Deno.test("older copies that can be shared come before the room for the rest is looked at", async () => {
  const { content, host } = older(8);
  host.disk.files.delete("/old/2/b");
  Object.assign(host.disk.faults, { sharesCopies: true, isRoomTold: true, freeBytes: 350_000 });
  const peer = await FakePeer.start(host.world.host("10.0.1.0"), content);
  const download = await Download.start(host, content, { peers: [peer.text], reuse: ["/old"] });
  assertEquals(await download.outcome(60_000), { kind: "complete" });
  download.assertFiles();
  const told = download.events.filter((event) => event.type === "reuse");
  assertEquals(told.map(({ bytes }) => bytes), [12 * 32_768, 0]);
  await download.close();
});

Deno.test("where there is no room and nothing can be shared, nothing is written", async () => {
  for (const sharesCopies of [false, true]) {
    const { content, host } = older(9);
    host.disk.files.delete("/old/2/b");
    Object.assign(host.disk.faults, { sharesCopies, isRoomTold: true, freeBytes: 250_000 });
    const download = await Download.start(host, content, { peers: [], reuse: ["/old"] });
    const outcome = await download.outcome(5_000);
    assertEquals(outcome.kind === "failed" && outcome.reason, "storage");
    // What was taken costs nothing and is there for the next run.
    assertEquals(host.disk.files.has(`${OUTPUT}/t/a`), sharesCopies);
    await download.close();
  }
});
