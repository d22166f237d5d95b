/**
 * Payload bytes a second of one torrent, of what was received and sent, whatever the disk has made of it.
 *
 * The counters are read whenever a rate is asked for, not only when time passes for the swarm: a download of
 * a second would be over before the first tick, and its pieces complete at 0 B/s.
 *
 * @module
 */

import { Meter } from "../base/meter.ts";
import type { Millis } from "../base/units.ts";

/** Counters that only grow. */
export interface PayloadCounters {
  /** Payload bytes received. */
  readonly downloaded: number;
  /** Payload bytes sent. */
  readonly uploaded: number;
}

/** Of a torrent that has exchanged nothing yet. */
export const NOTHING: PayloadCounters = { downloaded: 0, uploaded: 0 };

/** The rates of one torrent. */
export class Rates {
  readonly #down: Meter = new Meter();
  readonly #up: Meter = new Meter();

  /** Bytes per second at `now`, which never goes back; the first call says when bytes begin to count. */
  at(
    { downloaded, uploaded }: PayloadCounters,
    now: Millis,
  ): { readonly downRate: number; readonly upRate: number } {
    this.#down.add(downloaded - this.#down.total, now);
    this.#up.add(uploaded - this.#up.total, now);
    return { downRate: this.#down.rate(now), upRate: this.#up.rate(now) };
  }
}
