/**
 * Announces over HTTP: what we ask, and what we make of answers, sane and hostile.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatAddress } from "../../src/base/address.ts";
import { TrackerError } from "../../src/base/errors.ts";
import { encode } from "../../src/bencode/encode.ts";
import {
  type AnnounceRequest,
  DEFAULT_INTERVAL_MS,
  failureWords,
  MAX_PEERS,
} from "../../src/tracker/announce.ts";
import { announceUrl, parseAnnounce, percentEncode } from "../../src/tracker/http_codec.ts";
import { forSeeds, mutate, randomBytes } from "../support/prng.ts";

const URL_OF_TRACKER = "http://tracker.example:6969/announce";
const utf8 = new TextEncoder();

const REQUEST: AnnounceRequest = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => i * 13),
  peerId: utf8.encode("-ST0001-abcdefghij.~"),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 2 ** 52,
  numWant: 100,
  key: 0xabc,
};

type Answer = Parameters<typeof encode>[0];

function parse(answer: Answer) {
  return parseAnnounce(URL_OF_TRACKER, encode(answer));
}

function failure(answer: Answer | Uint8Array): TrackerError {
  const body = answer instanceof Uint8Array ? answer : encode(answer);
  return assertThrows(() => parseAnnounce(URL_OF_TRACKER, body), TrackerError);
}

Deno.test("percentEncode() writes byte by byte when bytes are no text", () => {
  assertEquals(percentEncode(Uint8Array.of(0, 0x7f, 0x80, 0xff, 0x20, 0x2b)), "%00%7F%80%FF%20%2B");
  assertEquals(percentEncode(utf8.encode("aZ09-._~")), "aZ09-._~");
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const back = new URL(`http://x/?a=${percentEncode(all)}`).search.slice(3);
  const bytes = [...back.matchAll(/%([0-9A-F]{2})|(.)/g)].map((m) =>
    m[1] === undefined ? m[2]!.charCodeAt(0) : parseInt(m[1], 16)
  );
  assertEquals(Uint8Array.from(bytes), all);
});

Deno.test("announceUrl() carries every parameter when there is no event", () => {
  assertEquals(
    announceUrl("http://t/announce", REQUEST),
    "http://t/announce?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7" +
      "&peer_id=-ST0001-abcdefghij.~&port=6881&uploaded=1&downloaded=2&left=4503599627370496" +
      "&compact=1&no_peer_id=1&numwant=100&key=00000abc",
  );
});

Deno.test("announceUrl() adds event and tracker id when given", () => {
  const url = announceUrl("http://t/a", { ...REQUEST, event: "completed", trackerId: "a&\xff" });
  assert(url.endsWith("&key=00000abc&event=completed&trackerid=a%26%FF"));
});

Deno.test("announceUrl() says paused in every announce of a partial seed but the last", () => {
  const said = (event?: AnnounceRequest["event"]) => {
    const url = announceUrl("http://t/a", {
      ...REQUEST,
      ...(event && { event }),
      isPartialSeed: true,
    });
    return new URL(url).searchParams.getAll("event");
  };
  assertEquals([said(), said("started"), said("stopped")], [["paused"], ["paused"], ["stopped"]]);
});

Deno.test("announceUrl() keeps the query and drops the fragment when the URL has them", () => {
  const start = (base: string) => announceUrl(base, REQUEST).split("info_hash")[0];
  assertEquals(start("http://t/a?passkey=%41b&x"), "http://t/a?passkey=%41b&x&");
  assertEquals(start("http://t/a?"), "http://t/a?");
  assertEquals(start("http://t/a?x=1&"), "http://t/a?x=1&");
  assertEquals(start("http://t/a#top?x"), "http://t/a?");
  assertEquals(start("http://t/a?x=1#top"), "http://t/a?x=1&");
});

Deno.test("announceUrl() writes plain digits when counters are out of range", () => {
  const url = announceUrl("http://t/a", { ...REQUEST, uploaded: -5, downloaded: NaN, left: 1e300 });
  assert(url.includes("&uploaded=0&downloaded=0&left=9007199254740991&"));
});

Deno.test("parseAnnounce() reads everything when the answer is complete", () => {
  const answer = parse({
    "interval": 900,
    "min interval": 300,
    "tracker id": Uint8Array.of(0x61, 0xff),
    "complete": 5,
    "incomplete": 7,
    "warning message": "be\x1b[31mware\n",
    "peers": Uint8Array.of(1, 2, 3, 4, 0x1a, 0xe1, 5, 6, 7, 8, 0, 1),
    "peers6": Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1, 0x1a, 0xe1),
  });
  assertEquals(answer.peers.map(formatAddress), [
    "1.2.3.4:6881",
    "5.6.7.8:1",
    "[2001:db8::1]:6881",
  ]);
  assertEquals(answer, {
    peers: answer.peers,
    intervalMs: 900_000,
    minIntervalMs: 300_000,
    trackerId: "a\xff",
    seeds: 5,
    leeches: 7,
    warning: "be [31mware",
  });
});

Deno.test("parseAnnounce() reads peers when they are dictionaries", () => {
  const { peers } = parse({
    peers: [
      { "ip": "1.2.3.4", "port": 80, "peer id": "x" },
      { ip: "2001:DB8:0::1", port: 6881 },
      { ip: "::ffff:9.8.7.6", port: 5 },
      { ip: "name.example", port: 6881 },
      { ip: "1.2.3.4", port: 0 },
      { ip: "1.2.3.4", port: 65_536 },
      { ip: "0.0.0.0", port: 1 },
      { ip: "224.0.0.1", port: 1 },
      { ip: "1.2.3.4" },
      { port: 4 },
      { ip: 5, port: "x" },
      "rubbish",
      [],
    ],
  });
  assertEquals(peers.map(formatAddress), ["1.2.3.4:80", "[2001:db8::1]:6881", "9.8.7.6:5"]);
});

Deno.test("parseAnnounce() clamps intervals when they are absurd", () => {
  const interval = (n: number | bigint) => parse({ "interval": n, "min interval": n });
  for (const low of [0, -1, 29, -(2n ** 60n)]) {
    assertEquals(interval(low).intervalMs, 30_000);
    assertEquals(interval(low).minIntervalMs, 30_000);
  }
  for (const high of [7201, 2 ** 50, 2n ** 62n]) {
    assertEquals(interval(high).intervalMs, 7_200_000);
    assertEquals(interval(high).minIntervalMs, 7_200_000);
  }
  assertEquals(parse({}).intervalMs, DEFAULT_INTERVAL_MS);
  assertEquals(parse({ interval: "1800" }).intervalMs, DEFAULT_INTERVAL_MS);
});

Deno.test("parseAnnounce() leaves out what is of a wrong type or size", () => {
  const answer = parse({
    "interval": [],
    "min interval": {},
    "tracker id": "x".repeat(513),
    "complete": -1,
    "incomplete": 2n ** 60n,
    "warning message": 4,
    "peers": 17,
    "peers6": ["x"],
  });
  assertEquals(answer, {
    peers: [],
    intervalMs: DEFAULT_INTERVAL_MS,
    seeds: null,
    leeches: null,
    warning: null,
  });
  assertEquals(parse({ peers: { a: 1 } }).peers, []);
});

Deno.test("parseAnnounce() keeps the whole entries when a compact list is cut", () => {
  const answer = parse({ peers: Uint8Array.of(1, 2, 3, 4, 0, 80, 9), peers6: "0123" });
  assertEquals(answer.peers.map(formatAddress), ["1.2.3.4:80"]);
  assertEquals(answer.warning, "its peers have 7 bytes, not a multiple of 6");
});

Deno.test("parseAnnounce() bounds the peers when there are too many", () => {
  assertEquals(parse({ peers: new Uint8Array(2_000_000).fill(7) }).peers.length, MAX_PEERS);
  const dictionaries = new Array(5000).fill({ ip: "1.2.3.4", port: 1 });
  assertEquals(parse({ peers: dictionaries }).peers.length, MAX_PEERS);
});

Deno.test("parseAnnounce() throws refused when there is a failure reason", () => {
  const error = failure({ "failure reason": "go\x1b]0;away\x07\u202e!", "peers": "" });
  assertEquals(error.kind, "refused");
  assertEquals(error.url, URL_OF_TRACKER);
  assertEquals(error.message, "Cannot announce to tracker.example:6969: go ]0;away !");
  assertEquals(failureWords(error), "refused: go ]0;away !");
  assertEquals(error.retryAfterMs, undefined);
  assertEquals(failureWords(failure({ "failure reason": 7 })), "refused: no reason given");
  assertEquals(failureWords(failure({ "failure reason": "a: b" })), "refused: a: b");
  assert(failure({ "failure reason": "x".repeat(1e6) }).message.length < 300);
});

Deno.test("parseAnnounce() tells when to come back when the tracker says so", () => {
  const retry = (value: Answer) =>
    failure({ "failure reason": "x", "retry in": value }).retryAfterMs;
  assertEquals(retry(5), 300_000);
  assertEquals(retry("5"), 300_000, "as in the examples of BEP 31");
  assertEquals(retry("never"), Infinity);
  assertEquals(retry(0), 30_000);
  assertEquals(retry(2n ** 62n), 86_400_000);
  assertEquals(retry(-3), undefined);
  for (const odd of ["soon", "", "-3", "1e3", "9".repeat(400)]) assertEquals(retry(odd), undefined);
});

Deno.test("parseAnnounce() throws garbage when the body is no dictionary", () => {
  assertEquals(failureWords(failure(utf8.encode("<html>"))), "bad answer: not bencode at byte 0");
  assertEquals(failureWords(failure(new Uint8Array())), "bad answer: empty");
  assertEquals(failureWords(failure([1])), "bad answer: not a dictionary");
  assertEquals(failure(utf8.encode("d8:interval")).kind, "garbage");
  assertEquals(failure(utf8.encode("l".repeat(2_000_000))).kind, "garbage");
});

Deno.test("parseAnnounce() ignores what follows the dictionary", () => {
  const body = utf8.encode("d8:intervali60ee\r\n<!-- 3 ms -->");
  assertEquals(parseAnnounce(URL_OF_TRACKER, body).intervalMs, 60_000);
});

Deno.test("parseAnnounce() throws nothing but TrackerError when fed garbage", () => {
  const good = [
    encode({
      "interval": 1800,
      "min interval": 900,
      "tracker id": "abc",
      "warning message": "w",
      "complete": 1,
      "incomplete": 2,
      "peers": Uint8Array.of(1, 2, 3, 4, 0, 80, 1, 2, 3, 5, 0, 81),
      "peers6": new Uint8Array(36).fill(3),
    }),
    encode({ interval: 5, peers: [{ ip: "1.2.3.4", port: 80 }, { ip: "::1", port: 81 }] }),
    encode({ "failure reason": "no", "retry in": 7 }),
  ];
  forSeeds(3000, (next, seed) => {
    const body = seed % 4 === 0 ? randomBytes(next, 60) : mutate(next, good[seed % 3]!);
    try {
      const answer = parseAnnounce(URL_OF_TRACKER, body);
      assert(answer.intervalMs >= 30_000 && answer.intervalMs <= 7_200_000);
      for (const { host, port } of answer.peers) assert(host !== "" && port > 0 && port < 65_536);
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      assert(!/[\p{Cc}\p{Cf}]/u.test(error.message));
    }
  });
});
