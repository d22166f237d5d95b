/**
 * A look at the swarm of a torrent: finds peers and hears what they have and whether they would serve us, but
 * asks for no block, gives none and touches no disk. What `doctor` rests on.
 *
 * To trackers and peers it is a leech that has nothing yet. Where the pieces are not known (a magnet link),
 * peers are counted and no more.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { hex } from "../base/bytes.ts";
import type { Scope } from "../base/scope.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { HostPort } from "../metainfo/torrent_file.ts";
import { permittedSources, type SourceRules } from "../swarm/peer_sources.ts";
import type { CloseCounts } from "./events.ts";
import { Connections } from "./connections.ts";
import { diagnose, type StallFacts } from "./diagnosis.ts";
import { Audience, Bystanders } from "./look_stage.ts";
import { PeerFinder } from "./peer_finder.ts";
import type { SourceStats } from "./source_stats.ts";
import type { TrackerStats } from "./stats.ts";
import type { TorrentHost } from "./torrent.ts";

/** What is looked at. */
export interface LookOptions extends SourceRules {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Its pieces, where they are known. */
  readonly map: PieceMap | undefined;
  /** Its tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** DHT nodes that it names. */
  readonly nodes: readonly HostPort[];
  /** `HOST:PORT` each, named by the user. */
  readonly peers: readonly string[];
  /** Announce URLs, named by the user. */
  readonly trackers: readonly string[];
}

/** What is seen. */
export interface LookReport {
  /** Every tracker: its answer, or its error. */
  readonly trackers: readonly TrackerStats[];
  /** Addresses known. */
  readonly peersKnown: number;
  /** Those that each kind of source gave. */
  readonly known: Readonly<Partial<Record<SourceStats["source"], number>>>;
  /** Peers connected and past the handshake. */
  readonly peers: number;
  /** Those that have everything; 0 where the pieces are not known. */
  readonly seeds: number;
  /** Those that would serve us. */
  readonly serving: number;
  /** Those that dialled us. */
  readonly incoming: number;
  /** Addresses being dialled. */
  readonly dialling: number;
  /** Why connections ended, counted. */
  readonly closed: CloseCounts;
  /** Pieces that no connected peer has, ascending; `undefined` where they are not known. */
  readonly missing: readonly number[] | undefined;
  /** Why a download would not get far, in the words of one that stalls. */
  readonly reason: string;
}

/** How long the trackers may hold up the end. */
const STOP_DEADLINE_MS = 500;

/** A look that goes on until it is disposed. */
export class SwarmLook implements AsyncDisposable {
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly #host: TorrentHost;
  readonly #end = Promise.withResolvers<void>();
  readonly #map: PieceMap | undefined;
  readonly #scope: Scope;
  readonly #connections: Connections;
  readonly #stage: Audience | Bystanders;
  readonly #finder: PeerFinder;

  /** Starts at once; made by `Session.look`. */
  constructor(host: TorrentHost, options: LookOptions) {
    const { world, permits, peerId, downLimit, upLimit, port, dht } = host;
    const { infoHash, map, tiers, nodes, peers, trackers, isPrivate } = options;
    const { clock, random } = world;
    this.ended = this.#end.promise;
    this.#host = host;
    this.#map = map;
    const scope = this.#scope = host.scope.child(`look at ${hex(infoHash)}`);
    const sources = permittedSources(options);
    const connections = this.#connections = new Connections({
      ...{ world, infoHash, scope, permits, peerId, downLimit, upLimit, sources, dht, port },
      isSeeder: false,
      onTick: () => {},
    });
    this.#stage = map === undefined
      ? new Bystanders(connections.extensions)
      : new Audience({ map, random, clock, extensions: connections.extensions });
    connections.enter(this.#stage);
    host.onConnections(connections);
    if (sources.has("user")) connections.start();
    this.#finder = new PeerFinder({
      ...{ host, scope, sources, infoHash, tiers, nodes, isPrivate },
      userPeers: peers,
      userTrackers: trackers,
      asksAllTrackers: true,
      counters: () => ({ uploaded: 0, downloaded: 0, left: map?.totalBytes ?? 1 }),
      peers: () => this.#stage.peers.length,
      onPeers: (addresses, source) => connections.addPeers(addresses, source),
      // What is wrong is in the report.
      onWarning: () => {},
    });
    this.#finder.start();
  }

  /** What is seen by now. */
  report(): LookReport {
    const { book, dialling, closed } = this.#connections;
    const { peers } = this.#stage;
    const facts: StallFacts = {
      peers,
      peersKnown: book.size,
      peersBanned: book.bannedCount,
      lacking: this.#lacking(),
      trackers: this.#finder.trackers,
      corruptBytes: 0,
      dht: this.#host.dht.report(),
    };
    return {
      trackers: facts.trackers,
      peersKnown: book.size,
      known: book.countBySource(),
      peers: peers.length,
      seeds: this.#map === undefined ? 0 : peers.filter((peer) => peer.isSeed).length,
      serving: peers.filter((peer) => !peer.peerChoking).length,
      incoming: peers.filter((peer) => !peer.isOutgoing).length,
      dialling,
      closed: { ...closed },
      missing: this.#missing(),
      reason: diagnose(facts),
    };
  }

  /** Says goodbye to the trackers and ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const goodbye = this.#finder.stop(STOP_DEADLINE_MS);
    await this.#scope[Symbol.asyncDispose]();
    await goodbye;
    this.#end.resolve();
  }

  #lacking(): Bitfield {
    const all = new Bitfield(this.#map?.pieceCount ?? 0);
    all.fill();
    return all;
  }

  #missing(): number[] | undefined {
    if (this.#map === undefined) return undefined;
    const { peers } = this.#stage;
    if (peers.some((peer) => peer.isSeed)) return [];
    const missing: number[] = [];
    for (const piece of this.#map.indices()) {
      if (!peers.some((peer) => peer.have.has(piece))) missing.push(piece);
    }
    return missing;
  }
}
