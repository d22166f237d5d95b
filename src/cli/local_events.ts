/**
 * What the verbs that work on this machine alone tell a script, beside what a session tells.
 *
 * Fields are only ever added.
 *
 * @module
 */

import type { EventBase, FileEvent } from "../session/events.ts";
import type { Finding } from "./checkup.ts";

/** Data is being hashed to make a torrent; at most one a second. */
export interface HashEvent extends EventBase {
  readonly type: "hash";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly piecesDone: number;
  readonly piecesTotal: number;
}

/** A torrent file was made, or changed. */
export interface TorrentEvent extends EventBase {
  readonly type: "torrent";
  readonly infoHash: string;
  /** The infohash it had, where it was changed. */
  readonly infoHashBefore?: string;
  readonly infoHashV2: string | null;
  readonly name: string;
  /** Where it was written. */
  readonly path: string;
  readonly totalBytes: number;
  readonly pieceLength: number;
  readonly pieces: number;
  readonly files: number;
  readonly magnet: string;
}

/** A magnet link. */
export interface MagnetEvent extends EventBase {
  readonly type: "magnet";
  readonly infoHash: string;
  readonly infoHashV2: string | null;
  readonly name: string;
  readonly magnet: string;
}

/** How a file compares with the torrent. */
export type FileState = "ok" | "bad" | "missing" | "extra";

/** A file that was compared with the torrent. */
export interface VerifiedFileEvent extends FileEvent {
  readonly state: FileState;
  /** Why it is bad, in words. */
  readonly reason?: string;
}

/** A torrent is shared: another machine can have it from here. */
export interface SharedEvent extends EventBase {
  readonly type: "shared";
  readonly infoHash: string;
  readonly name: string;
  /** Of the .torrent, on our own tracker. */
  readonly url: string;
  readonly magnet: string;
}

/** What a tracker knows of a torrent. */
export interface ScrapeEvent extends EventBase {
  readonly type: "scrape";
  readonly infoHash: string;
  /** Its announce URL. */
  readonly tracker: string;
  /** Its tier, from 0, the user's trackers first. */
  readonly tier: number;
  /** Whether it answered. */
  readonly isAnswered: boolean;
  /** Peers that have everything; `null`, like the numbers below, where the tracker did not say. */
  readonly seeds: number | null;
  /** Peers that do not. */
  readonly leeches: number | null;
  /** Downloads that were completed. */
  readonly completed: number | null;
  /** Why there are no numbers, in words. */
  readonly trouble: string | null;
}

/** What a look at this machine and at a swarm has found. */
export interface DoctorEvent extends EventBase {
  readonly type: "doctor";
  /** Of the torrent, where there is one. */
  readonly name?: string;
  readonly findings: readonly Finding[];
}

/** Everything of this file. */
export type LocalEvent =
  | SharedEvent
  | HashEvent
  | TorrentEvent
  | MagnetEvent
  | VerifiedFileEvent
  | ScrapeEvent
  | DoctorEvent;
