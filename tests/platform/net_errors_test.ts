/**
 * The runtime's errors in plain words.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import { toNetworkError } from "../../src/platform/net_errors.ts";

// As seen from Deno; fetch says all of it in one text.
const SEEN: readonly (readonly [Error, NetworkError["kind"], string])[] = [
  [new Deno.errors.ConnectionRefused("x"), "refused", "connection refused"],
  [new Deno.errors.AddrInUse("x"), "in-use", "the port is taken"],
  [new Deno.errors.TimedOut("x"), "timeout", "no answer"],
  [new Deno.errors.ConnectionReset("x"), "unreachable", "connection closed"],
  [
    new TypeError(
      "error sending request for url (http://127.0.0.1:1/): client error (Connect): tcp connect error: Connection refused (os error 111)",
    ),
    "refused",
    "connection refused",
  ],
  [
    new TypeError(
      "error sending request: client error (Connect): dns error: failed to lookup address information: Name or service not known",
    ),
    "unreachable",
    "name not found",
  ],
  [
    new TypeError("client error (Connect): invalid peer certificate: UnknownIssuer"),
    "other",
    "TLS certificate is not valid",
  ],
  [
    new TypeError("Fetch failed: Requests to port 6000 are blocked"),
    "other",
    "port 6000 is one that HTTP clients refuse",
  ],
  [new Error("Network is unreachable (os error 101)"), "unreachable", "network is unreachable"],
  [new Error("No route to host (os error 113)"), "unreachable", "no route to host"],
  [
    new TypeError(
      "fetch failed: error sending request from 127.0.0.1:1 for http://127.0.0.1:2/a?passkey=reset (127.0.0.1:2): client error (SendRequest): message head is too large",
    ),
    "other",
    "the answer begins with too many headers",
  ],
  [
    new TypeError("client error (SendRequest): invalid HTTP version parsed"),
    "other",
    "the answer is not HTTP",
  ],
  [
    new TypeError("sending for http://me:secret@host:2/a?passkey=secret (host:2): something new"),
    "other",
    "sending for http://host:2/a (host:2): something new",
  ],
  [new Error("something new"), "other", "something new"],
  [new Error("outer", { cause: new Error("timed out") }), "timeout", "no answer"],
];

Deno.test("toNetworkError() says what happened when Deno says it in its own way", () => {
  for (const [error, kind, why] of SEEN) {
    const found = toNetworkError(error, "Cannot reach X");
    assertEquals([found.kind, found.message], [kind, `Cannot reach X: ${why}`]);
    assertStrictEquals(found.cause, error);
  }
});

Deno.test("toNetworkError() says something when a thing that is no error was thrown", () => {
  assertEquals(toNetworkError("odd", "Cannot").message, "Cannot: unknown error");
});

Deno.test("toNetworkError() leaves one of ours as it is", () => {
  const error = new NetworkError("policy", "no");
  assertStrictEquals(toNetworkError(error, "Cannot reach X"), error);
});
