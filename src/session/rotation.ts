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
/** Peers are replaced at most this often. */
export const ROTATE_EVERY_MS = 5_000;
/** Slower than this part of the average is much slower. */
const SLOW_SHARE = 0.1;

/** The peers to replace when `waiting` addresses could be tried: every useless one, or else the slowest. */
export function pickToReplace(peers: readonly Peer[], now: Millis, waiting: number): Peer[] {
  const useless = peers.filter((peer) => isUseless(peer, now));
  if (useless.length > 0) {
    useless.sort((a, b) => a.lastBlockAt - b.lastBlockAt);
    return useless.slice(0, waiting);
  }
  const rate = (peer: Peer) => peer.down.rate(now) + peer.up.rate(now);
  // The rate at which the average byte comes: where most are slow, they are no measure of themselves.
  let [sum, squares] = [0, 0];
  for (const peer of peers) {
    sum += rate(peer);
    squares += rate(peer) ** 2;
  }
  const average = sum > 0 ? squares / sum : 0;
  let slowest: Peer | undefined;
  for (const peer of peers) {
    if (now - peer.connectedAt < 3 * GRACE_MS || rate(peer) > average * SLOW_SHARE) continue;
    if (slowest === undefined || rate(peer) < rate(slowest)) slowest = peer;
  }
  return slowest === undefined || waiting === 0 ? [] : [slowest];
}

/** It has given nothing for a while, and we are not giving to it either, nor is it waiting for that. */
function isUseless(peer: Peer, now: Millis): boolean {
  if (now - peer.connectedAt < GRACE_MS || now - peer.lastBlockAt < GRACE_MS) return false;
  if (!peer.peerInterested) return true;
  if (!peer.amChoking) return false;
  // Two that want something of each other wait for each other's turn; who wants only to get has one turn.
  return peer.amInterested ? peer.isDoubtful : peer.servedAt > peer.connectedAt;
}
