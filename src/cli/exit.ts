/**
 * How a failure becomes an exit code and one line for people.
 *
 * The one place that knows the table of exit codes. It decides on the class of an error and its fields,
 * never on its text; anything it does not know is a bug of ours, exit 1.
 *
 * @module
 */

import {
  BencodeError,
  BugError,
  DiskError,
  MagnetError,
  MetainfoError,
  NetworkError,
  OptionsError,
} from "../base/errors.ts";
import type { FailureReason, Outcome } from "../session/events.ts";

/** A failure as the user is told of it. */
export interface Failure {
  readonly exitCode: number;
  readonly reason: FailureReason;
  /** What failed and why, without "error: "; raw, to be escaped where it is shown. */
  readonly message: string;
  /** One line that helps. */
  readonly hint?: string | undefined;
  /** What was thrown, for `-vv`. */
  readonly error?: unknown;
}

/** A signal asked to end: nothing to complain about. */
export class Interrupted extends Error {
  override name = "Interrupted";
  /** 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: 130 | 143;
  constructor(exitCode: 130 | 143) {
    super(exitCode === 130 ? "Interrupted" : "Terminated");
    this.exitCode = exitCode;
  }
}

/** A deadline of the command line has passed: that of the whole run, or that for progress. */
export class OutOfTime extends Error {
  override name = "OutOfTime";
  /** Which. */
  readonly reason: "timeout" | "stalled";
  constructor(reason: "timeout" | "stalled", message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A torrent of a session has failed where nothing else can be told of it. */
export class TorrentFailed extends Error {
  override name = "TorrentFailed";
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const CODES: Readonly<Record<FailureReason, number>> = {
  "usage": 2,
  "metadata-timeout": 3,
  "stalled": 3,
  "timeout": 3,
  "storage": 4,
  "invalid": 5,
  "bad-data": 6,
  "network": 7,
  "interrupted": 130,
  "terminated": 143,
  "bug": 1,
};

/** The exit code that goes with a reason. */
export function exitCodeOf(reason: FailureReason): number {
  return CODES[reason];
}

/** Whether an exit code is explained by an `error:` line: all but success and the signals are. */
export function isExplained(exitCode: number): boolean {
  return exitCode !== 0 && exitCode !== 130 && exitCode !== 143;
}

/** What an error that reached the command line means. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Interrupted) {
    const reason = error.exitCode === 130 ? "interrupted" : "terminated";
    return make(reason, error.message, error);
  }
  if (error instanceof TorrentFailed) return error.failure;
  if (error instanceof OutOfTime) return make(error.reason, error.message, error);
  if (error instanceof OptionsError) return make("usage", error.message, error, error.hint);
  if (error instanceof DiskError) return make("storage", error.message, error, error.hint);
  if (error instanceof MagnetError) return make("invalid", error.message, error, MAGNET_HINT);
  if (error instanceof BencodeError || error instanceof MetainfoError) {
    return make("invalid", error.message, error);
  }
  if (error instanceof NetworkError) return networkFailure(error);
  const what = error instanceof Error ? error.message : String(error);
  const message = error instanceof BugError ? what : `Something unexpected happened: ${what}`;
  return make("bug", message, error, "this is a bug of starling; -vv shows where");
}

const MAGNET_HINT =
  "a link is magnet:?xt=urn:btih: and 40 hex or 32 base32 digits, in quotes since & ends a command";

/** What the end of a torrent means; `undefined` for a good one. */
export function failureOfOutcome(
  outcome: Outcome,
  torrent: { readonly name: string; readonly interrupted: Interrupted },
): Failure | undefined {
  if (outcome.kind === "complete") return undefined;
  if (outcome.kind === "stopped") return failureOf(torrent.interrupted);
  const { reason, message, hint, error } = outcome;
  // Some say what failed; the others say why this download did.
  const isWhole = ["storage", "bug", "usage", "invalid"].includes(reason);
  return make(reason, isWhole ? message : `Cannot finish ${torrent.name}: ${message}`, error, hint);
}

/** What an `error` event says of a failure. */
export function errorFields(
  { exitCode, reason, message, hint }: Failure,
): { exitCode: number; reason: Failure["reason"]; message: string; hint?: string } {
  return { exitCode, reason, message, ...(hint === undefined ? {} : { hint }) };
}

function networkFailure(error: NetworkError): Failure {
  // A port of ours that is taken is this machine's affair, not the network's.
  if (error.kind === "in-use") {
    const hint = "another program listens there; choose another --port, or 0 for any";
    return { ...make("network", error.message, error, hint), exitCode: 1 };
  }
  return make("network", error.message, error);
}

function make(reason: FailureReason, message: string, error: unknown, hint?: string): Failure {
  return { exitCode: CODES[reason], reason, message, hint, error };
}
