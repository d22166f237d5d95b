/**
 * PeerBook: who is dialled next, how long failures wait, what is refused, and that it stays bounded.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/base/address.ts";
import { BASE_BACKOFF_MS, MAX_BACKOFF_MS, MAX_KNOWN, PeerBook } from "../../src/swarm/peer_book.ts";
import type { KnownPeer } from "../../src/swarm/peer_rank.ts";
import { SimRandom } from "../sim/random.ts";

const setup = () => new PeerBook(new SimRandom(1));
const at = (n: number, port = 6881): Address => ({
  host: `9.${n >> 16}.${n >> 8 & 255}.${n & 255}`,
  port,
});

/** Takes every address that is due at `now`; the last numbers of their hosts. */
function takeAll(book: PeerBook, now: number): number[] {
  const out: number[] = [];
  for (let known = book.take(now); known; known = book.take(now)) {
    out.push(Number(known.address.host.split(".")[3]));
  }
  return out;
}

/** Dials and fails `times` in a row; returns the entry and when the last failure was. */
function fail(book: PeerBook, known: KnownPeer, times: number): number {
  let now = 0;
  for (let i = 0; i < times; i++) {
    now = known.notBefore;
    assertEquals(book.take(now), known);
    book.release(known, now, "failed");
  }
  return now;
}

Deno.test("take() gives an address once while it is in use", () => {
  const book = setup();
  book.add(at(1), "tracker");
  assertEquals(takeAll(book, 0), [1]);
  assertEquals(book.nextAt(), Infinity);
});

Deno.test("add() knows an address once, whoever names it", () => {
  const book = setup();
  const first = book.add(at(1), "tracker");
  assertEquals(book.add(at(1), "pex"), first);
  assertEquals(book.size, 1);
  assert(book.add(at(1, 7000), "tracker") !== first);
});

Deno.test("take() gives the user's addresses first", () => {
  const book = setup();
  for (let n = 1; n <= 20; n++) book.add(at(n), "tracker");
  book.add(at(21), "user");
  book.add(at(7), "user");
  assertEquals(takeAll(book, 0).slice(0, 2).sort(), [21, 7]);
});

Deno.test("take() gives what failed least first, then what was tried longest ago", () => {
  const book = setup();
  for (let n = 1; n <= 3; n++) book.add(at(n), "tracker");
  const tried = [book.take(0)!, book.take(0)!];
  book.release(tried[0]!, 100, "failed");
  book.release(tried[1]!, 50, "useful");
  const order = [book.take(1e6)!, book.take(1e6)!, book.take(1e6)!];
  assertEquals(order[2], tried[0]);
  assertEquals(order[1], tried[1]);
});

Deno.test("take() is in random order when nothing tells addresses apart", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const book = new PeerBook(new SimRandom(seed));
    for (let n = 1; n <= 5; n++) book.add(at(n), "tracker");
    orders.add(takeAll(book, 0).join());
  }
  assert(orders.size > 10, `${orders.size} orders of 20`);
});

Deno.test("release() waits twice as long after each failure, up to a limit", () => {
  const book = setup();
  const known = book.add(at(1), "user")!;
  const waits: number[] = [];
  for (let i = 0; i < 14; i++) {
    const now = known.notBefore;
    book.take(now);
    book.release(known, now, "failed");
    waits.push(known.notBefore - now);
  }
  assertEquals(waits.slice(0, 4), [1, 2, 4, 8].map((n) => n * BASE_BACKOFF_MS));
  assertEquals(waits.slice(-2), [MAX_BACKOFF_MS, MAX_BACKOFF_MS]);
  assertEquals(book.take(known.notBefore - 1), undefined);
  assertEquals(book.nextAt(), known.notBefore);
});

Deno.test("take() gives an address up after many failures unless the user named it", () => {
  const book = setup();
  const known = book.add(at(1), "tracker")!;
  fail(book, known, 8);
  assertEquals([book.take(1e12), book.nextAt(), book.dueCount(1e12)], [undefined, Infinity, 0]);
  book.add(at(1), "tracker");
  assertEquals(book.take(1e12), undefined);
  book.add(at(1), "user");
  assertEquals(book.take(1e12), known);
});

Deno.test("release() forgets failures when the connection was useful", () => {
  const book = setup();
  const known = book.add(at(1), "tracker")!;
  const now = fail(book, known, 5);
  book.take(known.notBefore);
  book.release(known, now, "useful");
  assertEquals([known.failures, known.notBefore], [0, now + BASE_BACKOFF_MS]);
});

Deno.test("release() keeps one that was rotated out away for a while", () => {
  const book = setup();
  const known = book.add(at(1), "tracker")!;
  book.take(0);
  book.release(known, 0, "rotated");
  assertEquals([book.take(12 * BASE_BACKOFF_MS - 1), known.failures], [undefined, 0]);
  assertEquals(book.take(12 * BASE_BACKOFF_MS), known);
});

Deno.test("dueCount() counts what could be dialled now", () => {
  const book = setup();
  for (let n = 1; n <= 3; n++) book.add(at(n), "tracker");
  book.add(at(4), "incoming");
  const known = book.take(0)!;
  assertEquals(book.dueCount(0), 2);
  book.release(known, 0, "failed");
  assertEquals([book.dueCount(0), book.dueCount(BASE_BACKOFF_MS)], [2, 3]);
});

Deno.test("take() never dials where a peer came from unless somebody else names it", () => {
  const book = setup();
  const known = book.add(at(1), "incoming")!;
  assertEquals(book.take(0), undefined);
  book.add(at(1), "tracker");
  assertEquals(book.take(0), known);
});

Deno.test("ban() is for good and takes the whole host", () => {
  const book = setup();
  const liar = book.add(at(1), "tracker")!;
  book.add(at(1, 7000), "tracker");
  book.add(at(2), "tracker");
  book.ban(liar.id);
  book.ban(liar.id);
  assertEquals(book.bannedCount, 1);
  assertEquals(takeAll(book, 1e12), [2]);
  assertEquals(book.add(at(1, 8000), "user"), undefined);
  assertEquals([book.isBanned(at(1, 8000)), book.isBanned(at(2))], [true, false]);
});

Deno.test("ban() takes one port alone where many peers share a local host", () => {
  const book = setup();
  const host = "127.0.0.1";
  const liar = book.add({ host, port: 1 }, "user")!;
  const honest = book.add({ host, port: 2 }, "user");
  book.ban(liar.id);
  assertEquals([book.take(0), book.take(0)], [honest, undefined]);
  assertEquals([book.isBanned({ host, port: 1 }), book.isBanned({ host, port: 3 })], [true, false]);
});

Deno.test("ban() does nothing when nobody has the number", () => {
  const book = setup();
  book.ban(5);
  assertEquals(book.bannedCount, 0);
});

Deno.test("add() is refused when the book is full of what has not failed", () => {
  const book = setup();
  for (let n = 0; n < MAX_KNOWN; n++) assert(book.add(at(n), "tracker"));
  assertEquals(book.add(at(5000), "tracker"), undefined);
  assertEquals(book.size, MAX_KNOWN);
});

Deno.test("add() puts out what failed most when the book is full", () => {
  const book = setup();
  const bad = book.add(at(1), "tracker")!;
  fail(book, bad, 3);
  for (let n = 2; n <= MAX_KNOWN; n++) book.add(at(n), "tracker");
  assert(book.add(at(5000), "tracker"));
  assertEquals(book.size, MAX_KNOWN);
  assert(book.add(at(1), "tracker") === undefined, "the worst one is gone and there is no room");
});

Deno.test("add() takes the user's address when the book is full", () => {
  const book = setup();
  for (let n = 0; n < MAX_KNOWN; n++) book.add(at(n), "tracker");
  const known = book.add(at(5000), "user");
  assert(known);
  assertEquals([book.take(0), book.size], [known, MAX_KNOWN]);
});

Deno.test("add() has room for what trackers say however many have dialled us", () => {
  const book = setup();
  for (let n = 0; n < 2 * MAX_KNOWN; n++) {
    const known = book.add(at(1, 1 + n), "incoming")!;
    known.isBusy = true;
    book.release(known, n, "useful");
  }
  assertEquals(book.size, MAX_KNOWN);
  assert(book.add(at(2), "tracker"));
});

Deno.test("add() never puts out what is in use, banned or the user's", () => {
  const book = setup();
  const user = book.add(at(0), "user")!;
  fail(book, user, 3);
  const liar = book.add(at(1), "tracker")!;
  book.ban(liar.id);
  for (let n = 2; n < MAX_KNOWN; n++) book.add(at(n), "tracker");
  while (book.take(0) !== undefined);
  assertEquals(book.add(at(5000), "tracker"), undefined);
  assertEquals(book.add(at(0), "tracker"), user);
  assert(book.isBanned(at(1)));
});

Deno.test("add() refuses what nobody can dial, and ourselves", () => {
  const book = new PeerBook(new SimRandom(1), { isUs: ({ port }) => port === 4242 });
  const hosts = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.192.152.143", "255.255.255.255", "::"];
  for (const host of [...hosts, "ff02::1", "fe80::1", "name", "1.2.3"]) {
    assertEquals(book.add({ host, port: 6881 }, "tracker"), undefined, host);
  }
  for (const port of [0, -1, 65_536, 1.5, NaN]) {
    assertEquals(book.add({ host: "9.0.0.1", port }, "tracker"), undefined, `${port}`);
  }
  for (const source of ["tracker", "pex", "dht", "lsd"] as const) {
    assertEquals(book.add(at(1, 4242), source), undefined);
  }
  for (const host of ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"]) {
    assert(book.add({ host, port: 6881 }, "pex"), host);
  }
  assert(book.add(at(1, 4242), "incoming"), "a port of the other side may be any");
});

Deno.test("take() prefers better sources among what was never tried, and then canonical priority", () => {
  const priority = ({ host }: Address) => Number(host.split(".")[3]);
  const book = new PeerBook(new SimRandom(1), { priority });
  book.add(at(1), "dht");
  book.add(at(2), "pex");
  book.add(at(3), "pex", { isReachable: true });
  book.add(at(4), "tracker");
  book.add(at(5), "tracker");
  book.add(at(6), "lsd");
  assertEquals(takeAll(book, 0), [6, 5, 4, 3, 2, 1]);
});

Deno.test("rerank() takes priorities anew when our own address has become known", () => {
  let isKnown = false;
  const priority = ({ host }: Address) => isKnown ? Number(host.split(".")[3]) : undefined;
  const book = new PeerBook(new SimRandom(1), { priority });
  for (const n of [3, 1, 4, 2, 5]) book.add(at(n), "tracker");
  isKnown = true;
  book.rerank();
  assertEquals(takeAll(book, 0), [5, 4, 3, 2, 1]);
});

Deno.test("take() leaves seeds alone while they are of no use", () => {
  let isComplete = true;
  const book = new PeerBook(new SimRandom(1), { skipsSeeds: () => isComplete });
  book.add(at(1), "pex", { isSeed: true });
  book.add(at(2), "pex");
  assertEquals(book.dueCount(0), 1);
  assertEquals(takeAll(book, 0), [2]);
  assertEquals(book.nextAt(), Infinity);
  isComplete = false;
  assertEquals(takeAll(book, 0), [1]);
});

Deno.test("release() keeps whom nobody needs away for long, and holds nothing against it", () => {
  const book = setup();
  const known = book.add(at(1), "tracker")!;
  book.take(0);
  book.release(known, 0, "needless");
  assertEquals([known.vain, known.failures, known.notBefore], [0, 0, MAX_BACKOFF_MS]);
});

Deno.test("fault() bans at the second one, from whatever port a public host comes", () => {
  const book = setup();
  book.fault(book.add(at(1), "tracker")!.id);
  assert(!book.isBanned(at(1)));
  book.fault(book.add(at(1, 50_000), "incoming")!.id);
  assert(book.isBanned(at(1)) && book.isBanned(at(1, 1)));
  assertEquals(takeAll(book, 1e12), []);
});

Deno.test("fault() counts by address where many peers share a local host", () => {
  const book = setup();
  const [one, other] = [1, 2].map((port) => book.add({ host: "127.0.0.1", port }, "user")!);
  book.fault(one!.id);
  book.fault(other!.id);
  assertEquals(book.bannedCount, 0);
  book.fault(one!.id);
  assertEquals(book.banned, ["127.0.0.1:1"]);
});

Deno.test("exclude() keeps one address away and blames nobody", () => {
  const book = setup();
  const self = book.add(at(1), "tracker")!;
  book.exclude(self);
  book.add(at(1, 7000), "tracker");
  assertEquals([takeAll(book, 0), book.bannedCount], [[1], 0]);
});

Deno.test("add() lets better sources push out hearsay when the book is full, not the other way", () => {
  const book = setup();
  for (let n = 0; n < MAX_KNOWN; n++) book.add(at(n), "pex");
  assertEquals(book.add(at(4000), "dht"), undefined);
  assert(book.add(at(4001), "tracker"));
  assert(book.add(at(4002), "incoming"), "who dials us may come in");
  assertEquals(book.size, MAX_KNOWN);
});

Deno.test("restrict() forgets what came from sources that are closed, but for what is in use", () => {
  const book = setup();
  book.add(at(1), "pex");
  const busy = book.take(0)!;
  book.add(at(2), "dht");
  book.add(at(3), "tracker");
  book.restrict(new Set(["user", "tracker", "incoming"] as const));
  assertEquals([book.size, book.add(at(4), "lsd")], [2, undefined]);
  book.release(busy, 0, "useful");
});

Deno.test("needAll() wakes those who were let go as needless, and nobody else", () => {
  const book = setup();
  const outcomes = ["needless", "failed", "rotated"] as const;
  outcomes.forEach((_, i) => book.add(at(i + 1), "tracker"));
  for (const outcome of outcomes) book.release(book.take(0)!, 0, outcome);
  assertEquals(book.take(1_000), undefined);
  book.needAll(1_000);
  const woken = book.take(1_000);
  assert(woken !== undefined);
  assertEquals(book.take(1_000), undefined);
});
