/**
 * Host names to IP literals, by the system's resolver (so /etc/hosts counts).
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import process from "node:process";
import { formatIp, parseIp } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";

/**
 * The IP literals of a host name, at least one, in the system's order; a literal gives itself.
 *
 * @throws {NetworkError} kind `unreachable` when the name has none; or the signal's reason.
 */
export async function resolveHost(
  host: string,
  options: { signal?: AbortSignal } = {},
): Promise<string[]> {
  const { signal } = options;
  signal?.throwIfAborted();
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const literal = parseIp(bare);
  if (literal) return [formatIp(literal)];
  try {
    const found = await unlessAborted(lookupQuietly(bare), signal);
    const hosts = new Set<string>();
    for (const { address } of found) {
      const ip = parseIp(address);
      if (ip) hosts.add(formatIp(ip));
    }
    if (hosts.size > 0) return [...hosts];
  } catch (error) {
    signal?.throwIfAborted();
    throw new NetworkError("unreachable", `Cannot resolve "${host}": name not found`, {
      cause: error,
    });
  }
  throw new NetworkError("unreachable", `Cannot resolve "${host}": it has no address`);
}

// Deno 2.6 tells the user that its own implementation of this call is deprecated.
function lookupQuietly(host: string): Promise<{ address: string }[]> {
  const warnings = process as unknown as { noDeprecation: boolean | undefined };
  const before = warnings.noDeprecation;
  warnings.noDeprecation = true;
  try {
    return lookup(host, { all: true });
  } finally {
    warnings.noDeprecation = before;
  }
}

// The resolver cannot be stopped; a caller that has given up does not wait for it.
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
