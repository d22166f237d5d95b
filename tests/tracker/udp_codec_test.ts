/**
 * The UDP tracker protocol as bytes: both halves against each other and against the layouts of the BEPs.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { encodeCompact } from "../../src/base/address.ts";
import { concat, hex } from "../../src/base/bytes.ts";
import { type AnnounceRequest, MAX_PEERS } from "../../src/tracker/announce.ts";
import {
  decodeAnswer,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
} from "../../src/tracker/udp_codec.ts";
import {
  decodeQuery,
  putAnnounceAnswer,
  putConnectAnswer,
  putError,
  putScrapeAnswer,
  putScrapeCounts,
} from "../../src/tracker/udp_server_codec.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { urlDataOf } from "./url_data.ts";

const utf8 = new TextEncoder();
const ID = { high: 0xdeadbeef, low: 0x80000001 };
const HEAD = { connectionId: ID, transactionId: 0xfedcba98 };

const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0x11),
  peerId: new Uint8Array(20).fill(0x22),
  port: 0xabcd,
  uploaded: 2 ** 40 + 3,
  downloaded: 1,
  left: Number.MAX_SAFE_INTEGER,
  event: "started",
  numWant: 100,
  key: 0x80c0ffee,
};

Deno.test("encodeConnect() writes the magic constant", () => {
  assertEquals(hex(encodeConnect(0x01020304)), "00000417271019800000000001020304");
});

Deno.test("encodeAnnounce() lays out every field when there is an event", () => {
  assertEquals(
    hex(encodeAnnounce(HEAD, REQUEST, "")),
    "deadbeef80000001" + "00000001" + "fedcba98" + "11".repeat(20) + "22".repeat(20) +
      "0000000000000001" + "001fffffffffffff" + "0000010000000003" +
      "00000002" + "00000000" + "80c0ffee" + "00000064" + "abcd",
  );
});

Deno.test("encodeAnnounce() makes whole numbers of counters when they are none", () => {
  const odd = { ...REQUEST, downloaded: -1, left: Infinity, uploaded: NaN };
  const query = decodeQuery(encodeAnnounce(HEAD, odd, ""));
  assert(query?.action === "announce");
  assertEquals([query.downloaded, query.left, query.uploaded], [0, Number.MAX_SAFE_INTEGER, 0]);
});

Deno.test("encodeAnnounce() appends the URL as options of at most 255 bytes", () => {
  const options = (urlData: string) => encodeAnnounce(HEAD, REQUEST, urlData).subarray(98);
  // The example of BEP 41.
  assertEquals(hex(options("/dir?a=b&c=d")), "020c" + hex(utf8.encode("/dir?a=b&c=d")));
  assertEquals([options("").length, options("/").length], [0, 0]);
  for (const length of [1, 254, 255, 256, 510, 511, 2000]) {
    const url = "/" + "x".repeat(length - 1) + "?";
    assertEquals(urlDataOf(encodeAnnounce(HEAD, REQUEST, url)), url);
  }
});

Deno.test("decodeQuery() undoes what a client encodes", () => {
  assertEquals(decodeQuery(encodeConnect(7)), { action: "connect", transactionId: 7 });
  for (const event of ["started", "stopped", "completed", undefined] as const) {
    const { event: _, ...rest } = REQUEST;
    const query = decodeQuery(encodeAnnounce(HEAD, event ? { ...rest, event } : rest, "/a"));
    assertEquals(query, { action: "announce", ...HEAD, ...rest, event });
  }
  const infoHashes = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)];
  assertEquals(decodeQuery(encodeScrape(HEAD, infoHashes)), {
    action: "scrape",
    ...HEAD,
    infoHashes,
  });
  const many = encodeScrape(HEAD, new Array(100).fill(infoHashes[0]));
  assertEquals(many.length, 16 + 74 * 20);
});

Deno.test("decodeQuery() reads numbers as they are signed", () => {
  const packet = encodeAnnounce(HEAD, { ...REQUEST, numWant: -1, key: -1 }, "");
  packet.fill(0xff, 56, 64);
  packet.fill(0xff, 80, 84);
  const query = decodeQuery(packet);
  assert(query?.action === "announce");
  assertEquals([query.numWant, query.key, query.event], [-1, 0xffffffff, undefined]);
  assertEquals(query.downloaded, 2 ** 64);
});

Deno.test("decodeQuery() gives nothing for every wrong length, magic and action", () => {
  const connect = encodeConnect(7);
  const announce = encodeAnnounce(HEAD, REQUEST, "");
  const scrape = encodeScrape(HEAD, [REQUEST.infoHash]);
  for (const packet of [connect, announce, scrape]) {
    for (let length = 0; length < packet.length; length++) {
      assertEquals(decodeQuery(packet.subarray(0, length)), undefined, `${length} bytes`);
    }
    // Longer is allowed.
    assertEquals(decodeQuery(concat([packet, new Uint8Array(1)]))?.action !== undefined, true);
  }
  assertEquals(decodeQuery(encodeScrape(HEAD, [])), undefined);
  for (const [at, value] of [[0, 1], [7, 0x81], [11, 4], [8, 1]] as const) {
    const packet = connect.slice();
    packet[at] = value;
    assertEquals(decodeQuery(packet), undefined);
  }
});

Deno.test("decodeAnswer() undoes what a server puts", () => {
  const out = new Uint8Array(2000);
  let end = putConnectAnswer(out, 7, ID);
  assertEquals(decodeAnswer(out.subarray(0, end), 4), {
    action: "connect",
    transactionId: 7,
    connectionId: ID,
  });
  end = putAnnounceAnswer(out, 8, { intervalSeconds: 1700, leeches: 2, seeds: 3 });
  for (const peers of [[], [{ host: "1.2.3.4", port: 5 }], [{ host: "2001:db8::1", port: 6 }]]) {
    const packet = concat([out.subarray(0, end), ...peers.map(encodeCompact)]);
    const answer = decodeAnswer(packet, peers[0]?.host.includes(":") ? 16 : 4);
    const response = { peers, intervalMs: 1_700_000, leeches: 2, seeds: 3, warning: null };
    assertEquals(answer, { action: "announce", transactionId: 8, response });
  }
  end = putScrapeAnswer(out, 9);
  end = putScrapeCounts(out, end, { seeds: 1, completed: 2, leeches: 3 });
  end = putScrapeCounts(out, end, { seeds: 4, completed: 5, leeches: 6 });
  const counts = [{ seeds: 1, completed: 2, leeches: 3 }, { seeds: 4, completed: 5, leeches: 6 }];
  const scraped = { action: "scrape" as const, transactionId: 9 };
  assertEquals(decodeAnswer(out.subarray(0, end), 4), { ...scraped, counts });
  assertEquals(decodeAnswer(out.subarray(0, end - 1), 4), { ...scraped, counts: [counts[0]!] });
  end = putError(out, 10, { message: "no\nsuch torrent", maxBytes: 100 });
  assertEquals(decodeAnswer(out.subarray(0, end), 4), {
    action: "error",
    transactionId: 10,
    message: "no such torrent",
  });
});

Deno.test("putError() stays within the bytes it is given", () => {
  const out = new Uint8Array(64);
  assertEquals(putError(out, 1, { message: "x".repeat(500), maxBytes: 36 }), 36);
  assertEquals(putError(out, 1, { message: "x".repeat(500), maxBytes: 500 }), 64);
  assertEquals(putError(out, 1, { message: "x", maxBytes: 3 }), 8);
});

Deno.test("decodeAnswer() gives nothing when the packet is too short or of no known kind", () => {
  const out = new Uint8Array(20);
  for (const [action, least] of [[0, 16], [1, 20], [2, 8], [3, 8], [4, Infinity]] as const) {
    out[3] = action;
    for (let length = 0; length <= 20; length++) {
      const answer = decodeAnswer(out.subarray(0, length), 4);
      assertEquals(answer !== undefined, length >= least, `action ${action}, ${length} bytes`);
    }
  }
});

Deno.test("decodeAnswer() bounds intervals, peers and counts", () => {
  const packet = new Uint8Array(20 + 6 * (MAX_PEERS + 50)).fill(9);
  packet.set([0, 0, 0, 1], 0);
  packet.set([0xff, 0xff, 0xff, 0xff], 8);
  const answer = decodeAnswer(packet, 4);
  assert(answer?.action === "announce");
  assertEquals([answer.response.peers.length, answer.response.intervalMs], [MAX_PEERS, 7_200_000]);
  packet.set([0, 0, 0, 2], 0);
  const scrape = decodeAnswer(packet, 4);
  assert(scrape?.action === "scrape");
  assertEquals(scrape.counts.length, 74);
});

Deno.test("both halves throw nothing when packets are garbage", () => {
  const packets = [
    encodeConnect(7),
    encodeAnnounce(HEAD, REQUEST, "/announce?key=1"),
    encodeScrape(HEAD, [REQUEST.infoHash, REQUEST.peerId]),
    concat([Uint8Array.of(0, 0, 0, 1), new Uint8Array(52)]),
    concat([Uint8Array.of(0, 0, 0, 3), new Uint8Array(12).fill(0x9f)]),
  ];
  forSeeds(2000, (next) => {
    const packet = next() < 0.2
      ? randomBytes(next, below(next, 200))
      : mutate(next, pick(next, packets));
    const query = decodeQuery(packet);
    if (query?.action === "announce") {
      assertEquals([query.infoHash.length, query.peerId.length], [20, 20]);
      assert(query.port >= 0 && query.port < 65_536);
    } else if (query?.action === "scrape") assert(query.infoHashes.every((h) => h.length === 20));
    const answer = decodeAnswer(packet, pick(next, [4, 16]));
    if (answer?.action === "announce") assert(answer.response.peers.length <= packet.length / 6);
  });
});
