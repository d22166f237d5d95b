/**
 * How a torrent ends before it is complete, and what that is called.
 *
 * @module
 */

import { BencodeError, BugError, DiskError, MetainfoError, OptionsError } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import type { Outcome } from "./events.ts";

/** Ends a torrent with an outcome. */
export class Ended extends Error {
  /** How it ends. */
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** Ends a torrent that has nothing to give: none of its data is in a folder, or it is not "any more". */
export function nothingVerifies(folder: string, since: "" | "any more" = ""): Ended {
  const message = `nothing of it in ${folder} verifies ${since}`.trimEnd();
  return new Ended({ kind: "failed", reason: "bad-data", message });
}

/** What it means that a torrent failed with an error; `isStopping` where its session ends. */
export function outcomeOf(error: unknown, isStopping: boolean): Outcome {
  if (error instanceof Ended) return error.outcome;
  if (error instanceof DiskError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { kind: "failed", reason: "storage", message: error.message, error, ...hint };
  }
  if (error instanceof MetainfoError || error instanceof BencodeError) {
    return { kind: "failed", reason: "invalid", message: error.message, error };
  }
  if (error instanceof OptionsError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { kind: "failed", reason: "usage", message: error.message, error, ...hint };
  }
  if (isStopping) return { kind: "stopped" };
  const bug = error instanceof Error ? error : new BugError(String(error));
  return { kind: "failed", reason: "bug", message: bug.message, error: bug };
}

/** Rejects when the scope ends, with what a failing task of it failed with. */
export function failureOf(scope: Scope): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(scope.failure?.error ?? scope.signal.reason);
  if (scope.signal.aborted) end();
  scope.signal.addEventListener("abort", end, { once: true });
  return promise;
}
