/**
 * A UDP tracker server, packet in and packet out, driven by the client's own codec.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { formatAddress, parseIp } from "../../src/base/address.ts";
import { concat } from "../../src/base/bytes.ts";
import type { AnnounceEvent, AnnounceRequest } from "../../src/tracker/announce.ts";
import { ConnectionIds } from "../../src/tracker/connection_ids.ts";
import { ServerState, type ServerStateOptions } from "../../src/tracker/server_state.ts";
import {
  type ConnectionId,
  decodeAnswer,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
} from "../../src/tracker/udp_codec.ts";
import { MAX_ANSWER_BYTES, UdpTrackerServer } from "../../src/tracker/udp_server.ts";
import { SimRandom } from "../sim/random.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";

const MINUTE = 60_000;

function hash(n: number): Uint8Array {
  return new Uint8Array(20).fill(n);
}

Deno.test("ConnectionIds are valid for their address and for two to three minutes", () => {
  const random = new SimRandom(1);
  const ids = new ConnectionIds(random.bytes(8));
  const ip = parseIp("1.2.3.4")!;
  for (const start of [0, 1, 59_999, 60_000, 1e9 + 17, 2 ** 52]) {
    const id = ids.make(ip, start);
    for (const age of [0, 1, MINUTE, 2 * MINUTE]) assert(ids.isValid(id, ip, start + age));
    for (const age of [3 * MINUTE, 4 * MINUTE, 5 * MINUTE, 64 * MINUTE]) {
      assert(!ids.isValid(id, ip, start + age), `${age / MINUTE} minutes`);
    }
    // None is valid before it was made.
    assert(start < MINUTE || !ids.isValid(id, ip, start - MINUTE));
    assert(!ids.isValid(id, parseIp("1.2.3.5")!, start));
    assert(!ids.isValid(id, parseIp("102:304::")!, start));
    assert(!new ConnectionIds(random.bytes(8)).isValid(id, ip, start));
    const { high, low } = id;
    assert(!ids.isValid({ high: high ^ 1, low }, ip, start));
    assert(!ids.isValid({ high, low: (low ^ 4) >>> 0 }, ip, start));
  }
  assertNotEquals(ids.make(ip, 0), ids.make(ip, MINUTE));
});

function setup(options: Partial<ServerStateOptions> = {}) {
  const random = new SimRandom(1);
  const state = new ServerState({ random, ...options }, 0);
  const server = new UdpTrackerServer(state, random.bytes(8));
  let now = 0;
  /** The answer to a packet from an address; `undefined` for none. */
  const ask = (packet: Uint8Array, from = "1.2.3.4") => {
    const ip = parseIp(from)!;
    return server.answer(packet, { ip, now })?.slice();
  };
  const connect = (from = "1.2.3.4"): ConnectionId => {
    const answer = decodeAnswer(ask(encodeConnect(5), from)!, 4);
    assert(answer?.action === "connect" && answer.transactionId === 5);
    return answer.connectionId;
  };
  const announce = (from: string, more: Partial<AnnounceRequest> = {}) => {
    const connectionId = connect(from);
    const packet = encodeAnnounce({ connectionId, transactionId: 6 }, request(more), "");
    const answer = decodeAnswer(ask(packet, from)!, from.includes(":") ? 16 : 4);
    assert(answer?.transactionId === 6);
    return answer;
  };
  /** The peers that an announce gives, sorted; or the error. */
  const peers = (from: string, more: Partial<AnnounceRequest> = {}) => {
    const answer = announce(from, more);
    if (answer.action === "error") return answer.message;
    assert(answer.action === "announce");
    return answer.response.peers.map(formatAddress).sort();
  };
  const pass = (ms: number) => void (now += ms);
  return { state, ask, connect, announce, peers, pass };
}

function request(more: Partial<AnnounceRequest> = {}): AnnounceRequest {
  return {
    infoHash: hash(1),
    peerId: hash(2),
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 5,
    numWant: -1,
    key: 3,
    ...more,
  };
}

Deno.test("answer() lists whoever announces and gives them to the next", () => {
  const { announce, peers, state } = setup();
  assertEquals(peers("1.0.0.1"), []);
  assertEquals(peers("1.0.0.2", { port: 1, left: 0 }), ["1.0.0.1:6881"]);
  assertEquals(peers("1.0.0.3"), ["1.0.0.1:6881", "1.0.0.2:1"]);
  assertEquals(peers("2001:db8::1"), []);
  assertEquals(peers("2001:db8::2"), ["[2001:db8::1]:6881"]);
  const answer = announce("1.0.0.4");
  assert(answer.action === "announce");
  assertEquals([answer.response.seeds, answer.response.leeches], [1, 5]);
  assertEquals(peers("1.0.0.4", { event: "stopped" }), []);
  assertEquals(state.stats(5000), {
    uptimeSeconds: 5,
    torrents: 1,
    peers: 5,
    seeds: 1,
    peersV6: 2,
    httpAnnounces: 0,
    httpScrapes: 0,
    httpFailures: 0,
    udpConnects: 7,
    udpAnnounces: 7,
    udpScrapes: 0,
    udpErrors: 0,
    udpIgnored: 0,
    unlisted: 0,
  });
});

Deno.test("answer() gives seeds to whoever starts with nothing left, since it may not know the size", () => {
  const { peers } = setup();
  assertEquals(peers("1.0.0.1", { left: 0, event: "started" }), []);
  assertEquals(peers("1.0.0.2", { left: 0, event: "started" }), ["1.0.0.1:6881"]);
  assertEquals(peers("1.0.0.2", { left: 0 }), []);
});

Deno.test("answer() does not list the address that an announce names", () => {
  const { ask, connect, peers } = setup();
  const packet = encodeAnnounce({ connectionId: connect(), transactionId: 6 }, request(), "");
  packet.set([9, 9, 9, 9], 84);
  ask(packet);
  assertEquals(peers("1.0.0.2"), ["1.2.3.4:6881"]);
});

Deno.test("answer() gives as many peers as are wanted and fit", () => {
  const { peers } = setup();
  for (let i = 0; i < 250; i++) {
    peers(`1.0.${i}.1`);
    peers(`2001:db8:0:${i}::1`);
  }
  const count = (from: string, numWant: number) => peers(from, { numWant }).length;
  assertEquals([-1, 0, 7, 200, 2 ** 31 - 1].map((n) => count("1.0.0.1", n)), [50, 0, 7, 200, 200]);
  assertEquals([-1, 67, 200].map((n) => count("2001:db8::1", n)), [50, 67, 67]);
});

Deno.test("answer() spreads the intervals by a tenth", () => {
  const { announce } = setup({ intervalMs: 1_000_000 });
  const intervals = Array.from({ length: 200 }, () => {
    const answer = announce("1.0.0.1");
    return answer.action === "announce" ? answer.response.intervalMs : NaN;
  });
  assert(intervals.every((ms) => ms >= 900_000 && ms <= 1_100_000));
  assert(new Set(intervals).size > 100);
});

Deno.test("answer() forgets peers after two intervals", () => {
  const { peers, pass } = setup();
  peers("1.0.0.1");
  pass(2 * 1_980_000);
  assertEquals(peers("1.0.0.2"), ["1.0.0.1:6881"]);
  pass(60_000);
  assertEquals(peers("1.0.0.2"), []);
});

Deno.test("answer() refuses what is not on the whitelist", () => {
  const { peers, ask, connect, state } = setup({ whitelist: [hash(1), hash(2)] });
  assertEquals(peers("1.0.0.1"), []);
  assertEquals(peers("1.0.0.1", { infoHash: hash(9) }), "this torrent is not tracked here");
  const scrape = encodeScrape({ connectionId: connect(), transactionId: 7 }, [hash(1), hash(9)]);
  const answer = decodeAnswer(ask(scrape)!, 4);
  assertEquals(answer, {
    transactionId: 7,
    action: "scrape",
    counts: [{ seeds: 0, completed: 0, leeches: 1 }, { seeds: 0, completed: 0, leeches: 0 }],
  });
  assertEquals([state.counters.udpErrors, state.counters.udpScrapes], [1, 1]);
});

Deno.test("answer() gives no peers and no more bytes than were sent to who shows no connection id", () => {
  const { ask, connect, peers, pass } = setup();
  for (let i = 0; i < 100; i++) peers(`1.0.${i}.1`);
  const other = connect("5.6.7.8");
  const old = connect();
  pass(3 * MINUTE);
  for (const connectionId of [other, old, { high: 0, low: 0 }, { high: 0x417, low: 0x27101980 }]) {
    const head = { connectionId, transactionId: 9 };
    for (const packet of [encodeAnnounce(head, request(), ""), encodeScrape(head, [hash(1)])]) {
      const answer = ask(packet)!;
      assert(answer.length <= packet.length);
      assertEquals(decodeAnswer(answer, 4), {
        action: "error",
        transactionId: 9,
        message: "connection id expired",
      });
    }
  }
});

Deno.test("answer() answers nothing that is no question", () => {
  const { ask, connect, state } = setup();
  const head = { connectionId: connect(), transactionId: 9 };
  const announce = encodeAnnounce(head, request(), "");
  const scrape = encodeScrape(head, [hash(1)]);
  let ignored = 0;
  for (const packet of [encodeConnect(1), announce, scrape]) {
    for (let length = 0; length < packet.length; length++) {
      assertEquals(ask(packet.subarray(0, length)), undefined);
      ignored++;
    }
  }
  assertEquals(state.counters.udpIgnored, ignored);
});

Deno.test("answer() never amplifies and never throws when packets are garbage", () => {
  const { ask, connect, state, pass } = setup();
  forSeeds(300, (next) => {
    const valid = { connectionId: connect(), transactionId: below(next, 2 ** 32) };
    const forged = { connectionId: { high: 1, low: below(next, 2 ** 32) }, transactionId: 1 };
    for (let i = 0; i < 20; i++) {
      const isForged = next() < 0.5;
      const head = isForged ? forged : valid;
      const event = pick(next, ["started", "stopped", "completed"] satisfies AnnounceEvent[]);
      const questions = [
        encodeConnect(7),
        encodeAnnounce(head, request({ infoHash: hash(below(next, 3)), event }), "/a"),
        encodeScrape(head, [hash(1), hash(2)]),
        randomBytes(next, below(next, 150)),
      ];
      const packet = mutate(next, pick(next, questions));
      const answer = ask(packet);
      const isUnverified = isForged || packet.length < 36;
      if (answer && isUnverified) assert(answer.length <= packet.length);
      if (answer) assert(answer.length <= MAX_ANSWER_BYTES);
    }
    pass(below(next, 10_000));
  });
  state.table.checkInvariants();
});

Deno.test("answer() reads an announce with options behind it", () => {
  const { ask, connect, peers } = setup();
  const head = { connectionId: connect(), transactionId: 9 };
  ask(concat([encodeAnnounce(head, request(), "/announce?x"), Uint8Array.of(1, 1, 0)]));
  assertEquals(peers("1.0.0.2"), ["1.2.3.4:6881"]);
});
