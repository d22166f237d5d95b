/**
 * Each defence of lookups against liars.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MAX_QUERIES } from "../../src/dht/lookup.ts";
import { commonBits } from "../../src/dht/node_id.ts";
import { K } from "../../src/dht/routing_table.ts";
import { prng } from "../support/prng.ts";
import {
  answer,
  asked,
  closeStranger,
  hosts,
  near,
  pick8,
  setup,
  TOKEN,
  withPublicSource,
} from "./lookup_lab.ts";
import { at, fitting, idOf, randomOf } from "./support.ts";

Deno.test("addAddress() may be a starting point although its id does not fit, but no place to announce", () => {
  const lookup = setup();
  lookup.addAddress(at("8.8.8.8:1"));
  const good = closeStranger(0, 5);
  lookup.onAnswer(lookup.next()!, { id: idOf(1), contacts: [good], token: TOKEN });
  assertEquals(lookup.closest(), []);
  assertEquals(hosts(asked(lookup)), hosts([good]));
});

Deno.test("onAnswer() takes contacts with ids that do not fit for outsiders, asked last and few", () => {
  const { lookup, source } = withPublicSource();
  const good = closeStranger(0, 1);
  const forged = Array.from(
    { length: 8 },
    (_, i) => ({ id: idOf(0, 0, 0, i), address: at(`9.9.${i}.9:1`) }),
  );
  answer(lookup, source, [...forged, good]);
  assertEquals(hosts(asked(lookup)), hosts([good]), "while another is asked, none of them");
  const [candidate] = [...asked(lookup)];
  assertEquals(candidate, undefined);
  const all = setup({ asksOutsiders: false });
  all.add(forged[0]!);
  assert(all.isDone, "and in other lookups never");
});

Deno.test("next() asks at most four outsiders, and takes nothing but their word for peers", () => {
  const { lookup, source } = withPublicSource();
  const forged = Array.from(
    { length: 8 },
    (_, i) => ({ id: idOf(0, 0, 0, i), address: at(`9.9.${i}.9:1`) }),
  );
  answer(lookup, source, forged);
  const outsiders = asked(lookup);
  assertEquals(outsiders.length, 4);
  for (const outsider of outsiders) answer(lookup, outsider, [closeStranger(0, 3)]);
  assertEquals(asked(lookup), []);
  assert(lookup.isDone);
  assertEquals(lookup.closest().length, 1, "only the first");
});

Deno.test("onAnswer() ignores loopback and private contacts when a public node tells of them", () => {
  const { lookup, source } = withPublicSource();
  answer(lookup, source, [near(5, 5), { id: idOf(1), address: at("127.0.0.1:80") }]);
  assertEquals(asked(lookup), []);
  const local = setup();
  local.add(near(1, 1));
  answer(local, local.next()!, [{ id: idOf(1), address: at("127.0.0.1:80") }]);
  assertEquals(hosts(asked(local)), ["127.0.0.1"]);
});

Deno.test("onAnswer() knows an address once, whatever ids it is given", () => {
  const lookup = setup();
  lookup.add(near(1, 1));
  const source = lookup.next()!;
  const address = at("10.5.5.5:5");
  answer(lookup, source, [1, 2, 3, 4].map((i) => ({ id: idOf(0, i), address })));
  assertEquals(hosts(asked(lookup)), ["10.5.5.5"]);
});

Deno.test("onAnswer() takes two contacts of one network", () => {
  const { lookup, source } = withPublicSource();
  const random = randomOf(prng(4));
  answer(lookup, source, [1, 2, 3, 4].map((i) => fitting(at(`9.9.9.${i}:1`), random)));
  for (const candidate of asked(lookup)) answer(lookup, candidate);
  assertEquals(lookup.queries, 3);
  assertEquals(asked(lookup), []);
});

Deno.test("onAnswer() believes a node about its own id when that id fits", () => {
  const { lookup, source } = withPublicSource();
  const random = randomOf(prng(4));
  const address = at("9.9.9.9:9");
  const [claimed, real] = [fitting(address, random), fitting(address, random)];
  answer(lookup, source, [claimed]);
  const candidate = lookup.next()!;
  const beyond = closeStranger(0, 6);
  lookup.onAnswer(candidate, { id: real.id, contacts: [beyond], token: TOKEN });
  assert(lookup.closest().some((node) => node.id === real.id));
  assertEquals(hosts(asked(lookup)), hosts([beyond]));
});

Deno.test("onAnswer() has no use for a node that answers with an id that does not fit", () => {
  const { lookup, source } = withPublicSource();
  answer(lookup, source, [fitting(at("9.9.9.9:9"), randomOf(prng(4)))]);
  const contacts = [closeStranger(0, 6)];
  lookup.onAnswer(lookup.next()!, { id: idOf(9), contacts, token: TOKEN });
  assertEquals(asked(lookup), []);
  assertEquals(lookup.closest().length, 1);
});

Deno.test("next() tries two of a node's contacts before it trusts it with more", () => {
  const lookup = setup();
  lookup.add(near(1, 1));
  const contacts = Array.from({ length: 8 }, (_, i) => near(20 + i, 20 + i));
  answer(lookup, lookup.next()!, contacts);
  const [a, b, ...more] = asked(lookup);
  assertEquals(more, []);
  answer(lookup, a!);
  answer(lookup, b!);
  assertEquals(asked(lookup).length, 4);
});

Deno.test("next() passes over the contacts of a node when the first of them are dead", () => {
  const lookup = setup();
  for (let i = 0; i < 3; i++) lookup.add(near(i, i));
  const [liar] = asked(lookup);
  const contacts = Array.from({ length: 8 }, (_, i) => near(20 + i, 20 + i));
  answer(lookup, liar!, contacts);
  let tried = 0;
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    tried += list.length;
    for (const candidate of list) lookup.onSlow(candidate);
    for (const candidate of list) lookup.onFailure(candidate);
  }
  assert(tried <= 4, `${tried} tried`);
});

Deno.test("next() asks a passed-over contact when somebody else tells of it, too", () => {
  const lookup = setup();
  for (let i = 0; i < 2; i++) lookup.add(near(i, i));
  const [liar, honest] = asked(lookup);
  const contacts = Array.from({ length: 8 }, (_, i) => near(20 + i, 20 + i));
  answer(lookup, liar!, contacts);
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const candidate of list) lookup.onFailure(candidate);
  }
  const before = lookup.queries;
  answer(lookup, honest!, contacts.slice(0, 2));
  assertEquals(asked(lookup).length, 2);
  assertEquals(lookup.queries, before + 2);
});

Deno.test("isDone does not hold when one liar's accomplices are the eight closest", () => {
  const lookup = setup();
  for (let i = 0; i < 12; i++) lookup.add(near(i % 4, i));
  const [liar, ...others] = asked(lookup);
  const accomplices = Array.from({ length: 8 }, (_, i) => near(20 + i, 20 + i));
  answer(lookup, liar!, accomplices);
  for (let i = 0; i < 8; i++) for (const one of asked(lookup)) answer(lookup, one, accomplices);
  for (const other of others) answer(lookup, other);
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const one of list) answer(lookup, one);
  }
  assert(lookup.isDone);
  assert(lookup.answers >= 8 + 6, `only ${lookup.answers} answers`);
});

Deno.test("isDone does not hold when the eight closest are farther than they can be", () => {
  const run = (density: number) => {
    const lookup = setup({ density });
    for (let i = 0; i < 40; i++) lookup.add(near(3 + (i % 4), i));
    for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
      for (const one of list) answer(lookup, one);
    }
    assert(lookup.isDone);
    assertEquals(lookup.closest().length, 8);
    return lookup.queries;
  };
  assertEquals([run(5), run(6.5), run(12)], [8, 8, 40]);
});

Deno.test("next() gets past a crowd of liars by the word of others, when the crowd is too far away", () => {
  const lookup = setup({ density: 14 });
  const crowd = Array.from({ length: 60 }, (_, i) => near(9, 100 + i));
  const honest = Array.from({ length: 8 }, (_, i) => near(6, 50 + i));
  const closest = Array.from({ length: 8 }, (_, i) => near(15, 20 + i));
  for (let i = 0; i < 8; i++) lookup.add(near(3, i));
  let turn = 0;
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const one of list) {
      const bits = commonBits(one.id!, lookup.target);
      const isLiar = bits >= 9 && bits < 15 || turn < 3;
      const told = isLiar ? pick8(crowd, turn) : bits < 6 ? honest : bits < 15 ? closest : [];
      answer(lookup, one, told);
      turn++;
    }
  }
  const bits = lookup.closest().map(({ id }) => commonBits(id!, lookup.target));
  assert(bits.every((count) => count >= 15), `${bits}`);
  assert(lookup.queries < 60, `${lookup.queries} queries`);
});

Deno.test("next() comes to an end when two nodes were told of by each other", () => {
  const lookup = setup({ density: 14 });
  // The first tells of the second and of many dead ones, so that in the end the third's word counts for the second.
  const [first, second, third] = [near(3, 1), near(16, 2), near(7, 3)];
  const [between, last] = [near(8, 4), near(9, 5)];
  const dead = Array.from({ length: 8 }, (_, i) => near(12, 20 + i));
  const told = new Map([
    [1, [second, ...dead]],
    [2, [between]],
    [4, [third]],
    [3, [second, last]],
  ]);
  lookup.add(first);
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const one of list) {
      const number = Number(one.address.host.split(".")[3]);
      if (number >= 20) lookup.onFailure(one);
      else answer(lookup, one, told.get(number));
    }
  }
  assertEquals(lookup.answers, 5);
});

Deno.test("isDone does not count nodes that are too close to be true", () => {
  const lookup = setup({ density: 0 });
  for (let i = 0; i < 20; i++) lookup.add(near(40 + i, i));
  for (let i = 0; i < 8; i++) lookup.add(near(i, 100 + i));
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const one of list) answer(lookup, one);
  }
  assertEquals(lookup.queries, 16, "eight of them and the honest ones");
  assertEquals(lookup.closest().length, 16, "both are announced to");
});

Deno.test("Lookup ends within its queries when liars never run out of closer contacts", () => {
  const lookup = setup({ asksOutsiders: true });
  for (let i = 0; i < K; i++) lookup.add(near(0, i));
  let given = K;
  for (let list = asked(lookup); list.length > 0; list = asked(lookup)) {
    for (const candidate of list) {
      const contacts = Array.from({ length: 16 }, () => near(Math.min(159, given / 10), given++));
      answer(lookup, candidate, contacts);
    }
  }
  assert(lookup.isDone);
  assertEquals(lookup.queries, MAX_QUERIES);
});
