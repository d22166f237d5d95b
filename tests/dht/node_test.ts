/**
 * Whole nodes: joining, searching, announcing, what they refuse, and what time does to them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Address, encodeCompact, formatAddress } from "../../src/base/address.ts";
import { encode } from "../../src/bencode/encode.ts";
import { decodeMessage, type Query } from "../../src/dht/krpc.ts";
import { encodeAnswer, encodeQuery, encodeRefusal } from "../../src/dht/krpc_encode.ts";
import { idMatchesIp } from "../../src/dht/node_id.ts";
import type { DhtFact } from "../../src/dht/facts.ts";
import type { DhtNode } from "../../src/dht/node.ts";
import { forSeeds, mutate, pick, prng, randomBytes } from "../support/prng.ts";
import { type Host, ipOf, NodeHost, type Sent, SimDht } from "./sim_dht.ts";
import { ascii, at, idOf, text } from "./support.ts";

const HASH = idOf(0x55, 0xaa);
const ALL_PEERS = ["127.0.0.1:80", "192.168.1.1:80", "9.9.9.9:9"];

/** Nodes of one laboratory, each of which started from the first. */
function lab(count: number, world = new SimDht(1)): { world: SimDht; nodes: NodeHost[] } {
  const nodes: NodeHost[] = [];
  for (let i = 0; i < count; i++) {
    const node = new NodeHost(world, {
      address: at(`127.0.0.1:${1000 + i}`),
      id: world.random.bytes(20),
    });
    node.join(...nodes.slice(0, 1));
    nodes.push(node);
    world.run(world.now + 500);
  }
  return { world, nodes };
}

/** Nodes of the internet. */
function internet(count: number, world = new SimDht(2)): { world: SimDht; nodes: NodeHost[] } {
  const nodes: NodeHost[] = [];
  for (let i = 0; i < count; i++) {
    const node = new NodeHost(world);
    node.join(...nodes.slice(-2));
    nodes.push(node);
    world.run(world.now + 500);
  }
  return { world, nodes };
}

function peersOf(list: readonly Address[]): string[] {
  return list.map(formatAddress).sort();
}

function factsOf(node: DhtNode): DhtFact["type"][] {
  return node.takeFacts().map((fact) => fact.type);
}

/** Somewhere on the network, with a script of answers. */
class Puppet implements Host {
  readonly address: Address;
  readonly got: { query: Query; from: Address }[] = [];
  readonly #answer: (query: Query, from: Address) => Uint8Array | undefined;

  constructor(
    world: SimDht,
    address: Address,
    answer: (query: Query, from: Address) => Uint8Array | undefined = () => undefined,
  ) {
    this.address = address;
    this.#answer = answer;
    world.add(this);
  }
  receive(data: Uint8Array, from: Address): Sent[] {
    const query = decodeMessage(data);
    if (query?.kind !== "query") return [];
    this.got.push({ query, from });
    const answer = this.#answer(query, from);
    return answer ? [{ data: answer, to: from }] : [];
  }
  tick(): Sent[] {
    return [];
  }
  nextTickAt(): number {
    return Infinity;
  }
}

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

Deno.test("handle() answers nothing when the node is read-only, which others keep out", () => {
  const { world, nodes } = lab(3);
  const shy = new NodeHost(world, { address: at("127.0.0.1:5000"), isReadOnly: true });
  const puppet = new Puppet(world, at("127.0.0.1:6000"));
  shy.join(nodes[0]!, puppet);
  world.run(world.now + 60_000);
  assertEquals(shy.node.stats.confirmedNodes, 3);
  assert(puppet.got.length > 0 && puppet.got.every(({ query }) => query.isReadOnly));
  assert(nodes.every(({ node }) => node.stats.nodes === 2));
  const ping = encodeQuery({ method: "ping" }, { tid: ascii("x"), id: HASH, isReadOnly: false });
  assertEquals(shy.receive(ping, puppet.address, world.now), []);
  const search = shy.search(HASH, 1234);
  world.run(world.now + 5000, () => search.isDone);
  assertEquals(search.announced, 3, "but it may announce");
  shy.node.isReadOnly = false;
  const sent = shy.receive(ping, puppet.address, world.now).map(({ data }) => text(data));
  assert(sent.some((data) => data.includes("1:y1:r")), "until it has come to stay");
});

Deno.test("handle() drops an answer when id or address are not those of a query", () => {
  const world = new SimDht(3);
  const node = new NodeHost(world, { address: at("10.0.0.1:1") });
  const puppet = new Puppet(world, at("10.0.0.2:2"));
  const search = node.search(HASH);
  node.join(puppet);
  world.run(world.now + 100);
  const answer = (tid: Uint8Array, from: Address) => {
    const values = [Uint8Array.of(6, 6, 6, 6, 6, 6)];
    const data = encodeAnswer({ tid, id: idOf(1), ip: ipOf(node.address), port: 1, values });
    node.receive(data, from, world.now);
    return search.found;
  };
  const asked = puppet.got.find(({ query }) => query.method === "get_peers")!.query;
  const dropped = node.node.stats.dropped;
  assertEquals(answer(Uint8Array.of(1, 2, 3, 4), puppet.address), 0);
  assertEquals(answer(asked.tid, at("10.0.0.2:3")), 0);
  assertEquals(answer(asked.tid, at("10.0.0.3:2")), 0);
  assertEquals(answer(asked.tid.subarray(0, 3), puppet.address), 0);
  assertEquals(node.node.stats.dropped, dropped + 4);
  assertEquals(answer(asked.tid, puppet.address), 1);
  assertEquals(answer(asked.tid, puppet.address), 1, "and each only once");
});

Deno.test("handle() ignores local peers when a node on the internet names them", () => {
  for (const [where, found] of [["8.8.8.8:8", ["9.9.9.9:9"]], ["10.0.0.2:2", ALL_PEERS]] as const) {
    const world = new SimDht(3);
    const node = new NodeHost(world, { address: at("10.0.0.1:1") });
    const values = ALL_PEERS.map((peer) => encodeCompact(at(peer)));
    const puppet = new Puppet(
      world,
      at(where),
      (query, from) =>
        encodeAnswer({ tid: query.tid, id: idOf(1), ip: ipOf(from), port: from.port, values }),
    );
    node.join(puppet);
    const search = node.search(HASH);
    world.run(world.now + 1000);
    assertEquals(peersOf(search.takePeers()), [...found]);
  }
});

Deno.test("handle() goes on at once when a node refuses", () => {
  const world = new SimDht(3);
  const node = new NodeHost(world, { address: at("10.0.0.1:1") });
  const puppet = new Puppet(
    world,
    at("10.0.0.2:2"),
    (query) => encodeRefusal(query.tid, 201, "no"),
  );
  const { nodes } = lab(1, world);
  node.join(puppet, nodes[0]!);
  const search = node.search(HASH);
  world.run(world.now + 200);
  assertEquals([search.isDone, search.answers], [true, 1]);
});

Deno.test("handle() ignores a node that claims to be us", () => {
  const world = new SimDht(3);
  const node = new NodeHost(world, { address: at("10.0.0.1:1"), id: idOf(1) });
  const twin = new NodeHost(world, { address: at("10.0.0.2:2"), id: idOf(1) });
  node.join(twin);
  world.run(world.now + 5000);
  assertEquals([node.node.stats.nodes, twin.node.stats.nodes], [0, 0]);
});

Deno.test("handle() takes an id that fits when enough nodes see us somewhere else", () => {
  const { world, nodes } = internet(20);
  const address = world.newAddress();
  const stray = new NodeHost(world, { address, id: idOf(1, 2, 3) });
  stray.join(...nodes.slice(0, 3));
  world.run(world.now + 5000);
  assertEquals(stray.node.externalHost, address.host);
  assert(idMatchesIp(stray.node.id, ipOf(address)));
  assert(factsOf(stray.node).includes("external-ip"));
  assert(stray.node.stats.confirmedNodes >= 8);
  world.run(world.now + 5000);
  const known = nodes.filter(({ node }) => {
    return node.closest(4, stray.node.id, 1)?.[0]?.address.host === address.host;
  });
  assert(known.length > 0, "and others come to know it");
});

Deno.test("handle() keeps its id when few liars see us somewhere else", () => {
  const world = new SimDht(4);
  const node = new NodeHost(world);
  const { id } = node.node;
  const liars = Array.from({ length: 3 }, () => {
    const address = world.newAddress();
    return new Puppet(
      world,
      address,
      (query) =>
        encodeAnswer({ tid: query.tid, id: idOf(9), ip: Uint8Array.of(6, 6, 6, 6), port: 1 }),
    );
  });
  node.join(...liars);
  world.run(world.now + 60_000);
  assertEquals([node.node.id, node.node.externalHost], [id, undefined]);
});

Deno.test("bootstrap() works through a node whose id does not fit, which is kept out", () => {
  const { world, nodes } = internet(20);
  const router = new NodeHost(world, { id: idOf(1) });
  router.join(nodes[0]!);
  world.run(world.now + 3000);
  // The router renames itself as soon as it knows better; this one never does.
  const puppet = new Puppet(world, world.newAddress(), (query, from) => {
    const list = nodes[0]!.node.closest(4, HASH, 8)!.map((node) => [...node.compact]).flat();
    const nodesList = Uint8Array.from(list);
    return encodeAnswer({
      tid: query.tid,
      id: idOf(1),
      ip: ipOf(from),
      port: from.port,
      nodes: nodesList,
    });
  });
  const node = new NodeHost(world);
  node.join(puppet);
  world.run(world.now + 3000);
  assert(node.node.stats.confirmedNodes >= 8);
  assertEquals(
    nodes[0]!.node.closest(4, idOf(1), 100)!.filter((n) => !idMatchesIp(n.id, ipOf(n.address))),
    [],
  );
});

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

Deno.test("handle() serves a flood of one sender no faster than it may", () => {
  const world = new SimDht(7);
  const { node } = new NodeHost(world);
  const ping = encodeQuery({ method: "ping" }, { tid: ascii("x"), id: HASH, isReadOnly: true });
  for (let i = 0; i < 1000; i++) node.handle(ping, at("9.9.9.9:9"), 1000);
  assertEquals(node.takeOutgoing().length, 30);
  assertEquals(node.stats.refused, 970);
  node.handle(ping, at("9.9.9.8:9"), 1000);
  assertEquals(node.takeOutgoing().length, 1, "others are served");
});

Deno.test("handle() pings an unknown sender once, whatever is forged in its name", () => {
  const world = new SimDht(7);
  const { node } = new NodeHost(world, { address: at("10.0.0.1:1") });
  let pings = 0;
  for (let i = 0; i < 2000; i++) {
    const ping = encodeQuery({ method: "ping" }, {
      tid: ascii("x"),
      id: idOf(1, i),
      isReadOnly: false,
    });
    node.handle(ping, at("10.9.9.9:9"), 1000 + 100 * i);
    for (const { data } of node.takeOutgoing()) if (text(data).includes("1:y1:q")) pings++;
  }
  assertEquals(pings, 1);
});

Deno.test("handle() neither throws nor grows nor amplifies when it is fed garbage", () => {
  const world = new SimDht(8);
  const host = new NodeHost(world, { address: at("1.2.3.4:5") });
  const { node } = host;
  const puppet = new Puppet(world, at("10.1.1.1:1"));
  host.join(puppet);
  const search = node.getPeers(HASH, { now: 0, announce: { port: 1 } });
  node.takeOutgoing();
  const id = () => world.random.bytes(20);
  const samples = (next: () => number): Uint8Array[] => {
    const envelope = { tid: randomBytes(next, 4), id: id(), isReadOnly: false };
    return [
      encodeQuery({ method: "find_node", target: id() }, envelope),
      encodeQuery({ method: "get_peers", infoHash: id() }, envelope),
      encodeQuery({
        method: "announce_peer",
        infoHash: id(),
        token: randomBytes(next, 8),
        port: 1,
        isPortImplied: true,
        isSeed: false,
      }, envelope),
      encodeAnswer({ tid: envelope.tid, id: id(), ip: randomBytes(next, 4), port: 9, token: id() }),
      encodeRefusal(envelope.tid, 201, "x"),
      encode({ t: "aa", y: "q", q: "ping", a: { id: id() } }),
    ];
  };
  let now = 0;
  forSeeds(4000, (next) => {
    const sample = pick(next, samples(next));
    const data = pick(next, [sample, mutate(next, sample), randomBytes(next, 60)]);
    const from = { host: [...randomBytes(next, 4)].join("."), port: Math.floor(next() * 65_536) };
    node.handle(data, from, now += Math.floor(next() * 50));
    let answered = 0;
    for (const out of node.takeOutgoing()) {
      const kind = decodeMessage(out.data)?.kind;
      assert(kind, `${text(out.data)} answers ${text(data)}`);
      if (kind !== "query") answered += out.data.length;
    }
    assert(answered === 0 || answered < 3 * data.length);
  });
  const { stats } = node;
  assertEquals([stats.nodes, stats.storedPeers, search.found], [0, 0, 0]);
  assert(
    stats.waiting <= 64 && stats.senders <= 1024 && stats.pending <= 100 && stats.lookups <= 2,
  );
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
