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

/** A deadline of `option`, `ms` from now, none for `undefined` or 0, that also follows `parent`. */
export function deadline(
  clock: Clock,
  ms: number | undefined,
  parent: AbortSignal,
  option: "timeout" | "stall-timeout" = "timeout",
): Deadline {
  const late = new AbortController();
  const over = new AbortController();
  if (ms !== undefined && ms > 0) {
    const message = `Cannot finish in time: --${option} of ${formatSeconds(ms / 1000)} is over`;
    const reason = option === "timeout" ? "timeout" : "stalled";
    clock.sleep(ms, { signal: over.signal }).then(
      () => late.abort(new OutOfTime(reason, message)),
      () => {},
    );
  }
  return {
    signal: AbortSignal.any([parent, late.signal]),
    [Symbol.dispose]: () => over.abort(),
  };
}
