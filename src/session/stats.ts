/**
 * Stats are pulled: a frozen snapshot of counters that only grow and of rates at this moment.
 *
 * @module
 */

import type { TrackerErrorKind } from "../base/errors.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { SelectedBytes } from "../metainfo/selected_bytes.ts";
import type { CloseCounts } from "./events.ts";
import type { Swarm } from "../swarm/swarm.ts";
import type { Connections } from "./connections.ts";
import type { SourceStats } from "./source_stats.ts";

/** Where a torrent stands in its life. */
export type TorrentState =
  | "fetching-metadata"
  | "checking"
  | "downloading"
  | "seeding"
  | "complete"
  | "stopped"
  | "failed";

/** A tracker as seen from here. */
export interface TrackerStats {
  /** Announce URL, with whatever key it holds. */
  readonly url: string;
  /** Its tier, from 0. */
  readonly tier: number;
  /** The last answer in words: "ok, 12 peers", or the error. */
  readonly status: string;
  /** Whether the last announce that ended was answered, and not refused. */
  readonly isWorking: boolean;
  /** How the last announce failed, null where it did not. */
  readonly failure: TrackerErrorKind | null;
  /** For how long the announce under way has had no answer, 0 where none is under way. */
  readonly waitingMs: number;
  /** How many seeds the tracker knows, null while it has not said. */
  readonly seeds: number | null;
  /** How many peers it knows that are not seeds, null while it has not said. */
  readonly leeches: number | null;
}

/** A snapshot of one torrent. Byte counts are of the selection, where not said otherwise. */
export interface TorrentStats {
  /** Infohash in hex. */
  readonly infoHash: string;
  /** Name of the torrent; to be escaped before it is shown. */
  readonly name: string;
  /** Where it stands. */
  readonly state: TorrentState;
  /** Bytes of the selection that are verified. */
  readonly bytesDone: number;
  /** Bytes of the selection. */
  readonly bytesTotal: number;
  /** Payload bytes received, wasted ones included. */
  readonly bytesDownloaded: number;
  /** Payload bytes sent. */
  readonly bytesUploaded: number;
  /** Payload bytes that were thrown away: corrupt, duplicate or not asked for. */
  readonly bytesWasted: number;
  /** Payload bytes per second received. */
  readonly downRate: number;
  /** Payload bytes per second sent. */
  readonly upRate: number;
  /** Wanted pieces that are verified. */
  readonly piecesDone: number;
  /** Pieces that are wanted. */
  readonly piecesTotal: number;
  /** Pieces of the torrent that the check of what was there has looked at. */
  readonly piecesChecked: number;
  /** One byte a piece of the torrent: 0 missing, 1 have, 2 not wanted. A copy made for the caller. */
  readonly pieceMap: Uint8Array;
  /** Peers connected and past the handshake. */
  readonly peers: number;
  /** Addresses being dialled. */
  readonly dialling: number;
  /** Addresses known. */
  readonly peersKnown: number;
  /** Connected peers that choke us. */
  readonly peersChoking: number;
  /** Where the peers and the bytes came from; who gave most comes first. */
  readonly sources: readonly SourceStats[];
  /** Connected peers that have everything. */
  readonly seeds: number;
  /** Addresses that were proven to lie. */
  readonly peersBanned: number;
  /** Their addresses, `host:port` each. */
  readonly banned: readonly string[];
  /** Why connections ended, counted. */
  readonly closed: CloseCounts;
  /** Every tracker in use. */
  readonly trackers: readonly TrackerStats[];
  /** Seconds left at the present rate, null while unknown. */
  readonly etaSeconds: number | null;
  /** Seconds since the torrent was added. */
  readonly seconds: number;
}

/** What a snapshot is made from. */
export interface StatsFacts {
  /** Infohash in hex. */
  readonly infoHash: string;
  /** What it is called. */
  readonly name: string;
  /** Pieces of the torrent, 0 while that is not known. */
  readonly pieceCount: number;
  /** Where it stands. */
  readonly state: TorrentState;
  /** Verified and wanted pieces, once the disk is open. */
  readonly disk: Pick<TorrentDisk, "have" | "wanted" | "losses"> | undefined;
  readonly connections: Connections | undefined;
  readonly swarm: Swarm | undefined;
  /** Bytes of the selection, once it is known. */
  readonly selected: SelectedBytes | undefined;
  /** Every tracker in use. */
  readonly trackers: readonly TrackerStats[];
  /** Pieces of the torrent that the check has settled. */
  readonly piecesChecked: number;
  /** Payload bytes per second received. */
  readonly downRate: number;
  /** Payload bytes per second given. */
  readonly upRate: number;
  readonly seconds: number;
}

/** Takes a snapshot. */
export function torrentStats(facts: StatsFacts): TorrentStats {
  const { disk, connections, swarm, selected, downRate } = facts;
  const bytesDone = disk === undefined ? 0 : selected?.done(disk.have, disk.losses) ?? 0;
  const isMoving = facts.state === "downloading" && downRate >= 1;
  const bytesTotal = selected?.total ?? 0;
  const peers = connections?.stage.peers ?? [];
  return Object.freeze({
    infoHash: facts.infoHash,
    name: facts.name,
    state: facts.state,
    bytesDone,
    bytesTotal,
    bytesDownloaded: swarm?.counters.downloaded ?? 0,
    bytesUploaded: swarm?.counters.uploaded ?? 0,
    bytesWasted: (swarm?.counters.wasted ?? 0) + (swarm?.counters.corrupt ?? 0),
    downRate,
    upRate: facts.upRate,
    ...pieceStats(disk, facts.pieceCount),
    piecesChecked: facts.piecesChecked,
    peers: peers.length,
    dialling: connections?.dialling ?? 0,
    peersKnown: connections?.book.size ?? 0,
    peersChoking: peers.filter((peer) => peer.peerChoking).length,
    sources: connections?.sources ?? [],
    seeds: peers.filter((peer) => peer.isSeed).length,
    peersBanned: connections?.book.bannedCount ?? 0,
    banned: connections?.book.banned ?? [],
    closed: { ...connections?.closed },
    trackers: facts.trackers,
    etaSeconds: isMoving ? Math.ceil((bytesTotal - bytesDone) / downRate) : null,
    seconds: facts.seconds,
  });
}

function pieceStats(
  disk: StatsFacts["disk"],
  pieceCount: number,
): Pick<TorrentStats, "piecesDone" | "piecesTotal" | "pieceMap"> {
  const pieceMap = new Uint8Array(pieceCount);
  let piecesDone = 0;
  let piecesTotal = 0;
  if (disk === undefined) return { piecesDone, piecesTotal, pieceMap };
  for (let piece = 0; piece < pieceCount; piece++) {
    const isWanted = disk.wanted.has(piece);
    if (isWanted) piecesTotal++;
    if (isWanted && disk.have.has(piece)) piecesDone++;
    pieceMap[piece] = disk.have.has(piece) ? 1 : isWanted ? 0 : 2;
  }
  return { piecesDone, piecesTotal, pieceMap };
}
