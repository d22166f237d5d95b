/**
 * What whole nodes do with what arrives: whom they believe, whom they answer, and what a flood costs.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Address, encodeCompact } from "../../src/base/address.ts";
import { encode } from "../../src/bencode/encode.ts";
import { decodeMessage } from "../../src/dht/krpc.ts";
import { encodeAnswer, encodeQuery, encodeRefusal } from "../../src/dht/krpc_encode.ts";
import { idMatchesIp } from "../../src/dht/node_id.ts";
import { forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { ALL_PEERS, factsOf, HASH, internet, lab, peersOf, Puppet } from "./node_lab.ts";
import { ipOf, NodeHost, SimDht } from "./sim_dht.ts";
import { ascii, at, idOf, text } from "./support.ts";

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
