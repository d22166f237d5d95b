/**
 * A simulated DHT: thousands of nodes, a heap of deliveries and ticks, no real time and no sockets.
 *
 * Every datagram takes half a round trip; a node that was killed swallows what it gets. Nodes join one after
 * the other by real lookups through nodes that are there already, so that their tables are what tables of
 * real nodes would be, dead entries included. The same seed gives the same run.
 *
 * @module
 */

import {
  type Address,
  formatAddress,
  formatIp,
  isLocalIp,
  isUnicast,
  parseIp,
} from "../../src/base/address.ts";
import type { Millis } from "../../src/base/units.ts";
import { familyOf } from "../../src/dht/contact.ts";
import { idForIp } from "../../src/dht/node_id.ts";
import { DhtNode } from "../../src/dht/node.ts";
import type { PeerSearch } from "../../src/dht/search.ts";
import { testHasher } from "../sim/hasher.ts";
import { SimRandom } from "../sim/random.ts";

/** Something at an address that takes datagrams. */
export interface Host {
  readonly address: Address;
  /** A datagram arrived; what is given back is sent. */
  receive(data: Uint8Array, from: Address, now: Millis): Sent[];
  /** Time has passed. */
  tick(now: Millis): Sent[];
  /** When to call {@link tick}. */
  nextTickAt(): Millis;
}

/** A datagram that leaves. */
export interface Sent {
  readonly data: Uint8Array;
  readonly to: Address;
}

interface Event {
  readonly at: Millis;
  readonly order: number;
  readonly host: Host;
  readonly data: Uint8Array | undefined;
  readonly from: Address | undefined;
}

/** How long a datagram and its answer take together. */
export const ROUND_TRIP_MS = 50;

/** The network. */
export class SimDht {
  now: Millis = 0;
  readonly random: SimRandom;
  readonly hosts = new Map<string, Host>();
  /** Datagrams delivered or lost. */
  datagrams = 0;
  /** Bytes of them. */
  bytes = 0;
  /** The longest of them. */
  longest = 0;
  readonly #heap: Event[] = [];
  readonly #ticks = new Map<Host, Millis>();
  #order = 0;

  constructor(seed: number) {
    this.random = new SimRandom(seed);
  }

  /** A public address that nobody has. */
  newAddress(family: 4 | 6 = 4): Address {
    for (;;) {
      const ip = this.random.bytes(family === 4 ? 4 : 16);
      if (family === 6) ip[0] = 0x20;
      const host = formatIp(ip);
      const address = { host, port: 1024 + this.random.below(60_000) };
      if (isUnicast(ip) && !isLocalIp(host) && !this.hosts.has(formatAddress(address))) {
        return address;
      }
    }
  }

  /** Puts a host on the network. */
  add(host: Host): void {
    this.hosts.set(formatAddress(host.address), host);
    this.wake(host);
  }

  /** Takes a host off the network, without a word. */
  kill(host: Host): void {
    this.hosts.delete(formatAddress(host.address));
  }

  /** Sends what a host has to say. */
  send(from: Host, datagrams: readonly Sent[]): void {
    for (const { data, to } of datagrams) {
      this.datagrams++;
      this.bytes += data.length;
      this.longest = Math.max(this.longest, data.length);
      const host = this.hosts.get(formatAddress(to));
      if (host) this.#push(this.now + ROUND_TRIP_MS / 2, host, data, from.address);
    }
    this.wake(from);
  }

  /** Looks when a host wants to be ticked. */
  wake(host: Host): void {
    const at = Math.max(this.now, host.nextTickAt());
    if (at === Infinity || (this.#ticks.get(host) ?? Infinity) <= at) return;
    this.#ticks.set(host, at);
    this.#push(at, host, undefined, undefined);
  }

  /** Lets time pass until it is `end` or `isDone`. */
  run(end: Millis, isDone: () => boolean = () => false): void {
    while (!isDone()) {
      const next = this.#heap[0];
      if (!next || next.at > end) {
        this.now = Math.max(this.now, end);
        return;
      }
      this.#pop();
      this.now = next.at;
      this.#deliver(next);
    }
  }

  #deliver({ at, host, data, from }: Event): void {
    if (!this.hosts.has(formatAddress(host.address))) return;
    if (data) return this.send(host, host.receive(data, from!, this.now));
    if (this.#ticks.get(host) !== at) return;
    this.#ticks.delete(host);
    this.send(host, host.tick(this.now));
  }

  #push(
    at: Millis,
    host: Host,
    data: Uint8Array | undefined,
    from: Address | undefined,
  ): void {
    const heap = this.#heap;
    const event = { at, order: this.#order++, host, data, from };
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

/** An ordinary node on the network. */
export class NodeHost implements Host {
  readonly address: Address;
  readonly node: DhtNode;
  readonly #world: SimDht;
  #sibling: NodeHost | undefined;

  constructor(
    world: SimDht,
    options: { address?: Address; id?: Uint8Array; isReadOnly?: boolean } = {},
  ) {
    this.#world = world;
    this.address = options.address ?? world.newAddress();
    this.node = new DhtNode({
      family: familyOf(this.address),
      random: world.random,
      hasher: testHasher,
      id: options.id ?? idForIp(ipOf(this.address), world.random),
      isReadOnly: options.isReadOnly ?? false,
    });
    world.add(this);
  }

  receive(data: Uint8Array, from: Address, now: Millis): Sent[] {
    this.node.handle(data, from, now);
    this.#sibling?.flush();
    return this.node.takeOutgoing();
  }

  tick(now: Millis): Sent[] {
    this.node.tick(now);
    return this.node.takeOutgoing();
  }

  nextTickAt(): Millis {
    return this.node.nextTickAt();
  }

  /** Makes this and a node of the other family one host's two nodes. */
  link(sibling: NodeHost): void {
    this.node.link(sibling.node);
    this.#sibling = sibling;
    sibling.#sibling = this;
  }

  /** Begins to join. */
  join(...others: readonly Host[]): void {
    this.node.bootstrap(others.map((host) => host.address), this.#world.now);
    this.flush();
  }

  /** Sends what the node has to say. */
  flush(): void {
    this.#world.send(this, this.node.takeOutgoing());
  }

  /** Begins a search. */
  search(infoHash: Uint8Array, announcePort?: number): PeerSearch {
    const search = this.node.getPeers(infoHash, {
      now: this.#world.now,
      ...(announcePort !== undefined && { announce: { port: announcePort } }),
    });
    this.flush();
    return search;
  }
}

/** The bytes of an address's IP. */
export function ipOf(address: Address): Uint8Array {
  return parseIp(address.host)!;
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
