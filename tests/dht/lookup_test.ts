/**
 * Lookups: convergence in an honest network, order and patience.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../src/base/address.ts";
import type { Contact } from "../../src/dht/contact.ts";
import { ALPHA, Lookup } from "../../src/dht/lookup.ts";
import { compareDistance } from "../../src/dht/node_id.ts";
import { K } from "../../src/dht/routing_table.ts";
import { forSeeds, randomBytes } from "../support/prng.ts";
import { answer, asked, hosts, near, OWN, setup, TOKEN } from "./lookup_lab.ts";
import { at, idOf, randomOf, stranger } from "./support.ts";

Deno.test("Lookup finds the closest nodes that live when everybody is honest", () => {
  forSeeds(20, (next) => {
    const random = randomOf(next);
    const all = Array.from({ length: 300 }, () => stranger(random));
    const target = randomBytes(next, 20);
    const byDistance = (to: Uint8Array) => (a: Contact, b: Contact) =>
      compareDistance(to, a.id, b.id);
    const tables = new Map(all.map((node) => {
      // Eight close to itself and a few from anywhere, as a table has them.
      const close = all.toSorted(byDistance(node.id)).slice(0, 16);
      return [formatAddress(node.address), [
        ...close,
        ...all.slice(random.below(250)).slice(0, 30),
      ]];
    }));
    const dead = new Set(all.filter(() => next() < 0.2));
    const lookup = new Lookup({ target, ownId: OWN });
    for (let i = 0; i < K; i++) lookup.add(all[i]!);
    while (!lookup.isDone) {
      const round = asked(lookup);
      assert(round.length > 0, "it goes on");
      for (const candidate of round) {
        const name = formatAddress(candidate.address);
        if ([...dead].some((node) => node.address === candidate.address)) {
          lookup.onSlow(candidate);
          lookup.onFailure(candidate);
        } else {
          const contacts = tables.get(name)!.toSorted(byDistance(target)).slice(0, K);
          lookup.onAnswer(candidate, { id: candidate.id!, contacts, token: TOKEN });
        }
      }
    }
    const living = all.filter((node) => !dead.has(node)).sort(byDistance(target));
    const found = hosts(lookup.closest());
    const missed = hosts(living.slice(0, K)).filter((host) => !found.includes(host));
    assert(missed.length <= 1, `missed ${missed.length}`);
    assert(lookup.queries <= 60, `${lookup.queries} queries`);
  });
});

Deno.test("next() asks the closest first, a few at a time", () => {
  const lookup = setup();
  for (let i = 0; i < 10; i++) lookup.add(near(i, i));
  const first = asked(lookup);
  assertEquals(hosts(first), ["10.0.0.9", "10.0.0.8", "10.0.0.7", "10.0.0.6"]);
  assertEquals(first.length, ALPHA);
  answer(lookup, first[3]!, [near(30, 30)]);
  assertEquals(hosts(asked(lookup)), ["10.0.0.30"]);
  assert(!lookup.isDone);
});

Deno.test("isDone holds when the eight closest have answered, though others are left", () => {
  const lookup = setup();
  for (let i = 0; i < 12; i++) lookup.add(near(i, i));
  for (let i = 0; i < 8; i++) answer(lookup, lookup.next()!);
  assert(lookup.isDone);
  assertEquals(lookup.queries, 8);
  assertEquals(hosts(lookup.closest())[0], "10.0.0.11");
  assertEquals(lookup.closest().length, 8);
});

Deno.test("isDone holds at once when there is nobody to ask", () => {
  const lookup = setup();
  assert(lookup.isDone && lookup.isEmpty);
  lookup.add({ id: OWN, address: at("10.0.0.1:1") });
  assert(lookup.isEmpty, "ourselves do not count");
});

Deno.test("onSlow() lets others be asked, and a late answer counts", () => {
  const lookup = setup();
  for (let i = 0; i < 6; i++) lookup.add(near(i, i));
  const first = asked(lookup);
  lookup.onSlow(first[0]!);
  lookup.onSlow(first[0]!);
  assertEquals(asked(lookup).length, 1);
  answer(lookup, first[0]!);
  assertEquals(hosts(lookup.closest()), ["10.0.0.5"]);
  assertEquals(asked(lookup).length, 0, "a late answer frees no second place");
});

Deno.test("isDone waits for slow nodes while fewer than eight have answered, and then does not", () => {
  const lookup = setup();
  for (let i = 0; i < 10; i++) lookup.add(near(i, i));
  const slow = lookup.next()!;
  lookup.onSlow(slow);
  for (let i = 0; i < 7; i++) answer(lookup, lookup.next()!);
  assert(!lookup.isDone);
  answer(lookup, lookup.next()!);
  assert(lookup.isDone);
  const few = setup();
  few.add(near(1, 1));
  const only = few.next()!;
  few.onSlow(only);
  assert(!few.isDone);
  few.onFailure(only);
  assert(few.isDone);
});

Deno.test("addAddress() is asked first and becomes a candidate under the id it answers with", () => {
  const lookup = setup();
  lookup.add(near(5, 5));
  lookup.addAddress(at("10.1.1.1:1"));
  lookup.addAddress(at("10.1.1.1:1"));
  const [nameless, other] = asked(lookup);
  assertEquals(nameless!.id, undefined);
  assertEquals(hosts([nameless!, other!]), ["10.1.1.1", "10.0.0.5"]);
  lookup.onAnswer(nameless!, { id: idOf(1), contacts: [near(9, 9)], token: TOKEN });
  assertEquals(hosts(lookup.closest()), ["10.1.1.1"]);
  assertEquals(hosts(asked(lookup)), ["10.0.0.9"]);
});

Deno.test("addAddress() does not hold up the nodes that are known", () => {
  const lookup = setup();
  for (let i = 0; i < 6; i++) lookup.add(near(i, i));
  for (let i = 0; i < 20; i++) lookup.addAddress(at(`10.1.1.${i}:1`));
  const first = asked(lookup);
  assertEquals(first.filter((one) => one.id === undefined).length, 8);
  assertEquals(first.length, 8 + ALPHA);
  for (const one of first.slice(8)) answer(lookup, one);
  assertEquals(hosts(asked(lookup)), ["10.0.0.1", "10.0.0.0"]);
  for (const one of first.slice(0, 8)) lookup.onSlow(one);
  assertEquals(asked(lookup).length, 8);
  assert(!lookup.isDone);
});

Deno.test("onAnswer() has no use for an answer of our own", () => {
  const lookup = setup();
  lookup.addAddress(at("10.1.1.1:1"));
  lookup.onAnswer(lookup.next()!, { id: OWN, contacts: [near(1, 1)], token: TOKEN });
  assertEquals([lookup.closest(), asked(lookup), lookup.isDone], [[], [], true]);
});
