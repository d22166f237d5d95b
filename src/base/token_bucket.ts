/**
 * A rate limit as a function of bytes and time: no timer, no clock.
 *
 * Tokens grow at `bytesPerSecond` up to one burst. Taking more than there is leaves a debt, and
 * {@link TokenBucket.take} says how long the taker has to wait until it is paid. So a large block is
 * let through at once and the average is still exact.
 *
 * @module
 */

import type { Millis } from "./units.ts";

/** A token bucket; `bytesPerSecond` of `Infinity` never limits. */
export class TokenBucket {
  readonly #burst: number;
  #rate: number;
  #tokens: number;
  #at: Millis | undefined;

  /** @param bytesPerSecond the long-run average; a burst is a tenth of a second's worth, at least 16 KiB. */
  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond;
    this.#burst = Number.isFinite(bytesPerSecond) ? Math.max(16_384, bytesPerSecond / 10) : 0;
    this.#tokens = this.#burst;
  }

  /** Whether it limits at all. */
  get isLimited(): boolean {
    return Number.isFinite(this.#rate);
  }

  /** Takes `bytes` at time `now` and returns the milliseconds to wait before taking more; 0 for none. */
  take(bytes: number, now: Millis): number {
    if (!Number.isFinite(this.#rate)) return 0;
    this.#refill(now);
    this.#tokens -= bytes;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate) * 1000;
  }

  /** Milliseconds until the debt is paid; 0 when bytes may be taken now. */
  delay(now: Millis): number {
    return this.take(0, now);
  }

  #refill(now: Millis): void {
    const elapsed = this.#at === undefined ? 0 : Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#rate) / 1000);
  }
}
