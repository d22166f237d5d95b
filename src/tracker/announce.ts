/**
 * What is said to a tracker and what it answers, whatever the transport (BEP 3, 7, 15, 23, 31).
 *
 * The codecs of the transports make these values, the tier list and the session's announcer use them.
 * Everything a tracker sends is bounded here: intervals, texts, how many peers.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { TrackerError, type TrackerErrorKind } from "../base/errors.ts";
import { cleanLine } from "../base/text.ts";

/** What an announce tells besides the counters. */
export type AnnounceEvent = "started" | "stopped" | "completed";

/** One announce. */
export interface AnnounceRequest {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where we accept peers, 1 to 65535. */
  readonly port: number;
  /** Payload bytes sent since `started`. */
  readonly uploaded: number;
  /** Payload bytes received since `started`. */
  readonly downloaded: number;
  /** Bytes of the whole torrent that are missing; more than 0 while the size is not known. */
  readonly left: number;
  /** None for the regular announces in between. */
  readonly event?: AnnounceEvent;
  /** We stay to give and lack what we do not want (BEP 21); only HTTP has a word for it. */
  readonly isPartialSeed?: boolean;
  /** Peers wanted. */
  readonly numWant: number;
  /** A random number of 32 bits that stays the same, by which a tracker knows us after our address changed. */
  readonly key: number;
  /** What this tracker gave us to repeat, one character a byte. */
  readonly trackerId?: string;
}

/** A tracker's answer. */
export interface AnnounceResponse {
  /** Peers that can be dialled, at most {@link MAX_PEERS} of each address family; ourselves perhaps among them. */
  readonly peers: Address[];
  /** When to announce again, within [{@link MIN_INTERVAL_MS}, {@link MAX_INTERVAL_MS}]. */
  readonly intervalMs: number;
  /** Not to announce more often than this, within the same bounds. */
  readonly minIntervalMs?: number;
  /** To be repeated in later announces, one character a byte. */
  readonly trackerId?: string;
  /** Peers that have everything. */
  readonly seeds: number | null;
  /** Peers that do not. */
  readonly leeches: number | null;
  /** One clean line for a person. */
  readonly warning: string | null;
}

/** The shortest interval that is honoured; a hostile 0 must not make us hammer. */
export const MIN_INTERVAL_MS = 30_000;
/** The longest interval that is honoured. */
export const MAX_INTERVAL_MS = 7_200_000;
/** The interval where a tracker names none: the half hour that most of them use. */
export const DEFAULT_INTERVAL_MS = 1_800_000;
/** The longest "retry in" that is honoured, "never" aside. */
export const MAX_RETRY_MS = 86_400_000;
/** Peers taken of one answer and address family; five times what trackers give when asked for 200. */
export const MAX_PEERS = 1000;
/** The longest tracker id that is repeated, in bytes. */
export const MAX_TRACKER_ID = 512;

/** An interval in seconds, as a tracker gave it, in milliseconds within the bounds. */
export function clampInterval(seconds: number | bigint): number {
  return Math.min(Math.max(Number(seconds) * 1000, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
}

/** A waiting time after a failure, in milliseconds within [{@link MIN_INTERVAL_MS}, {@link MAX_RETRY_MS}]. */
export function clampRetry(seconds: number | bigint): number {
  return Math.min(Math.max(Number(seconds) * 1000, MIN_INTERVAL_MS), MAX_RETRY_MS);
}

/** The host and port of a tracker's URL, for messages: the rest may hold a passkey. */
export function trackerHost(url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : "";
  return cleanLine(host === "" ? url : host, 80);
}

/**
 * A {@link TrackerError} whose message names the tracker; `detail` says what happened in a few words, `verb`
 * what was being done (`announce to`).
 */
export function trackerError(
  url: string,
  kind: TrackerErrorKind,
  detail: string | Uint8Array,
  options?: ErrorOptions & { retryAfterMs?: number; verb?: string },
): TrackerError {
  const verb = options?.verb ?? "announce to";
  const message = `Cannot ${verb} ${trackerHost(url)}: ${cleanLine(detail)}`;
  return new TrackerError(url, kind, message, options);
}

const KIND_WORDS: Readonly<Record<TrackerErrorKind, string>> = {
  refused: "refused",
  unreachable: "unreachable",
  timeout: "timed out",
  garbage: "bad answer",
  status: "bad answer",
  policy: "not allowed",
};

/** A failure in the words of a status line: "unreachable: connection refused". */
export function failureWords(error: TrackerError): string {
  const { message } = error;
  return `${KIND_WORDS[error.kind]}: ${message.slice(message.indexOf(": ") + 1).trim()}`;
}
