/**
 * Which peer gives its slot up when others wait for one.
 *
 * A useless peer goes first: it has given nothing for a while, whatever the reason. Failing that, one that
 * is much slower than the others. Newcomers are left alone, and so is whoever alone has a missing piece.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Peer } from "../swarm/peer.ts";

/** A peer is given this long to be of use. */
export const GRACE_MS = 20_000;
/** At most one peer is replaced in this time. */
export const ROTATE_EVERY_MS = 5_000;
/** Slower than this part of the average is much slower. */
const SLOW_SHARE = 0.1;

/** The peer to replace, if any. */
export function pickToReplace(peers: readonly Peer[], now: Millis): Peer | undefined {
  let worst: Peer | undefined;
  let total = 0;
  for (const peer of peers) {
    total += peer.down.rate(now);
    if (now - peer.connectedAt < GRACE_MS || now - peer.lastBlockAt < GRACE_MS) continue;
    if (worst === undefined || peer.lastBlockAt < worst.lastBlockAt) worst = peer;
  }
  if (worst !== undefined) return worst;
  const average = total / peers.length;
  let slowest: Peer | undefined;
  for (const peer of peers) {
    if (now - peer.connectedAt < 3 * GRACE_MS || peer.down.rate(now) > average * SLOW_SHARE) {
      continue;
    }
    if (slowest === undefined || peer.down.rate(now) < slowest.down.rate(now)) slowest = peer;
  }
  return slowest;
}
