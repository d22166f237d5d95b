/**
 * Which of a torrent's announce URLs can be used at all, and what is said of the others.
 *
 * @module
 */

import { trackerHost } from "../tracker/announce.ts";
import { MAX_TRACKERS } from "../tracker/tiers.ts";
import { parseTrackerUrl } from "./policy.ts";
import type { TrackerStats } from "./stats.ts";

/** URLs looked at in all: a torrent may name a million. */
const MAX_EXAMINED = 1000;

/** Announce URLs, sorted out. */
export interface TrackerUrls {
  /** The user's that can be used, without fragments. */
  readonly userTrackers: readonly string[];
  /** The torrent's that can be used, without fragments; a tier may have become empty. */
  readonly tiers: readonly (readonly string[])[];
  /** Those that cannot, at most {@link MAX_TRACKERS}. */
  readonly skipped: readonly TrackerStats[];
  /** One line for each reason to skip trackers. */
  readonly warnings: readonly string[];
}

/** Sorts out announce URLs. */
export function sortTrackerUrls(
  userTrackers: readonly string[],
  tiers: readonly (readonly string[])[],
): TrackerUrls {
  const skipped: TrackerStats[] = [];
  let left = MAX_EXAMINED;
  const usable = (text: string, tier: number): string[] => {
    if (left-- <= 0) return [];
    const url = parseTrackerUrl(text);
    if (url instanceof URL) {
      url.hash = "";
      return [url.href];
    }
    const status = `not allowed: ${url.refusal}`;
    const state = { isWorking: false, failure: "policy", waitingMs: 0 } as const;
    skipped.push({ url: trackerHost(text), tier, status, ...state, seeds: null, leeches: null });
    return [];
  };
  const result = {
    userTrackers: userTrackers.flatMap((url, i) => usable(url, i)),
    tiers: tiers.map((tier, i) => tier.flatMap((url) => usable(url, userTrackers.length + i))),
  };
  return { ...result, skipped: skipped.slice(0, MAX_TRACKERS), warnings: warningsOf(skipped) };
}

function warningsOf(skipped: readonly TrackerStats[]): string[] {
  const counts = new Map<string, number>();
  for (const { status } of skipped) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) =>
    `Skipped ${count} ${count === 1 ? "tracker" : "trackers"}: ${status}`
  );
}
