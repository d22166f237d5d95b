/**
 * A rate limit as a function of bytes and time: no timer, no clock.
 *
 * Tokens grow from zero at `bytesPerSecond` up to one burst. Taking more than there is leaves a debt, and
 * {@link TokenBucket.take} says how long the taker has to wait until it is paid. So a large block is
 * let through at once and the average is still exact: whenever the debt is paid, what was taken since
 * the first take is at most rate times time.
 *
 * @module
 */

import type { Millis } from "./units.ts";

/** A token bucket; `bytesPerSecond` of `Infinity` never limits. */
export class TokenBucket {
  readonly #burst: number;
  #rate: number;
  #tokens = 0;
  #at: Millis | undefined;

  /** @param bytesPerSecond the average, above 0; a burst, saved up while idle, is a tenth of a second's worth, at least 16 KiB. */
  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond;
    this.#burst = Number.isFinite(bytesPerSecond) ? Math.max(16_384, bytesPerSecond / 10) : 0;
  }

  /** Whether it limits at all. */
  get isLimited(): boolean {
    return Number.isFinite(this.#rate);
  }

  /** The most that is saved up, in bytes: as much may be taken at once without a long debt. */
  get burst(): number {
    return this.isLimited ? this.#burst : Infinity;
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
    this.#at ??= now;
    const elapsed = Math.max(0, now - this.#at);
    this.#at += elapsed;
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#rate) / 1000);
  }
}
