/**
 * The DHT of a session (BEP 5, 32, 42, 43): finds peers for its torrents and announces them.
 *
 * Nothing is opened before the first torrent that may use it asks. Then there is one node of each address family
 * on one socket, on the port where peers are accepted, if that is free for datagrams. The tables of the last run
 * are read before and written at the end, so that a second start needs nobody to start from. Without UDP it
 * says so once and finds nobody. Its end waits for no answer.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import { Scope } from "../base/scope.ts";
import type { Millis } from "../base/units.ts";
import type { Family } from "../dht/contact.ts";
import type { AnnounceOptions, PeerSearch } from "../dht/search.ts";
import type { DatagramSocket, Network } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import { addressesOf, bootstrap, reasonOf } from "./dht_bootstrap.ts";
import { DhtLink } from "./dht_link.ts";
import { type DhtReport, dhtReport } from "./dht_report.ts";

/** The outside world of the DHT. */
export interface DhtWorld extends Pick<World, "clock" | "random" | "hasher" | "cache" | "log"> {
  /** For the socket, and the addresses of nodes that are given by name. */
  readonly network: Pick<Network, "bindUdp" | "resolve">;
}

/** How the service is started. */
export interface DhtOptions {
  /** The port where peers are accepted, 0 for none. */
  readonly port: () => number;
  /** Nodes to start from in the place of the well-known ones, `HOST:PORT` each. */
  readonly nodes?: readonly string[];
  /** Whether the session will hardly last; the nodes answer nobody then until it has lasted (BEP 43). */
  readonly isShortLived?: boolean;
  /** Called with one clean line for a person. */
  readonly onWarning: (message: string) => void;
}

/** A torrent that is to be found and to find others. */
export interface DhtClient {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Nodes to start from that it names itself. */
  readonly nodes: readonly Address[];
  /** Whether it has everything. */
  readonly isSeed: () => boolean;
  /** Peers that are connected. */
  readonly peers: () => number;
  /** Called with addresses of peers; they may be known. */
  readonly onPeers: (peers: Address[]) => void;
}

/** Fewer peers than this are few: others are looked for soon. */
const FEW_PEERS = 5;
/** The pause after a search with few peers, doubled each time, and with enough of them. */
const FIRST_PAUSE_MS = 15_000;
const MAX_PAUSE_MS = 300_000;
/** What was announced is known for half an hour. */
const USUAL_PAUSE_MS = 600_000;
/** How often a torrent looks whether it has become lonely. */
const LOOK_MS = 15_000;
/** Nodes of one torrent that are taken. */
const MAX_TORRENT_NODES = 32;
/** After this time a session is not short-lived any more. */
const STAY_MS = 600_000;
const SAVE_MS = 600_000;
const TABLES = { 4: "dht4", 6: "dht6" } as const;

/** The DHT of a session. */
export class DhtService implements AsyncDisposable {
  readonly #world: DhtWorld;
  readonly #options: DhtOptions;
  readonly #scope = new Scope("DHT");
  #opening: Promise<DhtLink | undefined> | undefined;
  #link: DhtLink | undefined;
  #error: string | undefined;

  /** Opens nothing yet. */
  constructor(world: DhtWorld, options: DhtOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** The port that peers may be told of (PORT messages), 0 while nobody answers there. */
  get port(): number {
    const link = this.#link;
    return link && !link.isReadOnly ? link.port : 0;
  }

  /** How it stands. */
  report(): DhtReport {
    return dhtReport(this.#link, this.#error);
  }

  /** Somebody may run a node there, for example a peer that says so. Does nothing while the DHT is not in use. */
  addNode(address: Address): void {
    this.#link?.each((node, now) => node.addNode(address, now));
  }

  /** Opens it without a torrent; gives whether it could be. Idempotent. */
  async start(nodes: readonly Address[] = []): Promise<boolean> {
    return await this.#open(nodes) !== undefined;
  }

  /** Searches peers for a torrent and announces it, again and again, until the signal aborts. */
  async run(client: DhtClient, signal: AbortSignal): Promise<void> {
    const link = await this.#open(client.nodes);
    if (link === undefined || signal.aborted) return;
    const { clock } = this.#world;
    let searches: PeerSearch[] = [];
    try {
      for (let vain = 0;; vain = client.peers() < FEW_PEERS ? vain + 1 : 0) {
        // One that nobody has answered yet goes on by itself.
        if (searches.length === 0 || searches.some((search) => search.isDone)) {
          for (const search of searches) link.endSearch(search);
          searches = this.#search(link, client);
        }
        const since = clock.now();
        do await clock.sleep(LOOK_MS, { signal }); while (
          clock.now() - since < pauseMs(client.peers(), vain)
        );
      }
    } finally {
      for (const search of searches) link.endSearch(search);
    }
  }

  /** Keeps the tables and closes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    const saving = this.#save();
    await this.#scope[Symbol.asyncDispose]();
    await this.#opening;
    await saving;
  }

  #search(link: DhtLink, client: DhtClient): PeerSearch[] {
    const port = this.#options.port();
    // BEP 5 has the port implied for who takes peers by uTP at the port of the datagrams, and libtorrent says it
    // then only. Without uTP that is not where peers are accepted, even if the numbers are the same here: behind
    // a NAT they may differ outside. So the port is named.
    const announce: AnnounceOptions | undefined = port > 0
      ? { port, isSeed: client.isSeed() }
      : undefined;
    return link.search({
      infoHash: client.infoHash,
      announce,
      onPeers: (peers) => {
        const ours = link.nodes.map((node) => node.externalHost);
        client.onPeers(peers.filter((peer) => peer.port !== port || !ours.includes(peer.host)));
      },
    });
  }

  async #open(nodes: readonly Address[]): Promise<DhtLink | undefined> {
    this.#opening ??= this.#openLink(nodes.length > 0);
    const link = await this.#opening;
    for (const node of link ? nodes.slice(0, MAX_TORRENT_NODES) : []) {
      this.#scope.spawn((signal) => this.#startFrom(node, signal));
    }
    return link;
  }

  async #openLink(isHopeful: boolean): Promise<DhtLink | undefined> {
    const tables = await this.#readTables();
    const socket = await this.#bind();
    if (this.#scope.signal.aborted) socket?.close();
    if (socket === undefined || this.#scope.signal.aborted) return undefined;
    const { isShortLived } = this.#options;
    const link = new DhtLink(this.#world, socket, { isReadOnly: isShortLived ?? false });
    this.#scope.signal.addEventListener("abort", () => this.#onEnd(link), { once: true });
    this.#link = link;
    const loaded = link.each((node, now) => {
      const table = tables[node.family];
      return table === undefined ? 0 : node.load(table, now);
    });
    this.#live(link, isHopeful || loaded.some((count) => count > 0));
    return link;
  }

  /** Our port, or any: datagrams come from it, but nobody is promised that it is the same. */
  async #bind(): Promise<DatagramSocket | undefined> {
    let failure: unknown;
    for (const port of new Set([this.#options.port(), 0])) {
      try {
        return await this.#world.network.bindUdp({ port });
      } catch (error) {
        failure = error;
      }
    }
    if (!(failure instanceof NetworkError)) throw failure;
    this.#error = reasonOf(failure);
    this.#options.onWarning(`Cannot use the DHT: ${this.#error}`);
    return undefined;
  }

  #live(link: DhtLink, isHopeful: boolean): void {
    const { clock, network } = this.#world;
    const { nodes, onWarning } = this.#options;
    this.#scope.spawn(() => link.receive());
    this.#scope.spawn((signal) => link.keepTime(signal));
    this.#scope.spawn((signal) =>
      bootstrap({
        clock,
        network,
        userNodes: nodes ?? [],
        isHopeful,
        hasAnswer: () => link.nodes.some((node) => node.stats.confirmedNodes > 0),
        onAddresses: (addresses) => link.each((node, now) => node.bootstrap(addresses, now)),
        onWarning,
      }, signal)
    );
    this.#scope.spawn(async (signal) => {
      await clock.sleep(STAY_MS, { signal });
      for (const node of link.nodes) node.isReadOnly = false;
      for (;;) {
        await this.#save();
        await clock.sleep(SAVE_MS, { signal });
      }
    });
  }

  /** A node that a torrent names; one that cannot be found is no news. */
  async #startFrom(node: Address, signal: AbortSignal): Promise<void> {
    try {
      const addresses = await addressesOf(node, this.#world.network, signal);
      this.#link?.each((each, now) => each.bootstrap(addresses, now));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NetworkError)) throw error;
    }
  }

  #onEnd(link: DhtLink): void {
    link.close();
    const { failure } = this.#scope;
    if (failure === undefined) return;
    this.#error = failure.error instanceof Error ? failure.error.message : String(failure.error);
    this.#world.log.write("warning", "the DHT failed", { error: this.#error });
  }

  async #readTables(): Promise<Readonly<Partial<Record<Family, Uint8Array>>>> {
    const { cache } = this.#world;
    const [v4, v6] = await Promise.all([cache.read(TABLES[4]), cache.read(TABLES[6])]);
    return { ...(v4 && { 4: v4 }), ...(v6 && { 6: v6 }) };
  }

  /** Keeps the tables of DHTs where somebody has answered; others are no better than what was kept before. */
  async #save(): Promise<void> {
    const nodes = (this.#link?.nodes ?? []).filter((node) => node.stats.confirmedNodes > 0);
    await Promise.all(
      nodes.map((node) => this.#world.cache.write(TABLES[node.family], node.save())),
    );
  }
}

/** How long to wait for the next search, after so many in a row that left us with few peers. */
function pauseMs(peers: number, vain: number): Millis {
  return peers < FEW_PEERS ? Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** vain) : USUAL_PAUSE_MS;
}
