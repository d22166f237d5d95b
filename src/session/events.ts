/**
 * What a session tells: plain data, the same for embedders and for `--json`.
 *
 * Fields are only ever added. `at` is milliseconds since the epoch, `v` the schema version.
 *
 * @module
 */

import type { PeerCloseReason } from "../base/errors.ts";

/** What every event has. */
export interface EventBase {
  /** Schema version. */
  readonly v: 1;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Infohash in hex, of the torrent it is about. */
  readonly infoHash?: string;
}

/** Why a torrent ended without being complete. */
export type FailureReason =
  | "metadata-timeout"
  | "stalled"
  | "timeout"
  | "storage"
  | "bad-data"
  | "invalid"
  | "network"
  | "usage"
  | "interrupted"
  | "terminated"
  | "bug";

/** A torrent was added. */
export interface StartEvent extends EventBase {
  /** Which event this is. */
  readonly type: "start";
  /** Name of the torrent; to be escaped before it is shown. */
  readonly name: string;
}

/** The info dictionary is known. */
export interface MetadataEvent extends EventBase {
  /** Which event this is. */
  readonly type: "metadata";
  /** Name of the torrent; to be escaped before it is shown. */
  readonly name: string;
  /** Bytes of the selection. */
  readonly bytesTotal: number;
  /** Pieces that are wanted. */
  readonly piecesTotal: number;
  /** Files of the selection. */
  readonly files: number;
}

/** Existing data is being checked. */
export interface CheckEvent extends EventBase {
  /** Which event this is. */
  readonly type: "check";
  /** Pieces that have been looked at. */
  readonly piecesChecked: number;
  /** Pieces of the torrent. */
  readonly piecesTotal: number;
  /** Pieces among them that are there and right. */
  readonly piecesGood: number;
}

/** How a download stands; at most one a second. Byte counts are of the selection. */
export interface ProgressEvent extends EventBase {
  /** Which event this is. */
  readonly type: "progress";
  /** Bytes of the selection that are verified. */
  readonly bytesDone: number;
  /** Bytes of the selection. */
  readonly bytesTotal: number;
  /** Payload bytes received, wasted ones included. */
  readonly bytesDownloaded: number;
  /** Payload bytes given. */
  readonly bytesUploaded: number;
  /** Bytes per second. */
  readonly downRate: number;
  /** Bytes per second. */
  readonly upRate: number;
  /** Connected peers. */
  readonly peers: number;
  /** Wanted pieces that are verified. */
  readonly piecesDone: number;
  /** Pieces that are wanted. */
  readonly piecesTotal: number;
  /** Seconds left at the present rate, `null` while unknown. */
  readonly etaSeconds: number | null;
}

/** A selected file is complete and verified. */
export interface FileEvent extends EventBase {
  /** Which event this is. */
  readonly type: "file";
  /** Path inside the torrent, without its top folder. */
  readonly path: string;
  /** Its length. */
  readonly bytes: number;
}

/** Something a person should know that does not end the download. */
export interface WarningEvent extends EventBase {
  /** Which event this is. */
  readonly type: "warning";
  /** One line for a person. */
  readonly message: string;
}

/** Pieces were taken from older copies. */
export interface ReuseEvent extends EventBase {
  /** Which event this is. */
  readonly type: "reuse";
  /** The folder, as it was named. */
  readonly folder: string;
  /** Bytes of these pieces. */
  readonly bytes: number;
  /** How many pieces. */
  readonly pieces: number;
}

/** The session accepts peers on this port. */
export interface ListeningEvent extends EventBase {
  /** Which event this is. */
  readonly type: "listening";
  /** TCP port. */
  readonly port: number;
}

/**
 * Everything asked for is there and verified. The program says so in its last event; a session says nothing and
 * resolves `Torrent.finished`.
 */
export interface DoneEvent extends EventBase {
  /** Which event this is. */
  readonly type: "done";
  /** What the program ends with. */
  readonly exitCode: number;
  /** Bytes of the selection. */
  readonly bytesTotal: number;
  /** Payload bytes received, wasted ones included. */
  readonly bytesDownloaded: number;
  /** Payload bytes given. */
  readonly bytesUploaded: number;
  /** Payload bytes received, by the kind of source of the peers that gave them. */
  readonly bytesBySource?: Readonly<Record<string, number>>;
  /** How long it took. */
  readonly seconds: number;
}

/** It ended without being complete: said by the program, as {@link DoneEvent} is. */
export interface ErrorEvent extends EventBase {
  /** Which event this is. */
  readonly type: "error";
  /** What the program ends with. */
  readonly exitCode: number;
  /** Why. */
  readonly reason: FailureReason;
  /** One line for a person. */
  readonly message: string;
  /** One line on what to do about it. */
  readonly hint?: string;
}

/** Everything that is told by a session and, at its end, by the program. */
export type SessionEvent =
  | StartEvent
  | MetadataEvent
  | CheckEvent
  | ProgressEvent
  | FileEvent
  | WarningEvent
  | ReuseEvent
  | ListeningEvent
  | DoneEvent
  | ErrorEvent;

/** How one torrent ended. */
export type Outcome =
  | { readonly kind: "complete" }
  | { readonly kind: "stopped" }
  | {
    readonly kind: "failed";
    readonly reason: FailureReason;
    readonly message: string;
    readonly hint?: string;
    readonly error?: unknown;
  };

/** How often peers were dropped, by reason. */
export type CloseCounts = Readonly<Partial<Record<PeerCloseReason, number>>>;
