/**
 * Storage that fails: the torrent pays, with a clear reason; the others live on.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { Download, OUTPUT, scene } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

const MIB = 1 << 20;

Deno.test("a full disk fails its torrent as storage, and a run with room completes", async () => {
  const content = makeTorrent({ length: 4 * MIB, pieceLength: 131_072 });
  const link = { upRate: 1e6 };
  const { download, peers, world } = await scene({ seed: 1, content, peers: [{ link }] });
  download.host.disk.faults.freeBytes = 2 * MIB;
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assert(outcome.error instanceof DiskError && outcome.error.kind === "full");
  await download.close();
  await world.run(1_000);
  assertEquals([download.host.sockets, peers[0]!.open], [0, 0]);
  download.host.disk.faults.freeBytes = Infinity;
  download.host.boot();
  const next = await Download.start(download.host, content, { peers: [peers[0]!.text] });
  assertEquals(await next.outcome(60_000), { kind: "complete" });
  next.assertFiles();
  assertLess(next.stats.bytesDownloaded, 2.5 * MIB);
});

Deno.test("a torrent whose storage fails leaves the others of the session alone", async () => {
  const world = new SimWorld({ seed: 2 });
  const contents = [1, 2].map((seed) => makeTorrent({ seed, name: `t${seed}`, length: 2 * MIB }));
  const peers = await Promise.all(
    contents.map((content, i) =>
      FakePeer.start(world.host(`10.0.1.${i}`, { upRate: 1e6 }), content)
    ),
  );
  const host = world.host("10.0.0.1");
  host.disk.obstacles.add(`${OUTPUT}/t2`);
  const first = await Download.start(host, contents[0]!, { peers: [peers[0]!.text] });
  const second = first.session.add({
    metainfo: contents[1]!.metainfo,
    output: OUTPUT,
    peers: [peers[1]!.text],
  });
  const failed = await world.wait(second.finished, { within: 30_000 });
  assert(failed.kind === "failed" && failed.reason === "storage", JSON.stringify(failed));
  assertEquals(first.ended, undefined);
  assertEquals(await first.outcome(30_000), { kind: "complete" });
  first.assertFiles();
});

Deno.test("read-only storage, a folder or a longer file in the way fail as storage at once", async () => {
  const cases: readonly (readonly [string, (disk: Download["host"]["disk"]) => void])[] = [
    ["permission", (disk) => disk.faults.isReadOnly = true],
    ["in-the-way", (disk) => disk.obstacles.add(`${OUTPUT}/t`)],
    ["in-the-way", (disk) => disk.put(OUTPUT, new Uint8Array(1))],
    ["in-the-way", (disk) => disk.put(`${OUTPUT}/t`, new Uint8Array(300_000))],
  ];
  for (const [kind, prepare] of cases) {
    const world = new SimWorld({ seed: 3 });
    const content = makeTorrent();
    const peer = await FakePeer.start(world.host("10.0.1.0"), content);
    const host = world.host("10.0.0.1");
    prepare(host.disk);
    const before = [...host.disk.files.keys()];
    const download = await Download.start(host, content, { peers: [peer.text] });
    const outcome = await download.outcome(30_000);
    assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
    assert(outcome.error instanceof DiskError);
    assertEquals(outcome.error.kind, kind, outcome.message);
    assertLess(world.clock.now(), 2_000);
    assertEquals([...host.disk.files.keys()].filter((path) => !before.includes(path)), []);
  }
});

Deno.test("a torrent that is running in a folder is refused a second time there", async () => {
  const content = makeTorrent({ length: 2 * MIB });
  const { download, world, peers } = await scene({ seed: 4, content, peers: [{ blockMs: 50 }] });
  await world.run(1_000);
  const second = await Download.start(download.host, content, {
    session: { ports: [0] },
    peers: [peers[0]!.text],
  });
  const outcome = await second.outcome(5_000);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assert(outcome.error instanceof DiskError && outcome.error.kind === "locked");
  const elsewhere = await Download.start(download.host, content, {
    session: { ports: [0] },
    output: "/elsewhere",
    peers: [peers[0]!.text],
  });
  await world.run(1_000);
  assertEquals([download.ended, elsewhere.ended], [undefined, undefined]);
  assertEquals(await download.outcome(60_000), { kind: "complete" });
});

Deno.test("full allocation fails at the start when the room is not there", async () => {
  const content = makeTorrent({ length: 4 * MIB });
  const world = new SimWorld({ seed: 5 });
  const peer = await FakePeer.start(world.host("10.0.1.0"), content);
  const host = world.host("10.0.0.1");
  host.disk.faults.freeBytes = MIB;
  const download = await Download.start(host, content, { peers: [peer.text], allocate: "full" });
  const outcome = await download.outcome(30_000);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assertEquals(download.stats.bytesDone, 0);
});

Deno.test("every way of taking space gives the same files", async () => {
  for (const allocate of ["sparse", "full", "none"] as const) {
    const content = makeTorrent({
      pieceLength: 32_768,
      files: [40_000, 0, 50_000, 1].map((length, i) => ({ path: `d/f${i}`, length })),
    });
    const { download } = await scene({ seed: 6, content, allocate, fsync: true, peers: [{}] });
    assertEquals(await download.outcome(10_000), { kind: "complete" });
    download.assertFiles();
  }
});

Deno.test("a disk with too little room fails a download before anything is written", async () => {
  const content = makeTorrent({ length: 4 * MIB, pieceLength: 131_072 });
  const world = new SimWorld({ seed: 9 });
  const host = world.host("10.0.0.1");
  host.disk.faults.isRoomTold = true;
  host.disk.faults.freeBytes = 3 * MIB;
  const download = await Download.start(host, content, { peers: ["10.0.1.1:6881"] });
  const outcome = await download.outcome(60_000);
  assert(outcome.kind === "failed" && outcome.reason === "storage", JSON.stringify(outcome));
  assert(outcome.message.includes("1 MiB short of the 4 MiB"), outcome.message);
  await download.close();
  assertEquals([host.disk.files.size, host.disk.bytesWritten], [0, 0]);
});
