/**
 * Who is served in which round.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { Choker, MIN_SLOTS, OPTIMISTIC_MS, ROUND_MS, SNUB_MS } from "../../src/swarm/choker.ts";
import type { Peer } from "../../src/swarm/peer.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { SimRandom } from "../sim/random.ts";
import { newPeer } from "./support.ts";

/** Peers, and a choker whose decisions are carried out as the giving side does. */
class Table {
  readonly choker = new Choker(new SimRandom(1));
  readonly peers: Peer[] = [];
  now = 0;

  /** Peers that want something, and that we want something of. */
  add(count: number): Peer[] {
    const added = Array.from({ length: count }, () => interested(this.peers.length, this.now));
    this.peers.push(...added);
    return added;
  }

  round(isSeeding = false): Set<Peer> {
    return this.#carryOut(this.choker.round(this.peers, this.now, { isSeeding }));
  }

  refill(isSeeding = false): Set<Peer> {
    return this.#carryOut(this.choker.refill(this.peers, this.now, { isSeeding }));
  }

  #carryOut(served: Set<Peer>): Set<Peer> {
    for (const peer of this.peers) {
      if (peer.amChoking !== served.has(peer)) continue;
      peer.amChoking = !served.has(peer);
      peer.servedAt = peer.busyAt = this.now;
    }
    return served;
  }

  /** Ten seconds in which the peers give and take so many bytes a second; who takes nothing stands idle. */
  pass(rates: { down?: (peer: Peer) => number; up?: (peer: Peer) => number }): void {
    for (let i = 0; i < 10; i++) {
      this.now += ROUND_MS / 10;
      for (const peer of this.peers) {
        const down = rates.down?.(peer) ?? 0;
        if (down > 0) {
          peer.down.add(down * ROUND_MS / 10_000, this.now);
          peer.lastBlockAt = this.now;
        }
        const up = peer.amChoking ? 0 : rates.up?.(peer) ?? 1;
        if (up === 0) continue;
        peer.up.add(up * ROUND_MS / 10_000, this.now);
        peer.busyAt = this.now;
      }
    }
  }
}

function interested(slot: number, now: number): Peer {
  const peer = newPeer({
    slot,
    giver: slot,
    address: { host: `9.0.0.${slot}`, port: 6881 },
    peerId: new Uint8Array(20).fill(slot),
    pieceCount: 8,
    now,
  });
  peer.peerInterested = peer.amInterested = true;
  return peer;
}

Deno.test("round() serves nobody who wants nothing, is leaving, or says to be upload only", () => {
  const table = new Table();
  const [uninterested, leaving, partial, other] = table.add(4) as [Peer, Peer, Peer, Peer];
  uninterested.peerInterested = false;
  leaving.closing = "no-use";
  const said = encodeExtensionHandshake({ m: {}, v: "", reqq: 250, uploadOnly: true });
  partial.extensions = decodeExtensionHandshake(said);
  assertEquals([...table.round()], [other]);
});

Deno.test("round() reciprocates those who give most when we download", () => {
  const table = new Table();
  const peers = table.add(12);
  const best = new Set(peers.slice(5, 5 + MIN_SLOTS - 1));
  const down = (peer: Peer) => best.has(peer) ? 5_000 : 1_000;
  for (let i = 0; i < 3; i++) {
    table.round();
    table.pass({ down });
  }
  for (let i = 0; i < 10; i++) {
    const served = table.round();
    assertEquals(served.size, MIN_SLOTS);
    for (const peer of best) assert(served.has(peer), `round ${i}`);
    table.pass({ down });
  }
});

Deno.test("round() looks at what was given lately, not long ago", () => {
  const table = new Table();
  const [old, ...others] = table.add(8) as [Peer, ...Peer[]];
  table.round();
  table.pass({ down: (peer) => peer === old ? 1_000_000 : 0 });
  for (let i = 0; i < 3; i++) {
    table.round();
    table.pass({ down: (peer) => peer === old ? 100 : 500 });
  }
  const served = table.round();
  const regular = others.filter((peer) => served.has(peer));
  assertGreater(regular.length, MIN_SLOTS - 2);
});

Deno.test("round() gives a peer that snubs us no regular slot", () => {
  const table = new Table();
  const [snubbing, ...others] = table.add(4 * MIN_SLOTS) as [Peer, ...Peer[]];
  const down = (peer: Peer) => peer === snubbing ? 0 : 100 + peer.slot;
  let served = 0;
  for (let i = 0; i < 60; i++) {
    // What it gave once counts for nothing after a minute of silence.
    if (i === 0) snubbing.down.add(10_000_000, table.now);
    const rounds = table.round();
    assertEquals(rounds.size, MIN_SLOTS);
    if (table.now > SNUB_MS && rounds.has(snubbing)) served++;
    table.pass({ down });
  }
  assertEquals(others.length, 15);
  // One slot in four is by lot, among thirteen: about 4 of 54 rounds.
  assertLessOrEqual(served, 12);
});

Deno.test("round() moves the optimistic slot every thirty seconds, to everybody in the end", () => {
  const table = new Table();
  const peers = table.add(8);
  const givers = new Set(peers.slice(0, MIN_SLOTS - 1));
  const down = (peer: Peer) => givers.has(peer) ? 1_000 : 0;
  table.pass({ down });
  const seen = new Map<Peer, number>();
  let before: Peer | undefined;
  let changes = 0;
  for (let i = 0; i < 120; i++) {
    const [lucky, ...more] = [...table.round()].filter((peer) => !givers.has(peer));
    assertEquals(more, []);
    if (lucky !== before) {
      changes++;
      // Never sooner than thirty seconds.
      if (before !== undefined) assert(table.now - seen.get(before)! >= OPTIMISTIC_MS);
      seen.set(lucky!, table.now);
    }
    before = lucky;
    table.pass({ down });
  }
  assertEquals(seen.size, 5);
  assertGreater(changes, 20);
});

Deno.test("round() prefers newcomers three to one for the optimistic slot", () => {
  let newcomers = 0;
  const table = new Table();
  const old = table.add(10);
  table.now = 120_000;
  const fresh = table.add(10);
  for (const peer of table.peers) peer.amInterested = false;
  for (let i = 0; i < 300; i++) {
    for (const peer of table.peers) peer.amChoking = true;
    const first = [...table.choker.round(table.peers, table.now, { isSeeding: false })];
    for (const peer of first) if (fresh.includes(peer)) newcomers++;
  }
  const share = newcomers / (300 * MIN_SLOTS);
  assertGreater(share, 0.62);
  assertLessOrEqual(share, 0.8);
  assertEquals(old.length, 10);
});

Deno.test("round() lets turns go round when we seed, a minute each", () => {
  const table = new Table();
  const peers = table.add(MIN_SLOTS * 3);
  const turns = new Map<Peer, number>();
  for (let i = 0; i < 72; i++) {
    for (const peer of table.round(true)) turns.set(peer, (turns.get(peer) ?? 0) + 1);
    table.pass({});
  }
  for (const peer of peers) {
    const share = turns.get(peer) ?? 0;
    assertGreater(share, 12, `peer ${peer.slot}`);
    assertLessOrEqual(share, 36, `peer ${peer.slot}`);
  }
});

Deno.test("the number of slots follows what the line carries, up and down", () => {
  const table = new Table();
  table.add(40);
  // A line of 1 MB/s serves thirty at 32 KiB/s each.
  for (let i = 0; i < 12; i++) {
    const served = table.round(true).size;
    table.pass({ up: () => 1_000_000 / served });
  }
  const many = table.choker.slots;
  assertGreater(many, 20);
  assertLessOrEqual(many, 45);
  for (let i = 0; i < 60; i++) {
    const served = table.round(true).size;
    table.pass({ up: () => 30_000 / served });
  }
  assertEquals(table.choker.slots, MIN_SLOTS);
});

Deno.test("refill() gives what stands idle to somebody who waits, and takes nothing away", () => {
  const table = new Table();
  const peers = table.add(3 * MIN_SLOTS);
  const first = table.round();
  table.now += 1_000;
  for (const peer of first) peer.busyAt = table.now;
  assertEquals(table.refill(), first);
  const [idle] = first;
  table.now += 1_000;
  for (const peer of first) if (peer !== idle) peer.busyAt = table.now;
  const second = table.refill();
  assertEquals(second.size, MIN_SLOTS + 1);
  for (const peer of first) assert(second.has(peer));
  // However many stand idle, not more than two for each slot are unchoked.
  for (let i = 0; i < 20; i++) {
    table.now += 1_000;
    table.refill();
  }
  assertEquals(peers.filter((peer) => !peer.amChoking).length, 2 * MIN_SLOTS);
});

Deno.test("refill() chokes whoever wants nothing any more", () => {
  const table = new Table();
  table.add(2 * MIN_SLOTS);
  const [done] = table.round();
  done!.peerInterested = false;
  const served = table.refill();
  assert(!served.has(done!));
  assertEquals(served.size, MIN_SLOTS);
});

Deno.test("refill() gives nothing that stands idle to a peer that keeps what we want", () => {
  const table = new Table();
  const peers = table.add(3 * MIN_SLOTS);
  table.now = SNUB_MS;
  const [snubbing] = table.round();
  assert(snubbing!.amInterested);
  table.now += 1_000;
  assertEquals(table.refill().size, 1, "one slot is by lot");
  for (const peer of peers) if (peer !== snubbing) peer.amInterested = false;
  assertEquals(table.refill().size, MIN_SLOTS + 1);
});
