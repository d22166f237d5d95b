/**
 * The safety policy: what URLs that came from others may make us contact.
 *
 * A torrent can name any URL as its tracker, and a server can redirect anywhere; without a policy both could
 * make this machine send requests to services behind its firewall (a router's web page, a metadata
 * service). Local trackers work without a flag; what looks like anything but a tracker on a local address
 * does not. What the user typed is always allowed. Names are looked up where the answer matters, so that a
 * public name of a local address counts as local; a name that cannot be looked up counts as public, since
 * it cannot be contacted either. Callers say whether the user typed the URL or gave `--allow-private`.
 *
 * @module
 */

import { isLocalIp } from "../base/address.ts";
import type { Network } from "../ports/network.ts";

/** What a decision rests on. */
export interface PolicyOptions {
  /** Whether the URL was typed by the user rather than found in a torrent or a redirect of such a URL. */
  readonly isUserTyped: boolean;
  /** Whether the user permits private addresses. */
  readonly allowPrivate: boolean;
  /** For looking up names. */
  readonly resolve: Network["resolve"];
  /** Aborts the look-up. */
  readonly signal: AbortSignal;
}

/** The longest URL of a tracker that is used; passkeys and queries of real ones stay far below. */
export const MAX_URL_LENGTH = 2048;

/** Top-level names that never leave a local network (RFC 6761, 6762, 8375, and what routers hand out). */
const LOCAL_NAMES =
  /(?:^|\.)(?:localhost|local|localdomain|lan|home|internal|intranet|home\.arpa)$/;

/** A tracker's URL, parsed and with its scheme checked, or why it cannot be used. */
export function parseTrackerUrl(text: string): URL | { readonly refusal: string } {
  if (text.length > MAX_URL_LENGTH) return { refusal: "the URL is too long" };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.hostname === "") return { refusal: "not a URL" };
  if (["http:", "https:", "udp:"].includes(url.protocol)) return url;
  return { refusal: "not an http, https or udp URL" };
}

/**
 * Why a tracker's URL must not be announced to; `undefined` when it may. Refused is a path that does not
 * end in `/announce` on a local address.
 *
 * @throws the signal's reason, when it aborts.
 */
export async function trackerRefusal(
  url: URL,
  options: PolicyOptions,
): Promise<string | undefined> {
  if (options.isUserTyped || options.allowPrivate) return undefined;
  if (url.protocol === "udp:" || url.pathname.endsWith("/announce")) return undefined;
  if (!await isLocal(url, options)) return undefined;
  return "an odd path on a private address";
}

/**
 * Why a redirect must not be followed; `undefined` when it may. Refused are other schemes than http and
 * https, to everyone, and the way from a public to a local address.
 *
 * @throws the signal's reason, when it aborts.
 */
export async function redirectRefusal(
  from: URL,
  to: URL,
  options: PolicyOptions,
): Promise<string | undefined> {
  if (to.protocol !== "http:" && to.protocol !== "https:") return "a redirect to another scheme";
  if (options.isUserTyped || options.allowPrivate) return undefined;
  if (!await isLocal(to, options) || await isLocal(from, options)) return undefined;
  return "a redirect from a public to a private address";
}

/**
 * Whether a host is local as it is written: a local IP literal (in brackets or not), a name of the local
 * network, or a name without a dot. Public names of local addresses are found by looking them up only.
 */
export function isLocalHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  if (isLocalIp(bare)) return true;
  if (bare.includes(":")) return false;
  return !bare.includes(".") || LOCAL_NAMES.test(bare);
}

async function isLocal(url: URL, options: PolicyOptions): Promise<boolean> {
  const { resolve, signal } = options;
  if (isLocalHost(url.hostname)) return true;
  try {
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    return (await resolve(host, { signal })).some(isLocalIp);
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
