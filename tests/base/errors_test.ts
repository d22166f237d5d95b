/**
 * Errors: classes and fields, which is what code decides on.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  BencodeError,
  DiskError,
  MetainfoError,
  NetworkError,
  OptionsError,
  PeerError,
  TrackerError,
} from "../../src/base/errors.ts";

Deno.test("errors carry their class, fields and cause", () => {
  const cause = new Error("why");
  const bencode = new BencodeError("Cannot parse integer: leading zero", 7);
  assertEquals(String(bencode), "BencodeError: Cannot parse integer: leading zero at byte 7");
  assert(bencode instanceof SyntaxError && bencode.offset === 7);
  const metainfo = new MetainfoError("Cannot parse info.name: empty", "info.name", { cause });
  assertEquals([metainfo.path, metainfo.cause], ["info.name", cause]);
  const options = new OptionsError("Cannot use --x", { hint: "use --y", cause });
  assert(options instanceof TypeError);
  assertEquals([options.hint, options.cause, new OptionsError("x").hint], [
    "use --y",
    cause,
    undefined,
  ]);
  const tracker = new TrackerError("http://t/", "refused", "no", { retryAfterMs: 5, cause });
  assertEquals([tracker.url, tracker.kind, tracker.retryAfterMs], ["http://t/", "refused", 5]);
  const disk = new DiskError("Cannot write a: disk full", {
    path: "a",
    operation: "write",
    kind: "full",
    cause,
  });
  assertEquals([disk.path, disk.operation, disk.kind, disk.hint], [
    "a",
    "write",
    "full",
    undefined,
  ]);
  assertEquals(new NetworkError("timeout", "slow", { cause }).cause, cause);
});

Deno.test("PeerError is a fault only when the peer broke the protocol", () => {
  assertEquals(new PeerError("flood").isFault, true);
  assertEquals(new PeerError("flood").message, "flood");
  for (const reason of ["eof", "reset", "idle", "no-use", "self", "stopped"] as const) {
    assertEquals(new PeerError(reason).isFault, false, reason);
  }
});
