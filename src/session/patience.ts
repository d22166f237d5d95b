/**
 * When a torrent has stood still for too long, and why that is.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { diagnose, diagnoseMetadata } from "./diagnosis.ts";
import type { FailureReason } from "./events.ts";
import type { Outreach } from "./outreach.ts";
import type { TorrentStats } from "./stats.ts";

/** A torrent that is waited for. */
export interface Waiting {
  /** Nothing before any peer was asked. */
  readonly outreach: Outreach | undefined;
  /** The exchange, `undefined` while the metadata is awaited. */
  readonly swarm: Swarm | undefined;
  /** Verified pieces, those that memory has let go included. */
  readonly verified: number;
  /** Time of the last progress. */
  readonly progressAt: Millis;
}

/** Why nothing moves, as the end of a sentence; nothing before any peer was asked. */
export function whyStill(outreach: Outreach | undefined, swarm: Swarm | undefined): string {
  return outreach === undefined ? "" : `: ${reasonOf(outreach, swarm)}`;
}

function reasonOf(outreach: Outreach, swarm: Swarm | undefined): string {
  const { connections, finder } = outreach;
  const common = {
    peers: connections.stage.peers,
    peersKnown: connections.book.size,
    peersBanned: connections.book.bannedCount,
    closed: connections.closed,
    trackers: finder.trackers,
    dht: outreach.dht,
  };
  if (swarm === undefined) return diagnoseMetadata(common);
  if (swarm.readers.isHeld) return "what was fetched is waiting to be read";
  const { lacking, counters } = swarm;
  return diagnose({ ...common, lacking, corruptBytes: counters.corrupt });
}

/** Progress as recent as this is told as such, and not why there is none. */
const RECENT_MS = 5_000;

/** Why a torrent is not done when its time is over, as the end of a sentence: it may move, only too slowly. */
export function whyLate(
  { state, bytesDone, bytesTotal, etaSeconds }: TorrentStats,
  { outreach, swarm, now }: {
    readonly outreach: Outreach | undefined;
    readonly swarm: Swarm | undefined;
    readonly now: Millis;
  },
): string {
  if (state === "checking") return ": what is on the disk was still being checked";
  const isMoving = swarm !== undefined && !swarm.readers.isHeld && etaSeconds !== null &&
    swarm.counters.downloaded > 0 && now - swarm.progressAt <= RECENT_MS;
  if (!isMoving) return whyStill(outreach, swarm);
  const percent = Math.floor((bytesDone / Math.max(1, bytesTotal)) * 1000) / 10;
  return `: ${percent} % is there, and the rest takes ${etaSeconds} s at this rate`;
}

/** A time as a sentence has it: `600 s`, `3.5 s`. */
export function inSeconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}

/** What a stall of `timeoutMs` ends a torrent with, `undefined` where there is none. */
export function stallOf(
  waiting: Waiting,
  { timeoutMs, now }: { readonly timeoutMs: number; readonly now: Millis },
): { readonly reason: FailureReason; readonly message: string } | undefined {
  const { outreach, swarm, verified, progressAt } = waiting;
  if (swarm?.isComplete || now - progressAt < timeoutMs) return undefined;
  const isLiesOnly = swarm !== undefined && swarm.counters.corrupt > 0 && verified === 0;
  const message = `no progress for ${inSeconds(timeoutMs)}${whyStill(outreach, swarm)}`;
  return { reason: isLiesOnly ? "bad-data" : "stalled", message };
}

/** What to do about a torrent that has run out of time. */
export function hintFor(
  reason: FailureReason,
  { isInMemory }: { readonly isInMemory?: boolean },
): string {
  if (reason === "metadata-timeout") {
    return "--peer and --tracker name more who may have it; --metadata-timeout waits longer";
  }
  return isInMemory === true
    ? "nothing is kept of what is streamed: the same command begins anew"
    : "the same command continues where it stopped; starling doctor tells more about why it did";
}
