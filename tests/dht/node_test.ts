/**
 * Whole nodes: joining, searching and announcing.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { prng } from "../support/prng.ts";
import { factsOf, HASH, internet, lab, peersOf } from "./node_lab.ts";
import { NodeHost, SimDht } from "./sim_dht.ts";
import { at } from "./support.ts";

Deno.test("bootstrap() makes two nodes know each other when one starts from the other", () => {
  const { nodes: [a, b] } = lab(2);
  assertEquals([a!.node.stats.confirmedNodes, b!.node.stats.confirmedNodes], [1, 1]);
  assertEquals(factsOf(b!.node), ["joined"]);
  assertEquals(factsOf(a!.node), ["joined"]);
});

Deno.test("getPeers() finds who was announced, and tells each peer once", () => {
  const { world, nodes } = lab(30);
  const announced = nodes[7]!.search(HASH, 7777);
  world.run(world.now + 5000, () => announced.isDone);
  assertEquals([announced.announced, announced.found], [8, 0]);
  nodes[8]!.search(HASH, 8888);
  world.run(world.now + 5000);
  nodes[20]!.node.takeFacts();
  const search = nodes[20]!.search(HASH);
  world.run(world.now + 5000, () => search.isDone);
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:7777", "127.0.0.1:8888"]);
  assertEquals([search.takePeers(), search.found], [[], 2]);
  const facts = factsOf(nodes[20]!.node);
  assert(facts.includes("peers"));
  assertEquals(facts.at(-1), "search-done");
});

Deno.test("getPeers() announces the port that the datagrams come from when it is implied", () => {
  const { world, nodes } = lab(5);
  nodes[1]!.node.getPeers(HASH, { now: world.now, announce: { port: 1, isPortImplied: true } });
  nodes[1]!.flush();
  world.run(world.now + 2000);
  const search = nodes[3]!.search(HASH);
  world.run(world.now + 2000, () => search.isDone);
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:1001"]);
});

Deno.test("getPeers() begins when the first node becomes known", () => {
  const { world, nodes } = lab(10);
  nodes[3]!.search(HASH, 3333);
  world.run(world.now + 3000);
  const late = new NodeHost(world, { address: at("127.0.0.1:5000") });
  const search = late.search(HASH);
  world.run(world.now + 60_000);
  assert(!search.isDone);
  late.node.addNode(nodes[0]!.address, world.now);
  late.flush();
  const start = world.now;
  world.run(world.now + 5000, () => search.isDone);
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:3333"]);
  assert(world.now - start < 1000, `${world.now - start} ms`);
});

Deno.test("getPeers() goes on after nobody answered for long", () => {
  const { world, nodes } = lab(10);
  nodes[3]!.search(HASH, 3333);
  world.run(world.now + 3000);
  for (const node of nodes) world.kill(node);
  const late = new NodeHost(world, { address: at("127.0.0.1:5000") });
  late.join(...nodes.slice(0, 3));
  const search = late.search(HASH);
  world.run(world.now + 120_000);
  assert(!search.isDone && search.queries > 10, "it tries again and again");
  for (const node of nodes) world.add(node);
  world.run(world.now + 10_000, () => search.isDone);
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:3333"]);
});

Deno.test("getPeers() finds who announces itself to us, before and after", () => {
  const { world, nodes: [a, b] } = lab(2);
  a!.search(HASH, 1111);
  world.run(world.now + 2000);
  const search = b!.search(HASH, 2222);
  world.run(world.now + 2000);
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:1111"]);
  const third = new NodeHost(world, { address: at("127.0.0.1:5000") });
  third.join(b!);
  third.search(HASH, 3333);
  b!.node.takeFacts();
  world.run(world.now + 5000);
  assert(factsOf(b!.node).includes("peers"));
  assertEquals(peersOf(search.takePeers()), ["127.0.0.1:3333"]);
  search.stop();
  third.search(HASH, 4444);
  world.run(world.now + 5000);
  assertEquals(peersOf(search.takePeers()), []);
});

Deno.test("stop() ends a search, and nothing is announced", () => {
  const { world, nodes } = lab(10);
  const search = nodes[3]!.search(HASH, 3333);
  search.stop();
  world.run(world.now + 5000);
  assertEquals([search.isDone, search.announced, nodes[3]!.node.stats.lookups], [true, 0, 0]);
  assert(nodes.every(({ node }) => node.stats.storedPeers === 0));
});

Deno.test("link() lets a node of one family find those of the other", () => {
  const world = new SimDht(6);
  const pairs = Array.from({ length: 12 }, () => {
    const [four, six] = [
      new NodeHost(world),
      new NodeHost(world, { address: world.newAddress(6) }),
    ];
    four.link(six);
    return { four, six };
  });
  const first = pairs[0]!;
  for (const { four } of pairs.slice(1)) {
    four.join(first.four);
    world.run(world.now + 2000);
  }
  // One of them knows a node of the other DHT; the rest follows from what they tell each other.
  first.six.join(pairs[1]!.six);
  pairs[1]!.six.join(first.six);
  world.run(world.now + 10_000);
  const late4 = new NodeHost(world);
  const late6 = new NodeHost(world, { address: world.newAddress(6) });
  late4.link(late6);
  late4.join(first.four);
  world.run(world.now + 20_000);
  assert(late6.node.stats.confirmedNodes > 0, "known without a starting point of its own");
});

Deno.test("getPeers() under the same seed gives the same run", () => {
  const run = (seed: number) => {
    const { world, nodes } = internet(20, new SimDht(seed));
    const search = nodes[3]!.search(HASH, 1);
    world.run(world.now + 5000);
    return [world.datagrams, world.bytes, search.queries, search.announced];
  };
  assertEquals(run(5), run(5));
  assert(run(5).join() !== run(6).join());
  assertEquals(prng(1)(), prng(1)());
});
