/**
 * Stats are pulled: a frozen snapshot of counters that only grow and of rates at this moment.
 *
 * @module
 */

import type { CloseCounts } from "./events.ts";

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
  readonly url: string;
  readonly tier: number;
  /** The last answer in words: "ok, 12 peers", or the error. */
  readonly status: string;
  readonly isWorking: boolean;
  readonly seeds: number | null;
  readonly leeches: number | null;
}

/** A snapshot of one torrent. Byte counts are of the selection, where not said otherwise. */
export interface TorrentStats {
  readonly infoHash: string;
  readonly name: string;
  readonly state: TorrentState;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Payload bytes received, wasted ones included. */
  readonly bytesDownloaded: number;
  /** Payload bytes sent. */
  readonly bytesUploaded: number;
  /** Payload bytes that were thrown away: corrupt, duplicate or not asked for. */
  readonly bytesWasted: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly piecesDone: number;
  readonly piecesTotal: number;
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
  /** Connected peers that have everything. */
  readonly seeds: number;
  readonly peersBanned: number;
  readonly closed: CloseCounts;
  readonly trackers: readonly TrackerStats[];
  readonly etaSeconds: number | null;
  /** Seconds since the torrent was added. */
  readonly seconds: number;
}
