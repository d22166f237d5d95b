/**
 * Swarm: haves and interest, whole pieces, memory and time; through the bytes of the wire.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PeerError } from "../../src/base/errors.ts";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from "../../src/swarm/swarm.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeDontHave } from "../../src/wire/lt_donthave.ts";
import { type Remote, Room } from "./room.ts";

/** Everything but requests that a peer was told. */
const news = (remote: Remote) => remote.listen().filter((line) => !line.startsWith("request"));

// ---- what we say and what they have ---------------------------------------------------------------

Deno.test("join() says what we have, first and once", () => {
  const first = (have: string, isFast: boolean) =>
    new Room({ have, pieces: have.length }).connect({ isFast, have: " ".repeat(have.length) })
      .listen();
  assertEquals(first("    ", true), ["haveNone"]);
  assertEquals(first("    ", false), []);
  assertEquals(first("xxxx", true), ["haveAll"]);
  assertEquals(first("xxxx", false), ["bitfield f0"]);
  assertEquals(first("x  x", true), ["bitfield 90"]);
  assertEquals(first("x  x        x", true), ["bitfield 9008"]);
});

Deno.test("interest follows what the peer has of what we lack", () => {
  const room = new Room({ have: "xx  ", wanted: "xxx " });
  const remote = room.connect({ have: "xx x", isUnchoking: false });
  assertEquals([news(remote), remote.peer.useful], [["bitfield c0"], 0]);
  remote.say.have(2);
  remote.say.have(2);
  remote.tell();
  assertEquals([news(remote), remote.peer.useful], [["interested"], 1]);
  const other = room.connect({ have: "  x " });
  other.serve();
  room.settle();
  assertEquals([news(remote), remote.peer.useful], [["notInterested"], 0]);
  assert(room.swarm.isComplete);
});

Deno.test("a verified piece is told to those who lack it and to nobody else", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const [giver, has, lacks] = [
    room.connect({ have: "x " }),
    room.connect({ have: "xx", isUnchoking: false }),
    room.connect({ have: " x", isUnchoking: false }),
  ];
  for (const remote of room.remotes) news(remote);
  giver.give(0, 0);
  assertEquals(room.settle(), ["0 good"]);
  assertEquals(news(has), []);
  assertEquals(news(lacks), ["have 0"]);
  assertEquals(news(giver), ["notInterested"]);
});

Deno.test("nothing is told of a piece that was corrupt", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const lacks = room.connect({ have: "  " });
  news(lacks);
  room.connect({ have: "x " }).give(0, 0, true);
  assertEquals([room.settle(), news(lacks)], [["0 bad"], []]);
});

Deno.test("a peer that becomes a seed piece by piece is counted like one that came as a seed", () => {
  const room = new Room({ pieces: 4 });
  const remote = room.connect({ have: "xx  ", isUnchoking: false });
  for (const piece of [3, 2]) {
    remote.say.have(piece);
    remote.tell();
  }
  assert(remote.peer.isSeed);
  // checkInvariants counts again after each of these.
  room.connect({ have: "x  x", isUnchoking: false });
  room.disconnect(remote);
  room.connect({ isUnchoking: false });
});

/** The peer takes a piece back. */
function lose(remote: Remote, piece: number): void {
  remote.say.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(piece));
  remote.tell();
}

Deno.test("a peer that takes a piece back is not asked for it, and interest follows", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const remote = room.connect({ have: "x ", isUnchoking: false });
  lose(remote, 0);
  lose(remote, 0);
  lose(remote, 1);
  assertEquals([news(remote), remote.peer.useful], [
    ["haveNone", "interested", "notInterested"],
    0,
  ]);
  remote.say.unchoke();
  remote.tell();
  assertEquals(remote.asked(), []);
  remote.say.have(0);
  remote.tell();
  assertEquals(remote.asked(), ["0:0"]);
});

Deno.test("a peer that refuses only what it has taken back is not paused", () => {
  const room = new Room({ pieces: 2, blocks: 2 });
  const remote = room.connect();
  const asked = remote.asked();
  lose(remote, 0);
  for (const what of asked.filter((one) => one.startsWith("0:"))) {
    remote.say.reject(0, Number(what.slice(2)) * BLOCK_BYTES, BLOCK_BYTES);
  }
  remote.tell();
  assertEquals([remote.peer.rejects, remote.peer.pausedUntil], [0, 0]);
  remote.giveAll(asked.filter((one) => one.startsWith("1:")));
  assertEquals([room.settle(), remote.asked()], [["1 good"], []]);
});

Deno.test("a seed that takes pieces back to and fro is cut", () => {
  const room = new Room({ pieces: 4, have: "xxxx" });
  const remote = room.connect();
  for (let i = 0; i < 8; i++) {
    lose(remote, i % 4);
    remote.say.have(i % 4);
    remote.tell();
  }
  assertThrows(() => lose(remote, 0), PeerError, "flood");
});

Deno.test("removePeer() takes back what the peer counted for, once", () => {
  const room = new Room({ pieces: 4 });
  const [partial, seed] = [room.connect({ have: "x  x" }), room.connect()];
  room.disconnect(partial);
  room.swarm.removePeer(partial.peer);
  room.swarm.checkInvariants();
  room.disconnect(seed);
  assertEquals(room.swarm.peers.length, 0);
});

Deno.test("a peer that had nothing to open is asked when it has one more piece", () => {
  const room = new Room({ pieces: 3, blocks: 1 });
  room.connect({ have: "x  " });
  const remote = room.connect({ have: "x  " });
  assertEquals(remote.asked(), []);
  remote.say.have(2);
  remote.tell();
  assertEquals(remote.asked(), ["2:0"]);
});

Deno.test("only what is wanted and missing is asked for", () => {
  const room = new Room({ have: "x   ", wanted: "xx x", blocks: 1 });
  const remote = room.connect();
  assertEquals(remote.asked().sort(), ["1:0", "3:0"]);
});

// ---- whole pieces -----------------------------------------------------------------------------------

Deno.test("takeWhole() gives each piece once and its memory comes back with the verdict", () => {
  const room = new Room({ pieces: 2, blocks: 2, buffers: 1 });
  const remote = room.connect();
  remote.giveAll(remote.asked());
  const [open, ...others] = room.swarm.takeWhole();
  assertEquals([others.length, room.swarm.takeWhole().length, room.pool.free], [0, 0, 0]);
  assertEquals(remote.asked(), [], "there is no memory for more");
  room.judge(open!);
  assertEquals(room.pool.free, 1);
  room.swarm.fillAll(room.now);
  assertEquals(remote.asked().length, 2);
});

Deno.test("blocks of a peer that leaves in the middle of a piece are kept", () => {
  const room = new Room({ pieces: 1, blocks: 4 });
  const gone = room.connect();
  gone.giveAll(gone.asked().slice(0, 3));
  room.disconnect(gone);
  const next = room.connect();
  assertEquals(next.asked(), ["0:3"]);
  next.give(0, 3);
  assertEquals([room.settle(), room.swarm.counters.wasted], [["0 good"], 0]);
});

Deno.test("counters tell good, wasted and corrupt bytes apart", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const remote = room.connect();
  remote.give(0, 0);
  remote.give(0, 0);
  remote.give(1, 0, true);
  room.settle();
  const { downloaded, wasted, corrupt } = room.swarm.counters;
  assertEquals([downloaded, wasted, corrupt], [3, 1, 1].map((n) => n * BLOCK_BYTES));
});

// ---- memory ---------------------------------------------------------------------------------------------

Deno.test("a piece that nobody can finish gives its memory to one that somebody can", () => {
  const room = new Room({ pieces: 4, blocks: 2, buffers: 2 });
  const gone = room.connect({ have: "xx  " });
  gone.give(0, 0);
  gone.give(1, 1);
  room.disconnect(gone);
  assertEquals(room.pool.free, 0);
  const rest = room.connect({ have: "  xx" });
  assertEquals(rest.asked(), []);
  for (let i = 0; i < 40; i++) {
    rest.giveAll(rest.asked());
    room.settle();
    room.wait(500);
  }
  assertEquals(room.have, "  xx");
  const back = room.connect({ have: "xx  " });
  back.serve();
  room.settle();
  back.serve();
  room.settle();
  assert(room.swarm.isComplete);
});

Deno.test("a piece of which nothing came gives its memory up when its peer leaves", () => {
  const room = new Room({ pieces: 4, blocks: 2, buffers: 2 });
  const gone = room.connect({ have: "xx  " });
  room.disconnect(gone);
  assertEquals(room.pool.free, 2);
});

Deno.test("a piece that nobody works on stays while there is memory", () => {
  const room = new Room({ pieces: 4, blocks: 2 });
  const gone = room.connect({ have: "x   " });
  gone.give(0, 0);
  room.disconnect(gone);
  const rest = room.connect({ have: " xxx" });
  rest.serve();
  room.settle();
  room.wait(60_000);
  assertEquals([room.have, room.swarm.assembly.get(0)?.here], [" xxx", 1]);
});

// ---- time -------------------------------------------------------------------------------------------------

Deno.test("progressAt is the last block that was kept, and lies do not count", () => {
  const room = new Room({ pieces: 3, blocks: 1 });
  const remote = room.connect({ have: "xx " });
  remote.listen();
  room.wait(1000);
  assertEquals(room.swarm.progressAt, 0);
  remote.give(0, 0);
  assertEquals(room.swarm.progressAt, 1000);
  room.settle();
  room.wait(1000);
  remote.give(1, 0, true);
  assertEquals(room.swarm.progressAt, 2000);
  room.settle();
  assertEquals(room.swarm.progressAt, 1000);
});

Deno.test("a keep-alive is said after a long time without another message", () => {
  const room = new Room();
  const remote = room.connect({ isUnchoking: false });
  remote.listen();
  room.wait(KEEP_ALIVE_MS - 500);
  assertEquals(remote.listen(), []);
  room.wait(500);
  assertEquals(remote.listen(), ["keepAlive"]);
  room.wait(500);
  assertEquals(remote.listen(), []);
});

Deno.test("a peer that says nothing at all for long is closed", () => {
  const room = new Room();
  const [mute, alive] = [room.connect(), room.connect()];
  for (let i = 0; i < 3; i++) {
    room.wait(IDLE_TIMEOUT_MS / 3);
    alive.say.keepAlive();
    alive.tell();
  }
  assertEquals([mute.peer.closing, alive.peer.closing], ["idle", undefined]);
  assertEquals(mute.asked().length > 0, true);
});

Deno.test("tick() does nothing when no time has passed", () => {
  const room = new Room();
  room.connect();
  room.swarm.tick(0);
  room.swarm.tick(-5);
  room.swarm.checkInvariants();
});

Deno.test("join() gives the lowest slot that nobody has", () => {
  const room = new Room();
  const [a, b, c] = [room.connect(), room.connect(), room.connect()];
  assertEquals([a, b, c].map((remote) => remote.peer.slot), [0, 1, 2]);
  room.disconnect(b);
  assertEquals([room.connect().peer.slot, room.connect().peer.slot], [1, 3]);
});
