/**
 * Small DHTs for tests of whole nodes, and hosts that answer by a script.
 *
 * @module
 */

import { type Address, formatAddress } from "../../src/base/address.ts";
import type { DhtFact } from "../../src/dht/facts.ts";
import { decodeMessage, type Query } from "../../src/dht/krpc.ts";
import type { DhtNode } from "../../src/dht/node.ts";
import { type Host, NodeHost, type Sent, SimDht } from "./sim_dht.ts";
import { at, idOf } from "./support.ts";

/** What is searched for. */
export const HASH: Uint8Array = idOf(0x55, 0xaa);
/** Peers of every kind of network. */
export const ALL_PEERS: readonly string[] = ["127.0.0.1:80", "192.168.1.1:80", "9.9.9.9:9"];

/** Nodes of one laboratory, each of which started from the first. */
export function lab(count: number, world = new SimDht(1)): { world: SimDht; nodes: NodeHost[] } {
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
export function internet(
  count: number,
  world = new SimDht(2),
): { world: SimDht; nodes: NodeHost[] } {
  const nodes: NodeHost[] = [];
  for (let i = 0; i < count; i++) {
    const node = new NodeHost(world);
    node.join(...nodes.slice(-2));
    nodes.push(node);
    world.run(world.now + 500);
  }
  return { world, nodes };
}

/** Addresses as text, in order. */
export function peersOf(list: readonly Address[]): string[] {
  return list.map(formatAddress).sort();
}

/** What kinds of things happened since the last call. */
export function factsOf(node: DhtNode): DhtFact["type"][] {
  return node.takeFacts().map((fact) => fact.type);
}

/** Somewhere on the network, with a script of answers. */
export class Puppet implements Host {
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
