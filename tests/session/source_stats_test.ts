/**
 * The books by kind of source.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SourceLedger } from "../../src/session/source_stats.ts";
import type { PeerSource } from "../../src/swarm/peer_sources.ts";

const KINDS: Record<number, PeerSource> = { 1: "tracker", 2: "tracker", 3: "pex" };
const sourceOf = (giver: number) => KINDS[giver];
const peer = (giver: number, total: number, peerChoking = false) => ({
  giver,
  peerChoking,
  down: { total },
});

Deno.test("SourceLedger.stats() counts peers that are there and bytes of gone ones, too", () => {
  const ledger = new SourceLedger();
  ledger.settle("pex", 500);
  ledger.settle("lsd", 0);
  const stats = ledger.stats([peer(1, 10, true), peer(2, 20), peer(3, 1), peer(9, 0)], sourceOf);
  assertEquals(stats, [
    { source: "pex", peers: 1, peersChoking: 0, bytes: 501 },
    { source: "tracker", peers: 2, peersChoking: 1, bytes: 30 },
    { source: "incoming", peers: 1, peersChoking: 0, bytes: 0 },
  ]);
});

Deno.test("SourceLedger.stats() has nothing to tell when there was nobody", () => {
  assertEquals(new SourceLedger().stats([], sourceOf), []);
});
