/**
 * A signal that aborts when time is up or when another one does.
 *
 * @module
 */

import type { Clock } from "../ports/clock.ts";
import { OutOfTime } from "./exit.ts";
import { formatSeconds } from "./units.ts";

/** A running deadline; disposing it stops its clock. */
export interface Deadline extends Disposable {
  /** Aborts with {@link OutOfTime}, or with the reason of the signal it follows. */
  readonly signal: AbortSignal;
}

/** A deadline `ms` from now, none for `undefined` or 0, that also follows `parent`. */
export function deadline(clock: Clock, ms: number | undefined, parent: AbortSignal): Deadline {
  const late = new AbortController();
  const over = new AbortController();
  if (ms !== undefined && ms > 0) {
    const message = `Cannot finish in time: --timeout of ${formatSeconds(ms / 1000)} is over`;
    clock.sleep(ms, { signal: over.signal }).then(
      () => late.abort(new OutOfTime(message)),
      () => {},
    );
  }
  return {
    signal: AbortSignal.any([parent, late.signal]),
    [Symbol.dispose]: () => over.abort(),
  };
}
