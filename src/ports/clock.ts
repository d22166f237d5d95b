/**
 * Time, as the session sees it. The simulator has its own.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";

/** A clock. */
export interface Clock {
  /** Monotonic time in milliseconds; only differences mean anything. */
  now(): Millis;
  /** Milliseconds since the epoch, for events and file stamps. */
  epochMs(): number;
  /**
   * Resolves after `ms` milliseconds.
   *
   * @throws the signal's reason when it aborts first.
   */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
}
