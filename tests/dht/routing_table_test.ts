/**
 * The routing table: who gets in, who stays, who is named, and its invariants under random use.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Millis } from "../../src/base/units.ts";
import { type Contact, placeOf } from "../../src/dht/contact.ts";
import { commonBits, compareDistance, idAtDistance, idMatchesIp } from "../../src/dht/node_id.ts";
import {
  isGood,
  K,
  MAX_PER_NET,
  QUIET_MS,
  RoutingTable,
  type TableNode,
} from "../../src/dht/routing_table.ts";
import { forSeeds, pick, prng, randomBytes } from "../support/prng.ts";
import { at, fitting, idOf, lan, randomOf, stranger } from "./support.ts";

const OWN = idOf();
const random = randomOf(prng(11));

/** A contact on the LAN that shares exactly `bits` bits with us. */
function near(bits: number, last: number): Contact {
  return lan(idAtDistance(OWN, bits, random), last);
}

function names(nodes: readonly Contact[]): string[] {
  return nodes.map((node) => node.address.host);
}

function all(table: RoutingTable): TableNode[] {
  return table.buckets().flatMap(({ nodes, spares }) => [...nodes, ...spares]);
}

/** A table whose bucket 0 is full and not the last, the nodes having answered at 0, 1, 2, … */
function fullTable(): { table: RoutingTable; far: Contact[] } {
  const table = new RoutingTable(OWN, 0);
  const far = Array.from({ length: K }, (_, i) => near(0, i));
  far.forEach((contact, i) => table.onReply(contact, i));
  table.onReply(near(5, 200), 100);
  assertEquals(table.buckets().length, 2);
  return { table, far };
}

function checkInvariants(table: RoutingTable): void {
  const buckets = table.buckets();
  assert(buckets.length <= 160);
  buckets.forEach(({ nodes, spares }, index) => {
    assert(nodes.length <= K && spares.length <= K);
    assert(spares.length === 0 || nodes.length === K, "a bucket with spares is full");
    for (const node of [...nodes, ...spares]) {
      const bits = commonBits(node.id, table.ownId);
      assert(bits < 160, "not ourselves");
      assert(index === buckets.length - 1 ? bits >= index : bits === index, "in its bucket");
      assert(idMatchesIp(node.id, placeOf(node.address).ip), "fits its address");
    }
    const nets = [...nodes, ...spares].flatMap((node) => placeOf(node.address).net ?? []);
    assertEquals(new Set(nets).size, nets.length, "one of a network in a bucket");
  });
  const places = all(table).map((node) => placeOf(node.address));
  assertEquals(new Set(places.map((place) => place.host)).size, places.length);
  const counts = new Map<string, number>();
  for (const { net } of places) {
    if (net !== undefined) counts.set(net, (counts.get(net) ?? 0) + 1);
  }
  for (const [net, count] of counts) assert(count <= MAX_PER_NET, net);
}

Deno.test("onReply() fills a bucket, then splits the one around our own id", () => {
  const table = new RoutingTable(OWN, 0);
  for (let i = 0; i < K; i++) table.onReply(near(0, i), 0);
  assertEquals(table.buckets().map((bucket) => bucket.nodes.length), [8]);
  table.onReply(near(3, 100), 0);
  assertEquals(table.buckets().map((bucket) => bucket.nodes.length), [8, 1]);
  for (let i = 0; i < 20; i++) table.onReply(near(3, 101 + i), 0);
  assertEquals(table.buckets().map(({ nodes, spares }) => [nodes.length, spares.length]), [
    [8, 0],
    [0, 0],
    [0, 0],
    [8, 8],
    [0, 0],
  ]);
});

Deno.test("onReply() keeps old nodes and holds new ones in reserve when a bucket is full", () => {
  const { table, far } = fullTable();
  assertEquals(table.onReply(near(0, 50), 1000), undefined, "all good: nobody to doubt");
  assertEquals(names(table.buckets()[0]!.nodes), names(far));
  assertEquals(names(table.buckets()[0]!.spares), ["10.0.0.50"]);
});

Deno.test("onReply() names the node to doubt when one was silent for long, each once a minute", () => {
  const { table, far } = fullTable();
  const later = QUIET_MS + 3;
  assertEquals(names([table.onReply(near(0, 50), later)!]), names([far[0]!]));
  assertEquals(names([table.onReply(near(0, 51), later)!]), names([far[1]!]));
  table.onReply(far[2]!, later);
  assertEquals(names([table.onReply(near(0, 52), later)!]), names([far[3]!]));
  assertEquals(table.onReply(near(0, 53), later), undefined, "the rest is still good");
  assertEquals(names([table.onReply(near(0, 54), later + 60_000)!]), names([far[0]!]));
});

Deno.test("onFailure() gives a bad node's place to the spare that answered last", () => {
  const { table, far } = fullTable();
  table.onReply(near(0, 50), 1000);
  table.onReply(near(0, 51), 1001);
  table.onFailure(far[4]!);
  assertEquals(table.buckets()[0]!.spares.length, 2, "once is nothing");
  table.onFailure(far[4]!);
  assertEquals(names(table.buckets()[0]!.nodes)[4], "10.0.0.51");
  assertEquals(names(table.buckets()[0]!.spares), ["10.0.0.50"]);
});

Deno.test("onFailure() keeps a bad node for a while when nobody waits, and forgets it then", () => {
  const { table, far } = fullTable();
  for (let i = 0; i < 4; i++) table.onFailure(far[0]!);
  assertEquals(table.size, 9);
  table.onFailure(far[0]!);
  assertEquals(table.size, 8);
  table.onFailure(far[1]!);
  table.onFailure(far[1]!);
  table.onReply(near(0, 60), 10);
  table.onReply(near(0, 61), 11);
  assert(
    !names(table.buckets()[0]!.nodes).includes(far[1]!.address.host),
    "a newcomer replaces it",
  );
});

Deno.test("onFailure() forgives when a node answers again, and ignores other addresses", () => {
  const { table, far } = fullTable();
  table.onFailure(far[0]!);
  table.onReply(far[0]!, 50);
  table.onFailure({ id: far[0]!.id, address: at("10.9.9.9:1") });
  table.onFailure(far[0]!);
  assertEquals(table.buckets()[0]!.nodes[0]!.failures, 1);
});

Deno.test("onReply() refuses ourselves and ids that do not fit their address", () => {
  const table = new RoutingTable(OWN, 0);
  table.onReply(lan(OWN, 1), 0);
  table.onReply({ id: idOf(1, 2, 3), address: at("8.8.8.8:1") }, 0);
  assertEquals(table.size, 0);
  table.onReply(fitting(at("8.8.8.8:1"), random), 0);
  assertEquals(table.size, 1);
});

Deno.test("onReply() knows one node an address, the public ones whatever their port", () => {
  const table = new RoutingTable(OWN, 0);
  table.onReply(fitting(at("8.8.8.8:1"), random), 0);
  table.onReply(fitting(at("8.8.8.8:2"), random), 1);
  assertEquals(names(all(table)), ["8.8.8.8"]);
  const renamed = fitting(at("8.8.8.8:1"), random);
  table.onReply(renamed, 2);
  assertEquals(all(table).map((node) => node.id), [renamed.id], "its owner may take another id");
  table.onFailure(renamed);
  table.onFailure(renamed);
  table.onReply(fitting(at("8.8.8.8:2"), random), 3);
  assertEquals(all(table).map((node) => node.address.port), [2], "a bad one gives way");
  for (let i = 1; i < 4; i++) table.onReply({ id: idOf(i), address: at(`127.0.0.1:${i}`) }, 4);
  assertEquals(table.size, 4);
});

Deno.test("onReply() lets nobody take a living node's id", () => {
  const table = new RoutingTable(OWN, 0);
  table.onReply(lan(idOf(1), 1), 0);
  table.onReply(lan(idOf(1), 2), 1);
  assertEquals(names(all(table)), ["10.0.0.1"]);
  table.onFailure(lan(idOf(1), 1));
  table.onFailure(lan(idOf(1), 1));
  table.onReply(lan(idOf(1), 2), 2);
  assertEquals(names(all(table)), ["10.0.0.2"]);
});

Deno.test("onReply() takes few nodes of one network, of either family", () => {
  for (const address of [(i: number) => `8.8.8.${i}:1`, (i: number) => `[2001:db8::${i}]:1`]) {
    const table = new RoutingTable(OWN, 0);
    for (let i = 1; i < 200; i++) table.onReply(fitting(at(address(i)), random), i);
    checkInvariants(table);
    assert(table.size <= MAX_PER_NET);
    for (let i = 0; i < 100; i++) table.onReply(stranger(random), 300);
    for (let i = 1; i < 200; i++) table.onReply(fitting(at(address(i)), random), 300 + i);
    checkInvariants(table);
  }
});

Deno.test("onQuery() makes no node, and says whom to ping", () => {
  const { table, far } = fullTable();
  assert(table.onQuery(near(0, 70), 5), "unknown");
  assertEquals(table.size, 9);
  assert(!table.onQuery(far[0]!, QUIET_MS - 1), "known");
  assert(isGood(table.buckets()[0]!.nodes[0]!, QUIET_MS + 1), "and good for having asked");
  assert(!table.onQuery({ id: idOf(1), address: at("8.8.8.8:1") }, 5), "does not fit");
  assert(!table.onQuery({ id: far[0]!.id, address: at("10.8.8.8:1") }, 5), "somebody else's id");
  assert(!table.onQuery(lan(OWN, 1), 5), "our id");
  for (let i = 0; i < K; i++) table.onReply(near(0, 80 + i), 6);
  assert(!table.onQuery(near(0, 90), 7), "no place at all");
});

Deno.test("addSaved() takes nodes to ask, but names them to nobody before they answer", () => {
  const table = new RoutingTable(OWN, 0);
  const contacts = Array.from({ length: 50 }, () => stranger(random));
  const count = contacts.filter((contact) => table.addSaved(contact, 0)).length;
  assertEquals(table.size, count);
  assert(count >= 8 && count < 50);
  assert(!table.addSaved({ id: idOf(1), address: at("8.8.8.8:1") }, 0));
  assertEquals([table.confirmed, table.closestConfirmed(OWN, K)], [0, []]);
  assertEquals(table.closest(OWN, K).length, K);
  const [first] = table.closest(OWN, 1);
  table.onReply(first!, 10);
  assertEquals(table.closestConfirmed(OWN, K).map((node) => node.id), [first!.id]);
});

Deno.test("addSaved() nodes give way at their first failure when an answer comes from another", () => {
  const table = new RoutingTable(OWN, 0);
  for (let i = 0; i < K; i++) assert(table.addSaved(near(0, i), 0));
  table.onReply(near(4, 100), 1);
  const doubted = table.onReply(near(0, 101), 1)!;
  table.onFailure(doubted);
  assert(names(table.buckets()[0]!.nodes).includes("10.0.0.101"));
});

Deno.test("closest() agrees with sorting everything, whatever the target", () => {
  forSeeds(40, (next) => {
    const own = randomBytes(next, 20);
    const rnd = randomOf(next);
    const table = new RoutingTable(own, 0);
    for (let i = 0; i < 400; i++) {
      table.onReply(lan(idAtDistance(own, Math.floor(12 * next() ** 2), rnd), i), 0);
    }
    const known = table.buckets().flatMap(({ nodes }) => nodes);
    for (let i = 0; i < 20; i++) {
      const target = idAtDistance(own, Math.floor(next() * 16), rnd);
      const sorted = known.toSorted((a, b) => compareDistance(target, a.id, b.id));
      for (const count of [1, K, 3 * K, 1000]) {
        assertEquals(table.closest(target, count), sorted.slice(0, count));
      }
    }
    assertEquals(table.closest(own, K).length, K);
  });
});

Deno.test("closest() gives bad nodes only when others do not suffice", () => {
  const { table, far } = fullTable();
  for (const contact of far.slice(0, 3)) {
    table.onFailure(contact);
    table.onFailure(contact);
  }
  assertEquals(table.closest(far[0]!.id, 6).length, 6);
  assert(!names(table.closest(far[0]!.id, 6)).includes(far[0]!.address.host));
  assertEquals(table.closest(far[0]!.id, 9).length, 9);
  assertEquals(table.closestConfirmed(far[0]!.id, 9).length, 6);
});

Deno.test("takeStale() gives the node that was silent for longest, and each not again soon", () => {
  const { table, far } = fullTable();
  assertEquals(table.takeStale(QUIET_MS - 1), undefined);
  assertEquals(names([table.takeStale(QUIET_MS + 1)!]), names([far[0]!]));
  assertEquals(names([table.takeStale(QUIET_MS + 1)!]), names([far[1]!]));
  assertEquals(table.takeStale(QUIET_MS + 1), undefined);
  table.onFailure(far[0]!);
  for (const contact of far.slice(2)) table.onReply(contact, QUIET_MS + 2);
  assertEquals(names([table.takeStale(QUIET_MS + 60_001)!]), ["10.0.0.200"]);
  assertEquals(names([table.takeStale(QUIET_MS + 60_001)!]), names([far[0]!]), "one that owes us");
});

Deno.test("takeRefreshTarget() gives an id of each bucket that did not change for long", () => {
  const { table } = fullTable();
  assertEquals(table.takeRefreshTarget(QUIET_MS, random), undefined);
  const target = table.takeRefreshTarget(QUIET_MS + K, random)!;
  assertEquals(commonBits(target, OWN), 0);
  assertEquals(table.takeRefreshTarget(QUIET_MS + K, random), undefined);
  assert(commonBits(table.takeRefreshTarget(QUIET_MS + 100, random)!, OWN) >= 1);
});

Deno.test("density tells how close the eighth node usually is, once the table is full enough", () => {
  const table = new RoutingTable(OWN, 0);
  for (let i = 0; i < 31; i++) table.onReply(stranger(random), 0);
  assertEquals(table.density, undefined);
  for (let i = 0; i < 2000; i++) table.onReply(stranger(random), 0);
  assert(Math.abs(table.density! - Math.log2(2000 / K)) <= 2, `${table.density}`);
});

Deno.test("withId() keeps the nodes that have a place around the new id", () => {
  const table = new RoutingTable(OWN, 0);
  for (let i = 0; i < 500; i++) table.onReply(stranger(random), i);
  const other = table.withId(randomBytes(prng(5), 20), 1000);
  checkInvariants(other);
  assert(other.confirmed >= K);
  const known = new Set(all(table).map((node) => node.address.host));
  assert(all(other).every((node) => known.has(node.address.host)));
});

Deno.test("RoutingTable keeps its invariants under random use", () => {
  forSeeds(25, (next) => {
    const rnd = randomOf(next);
    let table = new RoutingTable(randomBytes(next, 20), 0);
    const people: Contact[] = Array.from({ length: 300 }, (_, i) => {
      if (i % 3 === 0) return lan(idAtDistance(table.ownId, Math.floor(next() * 30), rnd), i);
      if (i % 3 === 1) return stranger(rnd);
      return fitting(at(`8.8.${i % 4}.${i % 250}:${1 + (i % 5)}`), rnd);
    });
    let now: Millis = 0;
    for (let step = 0; step < 1500; step++) {
      now += Math.floor(next() * 5000);
      const contact = pick(next, people);
      const what = next();
      if (what < 0.5) table.onReply(contact, now);
      else if (what < 0.7) table.onFailure(contact);
      else if (what < 0.8) table.onQuery(contact, now);
      else if (what < 0.85) table.addSaved(contact, now);
      else if (what < 0.9) table.onReply({ ...contact, id: pick(next, people).id }, now);
      else if (what < 0.999) table.takeStale(now);
      else table = table.withId(randomBytes(next, 20), now);
      if (step % 20 === 0) checkInvariants(table);
    }
    checkInvariants(table);
  });
});
