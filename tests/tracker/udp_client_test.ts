/**
 * The conversation with UDP trackers: what is sent when, and which answers count.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { concat, getUint32 } from "../../src/base/bytes.ts";
import type { AnnounceRequest } from "../../src/tracker/announce.ts";
import { type UdpQuestion, UdpTrackerClient } from "../../src/tracker/udp_client.ts";
import type { ConnectionId } from "../../src/tracker/udp_codec.ts";
import {
  decodeQuery,
  putAnnounceAnswer,
  putConnectAnswer,
  putError,
  putScrapeAnswer,
  putScrapeCounts,
  type UdpQuery,
} from "../../src/tracker/udp_server_codec.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { urlDataOf } from "./url_data.ts";

const TRACKER: Address = { host: "203.0.113.1", port: 6969 };
const OTHER: Address = { host: "2001:db8::1", port: 6969 };
const HASH = new Uint8Array(20).fill(0x11);

const REQUEST: AnnounceRequest = {
  infoHash: HASH,
  peerId: new Uint8Array(20).fill(0x22),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  numWant: 100,
  key: 1,
};
const ANNOUNCE: UdpQuestion = { action: "announce", request: REQUEST, urlData: "/a" };
const SCRAPE: UdpQuestion = { action: "scrape", infoHashes: [HASH] };
const ID: ConnectionId = { high: 7, low: 8 };

/** Random bytes that count, so that transaction ids are 1, 2, 3, … */
function counter() {
  let n = 0;
  return { bytes: () => Uint8Array.of(0, 0, 0, ++n) };
}

function answerTo(query: UdpQuery, id = ID): Uint8Array {
  const out = new Uint8Array(100);
  const { transactionId } = query;
  if (query.action === "connect") return out.slice(0, putConnectAnswer(out, transactionId, id));
  if (query.action === "scrape") {
    const at = putScrapeAnswer(out, transactionId);
    return out.slice(0, putScrapeCounts(out, at, { seeds: 1, completed: 2, leeches: 3 }));
  }
  const counts = { intervalSeconds: 1800, leeches: 2, seeds: 3 };
  const end = putAnnounceAnswer(out, transactionId, counts);
  return concat([out.subarray(0, end), Uint8Array.of(1, 2, 3, 4, 0, 5)]);
}

function error(query: UdpQuery, message: string): Uint8Array {
  const out = new Uint8Array(100);
  return out.slice(0, putError(out, query.transactionId, { message, maxBytes: 100 }));
}

/** A client with a view on what it sends: `action transaction`, as in `connect 2`. */
function setup() {
  const client = new UdpTrackerClient(counter());
  const queries: UdpQuery[] = [];
  const sent = () => {
    client.checkInvariants();
    return client.takePackets().map(({ data }) => {
      const query = decodeQuery(data)!;
      queries.push(query);
      return `${query.action} ${query.transactionId}`;
    });
  };
  /** Answers the last packet. */
  const answer = (now: number, from = TRACKER) =>
    client.onPacket(answerTo(queries.at(-1)!), from, now);
  return { client, queries, sent, answer };
}

/** Ticks whenever the client wants until `end`; the result is `seconds action`. */
function timeline(t: ReturnType<typeof setup>, end: number): string[] {
  const out: string[] = [];
  for (let now = t.client.wakeAt; now <= end; now = t.client.wakeAt) {
    t.client.tick(now);
    for (const line of t.sent()) out.push(`${now / 1000} ${line.split(" ")[0]}`);
  }
  return out;
}

Deno.test("ask() connects, then announces, when the tracker is new", () => {
  const t = setup();
  const id = t.client.ask(TRACKER, ANNOUNCE, 0);
  assertEquals(t.sent(), ["connect 2"]);
  t.answer(1000);
  assertEquals(t.sent(), ["announce 1"]);
  const query = t.queries.at(-1)!;
  assert(query.action === "announce");
  assertEquals([query.connectionId, query.infoHash], [ID, HASH]);
  t.answer(2000);
  const [[ended, outcome] = [], ...more] = t.client.takeOutcomes();
  assertEquals([ended, more.length], [id, 0]);
  assert(outcome?.action === "announce");
  assertEquals(outcome.response.peers, [{ host: "1.2.3.4", port: 5 }]);
  assertEquals(t.client.takeOutcomes(), []);
  assertEquals([t.client.pending, t.client.wakeAt], [0, Infinity]);
});

Deno.test("ask() tells the URL's path when there is one", () => {
  const { client } = setup();
  client.ask(TRACKER, ANNOUNCE, 0);
  const [connect] = client.takePackets();
  client.onPacket(answerTo(decodeQuery(connect!.data)!), TRACKER, 1);
  const [announce] = client.takePackets();
  assertEquals(urlDataOf(announce!.data), "/a");
  assertEquals(announce!.to, TRACKER);
});

Deno.test("tick() connects again at 15, 45 and 105 s when nothing is answered", () => {
  const t = setup();
  t.client.ask(TRACKER, ANNOUNCE, 0);
  t.sent();
  assertEquals(timeline(t, 1_000_000), [
    "15 connect",
    "45 connect",
    "105 connect",
    "225 connect",
    "465 connect",
    "945 connect",
  ]);
  // 15·2⁸ s is the longest.
  const late = timeline(t, 30_000_000).map((line) => Number(line.split(" ")[0]));
  assertEquals(late.slice(-2)[1]! - late.slice(-2)[0]!, 3840);
});

Deno.test("tick() follows the example of the protocol when announces are not answered", () => {
  const t = setup();
  t.client.ask(TRACKER, ANNOUNCE, 0);
  t.sent();
  t.answer(1000);
  t.client.takePackets();
  // Announced at 1 s here and not at 2; the connection id expires at 61 s.
  assertEquals(timeline(t, 400_000), ["16 announce", "46 announce", "106 connect", "226 connect"]);
});

Deno.test("ask() shares one connect and its id for 60 s", () => {
  const t = setup();
  t.client.ask(TRACKER, ANNOUNCE, 0);
  t.client.ask(TRACKER, SCRAPE, 10);
  t.client.ask(OTHER, SCRAPE, 10);
  assertEquals(t.sent(), ["connect 2", "connect 5"]);
  t.client.onPacket(answerTo(t.queries[0]!), TRACKER, 100);
  assertEquals(t.sent(), ["announce 1", "scrape 3"]);
  t.client.ask(TRACKER, SCRAPE, 60_099);
  assertEquals(t.sent(), ["scrape 6"]);
  t.client.ask(TRACKER, SCRAPE, 60_100);
  assertEquals(t.sent(), ["connect 8"]);
});

Deno.test("onPacket() ignores what is not from the tracker, not asked, or of another kind", () => {
  const t = setup();
  t.client.ask(TRACKER, ANNOUNCE, 0);
  t.sent();
  const connect = t.queries[0]!;
  const wrong: [Uint8Array, Address][] = [
    [answerTo(connect), { ...TRACKER, port: 6970 }],
    [answerTo(connect), { ...TRACKER, host: "203.0.113.2" }],
    [answerTo({ ...connect, transactionId: 99 }), TRACKER],
    [answerTo(connect).subarray(0, 15), TRACKER],
    [new Uint8Array(0), TRACKER],
    [answerTo({ ...connect, action: "scrape" } as UdpQuery), TRACKER],
    // The announce's own transaction id, before it was sent.
    [error({ ...connect, transactionId: 1 }, "no"), TRACKER],
  ];
  for (const [packet, from] of wrong) t.client.onPacket(packet, from, 1);
  assertEquals([t.sent(), t.client.takeOutcomes(), t.client.pending], [[], [], 1]);
  t.answer(2);
  assertEquals(t.sent(), ["announce 1"]);
  // Twice the same connect answer, and an answer of another action.
  t.client.onPacket(answerTo(connect), TRACKER, 3);
  t.client.onPacket(answerTo({ action: "connect", transactionId: 1 }), TRACKER, 3);
  t.client.onPacket(answerTo({ ...SCRAPE, connectionId: ID, transactionId: 1 }), TRACKER, 3);
  assertEquals([t.sent(), t.client.takeOutcomes(), t.client.pending], [[], [], 1]);
});

Deno.test("onPacket() reads peers of 18 bytes when the tracker is asked over IPv6", () => {
  const t = setup();
  t.client.ask(OTHER, ANNOUNCE, 0);
  t.sent();
  t.answer(1, OTHER);
  t.sent();
  const out = new Uint8Array(38);
  putAnnounceAnswer(out, 1, { intervalSeconds: 1, leeches: 0, seeds: 0 });
  out.set([0x20, 1, 0xd, 0xb8], 20);
  out.set([9, 0, 80], 35);
  t.client.onPacket(out, OTHER, 2);
  const outcome = t.client.takeOutcomes()[0]?.[1];
  assert(outcome?.action === "announce");
  assertEquals(outcome.response.peers, [{ host: "2001:db8::9", port: 80 }]);
});

Deno.test("onPacket() hands on an error, but connects anew first when the id was an old one", () => {
  const t = setup();
  t.client.ask(TRACKER, SCRAPE, 0);
  t.sent();
  t.answer(1);
  t.sent();
  t.answer(2);
  const scraped = t.client.takeOutcomes()[0]?.[1];
  assert(scraped?.action === "scrape");
  assertEquals(scraped.counts, [{ seeds: 1, completed: 2, leeches: 3 }]);
  const id = t.client.ask(TRACKER, ANNOUNCE, 3);
  t.sent();
  const announce = t.queries.at(-1)!;
  t.client.onPacket(error(announce, "bad connection id"), TRACKER, 4);
  // The same error again, of a packet that came twice.
  t.client.onPacket(error(announce, "bad connection id"), TRACKER, 4);
  assertEquals(t.sent(), ["connect 4"]);
  t.answer(5);
  assertEquals(t.sent(), ["announce 3"]);
  t.client.onPacket(error(announce, "not\x1b registered"), TRACKER, 6);
  const [[ended, outcome] = []] = t.client.takeOutcomes();
  assertEquals(ended, id);
  assert(outcome?.action === "error");
  assertEquals(outcome.message, "not registered");
});

Deno.test("onPacket() ends every waiting question when a connect is refused", () => {
  const t = setup();
  const ids = [t.client.ask(TRACKER, SCRAPE, 0), t.client.ask(TRACKER, ANNOUNCE, 0)];
  t.sent();
  t.client.onPacket(error(t.queries[0]!, "banned"), TRACKER, 1);
  assertEquals(t.client.takeOutcomes().map(([id, o]) => [id, o.action]), [
    [ids[0]!, "error"],
    [ids[1]!, "error"],
  ]);
  assertEquals([t.client.pending, t.client.wakeAt], [0, Infinity]);
});

Deno.test("onPacket() takes a late answer while it connects anew", () => {
  const t = setup();
  t.client.ask(TRACKER, ANNOUNCE, 0);
  t.sent();
  t.answer(1);
  t.sent();
  const announce = t.queries.at(-1)!;
  timeline(t, 110_000);
  assertEquals(t.queries.at(-1)?.action, "connect");
  t.client.onPacket(answerTo(announce), TRACKER, 111_000);
  assertEquals(t.client.takeOutcomes().length, 1);
  assertEquals([t.client.pending, t.client.wakeAt], [0, Infinity]);
});

Deno.test("cancel() leaves nothing to send and nothing to hear", () => {
  const t = setup();
  const first = t.client.ask(TRACKER, ANNOUNCE, 0);
  const second = t.client.ask(TRACKER, SCRAPE, 0);
  t.sent();
  const connect = t.queries[0]!;
  t.client.cancel(first);
  t.client.cancel(first);
  assertEquals(t.client.wakeAt, 15_000);
  t.client.cancel(second);
  assertEquals([t.client.pending, t.client.wakeAt], [0, Infinity]);
  t.client.onPacket(answerTo(connect), TRACKER, 1);
  assertEquals([t.sent(), t.client.takeOutcomes()], [[], []]);
});

Deno.test("cancel() takes back an outcome that was not taken", () => {
  const t = setup();
  const id = t.client.ask(TRACKER, ANNOUNCE, 0);
  t.sent();
  t.client.onPacket(error(t.queries[0]!, "no"), TRACKER, 1);
  t.client.cancel(id);
  assertEquals(t.client.takeOutcomes(), []);
});

Deno.test("every question ends once when packets are lost, doubled, late and changed", () => {
  forSeeds(100, (next) => {
    const client = new UdpTrackerClient({ bytes: (n) => randomBytes(next, n) });
    const trackers = [TRACKER, OTHER, { ...TRACKER, port: 1 }];
    const open = new Set<number>();
    const inFlight: { at: number; packet: Uint8Array; from: Address }[] = [];
    let now = 0;
    const collect = () => {
      for (const { data, to } of client.takePackets()) {
        const query = decodeQuery(data)!;
        const key = { high: to.port, low: getUint32(randomBytes(next, 4), 0) };
        const isError = next() < 0.1;
        const packet = isError ? error(query, "no") : answerTo(query, key);
        for (let copies = pick(next, [0, 1, 1, 1, 2]); copies > 0; copies--) {
          const from = next() < 0.05 ? pick(next, trackers) : to;
          const changed = next() < 0.1 ? mutate(next, packet) : packet;
          inFlight.push({ at: now + below(next, 30_000), packet: changed, from });
        }
      }
      for (const [id] of client.takeOutcomes()) assert(open.delete(id), `${id} ended twice`);
      client.checkInvariants();
    };
    for (let step = 0; step < 200; step++) {
      const action = next();
      if (action < 0.2 && step < 150) {
        open.add(client.ask(pick(next, trackers), pick(next, [ANNOUNCE, SCRAPE]), now));
      } else if (action < 0.25 && open.size > 0) {
        const id = pick(next, [...open]);
        client.cancel(id);
        open.delete(id);
      } else {
        const first = inFlight.sort((a, b) => a.at - b.at)[0];
        if (first && first.at <= client.wakeAt) {
          now = Math.max(now, first.at);
          client.onPacket(inFlight.shift()!.packet, first.from, now);
        } else if (client.wakeAt !== Infinity) client.tick(now = Math.max(now, client.wakeAt));
      }
      collect();
      assertEquals(client.pending, open.size);
    }
    for (let round = 0; open.size > 0 && round < 2000; round++) {
      const first = inFlight.sort((a, b) => a.at - b.at)[0];
      if (first && first.at <= client.wakeAt) {
        now = Math.max(now, first.at);
        client.onPacket(inFlight.shift()!.packet, first.from, now);
      } else client.tick(now = Math.max(now, client.wakeAt));
      collect();
    }
    assertEquals([...open], []);
  });
});
