/**
 * The runtime's network errors, turned into ours.
 *
 * @module
 */

import { NetworkError } from "../base/errors.ts";

/** Whether a failed read or write only says that the stream is over: reset, broken pipe, closed here. */
export function isEndOfStream(error: unknown): boolean {
  const { errors } = Deno;
  return error instanceof errors.ConnectionReset || error instanceof errors.ConnectionAborted ||
    error instanceof errors.BrokenPipe || error instanceof errors.BadResource ||
    error instanceof errors.Interrupted || error instanceof errors.UnexpectedEof ||
    error instanceof errors.NotConnected;
}

/** A `NetworkError` that begins with `what` and says in plain words why. */
export function toNetworkError(error: unknown, what: string): NetworkError {
  if (error instanceof NetworkError) return error;
  const [kind, why] = explain(error);
  return new NetworkError(kind, `${what}: ${why}`, { cause: error });
}

function explain(error: unknown): [NetworkError["kind"], string] {
  const { errors } = Deno;
  if (error instanceof errors.ConnectionRefused) return ["refused", "connection refused"];
  if (error instanceof errors.AddrInUse) return ["in-use", "the port is taken"];
  if (error instanceof errors.TimedOut) return ["timeout", "no answer"];
  if (isEndOfStream(error)) return ["unreachable", "connection closed"];
  return explainText(withoutSecrets(chainOf(error)));
}

// Some failures have a class of their own in no version of the runtime, and none inside `fetch`. `$1` is what
// the pattern has in parentheses.
const PATTERNS: readonly (readonly [RegExp, NetworkError["kind"], string])[] = [
  [/requests to port (\d+) are blocked/i, "other", "port $1 is one that HTTP clients refuse"],
  [/connection refused|ECONNREFUSED/i, "refused", "connection refused"],
  [/address already in use|EADDRINUSE/i, "in-use", "the port is taken"],
  [/certificate|unknownissuer|notvalidforname/i, "other", "TLS certificate is not valid"],
  [
    /dns error|lookup address|name or service|no such host|nodename/i,
    "unreachable",
    "name not found",
  ],
  [/network is unreachable/i, "unreachable", "network is unreachable"],
  [/no route to host|host is unreachable/i, "unreachable", "no route to host"],
  [/timed out/i, "timeout", "no answer"],
  [/permission denied/i, "other", "permission denied"],
  [/requires \w+ access/i, "other", "starling was started without the permission (--allow-net)"],
  [/cannot assign requested address/i, "unreachable", "address is not available"],
  [/tls|ssl|corrupt message|handshake/i, "other", "TLS handshake failed"],
  [/message head is too large/i, "other", "the answer begins with too many headers"],
  [/invalid HTTP|invalid status/i, "other", "the answer is not HTTP"],
  [/reset|closed|eof|broken pipe|incomplete|aborted/i, "unreachable", "connection closed"],
];

function explainText(text: string): [NetworkError["kind"], string] {
  for (const [pattern, kind, why] of PATTERNS) {
    const found = pattern.exec(text);
    if (found !== null) return [kind, why.replace("$1", found[1] ?? "")];
  }
  return ["other", text.slice(0, 200) || "unknown error"];
}

// The runtime names the URL, whose query and user may hold a passkey or a password.
function withoutSecrets(text: string): string {
  return text.replace(/(\w+:\/\/)(?:[^\s/@]*@)?([^\s?#)]*)[^\s)]*/g, "$1$2");
}

function chainOf(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error && parts.length < 5; at = at.cause) {
    parts.push(at.message);
  }
  return parts.join(": ");
}
