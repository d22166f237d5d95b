/**
 * How a tracker stands, in words a person can read: "ok, 12 peers, next in 30m", "unreachable: connection
 * refused".
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import { failureWords } from "./announce.ts";
import type { Tracker } from "./tiers.ts";

/** One clean line on a tracker at the time `now`. */
export function statusWords(tracker: Tracker, now: Millis): string {
  if (tracker.error) return failureWords(tracker.error);
  if (tracker.state === "fresh") return tracker.asking ? "announcing" : "not asked yet";
  const peers = `${tracker.peerCount} ${tracker.peerCount === 1 ? "peer" : "peers"}`;
  const next = tracker.asking ? "announcing" : `next in ${spanWords(tracker.nextAt - now)}`;
  return `ok, ${peers}, ${next}`;
}

/** A span of time to the minute, or to the second below 90 s: `45s`, `30m`, `1h 30m`. */
export function spanWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}h${rest === 0 ? "" : ` ${rest}m`}`;
}
