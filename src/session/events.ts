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
  readonly type: "start";
  readonly name: string;
}

/** The info dictionary is known. */
export interface MetadataEvent extends EventBase {
  readonly type: "metadata";
  readonly name: string;
  readonly bytesTotal: number;
  readonly piecesTotal: number;
  readonly files: number;
}

/** Existing data is being checked. */
export interface CheckEvent extends EventBase {
  readonly type: "check";
  readonly piecesChecked: number;
  readonly piecesTotal: number;
  readonly piecesGood: number;
}

/** How a download stands; at most one a second. Byte counts are of the selection. */
export interface ProgressEvent extends EventBase {
  readonly type: "progress";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesDownloaded: number;
  readonly bytesUploaded: number;
  readonly downRate: number;
  readonly upRate: number;
  readonly peers: number;
  readonly piecesDone: number;
  readonly piecesTotal: number;
  /** Seconds left at the present rate, `null` while unknown. */
  readonly etaSeconds: number | null;
}

/** A selected file is complete and verified. */
export interface FileEvent extends EventBase {
  readonly type: "file";
  readonly path: string;
  readonly bytes: number;
}

/** Something a person should know that does not end the download. */
export interface WarningEvent extends EventBase {
  readonly type: "warning";
  readonly message: string;
}

/** The session accepts peers on this port. */
export interface ListeningEvent extends EventBase {
  readonly type: "listening";
  readonly port: number;
}

/** Everything asked for is there and verified. */
export interface DoneEvent extends EventBase {
  readonly type: "done";
  readonly exitCode: number;
  readonly bytesTotal: number;
  readonly bytesDownloaded: number;
  readonly bytesUploaded: number;
  readonly seconds: number;
}

/** It ended without being complete. */
export interface ErrorEvent extends EventBase {
  readonly type: "error";
  readonly exitCode: number;
  readonly reason: FailureReason;
  readonly message: string;
  readonly hint?: string;
}

/** Everything a session tells. */
export type SessionEvent =
  | StartEvent
  | MetadataEvent
  | CheckEvent
  | ProgressEvent
  | FileEvent
  | WarningEvent
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
