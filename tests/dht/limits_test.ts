/**
 * What is bounded and paced: queries served, pings sent, votes counted.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { AddressVote, MAX_VOTERS, MIN_VOTES } from "../../src/dht/address_vote.ts";
import { MAX_SENDERS, RateLimit } from "../../src/dht/rate_limit.ts";
import { WaitingRoom } from "../../src/dht/waiting_room.ts";
import { at } from "./support.ts";

const RATES = {
  sender: { perSecond: 2, burst: 3 },
  total: { perSecond: 5, burst: 10 },
} as const;

/** How many of `count` queries at `now` are served. */
function served(limit: RateLimit, sender: string, count: number, now: number): number {
  let out = 0;
  for (let i = 0; i < count; i++) out += +limit.allows(sender, now);
  return out;
}

Deno.test("allows() serves a sender's burst and then its rate", () => {
  const limit = new RateLimit(RATES);
  assertEquals(served(limit, "a", 10, 1000), 3);
  assertEquals(served(limit, "a", 10, 1400), 0);
  assertEquals(served(limit, "a", 10, 1500), 1);
  assertEquals(served(limit, "a", 10, 99_000), 3);
  assertEquals(served(limit, "b", 1, 99_000), 1);
});

Deno.test("allows() does not lose allowance when time stands still or goes back", () => {
  const limit = new RateLimit(RATES);
  assertEquals(served(limit, "a", 3, 1000), 3);
  assertEquals(served(limit, "a", 1, 500), 0);
  assertEquals(served(limit, "a", 1, 1000), 1);
});

Deno.test("allows() serves all senders together no faster than the total", () => {
  const limit = new RateLimit(RATES);
  let out = 0;
  for (let i = 0; i < 50; i++) out += served(limit, `s${i}`, 1, 1000);
  assertEquals(out, 10);
  for (let i = 0; i < 50; i++) out += served(limit, `t${i}`, 1, 2000);
  assertEquals(out, 15);
});

Deno.test("allows() remembers no more senders than it may", () => {
  const limit = new RateLimit(RATES);
  for (let i = 0; i < 3 * MAX_SENDERS; i++) limit.allows(`s${i}`, i);
  assertEquals(limit.size, MAX_SENDERS);
});

Deno.test("take() gives each address once in five minutes", () => {
  const room = new WaitingRoom();
  room.add(at("1.2.3.4:5"), 0);
  room.add(at("1.2.3.4:6"), 0);
  assertEquals(room.take(0), at("1.2.3.4:5"));
  assertEquals(room.take(0), undefined);
  room.add(at("1.2.3.4:5"), 299_999);
  assertEquals(room.take(299_999), undefined);
  room.add(at("1.2.3.4:5"), 300_000);
  assertEquals(room.take(300_000), at("1.2.3.4:5"));
});

Deno.test("take() paces what waits and says when it goes on", () => {
  const room = new WaitingRoom();
  for (let i = 0; i < 200; i++) room.add(at(`1.2.${i}.4:5`), 0);
  assertEquals(room.size, 64);
  const drain = (now: number) => {
    let count = 0;
    while (room.take(now)) count++;
    return count;
  };
  assertEquals(drain(0), 20);
  assertEquals(room.nextAt, 250);
  assertEquals(drain(250), 1);
  assertEquals(drain(1250), 4);
  assertEquals(drain(1e6) + drain(2e6) + drain(3e6), 39);
  assertEquals(room.nextAt, Infinity);
});

Deno.test("add() lets an address win when four networks agree", () => {
  const vote = new AddressVote();
  const results = [1, 2, 3, 4].map((i) => vote.add(at(`1.2.${i}.4:5`), "9.9.9.9"));
  assertEquals(results, [undefined, undefined, undefined, "9.9.9.9"]);
});

Deno.test("add() counts one vote a network and asks for more than half", () => {
  const vote = new AddressVote();
  for (let i = 0; i < 50; i++) assertEquals(vote.add(at(`1.2.3.${i}:5`), "6.6.6.6"), undefined);
  for (let i = 0; i < 5; i++) vote.add(at(`2.2.${i}.1:5`), "7.7.7.7");
  for (let i = 0; i < MIN_VOTES; i++) {
    assertEquals(vote.add(at(`3.3.${i}.1:5`), "9.9.9.9"), undefined);
  }
  for (let i = 0; i < MAX_VOTERS; i++) vote.add(at(`4.4.${i}.1:5`), "9.9.9.9");
  assertEquals(vote.add(at("5.5.5.5:5"), "9.9.9.9"), "9.9.9.9");
  assert(vote.add(at("5.5.6.5:5"), "6.6.6.6") === undefined);
});
