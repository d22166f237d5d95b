/**
 * A DHT node of each address family on one socket: moves datagrams, gives them the time, and hands on the
 * peers that searches find.
 *
 * The rules are those of `dht/node.ts`; nothing is decided here. Whatever is done with the nodes goes through
 * {@link DhtLink.each}, which sends what comes of it, for a step of one node may give the other something to
 * send.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import { Wakeup } from "../base/wakeup.ts";
import { familyOf } from "../dht/contact.ts";
import { DhtNode } from "../dht/node.ts";
import type { AnnounceOptions, PeerSearch } from "../dht/search.ts";
import type { Clock } from "../ports/clock.ts";
import type { DatagramSocket } from "../ports/network.ts";
import type { World } from "../ports/world.ts";

/** A search is for these. */
export interface SearchFor {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** How we are announced, if at all. */
  readonly announce: AnnounceOptions | undefined;
  /** Called with the peers of each answer, as others named them. */
  readonly onPeers: (peers: Address[]) => void;
}

/** The nodes of a session. */
export class DhtLink {
  /** Of IPv4 and, where the socket has it, IPv6. */
  readonly nodes: readonly DhtNode[];
  readonly #clock: Clock;
  readonly #socket: DatagramSocket;
  readonly #searches = new Map<PeerSearch, SearchFor["onPeers"]>();
  /** There may be something to do before {@link DhtLink.#dueAt}. */
  readonly #sooner = new Wakeup();
  #dueAt: Millis = -Infinity;

  /** Owns the socket; nothing is sent yet. */
  constructor(
    world: Pick<World, "clock" | "random" | "hasher">,
    socket: DatagramSocket,
    options: { readonly isReadOnly: boolean },
  ) {
    this.#clock = world.clock;
    this.#socket = socket;
    const { random, hasher } = world;
    const [v4, v6] = ([4, 6] as const).map((family) =>
      new DhtNode({ family, random, hasher, ...options })
    );
    // A socket of IPv6 takes IPv4 as well.
    this.nodes = socket.address.host.includes(":") ? [v4!, v6!] : [v4!];
    if (this.nodes.length === 2) v4!.link(v6!);
  }

  /** Whether the nodes only ask and answer nobody (BEP 43). */
  get isReadOnly(): boolean {
    return this.nodes[0]!.isReadOnly;
  }

  /** Where the nodes take datagrams. */
  get port(): number {
    return this.#socket.address.port;
  }

  /** Takes datagrams until the link is closed. */
  async receive(): Promise<void> {
    const handle = (data: Uint8Array, from: Address) => this.#handle(data, from);
    if (this.#socket.serve) return await this.#socket.serve(handle);
    for (let got = await this.#socket.receive(); got; got = await this.#socket.receive()) {
      handle(got.data, got.from);
    }
  }

  /** Gives the nodes the time until the signal aborts. */
  async keepTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.each((node, now) => node.tick(now));
      this.#dueAt = this.#nextTickAt();
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      const ms = Math.max(1, this.#dueAt - this.#clock.now());
      const waits = [
        this.#sooner.wait(either),
        this.#clock.sleep(ms, { signal: either }).catch(() => {}),
      ];
      await Promise.race(waits);
      over.abort();
      await Promise.all(waits);
    }
  }

  /** Takes a step with every node and sends what comes of it; gives the results. */
  each<T>(step: (node: DhtNode, now: Millis) => T): T[] {
    const now = this.#clock.now();
    const results = this.nodes.map((node) => step(node, now));
    this.#flush();
    return results;
  }

  /** Begins a search in each DHT. Peers that announced themselves to us come at once. */
  search(wish: SearchFor): PeerSearch[] {
    const { infoHash, announce, onPeers } = wish;
    return this.each((node, now) => {
      const search = node.getPeers(infoHash, { now, ...(announce && { announce }) });
      this.#searches.set(search, onPeers);
      return search;
    });
  }

  /** Ends a search; nothing comes of it any more. */
  endSearch(search: PeerSearch): void {
    search.stop();
    this.#searches.delete(search);
  }

  /** Closes the socket, which ends {@link receive}. Idempotent. */
  close(): void {
    this.#socket.close();
  }

  #handle(data: Uint8Array, from: Address): void {
    const family = familyOf(from);
    const node = this.nodes.find((node) => node.family === family);
    if (!node) return;
    node.handle(data, from, this.#clock.now());
    this.#flush();
  }

  #nextTickAt(): Millis {
    let next = Infinity;
    for (const node of this.nodes) next = Math.min(next, node.nextTickAt());
    return next;
  }

  /** Sends what is to be sent, hands on what was found. */
  #flush(): void {
    for (const node of this.nodes) {
      for (const { data, to } of node.takeOutgoing()) this.#socket.send(data, to);
    }
    for (const node of this.nodes) {
      for (const fact of node.takeFacts()) {
        if (fact.type === "peers") this.#searches.get(fact.search)?.(fact.search.takePeers());
      }
    }
    if (this.#nextTickAt() < this.#dueAt) this.#sooner.notify();
  }
}
