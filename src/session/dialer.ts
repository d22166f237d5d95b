/**
 * Turns known addresses into connections, one permit each.
 *
 * The loop waits for an address that is due, then for a permit (first come, first served over all
 * torrents of the session), and only then takes the best address, since a better one may have come.
 *
 * @module
 */

import type { Permit, Semaphore } from "../base/semaphore.ts";
import type { Wakeup } from "../base/wakeup.ts";
import type { Clock } from "../ports/clock.ts";
import type { PeerBook } from "../swarm/peer_book.ts";
import type { KnownPeer } from "../swarm/peer_rank.ts";

/** How long a connection may take to be made. */
export const DIAL_TIMEOUT_MS = 5_000;

/** What the dialer works with. */
export interface DialerParts {
  readonly book: PeerBook;
  readonly permits: Semaphore;
  readonly clock: Clock;
  /** Notified when the book may have something new. */
  readonly news: Wakeup;
  /** False while no peers are wanted. */
  readonly wantsPeers: () => boolean;
  /** Starts a connection; takes over the permit. */
  readonly connect: (known: KnownPeer, permit: Permit) => void;
}

/** Dials until the signal aborts. */
export async function dialPeers(parts: DialerParts, signal: AbortSignal): Promise<void> {
  const { book, permits, clock, news } = parts;
  while (!signal.aborted) {
    if (!parts.wantsPeers() || book.nextAt() > clock.now()) {
      await waitForNews(parts, signal);
      continue;
    }
    const permit = await permits.acquire({ signal });
    const known = parts.wantsPeers() ? book.take(clock.now()) : undefined;
    if (known === undefined) permit.release();
    else parts.connect(known, permit);
  }
  news.notify();
}

async function waitForNews(parts: DialerParts, signal: AbortSignal): Promise<void> {
  const { book, clock, news } = parts;
  const timer = new AbortController();
  const stop = AbortSignal.any([signal, timer.signal]);
  const at = book.nextAt();
  if (Number.isFinite(at)) {
    const ms = Math.max(50, at - clock.now());
    clock.sleep(ms, { signal: stop }).then(() => news.notify(), () => {});
  }
  await news.wait(signal);
  timer.abort();
}
