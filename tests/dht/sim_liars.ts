/**
 * Nodes of a simulated DHT that joined it honestly and then lie to whoever looks something up.
 *
 * They know each other. What they tell of is closer to any target than the honest nodes are: ids that do not
 * match their address, ids that do at addresses where nobody is, their accomplices (always the closest, or
 * others each time), peers that do not exist.
 * They take announces and store nothing.
 *
 * @module
 */

import { type Address, encodeCompact } from "../../src/base/address.ts";
import { concat } from "../../src/base/bytes.ts";
import type { Millis } from "../../src/base/units.ts";
import { type Contact, encodeContact } from "../../src/dht/contact.ts";
import { decodeMessage, type Query } from "../../src/dht/krpc.ts";
import { encodeAnswer } from "../../src/dht/krpc_encode.ts";
import { compareDistance, idForIp } from "../../src/dht/node_id.ts";
import { ipOf, NodeHost, type Sent, type SimDht } from "./sim_dht.ts";

/** How a liar lies. */
export type Lie = "forged-ids" | "nobody-there" | "accomplices" | "crowd" | "false-peers";

const LIES: readonly Lie[] = [
  "forged-ids",
  "nobody-there",
  "accomplices",
  "crowd",
  "false-peers",
];
/** Contacts of an answer. */
const COUNT = 8;

/** What all liars of a network know. */
export class Conspiracy {
  /** Sorted, as are the nobodies. */
  readonly #members: readonly Contact[];
  readonly #nobodies: Contact[];
  readonly #world: SimDht;

  /** @param nobodies how many addresses without a node are prepared; the more, the closer to a target some are. */
  constructor(world: SimDht, members: readonly LiarHost[], nobodies: number) {
    this.#world = world;
    this.#members = members.map((host) => ({ id: host.node.id, address: host.address }))
      .sort((a, b) => compareDistance(ZERO, a.id, b.id));
    for (const member of members) member.turn(this);
    this.#nobodies = Array.from({ length: nobodies }, () => {
      const address = world.newAddress();
      return { id: idForIp(ipOf(address), world.random), address };
    }).sort((a, b) => compareDistance(ZERO, a.id, b.id));
  }

  /** The accomplices closest to a target, more or less. */
  accomplices(target: Uint8Array): Contact[] {
    return around(this.#members, target, COUNT);
  }

  /** Some of the accomplices around a target, others each time. */
  crowd(target: Uint8Array): Contact[] {
    const { random } = this.#world;
    const near = around(this.#members, target, 6 * COUNT);
    return Array.from({ length: COUNT }, () => near[random.below(near.length)]!);
  }

  /** Contacts that fit their addresses and are as close to a target as they can be, but nobody is there. */
  nobodies(target: Uint8Array): Contact[] {
    return around(this.#nobodies, target, COUNT).map(({ id, address }) => {
      // Only 21 bits and the last byte follow from the address.
      const close = Uint8Array.from(target);
      close.set(id.subarray(0, 2));
      close[2] = (id[2]! & 0xf8) | (target[2]! & 0x07);
      close[19] = id[19]!;
      return { id: close, address };
    });
  }

  /** Accomplices under ids next to the target. */
  forged(target: Uint8Array): Contact[] {
    return Array.from({ length: COUNT }, () => {
      const id = Uint8Array.from(target);
      id.set(this.#world.random.bytes(4), 16);
      const member = this.#members[this.#world.random.below(this.#members.length)]!;
      return { id, address: member.address };
    });
  }
}

/** A node that lies about lookups once it is told to, and otherwise behaves. */
export class LiarHost extends NodeHost {
  readonly #world: SimDht;
  #conspiracy: Conspiracy | undefined;
  #lie: Lie = "accomplices";

  constructor(world: SimDht, options: { address?: Address } = {}) {
    super(world, options);
    this.#world = world;
  }

  /** From now on it lies. */
  turn(conspiracy: Conspiracy): void {
    this.#conspiracy = conspiracy;
    this.#lie = LIES[this.#world.random.below(LIES.length)]!;
  }

  override receive(data: Uint8Array, from: Address, now: Millis): Sent[] {
    const message = this.#conspiracy && decodeMessage(data);
    if (message?.kind !== "query") return super.receive(data, from, now);
    const answer = this.#answer(message, from);
    return answer ? [{ data: answer, to: from }] : super.receive(data, from, now);
  }

  #answer(query: Query, from: Address): Uint8Array | undefined {
    const base = { tid: query.tid, id: this.node.id, ip: ipOf(from), port: from.port };
    if (query.method === "announce_peer") return encodeAnswer(base);
    if (query.method !== "find_node" && query.method !== "get_peers") return undefined;
    const target = query.method === "find_node" ? query.target : query.infoHash;
    const nodes = concat(this.#contacts(target).map(encodeContact));
    if (query.method === "find_node") return encodeAnswer({ ...base, nodes });
    const values = this.#lie === "false-peers"
      ? Array.from({ length: 20 }, () => encodeCompact(this.#world.newAddress()))
      : undefined;
    return encodeAnswer({ ...base, nodes, values, token: Uint8Array.of(1, 2, 3, 4) });
  }

  #contacts(target: Uint8Array): Contact[] {
    switch (this.#lie) {
      case "forged-ids":
        return this.#conspiracy!.forged(target);
      case "nobody-there":
        return this.#conspiracy!.nobodies(target);
      case "crowd":
        return this.#conspiracy!.crowd(target);
      default:
        return this.#conspiracy!.accomplices(target);
    }
  }
}

const ZERO = new Uint8Array(20);

/** The `count` closest to a target of a sorted list, more or less: those that stand around it. */
function around(sorted: readonly Contact[], target: Uint8Array, count: number): Contact[] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareDistance(ZERO, sorted[middle]!.id, target) < 0) low = middle + 1;
    else high = middle;
  }
  const from = Math.max(0, Math.min(low - count, sorted.length - 2 * count));
  return sorted.slice(from, from + 2 * count)
    .sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
}
