/**
 * A time limit for work that may not heed it.
 *
 * @module
 */

import type { Clock } from "../ports/clock.ts";

/** What bounds a piece of work. */
export interface Limit {
  /** How long it may take. */
  readonly ms: number;
  /** The clock that counts. */
  readonly clock: Clock;
  /** Makes the error of running late. */
  readonly late: () => Error;
  /** Gives the work up earlier. */
  readonly signal: AbortSignal;
}

/**
 * The result of `work`, which gets a signal that aborts when the time is over or the limit's own signal
 * aborts. Either ends the wait at once, whether or not `work` heeds its signal; what it does afterwards is
 * ignored.
 *
 * @throws what `late()` makes; the signal's reason; what `work` throws.
 */
export async function within<T>(
  limit: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  limit.signal.throwIfAborted();
  const over = new AbortController();
  const signal = AbortSignal.any([limit.signal, over.signal]);
  const timer = limit.clock.sleep(limit.ms, { signal }).then(() => {
    throw limit.late();
  });
  try {
    return await Promise.race([work(signal), timer]);
  } finally {
    over.abort();
  }
}
