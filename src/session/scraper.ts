/**
 * Asks all trackers of a torrent what they know of it, side by side, without joining its swarm (BEP 15, 48).
 *
 * Each tracker has its own time, its own answer and its own error; none waits for another.
 *
 * @module
 */

import { TrackerError } from "../base/errors.ts";
import type { World } from "../ports/world.ts";
import { trackerError } from "../tracker/announce.ts";
import type { ScrapeResult } from "../tracker/scrape.ts";
import { MAX_TRACKERS } from "../tracker/tiers.ts";
import { scrapeHttp } from "./tracker_http.ts";
import { UdpTrackers } from "./tracker_udp.ts";
import { sortTrackerUrls } from "./tracker_urls.ts";
import { within } from "./within.ts";

/** What a tracker answered, or why it did not. */
export interface ScrapeReport {
  /** The announce URL; of one that cannot be used, its host or what it is. */
  readonly url: string;
  /** Its tier, from 0, the user's trackers first. */
  readonly tier: number;
  /** What it knows of the torrent; `null` where it does not know the torrent, or did not answer. */
  readonly counts: ScrapeResult | null;
  /** Why there is no answer. */
  readonly error: TrackerError | null;
}

/** What is asked, and of whom. */
export interface ScrapeOptions {
  /** 20 bytes; of a v2 infohash, the first 20. */
  readonly infoHash: Uint8Array;
  /** The torrent's tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** Announce URLs the user named: each a tier in front of the others, and exempt from the safety policy. */
  readonly userTrackers: readonly string[];
  /** Called with each report as it comes. */
  readonly onReport: (report: ScrapeReport) => void;
  /** The outside world. */
  readonly world: Pick<World, "clock" | "random" | "http" | "network">;
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** Permit what the safety policy refuses. */
  readonly allowPrivate: boolean;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** A scrape is given up after this time: over UDP, one that was lost is sent again after 15 s. */
const SCRAPE_TIMEOUT_MS = 20_000;

/**
 * Asks every tracker once; resolves with how many answered.
 *
 * @throws the signal's reason, when it aborts.
 */
export async function scrapeTrackers(options: ScrapeOptions): Promise<number> {
  const { onReport, signal } = options;
  const { userTrackers, tiers, skipped } = sortTrackerUrls(options.userTrackers, options.tiers);
  for (const { url, tier, status } of skipped) {
    onReport({ url, tier, counts: null, error: new TrackerError(url, "policy", status) });
  }
  const udp = new UdpTrackers(options.world);
  const seen = new Set<string>();
  const asking: Promise<boolean>[] = [];
  for (const [tier, urls] of [...userTrackers.map((url) => [url]), ...tiers].entries()) {
    for (const url of urls) {
      if (seen.size === MAX_TRACKERS || seen.has(url)) continue;
      seen.add(url);
      asking.push(scrapeOne({ url, tier, isUserTyped: tier < userTrackers.length }, udp, options));
    }
  }
  const answered = await Promise.all(asking);
  signal.throwIfAborted();
  return answered.filter(Boolean).length;
}

interface Target {
  readonly url: string;
  readonly tier: number;
  readonly isUserTyped: boolean;
}

/** Whether it answered. Never rejects before the signal aborts. */
async function scrapeOne(
  { url, tier, isUserTyped }: Target,
  udp: UdpTrackers,
  options: ScrapeOptions,
): Promise<boolean> {
  const { infoHash, world, userAgent, allowPrivate, onReport } = options;
  const timeoutMs = SCRAPE_TIMEOUT_MS;
  const why = `no answer within ${timeoutMs / 1000} s`;
  const late = () => trackerError(url, "timeout", why, { verb: "scrape" });
  try {
    const limit = { ms: timeoutMs, clock: world.clock, late, signal: options.signal };
    const [counts = null] = await within(
      limit,
      (signal) =>
        url.startsWith("udp:")
          ? udp.scrape(url, [infoHash], { signal })
          : scrapeHttp(url, [infoHash], {
            ...{ world, userAgent, isUserTyped, allowPrivate, timeoutMs, signal },
          }),
    );
    onReport({ url, tier, counts, error: null });
    return true;
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof TrackerError)) throw error;
    onReport({ url, tier, counts: null, error });
    return false;
  }
}
