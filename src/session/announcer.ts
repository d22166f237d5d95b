/**
 * Announces one torrent to its trackers and hands on the peers they give (BEP 3, 12, 21).
 *
 * Which tracker is asked and when is the {@link TierList}'s rule: the user's trackers and the torrent's
 * first tier at once, the next tier when the one before has failed or knew too few peers, all of them when
 * nobody has answered within a second; of a private torrent one tier at a time; failing trackers back off on
 * their own. This file gives it time, carries out what is due side by side, each announce within a time of its
 * transport, and tells a person what they can act on, once each. `started`, `completed` and `stopped` go once to
 * each tracker; the last two only to those that accepted `started`.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { getUint32 } from "../base/bytes.ts";
import { BugError, TrackerError } from "../base/errors.ts";
import { Scope } from "../base/scope.ts";
import type { World } from "../ports/world.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  failureWords,
  trackerError,
  trackerHost,
} from "../tracker/announce.ts";
import { statusWords } from "../tracker/status.ts";
import { TierList, type Tracker } from "../tracker/tiers.ts";
import type { TrackerStats } from "./stats.ts";
import { announceHttp } from "./tracker_http.ts";
import { UdpTrackers } from "./tracker_udp.ts";
import { sortTrackerUrls, type TrackerUrls } from "./tracker_urls.ts";
import { within } from "./within.ts";

/** The outside world of an announcer. */
export interface AnnouncerWorld extends Pick<World, "clock" | "random" | "http" | "log"> {
  /** For look-ups and UDP trackers. */
  readonly network: Pick<World["network"], "resolve" | "bindUdp">;
}

/** What an announcer is started with. */
export interface AnnouncerOptions {
  /** The torrent's tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** Announce URLs the user named: each a tier in front of the others, and exempt from the safety policy. */
  readonly userTrackers?: readonly string[];
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where peers are accepted. */
  readonly port: () => number;
  /** Bytes sent and received, and missing of the whole torrent: more than 0 while the size is not known. */
  readonly counters: () => { uploaded: number; downloaded: number; left: number };
  /** Whether we give and want no more of what is missing (BEP 21). */
  readonly isPartialSeed?: () => boolean;
  /** Called with the peers of each answer; they may be known, and we may be among them. */
  readonly onPeers: (peers: Address[]) => void;
  /** Called with one clean line for a person, once for the same trouble of the same tracker. */
  readonly onWarning: (message: string) => void;
  /** The outside world. */
  readonly world: AnnouncerWorld;
  /** Whether the torrent is private (BEP 27): it then keeps to one tier as long as that works. */
  readonly isPrivate?: boolean;
  /** Ask every tracker at once (false). */
  readonly asksAll?: boolean;
  /** Permit what the safety policy refuses. */
  readonly allowPrivate?: boolean;
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** What asks UDP trackers, for all torrents of a session; the announcer's own where it is not given. */
  readonly udp?: UdpTrackers;
}

/** What carries an announce to a tracker. */
interface Transport {
  /** Throws {@link TrackerError}, or the signal's reason. */
  readonly announce: (
    url: string,
    request: AnnounceRequest,
    options: {
      readonly world: AnnouncerWorld;
      readonly udp: UdpTrackers;
      readonly userAgent: string;
      readonly isUserTyped: boolean;
      readonly allowPrivate: boolean;
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
    },
  ) => Promise<AnnounceResponse>;
  /** One announce, look-ups, redirects and repetitions included, must be done in this time. */
  readonly timeoutMs: number;
}

/** An announce over HTTP is given up after this time. */
const ANNOUNCE_TIMEOUT_MS = 15_000;
/** One over UDP lives long enough to be sent again after 15 and 45 s (BEP 15); others do not wait for it. */
const UDP_ANNOUNCE_TIMEOUT_MS = 60_000;

const HTTP: Transport = { announce: announceHttp, timeoutMs: ANNOUNCE_TIMEOUT_MS };

/** The transport of each scheme that the policy permits. */
const TRANSPORTS: Readonly<Record<string, Transport>> = {
  "http:": HTTP,
  "https:": HTTP,
  "udp:": {
    announce: (url, request, options) => options.udp.announce(url, request, options),
    timeoutMs: UDP_ANNOUNCE_TIMEOUT_MS,
  },
};

/** Peers asked for: more than twice what a session holds, since many of them will be gone. */
const NUM_WANT = 100;
/** How long {@link Announcer.stop} may take, where the caller does not say. */
export const STOP_DEADLINE_MS = 1000;
/** Warnings about one tracker, over the whole run. */
const MAX_WARNINGS = 3;
/** The loop looks again at least this often; a timer cannot be set for `Infinity`. */
const MAX_PAUSE_MS = 3_600_000;

/** The announces of one torrent. Made, run once, stopped. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #tiers: TierList;
  readonly #urls: TrackerUrls;
  readonly #udp: UdpTrackers;
  readonly #key: number;
  /** Ends the loop and every announce but those of `completed`, which a farewell waits for. */
  readonly #soft = new AbortController();
  /** Ends announces of `completed`. */
  readonly #hard = new AbortController();
  /** Ends the farewells. */
  readonly #final = new AbortController();
  /** Announces of `completed` that are under way. */
  readonly #completing = new Map<Tracker, Promise<void>>();
  /** Those that refused a partial seed: some know no event but those of BEP 3. */
  readonly #deaf = new Set<string>();
  /** What was said of each tracker. */
  readonly #warned = new Map<string, Set<string>>();
  #wasComplete = false;
  /** No tracker has answered yet, nor was a person told that none does. */
  #isHopeful = true;
  #stopping: Promise<void> | undefined;
  #wake: () => void = () => {};

  /** Sorts out the URLs; nothing is sent before {@link run}. */
  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const { random } = options.world;
    this.#udp = options.udp ?? new UdpTrackers(options.world);
    this.#key = getUint32(random.bytes(4), 0);
    this.#urls = sortTrackerUrls(options.userTrackers ?? [], options.tiers);
    const { userTrackers, tiers } = this.#urls;
    this.#tiers = new TierList({
      userTrackers,
      tiers,
      random,
      isPrivate: options.isPrivate ?? false,
      asksAll: options.asksAll ?? false,
    });
  }

  /**
   * Announces until `signal` aborts or {@link stop} is called, then resolves. Call it once.
   *
   * @throws {BugError} or what a callback threw.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.world;
    this.#wasComplete = this.#options.counters().left === 0;
    for (const warning of this.#urls.warnings) this.#options.onWarning(warning);
    const onAbort = () => this.#stopping ?? this.#hard.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    const scope = new Scope("announcer", { parent: AbortSignal.any([signal, this.#soft.signal]) });
    scope.defer(() => signal.removeEventListener("abort", onAbort));
    await using _ = scope;
    while (!scope.signal.aborted) {
      const { due, wakeAt } = this.#tiers.take(clock.now());
      for (const tracker of due) {
        const { event } = tracker.asking!;
        scope.spawn((soft) => {
          const isLast = event === "completed";
          const asking = this.#ask(tracker, event, isLast ? this.#hard.signal : soft);
          if (isLast) this.#completing.set(tracker, asking);
          return asking.finally(() => this.#completing.delete(tracker));
        });
      }
      await this.#pause(wakeAt - clock.now(), scope.signal);
    }
    if (scope.failure) throw scope.failure.error;
  }

  /**
   * The download is complete: queues `completed`, unless it was complete when {@link run} began, or something
   * that is not wanted is missing, which makes it a partial seed.
   */
  completed(): void {
    if (this.#wasComplete || this.#options.counters().left > 0) return;
    this.#tiers.completed();
    this.#wake();
  }

  /** The torrent turns out to be private (BEP 27). */
  turnPrivate(): void {
    this.#tiers.turnPrivate();
  }

  /** Peers wanted: announces as soon as the trackers permit. May be called as often as one likes. */
  announceSoon(): void {
    this.#tiers.announceSoon();
    this.#wake();
  }

  /**
   * Ends {@link run} and sends `stopped`, side by side, to the trackers that accepted `started` (behind a
   * `completed` that is still owed). Resolves when they have answered, and never later than the deadline.
   */
  stop(deadlineMs: number = STOP_DEADLINE_MS): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  /** How each tracker stands, those that are not used included. */
  stats(): TrackerStats[] {
    const now = this.#options.world.clock.now();
    const used = this.#tiers.trackers.map((tracker): TrackerStats => ({
      url: tracker.url,
      tier: tracker.tier,
      status: statusWords(tracker, now),
      isWorking: tracker.state === "working",
      failure: tracker.error?.kind ?? null,
      waitingMs: tracker.asking === undefined ? 0 : now - tracker.asking.since,
      seeds: tracker.seeds,
      leeches: tracker.leeches,
    }));
    return [...used, ...this.#urls.skipped].sort((a, b) => a.tier - b.tier);
  }

  /** Waits for `ms` or until {@link #wake}, whichever is first; returns quietly when the signal aborts. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    const either = AbortSignal.any([signal, wake.signal]);
    try {
      const pause = Math.min(Math.max(0, ms), MAX_PAUSE_MS);
      await this.#options.world.clock.sleep(pause, { signal: either });
    } catch (error) {
      if (!either.aborted) throw error;
    }
  }

  /** One announce from taking to giving back. */
  async #ask(tracker: Tracker, event: AnnounceEvent | undefined, signal: AbortSignal) {
    const { clock, log } = this.#options.world;
    try {
      const answer = await this.#announce(tracker, event, signal);
      this.#tiers.succeeded(tracker, answer, clock.now());
      const facts = { tracker: trackerHost(tracker.url), peers: answer.peers.length };
      log.write("debug", "announced", facts);
      this.#isHopeful = false;
      if (answer.warning !== null) this.#warn(tracker.url, answer.warning);
      if (answer.peers.length > 0 && !signal.aborted) this.#options.onPeers(answer.peers);
    } catch (error) {
      if (signal.aborted) return this.#tiers.cancelled(tracker);
      if (!(error instanceof TrackerError)) throw error;
      if (error.kind === "refused" && this.#isPartialSeed) this.#deaf.add(tracker.url);
      this.#tiers.failed(tracker, error, clock.now());
      this.#report(tracker, error);
    } finally {
      this.#wake();
    }
  }

  async #announce(
    tracker: Tracker,
    event: AnnounceEvent | undefined,
    signal: AbortSignal,
  ): Promise<AnnounceResponse> {
    const { infoHash, peerId, port, counters, world, userAgent, allowPrivate } = this.#options;
    const { url, trackerId, isUserTyped } = tracker;
    const transport = TRANSPORTS[new URL(url).protocol];
    if (!transport) throw new BugError(`no transport for a tracker of tier ${tracker.tier}`);
    const request: AnnounceRequest = {
      infoHash,
      peerId,
      port: port(),
      ...counters(),
      ...(event && { event }),
      isPartialSeed: this.#isPartialSeed && !this.#deaf.has(url),
      numWant: event === "stopped" ? 0 : NUM_WANT,
      key: this.#key,
      ...(trackerId !== undefined && { trackerId }),
    };
    const udp = this.#udp;
    const options = { world, udp, userAgent, isUserTyped, allowPrivate: allowPrivate ?? false };
    const ms = transport.timeoutMs;
    const late = () => trackerError(url, "timeout", `no answer within ${ms / 1000} s`);
    return await within(
      { ms, clock: world.clock, late, signal },
      (inner) => transport.announce(url, request, { ...options, timeoutMs: ms, signal: inner }),
    );
  }

  get #isPartialSeed(): boolean {
    return this.#options.isPartialSeed?.() ?? false;
  }

  /** A refusal concerns the torrent, so a person hears of it; the rest is for the log unless nothing works. */
  #report(tracker: Tracker, error: TrackerError): void {
    const { log } = this.#options.world;
    const { url } = tracker;
    log.write("info", "announce failed", { tracker: trackerHost(url), error: error.message });
    const isOurs = error.kind === "refused" || error.kind === "policy";
    if (isOurs) this.#warn(url, failureWords(error));
    if (!this.#isHopeful || this.#tiers.trackers.some((t) => t.state !== "failing")) return;
    this.#isHopeful = false;
    if (!isOurs) this.#warn(url, `${failureWords(error)} (no tracker works)`);
  }

  /** A tracker that says something else each time gets three lines, not one for each announce. */
  #warn(url: string, text: string): void {
    const said = this.#warned.get(url) ?? new Set<string>();
    if (said.size >= MAX_WARNINGS || said.has(text)) return;
    this.#warned.set(url, said.add(text));
    this.#options.onWarning(`Tracker ${trackerHost(url)}: ${text}`);
  }

  async #stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#options.world;
    this.#soft.abort();
    const farewells = this.#tiers.trackers.filter((tracker) => tracker.hasStarted);
    const done = new AbortController();
    const all = Promise.all(farewells.map((tracker) => this.#sayGoodbye(tracker, deadlineMs / 2)));
    try {
      await Promise.race([
        all,
        clock.sleep(Math.max(0, deadlineMs), { signal: done.signal }),
      ]);
    } finally {
      done.abort();
      this.#hard.abort();
      this.#final.abort();
    }
    // Whatever was under way has been given up by now.
    await all;
  }

  /** `completed` if it is owed, then `stopped`; does not wait for the first longer than `patienceMs`. Never rejects. */
  async #sayGoodbye(tracker: Tracker, patienceMs: number): Promise<void> {
    const { clock } = this.#options.world;
    const signal = this.#final.signal;
    if (tracker.owesCompleted) {
      const last = this.#completing.get(tracker) ?? this.#announce(tracker, "completed", signal);
      const done = new AbortController();
      const pause = clock.sleep(patienceMs, { signal: done.signal }).catch(() => {});
      await Promise.race([last.then(() => {}, () => {}), pause]);
      done.abort();
    }
    await this.#announce(tracker, "stopped", signal).catch(() => {});
  }
}
