/**
 * The real clock.
 *
 * @module
 */

import type { Clock } from "../ports/clock.ts";

// Timers of more than 2^31 - 1 ms fire at once, so a longer sleep is a chain of shorter ones.
const LONGEST_TIMER_MS = 2_000_000_000;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  sleep: (ms, options = {}) => sleep(ms, options.signal),
};

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let left = ms;
  while (left > LONGEST_TIMER_MS) {
    await nap(LONGEST_TIMER_MS, signal);
    left -= LONGEST_TIMER_MS;
  }
  await nap(Math.max(0, left), signal);
}

function nap(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
