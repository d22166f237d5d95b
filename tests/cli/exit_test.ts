/**
 * Every class of failure, its exit code and its reason.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  BencodeError,
  BugError,
  DiskError,
  MagnetError,
  MetainfoError,
  NetworkError,
  OptionsError,
} from "../../src/base/errors.ts";
import {
  exitCodeOf,
  failureOf,
  failureOfOutcome,
  Interrupted,
  isExplained,
  OutOfTime,
} from "../../src/cli/exit.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import type { FailureReason } from "../../src/session/events.ts";

const disk = (kind: DiskError["kind"]) =>
  new DiskError("Cannot write", { path: "x", operation: "write", kind, hint: "make room" });

Deno.test("failureOf() knows the exit code of every error", () => {
  const cases: [unknown, number, FailureReason][] = [
    [new UsageError("x"), 2, "usage"],
    [new OptionsError("x"), 2, "usage"],
    [new OutOfTime("timeout", "x"), 3, "timeout"],
    [new OutOfTime("stalled", "x"), 3, "stalled"],
    [disk("full"), 4, "storage"],
    [disk("locked"), 4, "storage"],
    [disk("missing"), 4, "storage"],
    [new BencodeError("x", 3), 5, "invalid"],
    [new MetainfoError("x", "info"), 5, "invalid"],
    [new MagnetError("x"), 5, "invalid"],
    [new NetworkError("refused", "x"), 7, "network"],
    [new NetworkError("timeout", "x"), 7, "network"],
    [new NetworkError("policy", "x"), 7, "network"],
    [new NetworkError("in-use", "x"), 1, "network"],
    [new Interrupted(130), 130, "interrupted"],
    [new Interrupted(143), 143, "terminated"],
    [new BugError("x"), 1, "bug"],
    [new TypeError("x"), 1, "bug"],
    ["a string", 1, "bug"],
    [undefined, 1, "bug"],
  ];
  for (const [error, exitCode, reason] of cases) {
    const failure = failureOf(error);
    assertEquals([failure.exitCode, failure.reason], [exitCode, reason], String(error));
  }
});

Deno.test("failureOf() keeps the hint of an error", () => {
  assertEquals(failureOf(disk("full")).hint, "make room");
  assertEquals(failureOf(new UsageError("x", { hint: "y" })).hint, "y");
  assertEquals(failureOf(new BencodeError("x", 1)).hint, undefined);
});

Deno.test("failureOfOutcome() tells a good end from every other", () => {
  const torrent = { name: "data", interrupted: new Interrupted(130) };
  assertEquals(failureOfOutcome({ kind: "complete" }, torrent), undefined);
  assertEquals(failureOfOutcome({ kind: "stopped" }, torrent)?.exitCode, 130);
  const failed = (reason: FailureReason) =>
    failureOfOutcome({ kind: "failed", reason, message: "why", hint: "h" }, torrent)!;
  assertEquals(failed("stalled").message, "Cannot finish data: why");
  assertEquals(failed("stalled").exitCode, 3);
  assertEquals(failed("bad-data").exitCode, 6);
  assertEquals(failed("storage").message, "why");
  assertEquals(failed("storage").hint, "h");
});

Deno.test("exitCodeOf() and isExplained() agree with the table", () => {
  assertEquals(exitCodeOf("metadata-timeout"), 3);
  for (const code of [0, 130, 143]) assert(!isExplained(code));
  for (const code of [1, 2, 3, 4, 5, 6, 7]) assert(isExplained(code));
});
