/**
 * Which of two known addresses is dialled first, and which is put out first when the book is full.
 *
 * History decides before hearsay: what was tried in vain least, then what was tried longest ago. Among those
 * never tried, sources that know better come first: the local network, trackers and peers that have
 * reached an address themselves, then the others. Canonical priority (BEP 40) settles the rest.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import type { Millis } from "../base/units.ts";
import type { PeerSource } from "./peer_sources.ts";

/** One known address. */
export interface KnownPeer {
  /** Its number, never used again; names it as the giver of blocks. */
  readonly id: number;
  readonly address: Address;
  source: PeerSource;
  /** Being dialled or connected. */
  isBusy: boolean;
  /** Failures in a row. */
  failures: number;
  /** Connections in a row that failed or were of no use. */
  vain: number;
  /** Not dialled before this time. */
  notBefore: Millis;
  /** It was let go since neither side had any need of the other. */
  isNeedless: boolean;
  isBanned: boolean;
  /** Somebody says that he has dialled it with success. */
  isReachable: boolean;
  /** Somebody says that it has everything. */
  isSeed: boolean;
  /** Order among equals, the highest first: canonical (BEP 40), or by lot while our address is not known. */
  priority: number;
}

/** Failures in a row after which an address is not dialled any more, unless the user named it. */
const MAX_FAILURES = 8;

/** Whether an address may be dialled at all, now or later. */
export function isDialable(known: KnownPeer): boolean {
  return !known.isBusy && !known.isBanned && known.source !== "incoming" &&
    (known.failures < MAX_FAILURES || known.source === "user");
}

/** Whether `a` is dialled before `b`. */
export function isBetter(a: KnownPeer, b: KnownPeer): boolean {
  // The user's word counts until the address has proven to be of no use; then others have their turn.
  const isNamed = (known: KnownPeer) => known.source === "user" && known.vain === 0;
  if (isNamed(a) !== isNamed(b)) return isNamed(a);
  if (a.vain !== b.vain) return a.vain < b.vain;
  if (a.notBefore !== b.notBefore) return a.notBefore < b.notBefore;
  const [left, right] = [hearsay(a), hearsay(b)];
  return left !== right ? left < right : a.priority > b.priority;
}

/** What cannot be dialled is put out first, or peers that come and go would fill the book for good. */
export function badness(known: Pick<KnownPeer, "source" | "failures" | "isReachable">): number {
  if (known.source === "incoming") return Infinity;
  return known.failures * 10 + hearsay(known);
}

/** How little a source's word is worth. */
function hearsay({ source, isReachable }: Pick<KnownPeer, "source" | "isReachable">): number {
  switch (source) {
    case "user":
    case "lsd":
      return 0;
    case "tracker":
      return 1;
    default:
      return isReachable ? 1 : 2;
  }
}
