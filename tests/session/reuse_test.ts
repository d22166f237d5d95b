/**
 * Older copies in a whole session: only what they lack is fetched.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Download } from "../sim/download.ts";
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
