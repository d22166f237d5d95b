/**
 * The pipeline against a model of a link: a peer that serves one block after the other, `blocksPerSecond`
 * of them, half a round trip away.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BLOCK_BYTES, GIB, KIB } from "../../src/base/units.ts";
import { INITIAL_DEPTH, type Peer } from "../../src/swarm/peer.ts";
import {
  adapt,
  depthLimit,
  isOverdue,
  MAX_DEPTH,
  onBlock,
  REQUEST_TIMEOUT_MS,
} from "../../src/swarm/pipeline.ts";
import { newPeer } from "./support.ts";

function peerTaking(requestQueue?: number): Peer {
  const peer = newPeer({ slot: 0, giver: 0, pieceCount: 1 });
  if (requestQueue !== undefined) {
    peer.extensions = {
      ids: new Map(),
      version: undefined,
      port: undefined,
      requestQueue,
      metadataSize: undefined,
      uploadOnly: undefined,
      yourIp: undefined,
      prefersEncryption: undefined,
    };
  }
  return peer;
}

/** A peer behind a link, and a downloader that keeps its pipeline full. */
class Link {
  readonly peer: Peer;
  bytesPerSecond: number;
  /** The most blocks that were in flight. */
  deepest = 0;
  /** Whether the downloader asks; it may be short of memory. */
  isAsking = true;
  readonly #rttMs: number;
  #now = 0;
  #made = 0;
  // Bytes that the peer could have sent by now and has not.
  #credit = 0;
  // Requests on their way or waiting at the peer, and blocks on their way back, each with its time.
  readonly #asked: Timed[] = [];
  readonly #sent: Timed[] = [];

  constructor(peer: Peer, link: { bytesPerSecond: number; rttMs: number }) {
    this.peer = peer;
    this.bytesPerSecond = link.bytesPerSecond;
    this.#rttMs = link.rttMs;
  }

  /** Lets time pass and returns the rate of it in bytes per second. */
  run(seconds: number): number {
    const before = this.peer.down.total;
    for (let i = 0; i < seconds * 1000; i++) this.#step();
    return (this.peer.down.total - before) / seconds;
  }

  #step(): void {
    const { peer } = this;
    this.#now++;
    for (const { block } of due(this.#sent, this.#now)) {
      onBlock(peer, peer.requests.remove(0, block), this.#now);
      peer.down.add(BLOCK_BYTES, this.#now);
    }
    while (this.isAsking && peer.requests.length < peer.depth) {
      peer.requests.push(0, this.#made, this.#now);
      this.#asked.push({ block: this.#made++, at: this.#now + this.#rttMs / 2 });
    }
    this.#serve();
    this.deepest = Math.max(this.deepest, peer.requests.length);
    if (this.#now % 500 === 0) adapt(peer, 500);
  }

  #serve(): void {
    const waiting = this.#asked.findLastIndex((request) => request.at <= this.#now) + 1;
    this.#credit += waiting > 0 ? this.bytesPerSecond / 1000 : -this.#credit;
    const count = Math.min(waiting, Math.floor(this.#credit / BLOCK_BYTES));
    this.#credit -= count * BLOCK_BYTES;
    for (const { block } of this.#asked.splice(0, count)) {
      this.#sent.push({ block, at: this.#now + this.#rttMs / 2 });
    }
  }
}

interface Timed {
  readonly block: number;
  readonly at: number;
}

/** Takes out what is due. */
function due(queue: Timed[], now: number): Timed[] {
  return queue.splice(0, queue.findLastIndex((timed) => timed.at <= now) + 1);
}

const GIGABIT = 125_000_000;

Deno.test("onBlock() doubles the depth each round trip when the peer is new", () => {
  const peer = peerTaking(MAX_DEPTH);
  for (let i = 0; i < INITIAL_DEPTH; i++) onBlock(peer, 0, 200);
  assertEquals(peer.depth, 2 * INITIAL_DEPTH);
});

Deno.test("depthLimit() keeps what the peer says, 250 where it says nothing, and our own bound", () => {
  assertEquals([peerTaking(), peerTaking(7), peerTaking(1_000_000)].map(depthLimit), [
    250,
    7,
    MAX_DEPTH,
  ]);
});

for (const reqq of [1, 3, 64, 250, 2000]) {
  Deno.test(`adapt() never asks for more than reqq ${reqq} when the peer is fast`, () => {
    const link = new Link(peerTaking(reqq), { bytesPerSecond: GIGABIT, rttMs: 200 });
    link.run(5);
    // What is asked before the first block is not known to be too much.
    assert(link.peer.depth <= reqq, `${link.peer.depth}`);
    assert(link.deepest <= Math.max(reqq, 32), `${link.deepest}`);
  });
}

Deno.test("adapt() fills a loopback link", () => {
  const link = new Link(peerTaking(2000), { bytesPerSecond: 0.6 * GIB, rttMs: 0 });
  link.run(1);
  const rate = link.run(1);
  assert(rate > 0.98 * 0.6 * GIB, `${rate}`);
});

Deno.test("adapt() keeps at most 4 MiB in flight where the way is short, and loses nothing by it", () => {
  for (const rttMs of [0, 1]) {
    const link = new Link(peerTaking(2000), { bytesPerSecond: 0.25 * GIB, rttMs });
    link.run(1);
    const rate = link.run(4);
    assert(link.deepest <= 257, `${link.deepest} at ${rttMs} ms`);
    assert(rate > 0.95 * 0.25 * GIB, `${rate} at ${rttMs} ms`);
  }
});

Deno.test("adapt() fills 200 ms × 1 Gbit/s within three seconds", () => {
  const link = new Link(peerTaking(2000), { bytesPerSecond: GIGABIT, rttMs: 200 });
  link.run(3);
  const rate = link.run(5);
  assert(rate > 0.98 * GIGABIT, `${rate}`);
});

for (const [kib, rttMs] of [[2, 100], [20, 50], [20, 400], [100, 20], [500, 300]] as const) {
  Deno.test(`adapt() lets a peer of ${kib} KiB/s and ${rttMs} ms hold little`, () => {
    const link = new Link(peerTaking(2000), { bytesPerSecond: kib * KIB, rttMs });
    const rate = link.run(60);
    assert(rate > 0.9 * kib * KIB, `${rate}`);
    const { depth } = link.peer;
    const heldMs = (depth * BLOCK_BYTES * 1000) / (kib * KIB);
    assert(depth <= 8 || heldMs <= 2000 + 4 * rttMs, `${depth} blocks, ${heldMs} ms`);
  });
}

Deno.test("adapt() gives up depth when a fast peer becomes slow, and takes it back", () => {
  const link = new Link(peerTaking(2000), { bytesPerSecond: GIGABIT / 10, rttMs: 50 });
  link.run(5);
  const before = link.peer.depth;
  link.bytesPerSecond = 50 * KIB;
  link.run(30);
  assert(link.peer.depth <= 6, `${link.peer.depth}`);
  link.bytesPerSecond = GIGABIT / 10;
  link.run(10);
  assert(link.peer.depth > before / 2, `${link.peer.depth} of ${before}`);
});

Deno.test("adapt() keeps the depth when nothing was asked for a while", () => {
  const link = new Link(peerTaking(2000), { bytesPerSecond: GIGABIT, rttMs: 200 });
  link.run(5);
  link.isAsking = false;
  link.run(30);
  const { depth } = link.peer;
  link.isAsking = true;
  const rate = link.run(2);
  assert(rate > 0.7 * GIGABIT, `${rate} with a depth of ${depth}`);
});

Deno.test("adapt() asks a snubbed peer for one block at a time", () => {
  const peer = peerTaking();
  peer.isInSlowStart = false;
  peer.isSnubbed = true;
  peer.requests.push(0, 0, 0);
  adapt(peer, 500);
  assertEquals(peer.depth, 1);
});

Deno.test("isOverdue() is about the oldest request", () => {
  const peer = peerTaking();
  assertEquals(isOverdue(peer, 1e9), false);
  peer.requests.push(0, 0, 1000);
  peer.requests.push(0, 1, 5000);
  assertEquals(isOverdue(peer, 999 + REQUEST_TIMEOUT_MS), false);
  assertEquals(isOverdue(peer, 1000 + REQUEST_TIMEOUT_MS), true);
  peer.requests.remove(0, 0);
  assertEquals(isOverdue(peer, 1000 + REQUEST_TIMEOUT_MS), false);
});
