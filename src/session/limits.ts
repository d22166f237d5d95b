/**
 * What ends a torrent but its own end: it stands still, its time is over, or it has seeded enough.
 *
 * @module
 */

import type { Scope } from "../base/scope.ts";
import type { Millis } from "../base/units.ts";
import type { Clock } from "../ports/clock.ts";
import { Ended } from "./ending.ts";
import type { FailureReason } from "./events.ts";
import type { TorrentOptions } from "./options.ts";
import { hintFor, inSeconds, stallOf, type Waiting } from "./patience.ts";

/** Looks come every second; after more than this the process stood still, and nobody could get anywhere. */
const ASLEEP_MS = 10_000;

/** What is limited. */
export interface LimitsParts {
  readonly clock: Clock;
  readonly options: TorrentOptions;
  /** Ends the torrent. */
  readonly onEnd: (ended: Ended) => void;
  /** Why it is not done, as the end of a sentence. */
  readonly why: () => string;
}

/** The limits of one torrent. */
export class Limits {
  readonly #parts: LimitsParts;
  #seedingSince: Millis = Infinity;
  #lookedAt: Millis = Infinity;
  #awakeSince: Millis = -Infinity;

  /** Nothing runs out yet. */
  constructor(parts: LimitsParts) {
    this.#parts = parts;
  }

  /** The time for all of it runs out, unless it seeds by then. */
  watchTime(scope: Scope, isSeeding: () => boolean): void {
    const { clock, options: { timeoutMs, usedMs = 0 }, why } = this.#parts;
    if (timeoutMs === undefined) return;
    scope.spawn(async (signal) => {
      await clock.sleep(Math.max(1, timeoutMs - usedMs), { signal });
      if (isSeeding()) return;
      this.fail("timeout", `not done after ${inSeconds(timeoutMs)}${why()}`);
    });
  }

  /**
   * Ends it when it has stood still for too long. The time begins anew where this was not called for a while,
   * as after the process was stopped and went on.
   */
  checkStall(waiting: Waiting): void {
    const { clock, options: { stallTimeoutMs } } = this.#parts;
    if (stallTimeoutMs === undefined) return;
    const now = clock.now();
    if (now - this.#lookedAt > ASLEEP_MS) this.#awakeSince = now;
    this.#lookedAt = now;
    const progressAt = Math.max(waiting.progressAt, this.#awakeSince);
    const stall = stallOf({ ...waiting, progressAt }, { timeoutMs: stallTimeoutMs, now });
    if (stall !== undefined) this.fail(stall.reason, stall.message);
  }

  /** Ends it when it has given enough of so many bytes, or for long enough since this was first asked. */
  checkSeeding(given: number, bytesTotal: number): void {
    const { clock, options: { seedRatio = Infinity, seedTimeMs = Infinity } } = this.#parts;
    const now = clock.now();
    this.#seedingSince = Math.min(this.#seedingSince, now);
    if (given < seedRatio * bytesTotal && now - this.#seedingSince < seedTimeMs) return;
    this.#parts.onEnd(new Ended({ kind: "complete" }));
  }

  /** Ends it, with what to do about it. */
  fail(reason: FailureReason, message: string): void {
    const hint = hintFor(reason, this.#parts.options);
    this.#parts.onEnd(new Ended({ kind: "failed", reason, message, hint }));
  }
}
