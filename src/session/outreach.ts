/**
 * A torrent's way to its peers: the connections, and where their addresses come from. One for the whole life
 * of a torrent, through all its stages.
 *
 * @module
 */

import type { Scope } from "../base/scope.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import type { HostPort } from "../metainfo/torrent_file.ts";
import { type PeerSources, permittedSources } from "../swarm/peer_sources.ts";
import { Connections } from "./connections.ts";
import type { DhtReport } from "./dht_report.ts";
import type { TorrentOptions } from "./options.ts";
import { type FinderHost, PeerFinder } from "./peer_finder.ts";
import type { Stage } from "./stage.ts";

/** What reaching out needs of the session. */
export interface OutreachHost extends FinderHost {
  readonly permits: Semaphore;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
}

/** A torrent that wants peers. */
export interface OutreachParts {
  readonly host: OutreachHost;
  /** Owns all that is started. */
  readonly scope: Scope;
  readonly options: Omit<TorrentOptions, "output">;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The torrent's tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** DHT nodes that the torrent names. */
  readonly nodes: readonly HostPort[];
  /** Peers that the torrent names, `HOST:PORT` each. */
  readonly peers: readonly string[];
  /** Whether it is private; `false` while that is not known. */
  readonly isPrivate: boolean;
  /** Ask every tracker at once (false). */
  readonly asksAllTrackers?: boolean;
  /** Bytes, for trackers: those of the whole torrent are left, more than 0 while the size is not known. */
  readonly counters: () => { uploaded: number; downloaded: number; left: number };
  /** Whether we give and want no more of what is left (BEP 21; never). */
  readonly isPartialSeed?: () => boolean;
  /** Called every tick, after everything else. */
  readonly onTick: () => void;
  /** Called with one clean line for a person. */
  readonly onWarning: (message: string) => void;
}

/** The way to the peers. */
export class Outreach {
  readonly connections: Connections;
  readonly finder: PeerFinder;
  readonly #parts: OutreachParts;
  #sources: PeerSources;

  /** Starts nothing yet. */
  constructor(parts: OutreachParts) {
    const { host, scope, options, infoHash, tiers, nodes, isPrivate, counters } = parts;
    this.#parts = parts;
    const sources = this.#sources = permittedSources({ ...options, isPrivate });
    const connections = this.connections = new Connections({
      world: host.world,
      infoHash,
      scope,
      permits: host.permits,
      peerId: host.peerId,
      downLimit: host.downLimit,
      upLimit: host.upLimit,
      sources,
      dht: host.dht,
      isSeeder: options.seed === true || options.isUploadOnly === true,
      port: host.port,
      onTick: parts.onTick,
    });
    this.finder = new PeerFinder({
      host,
      scope,
      sources,
      infoHash,
      tiers,
      nodes,
      isPrivate,
      userPeers: [...options.peers ?? [], ...parts.peers],
      userTrackers: options.trackers ?? [],
      asksAllTrackers: parts.asksAllTrackers ?? false,
      counters,
      ...(parts.isPartialSeed && { isPartialSeed: parts.isPartialSeed }),
      peers: () => connections.stage.peers.length,
      onPeers: (addresses, source) => connections.addPeers(addresses, source),
      onWarning: parts.onWarning,
    });
  }

  /** How the DHT stands. */
  get dht(): DhtReport {
    return this.#parts.host.dht.report();
  }

  /** Lets peers in to their first stage, and looks for them. */
  start(stage: Stage): void {
    this.connections.enter(stage);
    // Without peers too: time passes here, and a download that cannot move has to find out.
    this.connections.start();
    this.finder.start();
  }

  /** The torrent turns out to be private: what came from anywhere but its trackers and the user goes (BEP 27). */
  turnPrivate(): void {
    this.#sources = permittedSources({ ...this.#parts.options, isPrivate: true });
    this.finder.turnPrivate(this.#sources);
    this.connections.restrict(this.#sources);
  }
}
