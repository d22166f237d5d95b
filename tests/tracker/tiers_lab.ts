/**
 * A list of trackers in drawings, for the tests of who is asked when.
 *
 * @module
 */

import { type AnnounceResponse, trackerError } from "../../src/tracker/announce.ts";
import { TierList, type Tracker } from "../../src/tracker/tiers.ts";

/** A list and what is done with it; its invariants are checked after each step. */
export interface TierLab {
  readonly list: TierList;
  readonly find: (url: string) => Tracker;
  /** Who is due, `a:started b`, and when the list wants to be asked again. */
  readonly at: (now: number) => [due: string, wakeAt: number];
  /** A tracker answers with so many peers. */
  readonly ok: (
    url: string,
    now: number,
    peers?: number,
    more?: Partial<AnnounceResponse>,
  ) => void;
  /** A tracker cannot be reached. */
  readonly fail: (url: string, now: number, retryAfterMs?: number) => void;
  /** All URLs in their order. */
  readonly order: () => string;
}

/** Drawn tiers: `"ab c"` is a tier of a and b, then one of c. Not shuffled: `below` gives the last. */
export function setup(
  drawn: string,
  options: { user?: string; isPrivate?: boolean; asksAll?: boolean } = {},
): TierLab {
  const list = new TierList({
    tiers: drawn.split(" ").map((tier) => [...tier]),
    userTrackers: [...options.user ?? ""],
    random: { below: (limit) => limit - 1 },
    isPrivate: options.isPrivate ?? false,
    asksAll: options.asksAll ?? false,
  });
  const find = (url: string) => list.trackers.find((t) => t.url === url)!;
  const at = (now: number): [string, number] => {
    const { due, wakeAt } = list.take(now);
    list.checkInvariants();
    const drawnDue = due.map((t) => t.url + (t.asking?.event ? `:${t.asking.event}` : ""));
    return [drawnDue.join(" "), wakeAt];
  };
  const ok = (url: string, now: number, peers = 0, more: Partial<AnnounceResponse> = {}) => {
    list.succeeded(find(url), { ...answer(peers), ...more }, now);
    list.checkInvariants();
  };
  const fail = (url: string, now: number, retryAfterMs?: number) => {
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
    list.failed(find(url), trackerError(url, "unreachable", "no", retry), now);
    list.checkInvariants();
  };
  const order = () => list.trackers.map((t) => t.url).join("");
  return { list, find, at, ok, fail, order };
}

/** What a tracker says that knows so many peers. */
export function answer(peers: number): AnnounceResponse {
  const list = Array.from({ length: peers }, (_, i) => ({ host: "1.2.3.4", port: i + 1 }));
  return { peers: list, intervalMs: 1_800_000, seeds: 1, leeches: 2, warning: null };
}
