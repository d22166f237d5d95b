/**
 * A look at the swarm of a torrent: finds peers and hears what they have and whether they would serve us, but
 * asks for no block, gives none and touches no disk. What `doctor` rests on.
 *
 * To trackers and peers it is a leech that has nothing yet. Of a magnet link the metadata is fetched first;
 * before it is there, peers are counted and no more.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { hex } from "../base/bytes.ts";
import { BencodeError, MetainfoError } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import { type Metainfo, parseInfo } from "../metainfo/torrent_file.ts";
import { diagnose, diagnoseMetadata, type StallFacts } from "./diagnosis.ts";
import type { CloseCounts } from "./events.ts";
import { Audience } from "./look_stage.ts";
import { MetadataPhase } from "./metadata_phase.ts";
import type { TorrentOptions } from "./options.ts";
import { Outreach } from "./outreach.ts";
import type { SourceStats } from "./source_stats.ts";
import type { TrackerStats } from "./stats.ts";
import type { TorrentHost } from "./torrent.ts";

/** What is looked at: where peers may come from, and the torrent. */
export interface LookOptions extends Omit<TorrentOptions, "output"> {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The torrent, `undefined` where nothing but its infohash is known. */
  readonly metainfo: Metainfo | undefined;
  /** Its tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
}

/** What is seen. */
export interface LookReport {
  /** The torrent, once its metadata is there. */
  readonly metainfo: Metainfo | undefined;
  /** Why what has the right hash is no torrent. */
  readonly error: MetainfoError | BencodeError | undefined;
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
  /** Pieces that are needed and no connected peer has, ascending; `undefined` where they are not known. */
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
  readonly #scope: Scope;
  readonly #outreach: Outreach;
  #metainfo: Metainfo | undefined;
  #error: MetainfoError | BencodeError | undefined;
  /** Pieces that a download would not need. */
  #have: Bitfield | undefined;

  /** Starts at once; made by `Session.look`. */
  constructor(host: TorrentHost, options: LookOptions) {
    const { infoHash, metainfo, tiers } = options;
    this.ended = this.#end.promise;
    this.#host = host;
    this.#metainfo = metainfo;
    this.#scope = host.scope.child(`look at ${hex(infoHash)}`);
    this.#outreach = new Outreach({
      ...{ host, scope: this.#scope, options, infoHash, tiers },
      nodes: metainfo?.nodes ?? [],
      peers: [],
      isPrivate: metainfo?.isPrivate ?? false,
      // Peers of a private torrent are with one tracker at a time.
      asksAllTrackers: metainfo?.isPrivate !== true,
      counters: () => ({
        ...{ uploaded: 0, downloaded: 0 },
        left: this.#metainfo?.pieceMap.totalBytes ?? 1,
      }),
      onTick: () => {},
      // What is wrong is in the report.
      onWarning: () => {},
    });
    if (metainfo === undefined) this.#fetch(infoHash);
    else this.#outreach.start(this.#audienceOf(metainfo));
    host.onConnections(this.#outreach.connections);
  }

  /** What is there of the torrent already, of its length; may go on changing. Nobody else is told of it. */
  hasAlready(have: Bitfield): void {
    this.#have = have;
  }

  /** What is seen by now. */
  report(): LookReport {
    const { connections, finder, dht } = this.#outreach;
    const { book, dialling, closed } = connections;
    const { peers } = connections.stage;
    const isKnown = this.#metainfo !== undefined;
    const facts: StallFacts = {
      peers,
      peersKnown: book.size,
      peersBanned: book.bannedCount,
      closed,
      lacking: this.#lacking(),
      trackers: finder.trackers,
      corruptBytes: 0,
      dht,
    };
    return {
      metainfo: this.#metainfo,
      error: this.#error,
      trackers: facts.trackers,
      peersKnown: book.size,
      known: book.countBySource(),
      peers: peers.length,
      seeds: isKnown ? peers.filter((peer) => peer.isSeed).length : 0,
      serving: peers.filter((peer) => !peer.peerChoking).length,
      incoming: peers.filter((peer) => !peer.isOutgoing).length,
      dialling,
      closed: { ...closed },
      missing: this.#missing(),
      reason: isKnown ? diagnose(facts) : `no metadata: ${diagnoseMetadata(facts)}`,
    };
  }

  /** Says goodbye to the trackers and ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const goodbye = this.#outreach.finder.stop(STOP_DEADLINE_MS);
    await this.#scope[Symbol.asyncDispose]();
    await goodbye;
    this.#end.resolve();
  }

  #audienceOf({ pieceMap: map }: Metainfo): Audience {
    const { clock, random } = this.#host.world;
    const { extensions } = this.#outreach.connections;
    return new Audience({ map, random, clock, extensions });
  }

  /** Asks peers for the metadata, and then for what they have. */
  #fetch(infoHash: Uint8Array): void {
    const { clock, hasher, system } = this.#host.world;
    const { connections } = this.#outreach;
    const phase = new MetadataPhase({ infoHash, connections, clock, hasher, wantsData: true });
    this.#outreach.start(phase);
    phase.info.then((info) => {
      if (this.#scope.signal.aborted) return;
      try {
        this.#metainfo = parseInfo(info, { hasher, system });
      } catch (error) {
        if (!(error instanceof MetainfoError || error instanceof BencodeError)) throw error;
        this.#error = error;
        return;
      }
      if (this.#metainfo.isPrivate) this.#outreach.turnPrivate();
      connections.enter(this.#audienceOf(this.#metainfo));
      connections.afterStep();
    });
  }

  #lacking(): Bitfield {
    const all = new Bitfield(this.#metainfo?.pieceMap.pieceCount ?? 0);
    all.fill();
    for (let piece = 0; this.#have && piece < all.length; piece++) {
      if (this.#have.has(piece)) all.delete(piece);
    }
    return all;
  }

  #missing(): number[] | undefined {
    if (this.#metainfo === undefined) return undefined;
    const { peers } = this.#outreach.connections.stage;
    if (peers.some((peer) => peer.isSeed)) return [];
    const missing: number[] = [];
    for (const piece of this.#metainfo.pieceMap.indices()) {
      if (this.#have?.has(piece)) continue;
      if (!peers.some((peer) => peer.have.has(piece))) missing.push(piece);
    }
    return missing;
  }
}
