/**
 * An HTTP tracker server, query in and body out, driven by the client's own codec and by nonsense.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatAddress, parseIp } from "../../src/base/address.ts";
import { TrackerError } from "../../src/base/errors.ts";
import { BencodeDict, decode } from "../../src/bencode/decode.ts";
import type { AnnounceRequest } from "../../src/tracker/announce.ts";
import { announceUrl, parseAnnounce, percentEncode } from "../../src/tracker/http_codec.ts";
import { HttpTrackerServer } from "../../src/tracker/http_server.ts";
import {
  parseAnnounceQuery,
  parseScrapeQuery,
  percentDecode,
} from "../../src/tracker/http_server_codec.ts";
import { parseScrape, scrapeUrl } from "../../src/tracker/scrape.ts";
import { ServerState, type ServerStateOptions } from "../../src/tracker/server_state.ts";
import { SimRandom } from "../sim/random.ts";
import { below, forSeeds, mutate, randomBytes } from "../support/prng.ts";

const TRACKER = "http://t/announce";

function hash(n: number): Uint8Array {
  return new Uint8Array(20).fill(n);
}

function request(more: Partial<AnnounceRequest> = {}): AnnounceRequest {
  return {
    infoHash: hash(1),
    peerId: hash(0xff),
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 5,
    numWant: 50,
    key: 3,
    ...more,
  };
}

function setup(options: Partial<ServerStateOptions> = {}) {
  const state = new ServerState({ random: new SimRandom(1), ...options }, 0);
  const server = new HttpTrackerServer(state);
  const raw = (query: string, from = "1.2.3.4") =>
    server.announce(query, { ip: parseIp(from)!, now: 0 });
  const announce = (from: string, more: Partial<AnnounceRequest> = {}) => {
    const url = announceUrl(TRACKER, request(more));
    return parseAnnounce(TRACKER, raw(url.slice(url.indexOf("?") + 1), from));
  };
  const peers = (from: string, more: Partial<AnnounceRequest> = {}) =>
    announce(from, more).peers.map(formatAddress).sort();
  const scrape = (...hashes: Uint8Array[]) => {
    const url = scrapeUrl(TRACKER, hashes)!;
    return parseScrape(TRACKER, server.scrape(url.slice(url.indexOf("?") + 1)), hashes);
  };
  return { state, server, raw, announce, peers, scrape };
}

/** What a failure says; "" where it is none. */
function failureOf(body: Uint8Array): string {
  const dict = decode(body);
  assert(dict instanceof BencodeDict);
  const reason = dict.get("failure reason");
  if (reason === undefined) return "";
  assert(reason instanceof Uint8Array && dict.size === 1);
  return new TextDecoder().decode(reason);
}

Deno.test("announce() lists whoever announces and gives them to the next, of both families", () => {
  const { announce, peers, scrape } = setup();
  assertEquals(peers("1.0.0.1"), []);
  assertEquals(peers("2001:db8::1", { port: 7 }), ["1.0.0.1:6881"]);
  assertEquals(peers("1.0.0.2", { left: 0 }), ["1.0.0.1:6881", "[2001:db8::1]:7"]);
  const answer = announce("1.0.0.3", { left: 0, event: "completed" });
  assertEquals(answer.peers.map(formatAddress).sort(), ["1.0.0.1:6881", "[2001:db8::1]:7"]);
  assertEquals([answer.seeds, answer.leeches], [2, 2]);
  assert(answer.intervalMs >= 1_620_000 && answer.intervalMs <= 1_980_000);
  assertEquals(answer.minIntervalMs, 900_000);
  assertEquals(peers("1.0.0.1", { event: "stopped" }), []);
  assertEquals(scrape(hash(1), hash(2)), [{ seeds: 2, completed: 1, leeches: 1 }, null]);
});

Deno.test("announce() gives no seeds to a partial seed, which is none itself", () => {
  const { peers, scrape } = setup();
  peers("1.0.0.1", { left: 0 });
  peers("1.0.0.2", { left: 5 });
  assertEquals(peers("1.0.0.3", { left: 5, isPartialSeed: true }), ["1.0.0.2:6881"]);
  assertEquals(peers("1.0.0.4", { left: 5 }), ["1.0.0.1:6881", "1.0.0.2:6881", "1.0.0.3:6881"]);
  assertEquals(scrape(hash(1)), [{ seeds: 1, completed: 0, leeches: 3 }]);
});

Deno.test("announce() gives seeds to whoever starts with nothing left, since it may not know the size", () => {
  const { peers } = setup();
  assertEquals(peers("1.0.0.1", { left: 0, event: "started" }), []);
  assertEquals(peers("1.0.0.2", { left: 0, event: "started" }), ["1.0.0.1:6881"]);
  assertEquals(peers("1.0.0.2", { left: 0 }), []);
});

Deno.test("announce() does not list the address that a query names", () => {
  const { raw, peers } = setup();
  const query = announceUrl("", request()).slice(1);
  assertEquals(
    failureOf(raw(`${query}&ip=9.9.9.9&ipv4=9.9.9.9%3A80&ipv6=%5B2001%3Adb8::9%5D`)),
    "",
  );
  assertEquals(peers("1.0.0.2"), ["1.2.3.4:6881"]);
});

Deno.test("announce() gives dictionaries when asked for, with ids unless told not to", () => {
  const { raw, announce } = setup();
  announce("1.0.0.1", { peerId: hash(0xab) });
  announce("2001:db8::1", { peerId: hash(0xcd) });
  const query = announceUrl("", request()).slice(1).replace("compact=1&no_peer_id=1", "compact=0");
  const text = new TextDecoder("latin1").decode(raw(query));
  const id = (char: string) => `7:peer id20:${char.repeat(20)}`;
  const v4 = `d2:ip7:1.0.0.1${id("\xab")}4:porti6881ee`;
  const v6 = `d2:ip11:2001:db8::1${id("\xcd")}4:porti6881ee`;
  assert(text.includes(`5:peersl${v4}${v6}e`));
  assert(!text.includes("peers6"));
  const bare = new TextDecoder("latin1").decode(raw(`${query}&no_peer_id=1`));
  assert(bare.includes("5:peersld2:ip7:1.0.0.14:porti6881eed2:ip11:2001:db8::14:porti6881eee"));
  const answer = parseAnnounce(TRACKER, raw(query));
  assertEquals(answer.peers.length, 2);
});

Deno.test("announce() warns a peer that is not listed", () => {
  const { announce, state } = setup({ limits: { peers: 1 } });
  assertEquals(announce("1.0.0.1").warning, null);
  const { peers, warning } = announce("1.0.0.2");
  assertEquals([peers.length, warning], [1, "you are not listed: the tracker is full"]);
  assertEquals(state.counters.unlisted, 1);
});

Deno.test("announce() refuses what is not on the whitelist, and new torrents when it is full", () => {
  const closed = setup({ whitelist: [hash(1)] });
  assertEquals(closed.peers("1.0.0.1"), []);
  const error = assertThrows(() => closed.announce("1.0.0.1", { infoHash: hash(2) }), TrackerError);
  assertEquals([error.kind, error.message], [
    "refused",
    "Cannot announce to t: this torrent is not tracked here",
  ]);
  const full = setup({ limits: { torrents: 1 } });
  full.announce("1.0.0.1");
  assertThrows(() => full.announce("1.0.0.1", { infoHash: hash(2) }), TrackerError, "is full");
});

Deno.test("announce() says what is wrong when something is", () => {
  const { raw, state } = setup();
  const id = "%FF".repeat(20);
  const good = `info_hash=${id}&peer_id=${id}&port=1`;
  const table: [string, string][] = [
    [good, ""],
    [`${good}&left=-1&uploaded=0&downloaded=18446744073709551615&numwant=-1&event=`, ""],
    [`&&${good}&&x&=&passkey=%zz`, ""],
    [`${good}&event=paused&left=0`, ""],
    ["", "info_hash is missing"],
    ["info_hash", "info_hash is not 20 bytes"],
    ["info_hash=", "info_hash is not 20 bytes"],
    [good.replace(id, `${id}%FF`), "info_hash is not 20 bytes"],
    [good.replace(id, "%FF".repeat(19)), "info_hash is not 20 bytes"],
    [good.replace(id, `${"%FF".repeat(19)}%F`), "info_hash is not 20 bytes"],
    [good.replace(id, `${"%FF".repeat(19)}%zz`), "info_hash is not 20 bytes"],
    [good.replace(id, `${"%FF".repeat(19)}é`), "info_hash is not 20 bytes"],
    [`${good}&info_hash=${id}`, "info_hash is there twice"],
    [`${good}&port=2`, "port is there twice"],
    [`info_hash=${id}&port=1`, "peer_id is missing"],
    [good.replace(`peer_id=${id}`, "peer_id=x"), "peer_id is not 20 bytes"],
    [good.replace("&port=1", ""), "port is not a port"],
    ...["", "x", "-1", "65536", "1e3", "0x1", "١", "999999"].map((port): [string, string] => [
      good.replace("port=1", `port=${port}`),
      "port is not a port",
    ]),
    [`${good}&left=x`, "left is not a number"],
    [`${good}&left=`, "left is not a number"],
    [`${good}&uploaded=1.5`, "uploaded is not a number"],
    [`${good}&downloaded=${"9".repeat(30)}`, "downloaded is not a number"],
    [`${good}&numwant=many`, "numwant is not a number"],
    [`${good}&event=__proto__`, "event is not known"],
    [`${good}&event=start`, "event is not known"],
    [`${good}&${"x".repeat(8192)}`, "the query is too long"],
  ];
  for (const [query, failure] of table) assertEquals(failureOf(raw(query)), failure, query);
  assertEquals(state.counters.httpFailures, table.filter(([, failure]) => failure).length);
  state.table.checkInvariants();
});

Deno.test("parseAnnounceQuery() tells seeds from leeches", () => {
  const id = "%FF".repeat(20);
  const isSeed = (left: string) => {
    const question = parseAnnounceQuery(`info_hash=${id}&peer_id=${id}&port=1${left}`);
    return "failure" in question ? undefined : question.isSeed;
  };
  const table = {
    "": false,
    "&left=0": true,
    "&left=00": true,
    "&left=1": false,
    "&left=-0": false,
  };
  for (const [left, expected] of Object.entries(table)) assertEquals(isSeed(left), expected, left);
});

Deno.test("percentDecode() undoes percentEncode() and refuses what is none", () => {
  forSeeds(200, (next) => {
    const bytes = randomBytes(next, below(next, 40));
    assertEquals(percentDecode(percentEncode(bytes)), bytes);
    const lower = percentEncode(bytes).replace(/%../g, (code) => code.toLowerCase());
    assertEquals(percentDecode(lower), bytes);
  });
  assertEquals(percentDecode("a+b"), Uint8Array.of(97, 43, 98));
  for (const text of ["%", "%1", "%g0", "%+1", "% 1", "a b", "\x00", "\x7f", "é", "\u{1f600}"]) {
    assertEquals(percentDecode(text), undefined, text);
  }
});

Deno.test("scrape() answers for up to 74 torrents, each once", () => {
  const { announce, scrape, server } = setup();
  announce("1.0.0.1");
  announce("1.0.0.1", { infoHash: hash(2), left: 0 });
  assertEquals(scrape(hash(2), hash(1), hash(2), hash(3)), [
    { seeds: 1, completed: 0, leeches: 0 },
    { seeds: 0, completed: 0, leeches: 1 },
    { seeds: 1, completed: 0, leeches: 0 },
    null,
  ]);
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => `info_hash=${percentEncode(hash(n))}`).join("&");
  assertEquals(parseScrapeQuery(many(74)) instanceof Array, true);
  const table: [string, string][] = [
    [many(74), ""],
    [many(75), "more than 74 torrents"],
    ["", "info_hash is missing"],
    ["info_hash=x", "info_hash is not 20 bytes"],
    [`${many(1)}&info_hash=`, "info_hash is not 20 bytes"],
    ["x".repeat(10_000), "the query is too long"],
  ];
  for (const [query, failure] of table) assertEquals(failureOf(server.scrape(query)), failure);
});

Deno.test("every query gets a bencoded dictionary when queries are garbage", () => {
  const { server, raw, state } = setup();
  const good = new TextEncoder().encode(announceUrl("", request({ event: "started" })).slice(1));
  forSeeds(1500, (next) => {
    const bytes = next() < 0.1 ? randomBytes(next, below(next, 300)) : mutate(next, good);
    const query = new TextDecoder("latin1").decode(bytes);
    for (const body of [raw(query), server.scrape(query)]) {
      assert(decode(body, { strict: true }) instanceof BencodeDict);
    }
  });
  state.table.checkInvariants();
});
