/**
 * How many blocks to keep in flight at a peer, and when to give up on one.
 *
 * Like a TCP window: at first the depth grows by one with every block, which doubles it each round
 * trip, until the rate stops growing or the depth is far above what the rate needs; from then on it is
 * what the peer delivers in half a second, up to 4 MiB, or in four of its shortest round trips where that
 * is more. Four of them cover 200 ms × 1 Gbit/s, half a second leaves a slow peer holding little. A peer's
 * own limit (`reqq`, BEP 10) is kept.
 *
 * @module
 */

import { BLOCK_BYTES, type Millis } from "../base/units.ts";
import type { Peer } from "./peer.ts";

/** A request that is this old is asked of somebody else. */
export const REQUEST_TIMEOUT_MS = 15_000;
/** Blocks in flight at the most, whatever a peer says. */
export const MAX_DEPTH = 2000;
/** Blocks in flight at a peer that names no limit. */
const DEFAULT_REQUEST_QUEUE = 250;
const MIN_DEPTH = 2;
/** Less growth than this in an interval ends the slow start. */
const GROWTH = 1.1;
/** So does a depth of more windows than this: a slow peer's rate jumps with each block, and never looks flat. */
const MAX_WINDOWS = 3;
const WINDOW_MS = 500;
/** More than this is in flight only where the way is long: it would wait at the peer, and then with us. */
const NEAR_BLOCKS = 256;
/** Up to here a way is short: 4 MiB each round trip are 400 MiB/s. */
const NEAR_MS = 10;
/** What looks like a longer round trip is a slow peer's time for a block. */
const MAX_WINDOW_MS = 3000;

/** Most blocks that may be in flight at this peer. */
export function depthLimit(peer: Peer): number {
  return Math.min(peer.extensions?.requestQueue ?? DEFAULT_REQUEST_QUEUE, MAX_DEPTH);
}

/** When a block that is asked of the peer now will be here, as far as its rate tells. */
export function queueMs(peer: Peer): number {
  return ((peer.requests.length + 1) * BLOCK_BYTES * 1000) / Math.max(1, peer.adaptedRate);
}

/** The peer has said how many requests it takes. */
export function onLimit(peer: Peer): void {
  peer.depth = Math.min(peer.depth, depthLimit(peer));
}

/** A wanted block came that was asked for at `askedAt`. Call before `lastBlockAt` moves. */
export function onBlock(peer: Peer, askedAt: Millis, now: Millis): void {
  const tookMs = now - Math.max(askedAt, peer.lastBlockAt);
  peer.blockMs = peer.blockMs === 0 ? tookMs : 0.75 * peer.blockMs + 0.25 * tookMs;
  if (now - askedAt < peer.minRttMs) peer.minRttMs = now - askedAt;
  if (!peer.isInSlowStart || peer.depth >= depthLimit(peer)) return;
  if (peer.depth < NEAR_BLOCKS || peer.minRttMs > NEAR_MS) peer.depth++;
}

/** Adapts the depth to what came in the last `elapsedMs`. Call every few hundred milliseconds. */
export function adapt(peer: Peer, elapsedMs: number): void {
  const bytes = peer.down.total - peer.adaptedTotal;
  // Where nothing was asked, silence says nothing about the peer.
  if (bytes === 0 && peer.requests.length === 0) return;
  peer.adaptedTotal = peer.down.total;
  const rate = (bytes * 1000) / elapsedMs;
  const best = Math.max(rate, peer.adaptedRate);
  // A slow peer takes long for the block itself: that is no reason to ask for more.
  const latencyMs = Math.max(0, peer.minRttMs - (BLOCK_BYTES * 1000) / best);
  const roundTripsMs = Math.min(4 * latencyMs, MAX_WINDOW_MS);
  const blocksIn = (ms: number) => Math.ceil((best * ms) / 1000 / BLOCK_BYTES);
  const blocks = Math.max(Math.min(blocksIn(WINDOW_MS), NEAR_BLOCKS), blocksIn(roundTripsMs));
  // The first bytes say little: the interval in which they came may have been nearly over.
  if (peer.adaptedRate > 0) {
    const isFlat = bytes > 0 && rate < peer.adaptedRate * GROWTH;
    if (isFlat || peer.depth > MAX_WINDOWS * blocks) peer.isInSlowStart = false;
  }
  peer.adaptedRate = peer.adaptedRate === 0 ? rate : (peer.adaptedRate + rate) / 2;
  if (peer.isInSlowStart) return;
  const depth = peer.isSnubbed ? 1 : Math.max(MIN_DEPTH, blocks + 1);
  peer.depth = Math.min(depth, depthLimit(peer));
}

/** Whether the peer's oldest request is overdue. */
export function isOverdue(peer: Peer, now: Millis): boolean {
  return now - peer.requests.oldestAt >= REQUEST_TIMEOUT_MS;
}

/** Who is asked for more first: those that give, then newcomers, then those that were asked in vain. */
export function rankOf(peer: Peer): 0 | 1 | 2 {
  if (peer.isDoubtful) return 2;
  return peer.down.total > 0 ? 0 : 1;
}
