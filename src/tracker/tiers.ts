/**
 * Which trackers to ask, in what order and when (BEP 12, 31). No I/O: the driver says what time it is,
 * takes what is due and reports how it went.
 *
 * The rule. Each of the user's trackers is a tier of its own, and these and the torrent's first tier open at
 * once. A further tier opens when the one before it has failed as a whole, has been silent for 1 s, or
 * answered with fewer peers than a session holds; and all of them open when nobody has answered for 1 s, so
 * that dead tiers in front do not add up. In a private torrent only a failure or 3 s of silence open the
 * next one, and while one of its tiers works no other is asked (BEP 27). Once open, a tier stays so.
 * Inside a tier the trackers are tried in shuffled order, the next one when the one before failed or has
 * been silent for 3 s. The first that answers moves to the front and from then on is the only one asked, at
 * its own interval, until it fails. A tracker that fails is left alone for 15 s, then twice as long each
 * time, up to 30 min, and waits for nobody and nobody waits for it.
 *
 * https://www.bittorrent.org/beps/bep_0012.html · https://www.bittorrent.org/beps/bep_0027.html
 *
 * @module
 */

import { BugError, type TrackerError } from "../base/errors.ts";
import type { Millis } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import { type AnnounceEvent, type AnnounceResponse, MIN_INTERVAL_MS } from "./announce.ts";

/** Trackers used of one torrent at the most, the user's first. */
export const MAX_TRACKERS = 100;
/** How long a tracker may be silent before others of its tier are asked beside it. */
export const PATIENCE_MS = 3000;
/** What a tier has ahead of the next: enough for a tracker that lives, a look-up of its name included. */
const HEAD_START_MS = 1000;
/** An answer with this many peers fills every slot of a session; with fewer, the next tier is asked as well. */
export const ENOUGH_PEERS = 40;
/** The wait after a first failure, doubled by each further one. */
const MIN_BACKOFF_MS = 15_000;
/** The longest wait after a failure. */
export const MAX_BACKOFF_MS = 1_800_000;
/** Early announces stop getting rarer after this many doublings: 30 s have then become 4 h. */
const MAX_DOUBLINGS = 9;

/** One tracker and how it stands. Owned and changed by the {@link TierList} alone. */
export interface Tracker {
  /** The announce URL. */
  readonly url: string;
  /** Which tier it is in, counted from 0, the user's trackers first. */
  readonly tier: number;
  /** Whether the user named it. */
  readonly isUserTyped: boolean;
  /** How the last announce that ended went. */
  readonly state: "fresh" | "working" | "failing";
  /** The announce that is under way. */
  readonly asking:
    | { readonly since: Millis; readonly event: AnnounceEvent | undefined }
    | undefined;
  /** When it may be asked next. */
  readonly nextAt: Millis;
  /** Failures in a row. */
  readonly failures: number;
  /** Whether it accepted `started`, so that it is owed a `stopped`. */
  readonly hasStarted: boolean;
  /** Whether it is owed a `completed`. */
  readonly owesCompleted: boolean;
  /** What it gave us to repeat. */
  readonly trackerId: string | undefined;
  /** Peers of its last answer. */
  readonly peerCount: number;
  /** Of its last answer. */
  readonly seeds: number | null;
  /** Of its last answer. */
  readonly leeches: number | null;
  /** Why it is failing. */
  readonly error: TrackerError | undefined;
}

/** What a {@link TierList} is made of. */
export interface TierListOptions {
  /** The torrent's tiers. URLs that came up before are left out. */
  readonly tiers: readonly (readonly string[])[];
  /** Announce URLs of the user, each a tier in front of the torrent's. */
  readonly userTrackers?: readonly string[];
  /** For shuffling. */
  readonly random: Pick<Random, "below">;
  /** Keep to one tier for as long as it works, since a private tracker adds up what each peer reports (BEP 27). */
  readonly isPrivate?: boolean;
  /** Ask every tracker at once, each a tier, to hear what all of them say (false). */
  readonly asksAll?: boolean;
}

interface Entry extends Mutable<Tracker> {
  minIntervalMs: number;
  /** When the last answer came. */
  answeredAt: Millis;
  /** When the tracker's own interval ends. */
  regularAt: Millis;
  /** Announces before their time, in a row. */
  early: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Tier {
  readonly entries: Entry[];
  openedAt: Millis | undefined;
}

/**
 * The trackers of one torrent.
 *
 * Invariants: open tiers come before closed ones; only trackers of open tiers are anything but fresh; a
 * `completed` is owed only to a tracker that accepted `started`, or is being sent it, before the end.
 */
export class TierList {
  readonly #tiers: Tier[] = [];
  /** How many tiers open without waiting for another. */
  readonly #openAtOnce: number;
  #isPrivate: boolean;
  #isComplete = false;
  #wantsMore = false;
  /** Some tracker has answered, whatever it does since. */
  #wasAnswered = false;

  /** Shuffles each tier, once (BEP 12). */
  constructor(options: TierListOptions) {
    const { userTrackers = [], tiers, random } = options;
    const seen = new Set<string>();
    const add = (urls: readonly string[], tier: number, isUserTyped: boolean) => {
      const entries: Entry[] = [];
      for (const url of urls) {
        if (seen.size === MAX_TRACKERS || seen.has(url)) continue;
        seen.add(url);
        entries.push(newEntry(url, tier, isUserTyped));
      }
      shuffle(entries, random);
      if (entries.length > 0) this.#tiers.push({ entries, openedAt: undefined });
    };
    userTrackers.forEach((url, i) => add([url], i, true));
    this.#openAtOnce = options.asksAll ? Infinity : this.#tiers.length + 1;
    const own = options.asksAll ? tiers.flat().map((url) => [url]) : tiers;
    own.forEach((urls, i) => add(urls, userTrackers.length + i, false));
    this.#isPrivate = options.isPrivate ?? false;
  }

  /** Every tracker, by tier and in the order in which they are tried. */
  get trackers(): readonly Tracker[] {
    return this.#tiers.flatMap((tier) => tier.entries);
  }

  /**
   * The trackers to announce to now, marked as being asked with the event in `asking`; each must be given
   * back to {@link succeeded}, {@link failed} or {@link cancelled}. `wakeAt` is when to call again, if nothing
   * else happens before; `Infinity` for not at all.
   */
  take(now: Millis): { due: Tracker[]; wakeAt: Millis } {
    const due: Entry[] = [];
    let wakeAt = Infinity;
    const current = this.#current;
    for (const [i, tier] of this.#tiers.entries()) {
      if (tier.openedAt === undefined) {
        const opensAt = this.#opensAt(i);
        wakeAt = Math.min(wakeAt, opensAt > now ? opensAt : Infinity);
        if (opensAt > now) break;
        tier.openedAt = now;
        if (i >= this.#openAtOnce) this.#wantsMore = false;
      }
      wakeAt = Math.min(wakeAt, takeCompleted(tier, now, due));
      const isPassedOver = current !== undefined && tier !== current && i >= this.#firstOwn;
      if (!isPassedOver) wakeAt = Math.min(wakeAt, takeNext(tier, now, due));
    }
    return { due, wakeAt };
  }

  /**
   * Of a private torrent the one of its tiers that is used: "each peer must use only one tracker at a time and
   * only switch between trackers when the current tracker fails" (BEP 27). What the user typed is asked beside it.
   */
  get #current(): Tier | undefined {
    if (!this.#isPrivate) return undefined;
    const works = ({ entries }: Tier) => entries.some((entry) => entry.state === "working");
    return this.#tiers.find((tier, i) => i >= this.#firstOwn && works(tier));
  }

  /** Where the torrent's own tiers begin; nowhere where all trackers are to be asked. */
  get #firstOwn(): number {
    return this.#openAtOnce - 1;
  }

  /** A tracker answered the announce it was taken for. */
  succeeded(tracker: Tracker, answer: AnnounceResponse, now: Millis): void {
    const entry = this.#entry(tracker);
    const event = entry.asking?.event;
    entry.asking = undefined;
    if (event === "started") entry.hasStarted = true;
    if (event === "completed") entry.owesCompleted = false;
    entry.state = "working";
    this.#wasAnswered = true;
    entry.failures = 0;
    entry.error = undefined;
    entry.trackerId = answer.trackerId ?? entry.trackerId;
    entry.peerCount = answer.peers.length;
    entry.seeds = answer.seeds;
    entry.leeches = answer.leeches;
    entry.minIntervalMs = answer.minIntervalMs ?? MIN_INTERVAL_MS;
    entry.answeredAt = now;
    entry.regularAt = now + Math.max(answer.intervalMs, entry.minIntervalMs);
    entry.nextAt = entry.regularAt;
    this.#promote(entry);
    if (entry.peerCount >= ENOUGH_PEERS) this.#wantsMore = false;
  }

  /** A tracker failed the announce it was taken for. */
  failed(tracker: Tracker, error: TrackerError, now: Millis): void {
    const entry = this.#entry(tracker);
    // What never heard of us while we were incomplete is started as a seed and owed nothing more.
    if (!entry.hasStarted) entry.owesCompleted = false;
    entry.asking = undefined;
    entry.state = "failing";
    entry.error = error;
    entry.nextAt = now + Math.max(backoffMs(entry.failures), error.retryAfterMs ?? 0);
    entry.failures++;
  }

  /** The announce a tracker was taken for was given up by us; it is as if it had not been taken. */
  cancelled(tracker: Tracker): void {
    const entry = this.#entry(tracker);
    if (!entry.hasStarted) entry.owesCompleted = false;
    entry.asking = undefined;
  }

  /** The download is complete: every tracker that knows us as incomplete is owed a `completed`, once. */
  completed(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    for (const entry of this.#entries()) {
      entry.owesCompleted = entry.hasStarted || entry.asking?.event === "started";
    }
  }

  /** The torrent turns out to be private: from now on one of its tiers is used as long as it works. */
  turnPrivate(): void {
    this.#isPrivate = true;
  }

  /**
   * More peers are wanted: the working trackers are asked as soon as their minimum intervals permit, 30 s at
   * least and twice as long each time in a row, and one more tier opens.
   */
  announceSoon(): void {
    this.#wantsMore = true;
    for (const tier of this.#tiers) {
      const entry = tier.entries.find((e) => e.state === "working");
      if (!entry) continue;
      const gap = Math.max(entry.minIntervalMs, MIN_INTERVAL_MS) * 2 ** entry.early;
      entry.nextAt = Math.min(entry.nextAt, entry.answeredAt + gap);
    }
  }

  /** Proves the invariants of the class. @throws {BugError} when one is broken. */
  checkInvariants(): void {
    const firstClosed = this.#tiers.findIndex((tier) => tier.openedAt === undefined);
    for (const [i, tier] of this.#tiers.entries()) {
      const isClosed = firstClosed >= 0 && i >= firstClosed;
      check(isClosed === (tier.openedAt === undefined), "a closed tier before an open one");
      for (const entry of tier.entries) {
        check(!isClosed || (entry.state === "fresh" && !entry.asking), "a closed tier was asked");
        const isKnown = entry.hasStarted || entry.asking?.event === "started";
        check(
          !entry.owesCompleted || (isKnown && this.#isComplete),
          "completed owed to a stranger",
        );
        check(
          (entry.state === "failing") === (entry.failures > 0),
          "failures do not fit the state",
        );
        check(
          !entry.asking?.event || !entry.hasStarted || entry.owesCompleted,
          "an event sent twice",
        );
      }
    }
    check(this.trackers.length <= MAX_TRACKERS, "too many trackers");
  }

  #opensAt(index: number): Millis {
    const before = this.#tiers[index - 1];
    if (index < this.#openAtOnce || before?.openedAt === undefined) return -Infinity;
    const working = before.entries.filter((e) => e.state === "working");
    if (working.length === 0) {
      if (before.entries.every((e) => e.state === "failing")) return -Infinity;
      if (this.#isPrivate) return before.openedAt + PATIENCE_MS;
      const since = this.#wasAnswered ? before.openedAt : this.#tiers[0]!.openedAt!;
      return since + HEAD_START_MS;
    }
    if (this.#isPrivate) return Infinity;
    if (working.every((e) => e.peerCount < ENOUGH_PEERS)) return -Infinity;
    return this.#wantsMore ? before.openedAt + PATIENCE_MS : Infinity;
  }

  /** To the front of its tier, but not past another one that works. */
  #promote(entry: Entry): void {
    const { entries } = this.#tiers.find((tier) => tier.entries.includes(entry))!;
    const at = entries.indexOf(entry);
    if (entries.findIndex((e) => e.state === "working") < at) return;
    entries.splice(at, 1);
    entries.unshift(entry);
  }

  #entry(tracker: Tracker): Entry {
    for (const entry of this.#entries()) if (entry === tracker) return entry;
    throw new BugError("a tracker of another list");
  }

  *#entries(): Generator<Entry> {
    for (const tier of this.#tiers) yield* tier.entries;
  }
}

/** Takes what owes a `completed`; the result is when the next one may be taken. */
function takeCompleted(tier: Tier, now: Millis, due: Entry[]): Millis {
  let wakeAt = Infinity;
  for (const entry of tier.entries) {
    if (!entry.owesCompleted || entry.asking) continue;
    if (entry.state === "working" || entry.nextAt <= now) take(entry, now, due);
    else wakeAt = Math.min(wakeAt, entry.nextAt);
  }
  return wakeAt;
}

/** Takes the next tracker to try, if it is time; the result is when to look again. */
function takeNext(tier: Tier, now: Millis, due: Entry[]): Millis {
  let wakeAt = Infinity;
  for (const entry of tier.entries) {
    if (entry.state === "working") {
      if (!entry.asking && entry.nextAt <= now) take(entry, now, due);
      // While it is being asked, what it answers decides.
      return Math.min(wakeAt, entry.asking ? Infinity : entry.nextAt);
    }
    if (!entry.asking && entry.nextAt <= now) take(entry, now, due);
    if (!entry.asking) wakeAt = Math.min(wakeAt, entry.nextAt);
    else if (entry.asking.since + PATIENCE_MS > now) {
      return Math.min(wakeAt, entry.asking.since + PATIENCE_MS);
    }
  }
  return wakeAt;
}

function take(entry: Entry, now: Millis, due: Entry[]): void {
  const event = !entry.hasStarted ? "started" : entry.owesCompleted ? "completed" : undefined;
  if (event === undefined) {
    entry.early = now < entry.regularAt ? Math.min(entry.early + 1, MAX_DOUBLINGS) : 0;
  }
  entry.asking = { since: now, event };
  due.push(entry);
}

/** The wait after a failure that followed `failures` others. */
function backoffMs(failures: number): number {
  return Math.min(MIN_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS);
}

function newEntry(url: string, tier: number, isUserTyped: boolean): Entry {
  return {
    url,
    tier,
    isUserTyped,
    state: "fresh",
    asking: undefined,
    nextAt: -Infinity,
    failures: 0,
    hasStarted: false,
    owesCompleted: false,
    trackerId: undefined,
    peerCount: 0,
    seeds: null,
    leeches: null,
    error: undefined,
    minIntervalMs: MIN_INTERVAL_MS,
    answeredAt: -Infinity,
    regularAt: -Infinity,
    early: 0,
  };
}

function shuffle<T>(list: T[], random: Pick<Random, "below">): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new BugError(what);
}
