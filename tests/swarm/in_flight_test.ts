/**
 * Requests that are not simply answered: chokes, rejects, late and unasked blocks, timeouts. All
 * through the bytes of the wire.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { UNASKED_LIMIT_BYTES } from "../../src/swarm/in_flight.ts";
import { MAX_DEPTH, REQUEST_TIMEOUT_MS } from "../../src/swarm/pipeline.ts";
import { INITIAL_DEPTH } from "../../src/swarm/peer.ts";
import { type Remote, Room } from "./room.ts";

/** The pieces among requests, each once. */
const piecesOf = (
  asked: readonly string[],
) => [...new Set(asked.map((what) => what.split(":")[0]))];

/** Refuses a request. */
function reject(remote: Remote, what: string): void {
  const [piece, block] = what.split(":").map(Number);
  remote.say.reject(piece!, block! * BLOCK_BYTES, BLOCK_BYTES);
  remote.tell();
}

function assertFault(reason: string, act: () => void): void {
  assertEquals(assertThrows(act, PeerError).reason, reason);
}

// ---- chokes ----------------------------------------------------------------------------------------

Deno.test("a choke without the fast extension frees what was asked for others", () => {
  const room = new Room({ pieces: 1 });
  const slow = room.connect({ isFast: false });
  assertEquals(slow.asked().length, 4);
  const other = room.connect();
  assertEquals(other.asked().length, 2, "the endgame asks twice");
  slow.say.choke();
  slow.tell();
  assertEquals(slow.peer.requests.length, 0);
  other.giveAll(["0:0", "0:1", "0:2", "0:3"]);
  assertEquals(slow.asked(), []);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("a block that crosses a choke is kept", () => {
  const room = new Room({ pieces: 1 });
  const remote = room.connect({ isFast: false });
  const asked = remote.asked();
  remote.say.choke();
  remote.tell();
  remote.giveAll(asked);
  assertEquals(room.settle(), ["0 good"]);
  assertEquals(room.swarm.counters.wasted, 0);
});

Deno.test("a choke with the fast extension leaves requests until each is refused", () => {
  const room = new Room({ pieces: 1 });
  const remote = room.connect();
  const asked = remote.asked();
  remote.say.choke();
  remote.tell();
  assertEquals(remote.peer.requests.length, 4);
  for (const what of asked) reject(remote, what);
  assertEquals(remote.peer.requests.length, 0);
  const other = room.connect();
  assertEquals(other.asked(), asked);
});

Deno.test("a fast peer that refuses thousands of requests behind a choke keeps its place", () => {
  const room = new Room({ pieces: 4, blocks: 500 });
  const remote = room.connect({ reqq: 2000 });
  remote.peer.depth = 2000;
  remote.tell();
  const asked = remote.asked();
  assertEquals(asked.length, 2000);
  for (const isChokeFirst of [true, false]) {
    if (isChokeFirst) remote.say.choke();
    for (const what of asked) {
      const [piece, block] = what.split(":").map(Number);
      remote.say.reject(piece!, block! * BLOCK_BYTES, BLOCK_BYTES);
    }
    if (!isChokeFirst) remote.say.choke();
    remote.say.unchoke();
    remote.tell();
    room.wait(1000);
    remote.tell();
    assertEquals(remote.asked().length, 2000);
  }
  assertEquals(remote.peer.closing, undefined);
});

Deno.test("nothing is asked of a choking peer but the pieces it allows", () => {
  const room = new Room();
  const remote = room.connect({ isUnchoking: false });
  assertEquals(remote.asked(), []);
  remote.say.allowedFast(2);
  remote.tell();
  assertEquals(remote.asked(), ["2:0", "2:1", "2:2", "2:3"]);
  reject(remote, "2:0");
  room.wait(1000);
  assertEquals(remote.asked(), [], "what was refused is not allowed");
});

// ---- rejects ---------------------------------------------------------------------------------------

Deno.test("a refused block goes to others at once and to the same peer after a pause", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const remote = room.connect({ have: "x " });
  assertEquals(remote.asked(), ["0:0"]);
  reject(remote, "0:0");
  assertEquals(remote.asked(), []);
  const other = room.connect({ have: "x " });
  assertEquals(other.asked(), ["0:0"]);
  room.disconnect(other);
  remote.tell();
  assertEquals(remote.asked(), []);
  room.wait(500);
  assertEquals(remote.asked(), ["0:0"]);
});

Deno.test("a peer that refuses everything is asked twice a second and then closed", () => {
  const room = new Room({ pieces: 1, blocks: 1 });
  const remote = room.connect();
  let requests = 0;
  while (remote.peer.closing === undefined && room.now < 120_000) {
    for (const what of remote.asked()) {
      requests++;
      reject(remote, what);
    }
    room.wait(100);
  }
  assertEquals(remote.peer.closing, "no-use");
  assert(room.now >= 20_000 && requests <= 80, `${requests} requests in ${room.now} ms`);
});

Deno.test("a reject of what was not asked changes nothing", () => {
  const room = new Room({ pieces: 1 });
  const remote = room.connect();
  remote.asked();
  reject(remote, "0:3");
  reject(remote, "0:3");
  remote.say.reject(0, 1 << 30, BLOCK_BYTES);
  remote.tell();
  assertEquals(remote.peer.requests.length, 3);
});

// ---- late and unasked blocks -------------------------------------------------------------------------

Deno.test("a block that comes after its timeout is kept", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const remote = room.connect();
  const asked = remote.asked();
  room.wait(REQUEST_TIMEOUT_MS);
  assertEquals([remote.peer.isSnubbed, remote.peer.requests.length], [true, 0]);
  remote.giveAll(asked);
  assertEquals([remote.peer.isSnubbed, room.swarm.counters.wasted], [false, 0]);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("a late block of an unproven peer is kept in its two pieces alone", () => {
  const room = new Room({ pieces: 3, blocks: 1 });
  const remote = room.connect({ isTrusted: false });
  const trial = piecesOf(remote.asked());
  const proven = room.connect();
  const third = proven.asked()[0]!;
  assert(!trial.includes(third.split(":")[0]));
  room.wait(REQUEST_TIMEOUT_MS);
  assertEquals(remote.peer.lateAllowance, 2);
  remote.giveAll([third]);
  assertEquals(room.settle(), []);
  assertEquals(room.swarm.counters.wasted, BLOCK_BYTES);
});

Deno.test("blocks that nobody asked for are borne for a while, dropped, and then a flood", () => {
  const room = new Room({ pieces: 1, blocks: 4 });
  const remote = room.connect({ isUnchoking: false });
  const limit = UNASKED_LIMIT_BYTES / BLOCK_BYTES;
  for (let i = 0; i < limit; i++) remote.give(0, i % 4);
  assertEquals(room.swarm.counters.wasted, UNASKED_LIMIT_BYTES);
  assertEquals(room.pool.out, 0);
  assertFault("flood", () => remote.give(0, 0));
});

Deno.test("blocks that nobody asked for are forgiven after a minute", () => {
  const room = new Room({ pieces: 1, blocks: 4 });
  const remote = room.connect({ isUnchoking: false });
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 30; i++) remote.give(0, i % 4);
    room.wait(60_500);
  }
  assertEquals(remote.peer.closing, undefined);
});

Deno.test("a peer cannot save up for a flood by choking us again and again", () => {
  const room = new Room({ pieces: 40, blocks: 8 });
  const remote = room.connect({ isFast: false });
  for (let i = 0; i < 500; i++) {
    remote.say.choke();
    remote.say.unchoke();
    remote.tell();
    remote.asked();
  }
  remote.say.choke();
  remote.tell();
  const limit = MAX_DEPTH + UNASKED_LIMIT_BYTES / BLOCK_BYTES;
  assertFault("flood", () => {
    for (let i = 0; i <= limit; i++) remote.give(i % 40, 0);
  });
});

Deno.test("the same block twice is wasted once", () => {
  const room = new Room({ pieces: 2 });
  const remote = room.connect();
  const [first] = remote.asked();
  remote.giveAll([first!, first!]);
  assertEquals(room.swarm.counters.wasted, BLOCK_BYTES);
});

// ---- timeouts ----------------------------------------------------------------------------------------

Deno.test("what a stalling peer was asked goes to another within 20 s though it came first", () => {
  const room = new Room({ pieces: 8, buffers: 8 });
  const stalling = room.connect();
  const held = piecesOf(stalling.asked());
  const honest = room.connect();
  const given: string[] = [];
  for (let at = 0; at < 20_000; at += 250) {
    const asked = honest.asked();
    given.push(...asked);
    honest.giveAll(asked);
    room.settle();
    room.wait(250);
  }
  assert(held.length > 1);
  assert(room.swarm.isComplete, `lacking ${room.swarm.lacking.count}`);
});

Deno.test("memory that forty stalling peers hold goes to the one that answers", () => {
  const room = new Room({ pieces: 64, blocks: 2, buffers: 16 });
  for (let i = 0; i < 39; i++) room.connect();
  const honest = room.connect();
  for (let at = 0; at < 45_000 && !room.swarm.isComplete; at += 250) {
    honest.giveAll(honest.asked());
    room.settle();
    room.wait(250);
  }
  assert(room.swarm.isComplete, `lacking ${room.swarm.lacking.count} after ${room.now} ms`);
});

Deno.test("a snubbed peer is asked for one block after a pause", () => {
  const room = new Room({ pieces: 8 });
  const remote = room.connect();
  assertEquals(remote.asked().length, INITIAL_DEPTH);
  room.wait(REQUEST_TIMEOUT_MS);
  assert(remote.peer.isSnubbed);
  assertEquals(remote.asked().length, 0);
  room.wait(REQUEST_TIMEOUT_MS / 2);
  assertEquals(remote.asked().length, 1);
});

Deno.test("a snubbed peer is asked as before when it answers", () => {
  const room = new Room({ pieces: 8 });
  const remote = room.connect();
  remote.asked();
  room.wait(REQUEST_TIMEOUT_MS * 2);
  const late = remote.asked();
  assert(remote.peer.isDoubtful);
  remote.giveAll(late);
  assert(!remote.peer.isDoubtful);
  room.wait(1000);
  assertEquals(remote.peer.isSnubbed, false);
  assert(remote.asked().length > 1);
});

Deno.test("only what is overdue is taken from a peer that still gives", () => {
  const room = new Room({ pieces: 8 });
  const remote = room.connect();
  const asked = remote.asked();
  room.wait(14_000);
  remote.giveAll(asked.slice(1, 3));
  room.wait(1_500);
  assert(!remote.peer.isSnubbed);
  assertEquals(remote.peer.requests.has(0, 0) && asked.length === 0, false);
  assertEquals(remote.peer.lateAllowance, INITIAL_DEPTH - 2);
});

Deno.test("a block that comes from somebody else is taken back from the peer that is late", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const slow = room.connect();
  assertEquals(slow.asked(), ["0:0", "0:1"]);
  room.wait(REQUEST_TIMEOUT_MS);
  assertEquals(slow.listen(), []);
  const other = room.connect();
  other.giveAll(other.asked().slice(0, 1));
  assertEquals(slow.listen(), ["cancel 0:0"]);
  // What the late one sends itself is not taken back.
  slow.give(0, 1);
  assertEquals(slow.listen(), []);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("nothing is overdue while our own limit holds everything up", () => {
  let isThrottled = true;
  const room = new Room({ pieces: 1, isThrottled: () => isThrottled });
  const remote = room.connect();
  const asked = remote.asked();
  room.wait(4 * REQUEST_TIMEOUT_MS);
  assertEquals([remote.peer.requests.length, remote.peer.isSnubbed], [asked.length, false]);
  isThrottled = false;
  room.wait(1_000);
  assertEquals([remote.peer.requests.length, remote.peer.isSnubbed], [0, true]);
});

Deno.test("an idle peer takes over what comes last of a slow one, but not what is being sent", () => {
  const room = new Room({ pieces: 2, blocks: 4 });
  const slow = room.connect();
  assertEquals(slow.asked().length, 8);
  room.now = 3_000;
  slow.give(0, 0);
  const fast = room.connect();
  fast.peer.blockMs = 100;
  room.wait(500);
  const taken = fast.asked();
  assertEquals(slow.listen().map((line) => line.replace("cancel ", "")).sort(), taken.toSorted());
  assert(taken.length >= 3);
  assert(!taken.includes("0:1"), "the oldest is on its way");
});
