/**
 * A tracker server on a simulated host, with the announcers of our own sessions as its clients.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { NetworkError } from "../../src/base/errors.ts";
import { TrackerServer } from "../../src/service/tracker_server.ts";
import { Announcer } from "../../src/session/announcer.ts";
import { UdpTrackers } from "../../src/session/tracker_udp.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";
import { simServeHttp, startTracker } from "./support.ts";

const HASH = Uint8Array.from({ length: 20 }, (_, i) => 0xf0 + i);

function client(host: SimHost, url: string, left = 1) {
  const found = new Set<string>();
  const warnings: string[] = [];
  const announcer = new Announcer({
    tiers: [[url]],
    infoHash: HASH,
    peerId: new Uint8Array(20).fill(host.ip.charCodeAt(host.ip.length - 1)),
    port: () => 6881,
    counters: () => ({ uploaded: 0, downloaded: 0, left }),
    onPeers: (peers: Address[]) => peers.forEach((peer) => found.add(formatAddress(peer))),
    onWarning: (text) => warnings.push(text),
    world: host.process,
    userAgent: "starling/test",
  });
  const running = announcer.run(new AbortController().signal);
  return { announcer, running, found, warnings };
}

async function get(host: SimHost, url: string) {
  const options = { maxBytes: 100_000, timeoutMs: 10_000, maxRedirects: 0 };
  const { status, body, header } = await host.process.http.get(url, options);
  return { status, text: new TextDecoder("latin1").decode(body), header };
}

function setup() {
  const world = new SimWorld({ seed: 3 });
  return { world, host: world.host("10.0.0.1") };
}

Deno.test("peers find one another when some announce over HTTP and some over UDP", async () => {
  const { world, host } = setup();
  const tracker = await world.wait(startTracker(host));
  assertEquals(tracker.address.port, 6969);
  const urls = ["http://10.0.0.1:6969/announce", "udp://10.0.0.1:6969"];
  const clients = [];
  for (let i = 0; i < 6; i++) {
    clients.push(client(world.host(`10.0.1.${i}`), urls[i % 2]!, i === 0 ? 0 : 1));
    await world.run(1000);
  }
  for (const [i, { found }] of clients.entries()) {
    const before = Array.from({ length: i }, (_, n) => `10.0.1.${n}:6881`);
    assertEquals([...found].sort(), before);
  }
  const { peers, seeds, httpAnnounces, udpAnnounces } = tracker.state.stats(0);
  assertEquals([peers, seeds, httpAnnounces, udpAnnounces], [6, 1, 3, 3]);
  for (const { announcer, running } of clients) {
    await world.wait(announcer.stop());
    await world.wait(running);
  }
  assertEquals(tracker.state.table.counts.torrents, 0);
  await world.wait(tracker[Symbol.asyncDispose]());
});

Deno.test("the state is there again within one interval when the tracker was started anew", async () => {
  const { world, host } = setup();
  await world.wait(startTracker(host, { intervalMs: 600_000 }));
  const clients = [0, 1].map((i) => client(world.host(`10.0.1.${i}`), "udp://10.0.0.1:6969"));
  await world.run(1000);
  host.boot();
  const tracker = await world.wait(startTracker(host, { intervalMs: 600_000 }));
  assertEquals(tracker.state.table.counts.peers, 0);
  await world.run(700_000);
  assertEquals(tracker.state.table.counts.peers, 2);
  for (const { announcer } of clients) await world.wait(announcer.stop());
});

Deno.test("peers that vanish are gone after two intervals, without an announce", async () => {
  const { world, host } = setup();
  const tracker = await world.wait(startTracker(host, { intervalMs: 600_000 }));
  const peer = world.host("10.0.1.1");
  client(peer, "udp://10.0.0.1:6969");
  await world.run(1000);
  peer.kill();
  await world.run(1_370_000);
  assertEquals(tracker.state.table.counts.peers, 1);
  await world.run(20_000);
  assertEquals(tracker.state.table.counts.peers, 0);
  await world.wait(tracker[Symbol.asyncDispose]());
});

Deno.test("a whitelist refuses other torrents, over HTTP and UDP", async () => {
  const { world, host } = setup();
  const whitelist = [new Uint8Array(20)];
  const tracker = await world.wait(startTracker(host, { whitelist }));
  for (const [i, url] of ["http://10.0.0.1:6969/announce", "udp://10.0.0.1:6969"].entries()) {
    const { announcer, warnings } = client(world.host(`10.0.1.${i}`), url);
    await world.run(1000);
    assertEquals(warnings, ["Tracker 10.0.0.1:6969: refused: this torrent is not tracked here"]);
    await world.wait(announcer.stop());
  }
  const udp = new UdpTrackers(world.host("10.0.1.5").process);
  const { signal } = new AbortController();
  const scraped = udp.scrape("udp://10.0.0.1:6969", [HASH, whitelist[0]!], { signal });
  const none = { seeds: 0, completed: 0, leeches: 0 };
  assertEquals(await world.wait(scraped), [none, none]);
  await world.wait(tracker[Symbol.asyncDispose]());
});

Deno.test("start() takes a port that is free for TCP and UDP when it may choose", async () => {
  const { world, host } = setup();
  for (const port of [50_000, 50_001]) await host.process.network.bindUdp({ port });
  const tracker = await world.wait(startTracker(host, { port: 0 }));
  assertEquals(tracker.address.port, 50_002);
  const peer = client(world.host("10.0.1.1"), "udp://10.0.0.1:50002");
  await world.run(1000);
  assertEquals(tracker.state.counters.udpAnnounces, 1);
  await world.wait(peer.announcer.stop());
  await world.wait(tracker[Symbol.asyncDispose]());
});

Deno.test("start() fails and leaves nothing open when a port is taken", async () => {
  const { world, host } = setup();
  const taken = await host.process.network.bindUdp({ port: 6969 });
  const error = await world.wait(assertRejects(() => startTracker(host), NetworkError));
  assertEquals(error.kind, "in-use");
  taken.close();
  const busy = { ...host.process, serveHttp: simServeHttp(host, new Set([6969])) };
  const starting = TrackerServer.start(busy, { port: 6969 });
  await world.wait(assertRejects(() => starting, NetworkError, "taken"));
  assertEquals(host.net.udp.size, 0);
});

Deno.test("start() takes a port that HTTP clients ask when it may choose", async () => {
  const { world, host } = setup();
  const asked = { ...host.process, serveHttp: simServeHttp(host, new Set(), 6665) };
  await using chosen = await world.wait(TrackerServer.start(asked, { port: 0 }));
  assertEquals(chosen.address.port, 6670);
  await using named = await world.wait(TrackerServer.start(asked, { port: 6000 }));
  assertEquals(named.address.port, 6000);
});

Deno.test("ended resolves when the tracker is disposed, and says what else ended it", async () => {
  const { world, host } = setup();
  const tracker = await world.wait(startTracker(host));
  const { ended } = tracker;
  await world.wait(tracker[Symbol.asyncDispose]());
  await world.wait(ended);
  assertEquals(host.net.udp.size, 0);
  const { network } = host.process;
  const closing = {
    ...host.process,
    serveHttp: simServeHttp(host),
    network: {
      bindUdp: async (options: { port: number }) => {
        const socket = await network.bindUdp(options);
        host.process.clock.sleep(5000).then(() => socket.close());
        return socket;
      },
    },
  };
  const broken = await world.wait(TrackerServer.start(closing, { port: 6969 }));
  await world.wait(assertRejects(() => broken.ended, NetworkError, "the UDP socket was closed"));
});

Deno.test("the page, the numbers and torrent files are served over HTTP", async () => {
  const { world, host } = setup();
  const torrents = new Map([["a & <b>.torrent", Uint8Array.of(100, 101)]]);
  const tracker = await world.wait(startTracker(host, { torrents }));
  const visitor = world.host("10.0.1.1");
  const at = (path: string) => world.wait(get(visitor, `http://10.0.0.1:6969${path}`));
  await world.run(90_500);
  const page = await at("/");
  assertEquals([page.status, page.header("content-type")], [200, "text/html; charset=utf-8"]);
  assert(page.header("content-security-policy")?.startsWith("default-src 'none'"));
  assert(page.text.includes("up for 90 seconds"));
  assert(
    page.text.includes('<a href="/a%20%26%20%3Cb%3E.torrent">a &#38; &#60;b&#62;.torrent</a>'),
  );
  const stats = JSON.parse((await at("/stats")).text);
  assertEquals([stats.v, stats.type, stats.peers], [1, "tracker", 0]);
  assertEquals((await at("/a%20%26%20%3Cb%3E.torrent")).text, "de");
  const failure = await at("/announce");
  assertEquals([failure.status, failure.text], [
    200,
    "d14:failure reason20:info_hash is missinge",
  ]);
  for (const path of ["/x.torrent", "/%zz", "/announce/", "/../a", "//"]) {
    assertEquals((await at(path)).status, 404, path);
  }
  await world.wait(tracker[Symbol.asyncDispose]());
});
