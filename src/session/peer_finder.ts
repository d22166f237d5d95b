/**
 * Where the peers of one torrent come from: those that the user named, its trackers, the DHT, the local
 * network. Each source is asked only if the gate (`swarm/peer_sources.ts`) lets the torrent use it, and all end
 * in one call.
 *
 * @module
 */

import { type Address, makeAddress, splitHostPort } from "../base/address.ts";
import type { Scope } from "../base/scope.ts";
import type { World } from "../ports/world.ts";
import type { PeerSource, PeerSources } from "../swarm/peer_sources.ts";
import { Announcer } from "./announcer.ts";
import type { DhtService } from "./dht_service.ts";
import type { LsdService } from "./lsd_service.ts";
import type { TrackerStats } from "./stats.ts";
import type { UdpTrackers } from "./tracker_udp.ts";

/** What finding peers needs of the session. */
export interface FinderHost {
  readonly world: World;
  readonly peerId: Uint8Array;
  readonly allowPrivate: boolean;
  readonly userAgent: string;
  readonly udp: UdpTrackers;
  readonly dht: DhtService;
  readonly lsd: LsdService;
  readonly port: () => number;
}

/** A torrent that needs peers. */
export interface FinderParts {
  readonly host: FinderHost;
  /** Owns all that is started. */
  readonly scope: Scope;
  /** Which sources may be used. */
  readonly sources: PeerSources;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The torrent's tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** DHT nodes that the torrent names. */
  readonly nodes: readonly Address[];
  readonly isPrivate: boolean;
  /** `HOST:PORT` each, named by the user. */
  readonly userPeers: readonly string[];
  /** Announce URLs, named by the user. */
  readonly userTrackers: readonly string[];
  /** Ask every tracker at once (false). */
  readonly asksAllTrackers?: boolean;
  /** Bytes, for trackers: those of the whole torrent are left, more than 0 while the size is not known. */
  readonly counters: () => { uploaded: number; downloaded: number; left: number };
  /** Whether we give and want no more of what is left (BEP 21; never). */
  readonly isPartialSeed?: () => boolean;
  /** Peers that are connected. */
  readonly peers: () => number;
  /** Takes addresses; they may be known, and we may be among them. */
  readonly onPeers: (addresses: readonly Address[], source: PeerSource) => void;
  /** Called with one clean line for a person. */
  readonly onWarning: (message: string) => void;
}

/** Finds the peers of one torrent. Made, started once, stopped. */
export class PeerFinder {
  readonly #parts: FinderParts;
  readonly #announcer: Announcer | undefined;
  /** Ends what a private torrent may not use. */
  readonly #public = new AbortController();

  /** Starts nothing yet. */
  constructor(parts: FinderParts) {
    this.#parts = parts;
    this.#announcer = parts.sources.has("tracker") ? announcerFor(parts) : undefined;
  }

  /** How the trackers stand. */
  get trackers(): TrackerStats[] {
    return this.#announcer?.stats() ?? [];
  }

  /** Asks every source until the scope ends. */
  start(): void {
    const { host, scope, sources, infoHash, nodes, peers, counters, onPeers } = this.#parts;
    if (sources.has("user")) this.#resolvePeers();
    const announcer = this.#announcer;
    if (announcer) scope.spawn((signal) => announcer.run(signal));
    if (sources.has("lsd")) {
      const onFound = (found: readonly Address[]) => onPeers(found, "lsd");
      this.#spawnPublic((signal) => host.lsd.run({ infoHash, onPeers: onFound }, signal));
    }
    if (!sources.has("dht")) return;
    const client = {
      infoHash,
      nodes,
      peers,
      isSeed: () => counters().left === 0,
      onPeers: (found: Address[]) => onPeers(found, "dht"),
    };
    this.#spawnPublic((signal) => host.dht.run(client, signal));
  }

  /** The torrent turns out to be private: no other sources than these from now on, and one tracker at a time. */
  turnPrivate(sources: PeerSources): void {
    this.#announcer?.turnPrivate();
    if (!sources.has("dht")) this.#public.abort();
  }

  /** Peers are wanted: asks as soon as the sources permit. May be called as often as one likes. */
  soon(): void {
    this.#announcer?.announceSoon();
  }

  /** The download is complete. */
  completed(): void {
    this.#announcer?.completed();
  }

  /** Says goodbye; resolves within the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    await this.#announcer?.stop(deadlineMs);
  }

  /** Runs a source until the scope ends or the torrent turns out to be private. */
  #spawnPublic(run: (signal: AbortSignal) => Promise<void>): void {
    const { signal: isPrivate } = this.#public;
    this.#parts.scope.spawn(async (signal) => {
      try {
        await run(AbortSignal.any([signal, isPrivate]));
      } catch (error) {
        if (!isPrivate.aborted) throw error;
      }
    });
  }

  #resolvePeers(): void {
    const { scope, userPeers, onPeers } = this.#parts;
    for (const text of userPeers) {
      const target = splitHostPort(text);
      if (target === undefined) continue;
      const address = makeAddress(target.host, target.port);
      if (address !== undefined) onPeers([address], "user");
      else scope.spawn((signal) => this.#resolvePeer(target, signal));
    }
  }

  async #resolvePeer({ host, port }: Address, signal: AbortSignal): Promise<void> {
    const { onPeers, onWarning } = this.#parts;
    try {
      const hosts = await this.#parts.host.world.network.resolve(host, { signal });
      onPeers(hosts.map((host) => ({ host, port })), "user");
    } catch (error) {
      if (signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      onWarning(`Cannot use peer ${host}: ${why}`);
    }
  }
}

function announcerFor(parts: FinderParts): Announcer {
  const { host, tiers, userTrackers, infoHash, isPrivate, counters, onPeers, onWarning } = parts;
  const { peerId, port, world, allowPrivate, userAgent, udp } = host;
  return new Announcer({
    tiers,
    userTrackers,
    infoHash,
    peerId,
    port,
    counters,
    onPeers: (peers) => onPeers(peers, "tracker"),
    onWarning,
    world,
    ...(parts.isPartialSeed && { isPartialSeed: parts.isPartialSeed }),
    isPrivate,
    asksAll: parts.asksAllTrackers ?? false,
    allowPrivate,
    userAgent,
    udp,
  });
}
