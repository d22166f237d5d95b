/**
 * Announces over UDP in the simulated world: sockets, loss, silence and two address families.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { type Address, encodeCompact } from "../../src/base/address.ts";
import { concat } from "../../src/base/bytes.ts";
import { NetworkError, TrackerError } from "../../src/base/errors.ts";
import type { DatagramSocket } from "../../src/ports/network.ts";
import { Announcer } from "../../src/session/announcer.ts";
import { UdpTrackers } from "../../src/session/tracker_udp.ts";
import type { AnnounceRequest } from "../../src/tracker/announce.ts";
import {
  decodeQuery,
  putAnnounceAnswer,
  putConnectAnswer,
  putError,
  putScrapeAnswer,
  putScrapeCounts,
} from "../../src/tracker/udp_server_codec.ts";
import { type SimHost, SimWorld } from "../sim/world.ts";
import { urlDataOf } from "../tracker/url_data.ts";

const HASH = new Uint8Array(20).fill(0x11);
const REQUEST: AnnounceRequest = {
  infoHash: HASH,
  peerId: new Uint8Array(20).fill(0x22),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: "started",
  numWant: 100,
  key: 1,
};

/**
 * A tracker that logs what it is asked; `failure` makes it refuse, `drop` makes it deaf for so many packets,
 * `lies` are sent in the place of its first answers.
 */
class FakeTracker {
  readonly log: string[] = [];
  failure: string | undefined;
  drop = 0;
  lies: ((answer: Uint8Array) => Uint8Array)[] = [];
  readonly #out = new Uint8Array(100);

  static async start(host: SimHost, peers: readonly Address[]): Promise<FakeTracker> {
    const tracker = new FakeTracker();
    tracker.#serve(await host.process.network.bindUdp({ port: 6969 }), peers);
    return tracker;
  }

  async #serve(socket: DatagramSocket, peers: readonly Address[]): Promise<void> {
    for (;;) {
      const datagram = await socket.receive();
      if (!datagram) return;
      if (this.drop-- > 0) continue;
      const answer = this.#answer(datagram.data, peers);
      const isV6 = datagram.from.host.includes(":");
      const lie = this.lies.shift();
      if (lie) socket.send(lie(answer), datagram.from);
      else if (answer.length === 20) {
        const list = peers.filter((peer) => peer.host.includes(":") === isV6).map(encodeCompact);
        socket.send(concat([answer, ...list]), datagram.from);
      } else socket.send(answer, datagram.from);
    }
  }

  #answer(packet: Uint8Array, peers: readonly Address[]): Uint8Array {
    const query = decodeQuery(packet)!;
    const id = query.transactionId;
    const out = this.#out;
    const event = query.action === "announce" ? ` ${query.event ?? "-"} ${query.left}` : "";
    this.log.push(`${query.action}${event}${urlDataOf(packet)}`);
    if (query.action === "connect") {
      return out.slice(0, putConnectAnswer(out, id, { high: 1, low: 2 }));
    }
    if (this.failure !== undefined) {
      return out.slice(0, putError(out, id, { message: this.failure, maxBytes: 100 }));
    }
    if (query.action === "announce") {
      const counts = { intervalSeconds: 1800, leeches: 2, seeds: peers.length };
      return out.slice(0, putAnnounceAnswer(out, id, counts));
    }
    const at = putScrapeAnswer(out, id);
    return out.slice(0, putScrapeCounts(out, at, { seeds: 1, completed: 2, leeches: 3 }));
  }
}

const PEERS: readonly Address[] = [
  { host: "192.0.2.1", port: 1 },
  { host: "2001:db8::1", port: 2 },
];
const URL_OF_TRACKER = "udp://t.example:6969/announce?key=1";

async function setup(options: { ips?: readonly string[]; latencyMs?: number } = {}) {
  const world = new SimWorld({ seed: 1 });
  const { ips = ["10.0.0.2"], latencyMs = 10 } = options;
  const host = world.host(ips, { latencyMs });
  const client = world.host(["10.0.0.1", "fd00::1"], { latencyMs: 10 });
  world.network.names.set("t.example", ips);
  const tracker = await world.wait(FakeTracker.start(host, PEERS));
  const udp = new UdpTrackers(client.process);
  const controller = new AbortController();
  const { signal } = controller;
  const announce = (url = URL_OF_TRACKER) => udp.announce(url, REQUEST, { signal });
  return { world, tracker, host, client, udp, announce, controller };
}

Deno.test("announce() connects, announces and closes its socket when the tracker answers", async () => {
  const { world, tracker, client, announce } = await setup();
  const announcing = announce();
  await world.run(25);
  assertEquals(client.net.udp.size, 1);
  const answer = await world.wait(announcing);
  assertEquals(answer.peers, [PEERS[0]!]);
  assertEquals([answer.intervalMs, answer.seeds, answer.leeches], [1_800_000, 2, 2]);
  assertEquals(tracker.log, ["connect", "announce started 1/announce?key=1"]);
  assertEquals([client.net.udp.size, world.clock.now()], [0, 100]);
});

Deno.test("announce() asks over both families when the tracker has both", async () => {
  const { world, tracker, announce } = await setup({ ips: ["10.0.0.2", "fd00::2"] });
  const answer = await world.wait(announce());
  assertEquals(answer.peers, [...PEERS]);
  assertEquals(tracker.log.length, 4);
});

Deno.test("announce() does not wait long for a family that does not answer", async () => {
  // Look-up, connect and announce take 64, 460 and 8,060 ms.
  for (const [latencyMs, endMs] of [[1, 114], [100, 900], [2000, 8560]] as const) {
    const { world, client, announce } = await setup({ latencyMs });
    world.network.names.set("t.example", ["fd00::9", "10.0.0.2"]);
    const answer = await world.wait(announce());
    assertEquals(answer.peers, [PEERS[0]!]);
    assertEquals([world.clock.now(), client.net.udp.size], [endMs, 0]);
  }
});

Deno.test("announce() sends again after 15 s when packets are lost", async () => {
  const { world, tracker, announce } = await setup();
  tracker.drop = 1;
  await world.wait(announce());
  assertEquals(world.clock.now(), 15_100);
});

Deno.test("announce() waits for its time and asks again when answers are wrong", async () => {
  const put = (answer: Uint8Array, at: number, value: number) => {
    answer[at] = value;
    return answer;
  };
  const { world, tracker, client, announce } = await setup();
  tracker.lies = [
    // Another transaction, another action; then a good one, and an announce's that is too short.
    (answer) => put(answer, 7, answer[7]! ^ 1),
    (answer) => put(answer, 3, 2),
    (answer) => answer,
    (answer) => answer.subarray(0, 19),
  ];
  assertEquals((await world.wait(announce())).peers, [PEERS[0]!]);
  const log = tracker.log.map((line) => line.split(" ")[0]);
  // The connects wait 15 and 30 s, the announce then 60: its connection id is too old by then.
  assertEquals(log, ["connect", "connect", "connect", "announce", "connect", "announce"]);
  assertEquals([Math.floor(world.clock.now() / 1000), client.net.udp.size], [105, 0]);
});

Deno.test("announce() shares one socket when several torrents announce", async () => {
  const { world, tracker, client, announce } = await setup();
  const all = Promise.all([announce(), announce(), announce()]);
  await world.run(25);
  assertEquals(client.net.udp.size, 1);
  await world.wait(all);
  assertEquals(tracker.log.filter((line) => line === "connect").length, 1);
  assertEquals(client.net.udp.size, 0);
  // And opens another one later.
  await world.wait(announce());
  assertEquals(client.net.udp.size, 0);
});

Deno.test("announce() ends at once when its signal aborts", async () => {
  const { world, tracker, client, announce, controller } = await setup();
  tracker.drop = Infinity;
  const announcing = announce();
  announcing.catch(() => {});
  await world.run(20_000);
  controller.abort(new Error("enough"));
  await world.wait(assertRejects(() => announcing, Error, "enough"));
  assertEquals([world.clock.now(), client.net.udp.size], [20_000, 0]);
});

Deno.test("announce() says why when it cannot or must not", async () => {
  const { world, tracker, announce } = await setup();
  tracker.failure = "not\x1b[2J registered";
  const table: [string, string, string][] = [
    [URL_OF_TRACKER, "refused", "Cannot announce to t.example:6969: not [2J registered"],
    ["udp://t.example/announce", "policy", "Cannot announce to t.example: its URL names no port"],
    ["udp://no.example:1", "unreachable", "Cannot announce to no.example:1: no such name"],
  ];
  for (const [url, kind, message] of table) {
    const error = await world.wait(assertRejects(() => announce(url), TrackerError));
    assertEquals([error.kind, error.message], [kind, message]);
  }
  tracker.failure = "";
  const error = await world.wait(assertRejects(() => announce(), TrackerError));
  assertEquals(error.message, "Cannot announce to t.example:6969: no reason given");
});

Deno.test("announce() fails when no socket can be had", async () => {
  const { world, client } = await setup();
  const { clock, random, network } = client.process;
  const udp = new UdpTrackers({
    clock,
    random,
    network: {
      resolve: (...args) => network.resolve(...args),
      bindUdp: () => Promise.reject(new NetworkError("other", "Cannot bind: permission denied")),
    },
  });
  const { signal } = new AbortController();
  const announcing = udp.announce(URL_OF_TRACKER, REQUEST, { signal });
  const error = await world.wait(assertRejects(() => announcing, TrackerError));
  assertEquals([error.kind, error.message], [
    "unreachable",
    "Cannot announce to t.example:6969: permission denied",
  ]);
});

Deno.test("scrape() gives counts in the order that was asked", async () => {
  const { world, tracker, udp, controller } = await setup({ ips: ["10.0.0.2", "fd00::2"] });
  const { signal } = controller;
  const counts = await world.wait(udp.scrape(URL_OF_TRACKER, [HASH, HASH], { signal }));
  assertEquals(counts, [{ seeds: 1, completed: 2, leeches: 3 }, null]);
  tracker.failure = "no";
  const failing = udp.scrape("udp://[fd00::2]:6969", [HASH], { signal });
  const error = await world.wait(assertRejects(() => failing, TrackerError));
  assertEquals(error.message, "Cannot scrape [fd00::2]:6969: no");
});

function announcer(host: SimHost, tiers: string[][]) {
  const counters = { uploaded: 0, downloaded: 0, left: 7 };
  const peers: Address[] = [];
  const instance = new Announcer({
    tiers,
    infoHash: HASH,
    peerId: REQUEST.peerId,
    port: () => 6881,
    counters: () => counters,
    onPeers: (list) => peers.push(...list),
    onWarning: () => {},
    world: host.process,
    userAgent: "starling/test",
  });
  return { instance, counters, peers };
}

Deno.test("an Announcer tells a UDP tracker of its start, its completion and its end", async () => {
  const { world, tracker, client } = await setup();
  const { instance, counters, peers } = announcer(client, [[URL_OF_TRACKER]]);
  const running = instance.run(new AbortController().signal);
  await world.runUntil(() => peers.length > 0, { within: 1000 });
  assertEquals(instance.stats()[0]?.status, "ok, 1 peer, next in 30m");
  counters.left = 0;
  instance.completed();
  await world.run(100);
  await world.wait(instance.stop());
  await world.wait(running);
  assertEquals(tracker.log.filter((line) => line !== "connect").map((line) => line.split("/")[0]), [
    "announce started 7",
    "announce completed 0",
    "announce stopped 0",
  ]);
  assertEquals(client.net.udp.size, 0);
});

Deno.test("an Announcer gets peers within 1.2 s when twenty tiers in front are dead", async () => {
  const { world, client } = await setup();
  world.host("10.9.9.9");
  const dead = Array.from({ length: 20 }, (_, i) => {
    return [i % 2 === 0 ? `udp://10.9.9.9:${i + 1}` : `http://10.9.9.8:${i}/announce`];
  });
  const { instance, peers } = announcer(client, [...dead, [URL_OF_TRACKER]]);
  const running = instance.run(new AbortController().signal);
  await world.runUntil(() => peers.length > 0, { within: 1200 });
  const before = world.clock.now();
  await world.wait(instance.stop());
  await world.wait(running);
  assertEquals([world.clock.now() - before < 200, client.net.udp.size], [true, 0]);
});

Deno.test("an Announcer's end does not wait for dead UDP trackers", async () => {
  const { world, tracker, client } = await setup();
  tracker.drop = Infinity;
  const { instance } = announcer(client, [[URL_OF_TRACKER], ["udp://10.9.9.9:1"]]);
  const running = instance.run(new AbortController().signal);
  await world.run(61_000);
  assertEquals(instance.stats()[0]?.status, "timed out: no answer within 60 s");
  const before = world.clock.now();
  await world.wait(instance.stop());
  await world.wait(running);
  assertEquals([world.clock.now(), client.net.udp.size], [before, 0]);
});
