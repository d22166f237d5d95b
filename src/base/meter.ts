/**
 * Bytes per second over a sliding window, without a timer.
 *
 * The window is a ring of buckets; adding is O(1) and so is reading. Bytes in buckets older than the
 * window do not count.
 *
 * @module
 */

import type { Millis } from "./units.ts";

const BUCKETS = 20;

/** A rate meter. The default window of five seconds is short enough to follow and long enough to read. */
export class Meter {
  readonly #bucketMs: number;
  readonly #buckets: Float64Array = new Float64Array(BUCKETS);
  #sum = 0;
  #bucket = 0;
  #started: Millis | undefined;
  #total = 0;

  constructor(windowMs: number = 5000) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** All bytes ever added. */
  get total(): number {
    return this.#total;
  }

  /** Counts `bytes` at time `now`; `now` never goes back. */
  add(bytes: number, now: Millis): void {
    this.#advance(now);
    this.#buckets[this.#bucket % BUCKETS]! += bytes;
    this.#sum += bytes;
    this.#total += bytes;
  }

  /** Bytes per second over the window, or over the time since the first byte while that is shorter. */
  rate(now: Millis): number {
    if (this.#started === undefined) return 0;
    this.#advance(now);
    // The present bucket is only partly over, so the ring covers a little less than the window.
    const oldest = (this.#bucket - BUCKETS + 1) * this.#bucketMs;
    const span = now - Math.max(this.#started, oldest);
    return span <= 0 ? 0 : (this.#sum * 1000) / Math.max(span, this.#bucketMs);
  }

  #advance(now: Millis): void {
    const bucket = Math.floor(now / this.#bucketMs);
    if (this.#started === undefined) {
      this.#started = now;
      this.#bucket = bucket;
      return;
    }
    const steps = Math.min(bucket - this.#bucket, BUCKETS);
    for (let i = 1; i <= steps; i++) {
      const slot = (this.#bucket + i) % BUCKETS;
      this.#sum -= this.#buckets[slot]!;
      this.#buckets[slot] = 0;
    }
    if (steps > 0) this.#bucket = bucket;
    if (steps === BUCKETS) this.#sum = 0;
  }
}
