/**
 * Local service discovery in a whole session: hosts that know of each other by multicast alone.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { encodeLsd, LSD_GROUP_V4 } from "../../src/lsd/message.ts";
import { hex } from "../../src/base/bytes.ts";
import { NetworkError } from "../../src/base/errors.ts";
import type { GroupSocket } from "../../src/ports/network.ts";
import { Session } from "../../src/session/session.ts";
import { Download, type DownloadOptions, putAll } from "../sim/download.ts";
import { FakePeer } from "../sim/fake_peer.ts";
import { makeTorrent, type TestTorrent } from "../sim/torrents.ts";
import { SimWorld } from "../sim/world.ts";

const lan = "home";
const HOME = { lan };
const alone: DownloadOptions = { noTrackers: true };

/** A neighbour that hears all that is said, and says what it likes. */
class Neighbour {
  readonly heard: { readonly at: number; readonly from: string }[] = [];
  readonly #socket: GroupSocket;

  private constructor(world: SimWorld, socket: GroupSocket) {
    this.#socket = socket;
    const listen = async () => {
      for (let got = await socket.receive(); got; got = await socket.receive()) {
        this.heard.push({ at: world.clock.now(), from: got.from.host });
      }
    };
    listen();
  }

  static async join(world: SimWorld): Promise<Neighbour> {
    const { network } = world.host("10.0.0.3", HOME).process;
    return new Neighbour(world, await world.wait(network.joinGroup(LSD_GROUP_V4)));
  }

  /** Says that it has these torrents. */
  announce(torrents: readonly TestTorrent[], port = 9): void {
    const infoHashes = torrents.map(({ metainfo }) => hex(metainfo.infoHash));
    this.#socket.send(encodeLsd({ port, infoHashes, cookie: "x" }, LSD_GROUP_V4));
  }
}

Deno.test("two on one network find each other, whoever begins", async () => {
  for (const pauseMs of [0, 90_000]) {
    const world = new SimWorld({ seed: 1 });
    const content = makeTorrent({ length: 1 << 20 });
    const far = await FakePeer.start(world.host("10.0.1.1"), content);
    const first = await Download.start(world.host("10.0.0.1", HOME), content, {
      peers: [far.text],
      seed: true,
      noTrackers: true,
    });
    await world.run(pauseMs);
    const second = await Download.start(world.host("10.0.0.2", HOME), content, alone);
    assertEquals(await second.outcome(20_000), { kind: "complete" });
    second.assertFiles();
    await first.close();
    await second.close();
  }
});

Deno.test("IPv6 hosts find each other by the other group", async () => {
  const world = new SimWorld({ seed: 2 });
  const content = makeTorrent();
  const far = await FakePeer.start(world.host(["2001:db8::9"]), content);
  const first = await Download.start(world.host(["2001:db8::1"], HOME), content, {
    peers: [`[2001:db8::9]:${far.address.port}`],
    seed: true,
    noTrackers: true,
  });
  const second = await Download.start(world.host(["2001:db8::2"], HOME), content, alone);
  assertEquals(await second.outcome(20_000), { kind: "complete" });
  await first.close();
  await second.close();
});

Deno.test("only the interfaces that were asked for take part", async () => {
  const world = new SimWorld({ seed: 9 });
  const neighbour = await Neighbour.join(world);
  const host = world.host(["10.0.0.1", "10.0.0.2"], HOME);
  const session = { lsdInterfaces: ["10.0.0.2"] };
  const download = await Download.start(host, makeTorrent(), { ...alone, session });
  const other = await Download.start(world.host("10.0.0.4", HOME), makeTorrent(), {
    ...alone,
    session,
  });
  await world.run(30_000);
  assertEquals(new Set(neighbour.heard.map(({ from }) => from)), new Set(["10.0.0.2"]));
  const isTold = ({ type }: { type: string }) => type === "warning";
  assertEquals([download.events.some(isTold), other.events.some(isTold)], [false, true]);
  await download.close();
  await other.close();
});

Deno.test("one that was not told where the other is answers a minute later", async () => {
  const world = new SimWorld({ seed: 3 });
  const content = makeTorrent();
  const host = world.host("10.0.0.1", HOME);
  const download = await Download.start(host, content, alone);
  const neighbour = await Neighbour.join(world);
  await world.run(70_000);
  neighbour.announce([content]);
  await world.run(60_000);
  // Its first two announces, ours that comes back, its answer.
  const heard = neighbour.heard.map(({ at }) => at);
  assertEquals(heard.length, 4);
  assert(heard[3]! >= 120_000 && heard[3]! < 122_100, heard.join());
  await download.close();
});

Deno.test("a magnet gets all it needs from the local network", async () => {
  const world = new SimWorld({ seed: 7 });
  const content = makeTorrent();
  const first = world.host("10.0.0.1", HOME);
  putAll(first, content);
  const giver = await Download.start(first, content, { noTrackers: true, isUploadOnly: true });
  const second = world.host("10.0.0.2", HOME);
  const download = await Download.start(second, content, { noTrackers: true, magnet: {} });
  assertEquals(await download.outcome(20_000), { kind: "complete" });
  download.assertFiles();
  await giver.close();
  await download.close();
});

Deno.test("a magnet that turns out to be private leaves the local network", async () => {
  const world = new SimWorld({ seed: 8 });
  const content = makeTorrent({ isPrivate: true, length: 4 << 20 });
  const peer = await FakePeer.start(world.host("10.0.1.1", { upRate: 20_000 }), content, {
    metadata: {},
  });
  const host = world.host("10.0.0.1", HOME);
  const download = await Download.start(host, content, { peers: [peer.text], magnet: {} });
  const neighbour = await Neighbour.join(world);
  await world.run(30_000);
  assertEquals(download.stats.state, "downloading");
  const before = neighbour.heard.length;
  neighbour.announce([content]);
  await world.run(120_000);
  // Nothing but what comes back of our own.
  assertEquals([neighbour.heard.length - before, download.stats.peersKnown], [1, 1]);
  await download.close();
});

Deno.test("a private torrent, and one that was told not to, says and believes nothing", async () => {
  const world = new SimWorld({ seed: 4 });
  const secret = makeTorrent({ isPrivate: true });
  const open = makeTorrent();
  const host = world.host("10.0.0.1", HOME);
  const download = await Download.start(host, secret, alone);
  const other = await Download.start(world.host("10.0.0.2", HOME), open, { ...alone, noLsd: true });
  const neighbour = await Neighbour.join(world);
  neighbour.announce([secret, open]);
  await world.run(600_000);
  assertEquals(neighbour.heard.length, 1);
  assertEquals([download.stats.peersKnown, other.stats.peersKnown], [0, 0]);
  await download.close();
  await other.close();
});

Deno.test("a flood on the local network costs a few addresses and no answers", async () => {
  const world = new SimWorld({ seed: 5 });
  const content = makeTorrent();
  const download = await Download.start(world.host("10.0.0.1", HOME), content, alone);
  const neighbour = await Neighbour.join(world);
  for (let i = 0; i < 3000; i++) {
    neighbour.announce([content], 1 + i);
    if (i % 10 === 0) await world.run(10);
  }
  assertLess(download.stats.peersKnown, 5);
  await download.close();
});

Deno.test("a system without multicast gets one warning, and peers from elsewhere", async () => {
  const world = new SimWorld({ seed: 6 });
  const content = makeTorrent();
  const peer = await FakePeer.start(world.host("10.0.1.1"), content);
  const host = world.host("10.0.0.1");
  const refuse = () => Promise.reject(new NetworkError("other", "Cannot join"));
  Object.assign(host.process.network, { joinGroup: refuse });
  const session = await world.wait(Session.open(host.process));
  const warnings: string[] = [];
  const listen = async () => {
    for await (const event of session.events()) {
      if (event.type === "warning") warnings.push(event.message);
    }
  };
  listen();
  const options = { output: "/downloads", metainfo: content.metainfo, peers: [peer.text] };
  const outcome = await world.wait(session.add(options).finished);
  assertEquals(outcome, { kind: "complete" });
  assertEquals(warnings, [
    "Cannot look for peers on the local network: multicast does not work here",
  ]);
  await world.wait(session[Symbol.asyncDispose]());
});
