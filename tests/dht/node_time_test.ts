/**
 * What time does to whole nodes: silence, a second start, and the moments they ask for.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { idMatchesIp } from "../../src/dht/node_id.ts";
import { factsOf, HASH, internet, lab, peersOf, Puppet } from "./node_lab.ts";
import { ipOf, NodeHost, SimDht } from "./sim_dht.ts";
import { ascii, at, idOf } from "./support.ts";

Deno.test("tick() keeps the table alive through an hour without traffic", () => {
  const { world, nodes } = internet(40);
  world.run(world.now + 3_600_000);
  for (const { node } of nodes) {
    const { nodes, confirmedNodes } = node.stats;
    assert(confirmedNodes >= 8 && confirmedNodes >= 0.9 * nodes, `${confirmedNodes} of ${nodes}`);
  }
  for (const node of nodes.slice(0, 8)) world.kill(node);
  world.run(world.now + 3_600_000);
  const dead = new Set(nodes.slice(0, 8).map(({ address }) => address.host));
  for (const { node } of nodes.slice(8)) {
    const named = node.closest(4, HASH, 100)!;
    assert(named.every(({ address }) => !dead.has(address.host)), "the dead are named no more");
  }
});

Deno.test("tick() forgets nobody while we are off line", () => {
  const { world, nodes } = internet(30);
  const node = nodes[5]!;
  const before = node.node.stats.nodes;
  const others = nodes.filter((other) => other !== node);
  for (const other of others) world.kill(other);
  world.run(world.now + 7_200_000);
  assert(node.node.stats.nodes >= before - 1, `${node.node.stats.nodes} of ${before}`);
  for (const other of others) world.add(other);
  world.run(world.now + 600_000);
  assert(node.node.stats.confirmedNodes >= 8);
});

Deno.test("load() takes what save() gave, and a second start needs no bootstrap", () => {
  const { world, nodes } = internet(30);
  nodes[3]!.search(HASH, 3333);
  world.run(world.now + 3000);
  const saved = nodes[5]!.node.save();
  world.kill(nodes[5]!);
  const again = new NodeHost(world, { address: nodes[5]!.address, id: idOf(1) });
  const count = again.node.load(saved, world.now);
  assert(count >= 8);
  assertEquals(again.node.id.subarray(0, 2), nodes[5]!.node.id.subarray(0, 2));
  assert(idMatchesIp(again.node.id, ipOf(again.address)));
  const router = new Puppet(world, world.newAddress());
  again.join(router);
  const search = again.search(HASH);
  const start = world.now;
  world.run(world.now + 5000, () => search.isDone);
  assertEquals(peersOf(search.takePeers()), [`${nodes[3]!.address.host}:3333`]);
  assert(world.now - start < 1000);
  world.run(world.now + 20_000);
  assertEquals([factsOf(again.node).includes("joined"), router.got], [true, []]);
});

Deno.test("load() makes two nodes of one table when both run at a time", () => {
  const { world, nodes } = lab(3);
  const saved = nodes[1]!.node.save();
  const twins = [7000, 7001].map((port) => {
    const twin = new NodeHost(world, { address: at(`127.0.0.1:${port}`) });
    twin.node.load(saved, world.now);
    return twin;
  });
  for (const node of nodes) world.kill(node);
  twins[1]!.join(twins[0]!);
  world.run(world.now + 5000);
  assertEquals(twins.map(({ node }) => node.stats.confirmedNodes), [1, 1]);
});

Deno.test("load() does no harm when every saved node is gone", () => {
  const { world, nodes } = internet(30);
  const saved = nodes[5]!.node.save();
  for (const node of nodes.slice(0, 20)) world.kill(node);
  const { nodes: others } = internet(10, world);
  const again = new NodeHost(world);
  again.node.load(saved, world.now);
  for (const node of nodes.slice(20)) world.kill(node);
  again.join(others[0]!);
  const start = world.now;
  world.run(start + 60_000, () => again.node.stats.confirmedNodes >= 8);
  assert(world.now - start < 6000, `${world.now - start} ms`);
  world.run(start + 10_000);
  assertEquals(factsOf(again.node).includes("joined"), true);
});

Deno.test("load() ignores what is no table", () => {
  const world = new SimDht(5);
  const { node } = new NodeHost(world, { id: idOf(3) });
  for (const bytes of ["", "de", "d2:id20:abcdefghij01234567896:nodes60:e"]) {
    assertEquals(node.load(ascii(bytes), 0), 0);
  }
  assertEquals(node.id, idOf(3));
});

Deno.test("nextTickAt() never asks for a tick that does nothing", () => {
  const { world, nodes: [node] } = lab(3);
  let ticks = 0;
  const end = world.now + 60_000;
  for (let now = world.now; now < end;) {
    node!.node.tick(now);
    node!.node.takeOutgoing();
    assert(node!.node.nextTickAt() > now);
    now = node!.node.nextTickAt();
    ticks++;
  }
  assert(ticks < 60, `${ticks} ticks a minute`);
});
