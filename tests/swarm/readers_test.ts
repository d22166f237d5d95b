/**
 * Readers: pieces in order ahead of them, from several peers, late ones from others too; and the window of
 * a torrent that is kept in memory alone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { encodeDontHave } from "../../src/wire/lt_donthave.ts";
import { Room } from "./room.ts";

/** The pieces among what was asked, each once, in order. */
const pieces = (asked: readonly string[]) => [
  ...new Set(asked.map((request) => Number(request.split(":")[0]))),
];

Deno.test("a reader gets pieces in order from where it is, and others come after", () => {
  const room = new Room({ pieces: 6, blocks: 4 });
  room.swarm.readers.open(2, 4);
  const remote = room.connect();
  assertEquals(pieces(remote.asked()).slice(0, 2), [2, 3]);
  room.swarm.checkInvariants();
});

Deno.test("a reader is served by several peers at the same piece", () => {
  const room = new Room({ pieces: 8, blocks: 64 });
  room.swarm.readers.open(3, 8);
  const [one, other] = [room.connect(), room.connect()];
  assertEquals([pieces(one.asked()), pieces(other.asked())], [[3], [3]]);
});

Deno.test("a peer far slower than others starts further ahead of a reader", () => {
  const room = new Room({ pieces: 40, blocks: 4 });
  const reader = room.swarm.readers.open(0, 40);
  const [fast, slow] = [
    room.connect({ isUnchoking: false }),
    room.connect({ isUnchoking: false }),
  ];
  fast.peer.adaptedRate = 4_000_000;
  slow.peer.adaptedRate = 100_000;
  room.swarm.readers.measure();
  slow.peer.depth = 2;
  slow.say.unchoke();
  slow.tell();
  // A block takes it 164 ms, in which 672 KB come from both: ten pieces of 64 KiB.
  assertEquals(slow.asked(), ["10:0", "10:1"]);
  fast.say.unchoke();
  fast.tell();
  assertEquals(pieces(fast.asked())[0], reader.next);
});

Deno.test("a piece that a reader waits for is asked of a faster peer too", () => {
  const room = new Room({ pieces: 4, blocks: 4 });
  const reader = room.swarm.readers.open(0, 4);
  const slow = room.connect();
  assertEquals(pieces(slow.asked()), [0, 1]);
  const fast = room.connect({ have: "x   " });
  fast.peer.adaptedRate = 1_000_000;
  room.swarm.readers.wait(reader, 0);
  const before = fast.asked();
  room.wait(1_500);
  const asked = [...before, ...fast.asked()];
  assertEquals([...new Set(asked)].sort(), ["0:0", "0:1", "0:2", "0:3"]);
  fast.giveAll(asked);
  assertEquals(room.settle(), ["0 good"]);
  assertEquals(slow.listen().filter((line) => line.startsWith("cancel")).length, 4);
});

Deno.test("a window bounds what is asked for, and follows its reader", () => {
  const room = new Room({ pieces: 8, blocks: 2, window: 3 });
  const { readers } = room.swarm;
  const remote = room.connect();
  assertEquals(remote.asked(), []);
  const reader = readers.open(1, 7);
  room.swarm.fillAll(0);
  assertEquals(pieces(remote.asked()), [1, 2, 3]);
  for (const piece of [1, 2, 3]) for (const block of [0, 1]) remote.give(piece, block);
  room.settle();
  assertEquals([room.have, remote.asked(), readers.isHeld], [" xxx    ", [], true]);
  readers.advance(reader, 3);
  room.swarm.fillAll(0);
  assertEquals([room.have, readers.takeDropped()], ["   x    ", [1, 2]]);
  assertEquals([pieces(remote.asked()), readers.isHeld], [[4, 5], false]);
  room.swarm.checkInvariants();
  for (const piece of [4, 5]) for (const block of [0, 1]) remote.give(piece, block);
  room.settle();
  readers.advance(reader, 6);
  room.swarm.fillAll(0);
  assertEquals(pieces(remote.asked()), [6]);
  readers.advance(reader, 7);
  room.swarm.checkInvariants();
  assertEquals([room.have, readers.takeDropped()], ["        ", [3, 4, 5]]);
});

Deno.test("a window that jumps takes back what was asked, and asks again for what was let go", () => {
  const room = new Room({ pieces: 8, blocks: 2, window: 2 });
  const { readers } = room.swarm;
  const remote = room.connect();
  const reader = readers.open(0, 8);
  room.swarm.fillAll(0);
  for (const block of [0, 1]) remote.give(0, block);
  room.settle();
  remote.listen();
  readers.close(reader);
  assertEquals([room.have, room.pool.out], ["        ", 0]);
  readers.open(5, 8);
  room.swarm.fillAll(0);
  room.swarm.checkInvariants();
  const said = remote.listen();
  assertEquals(said.filter((line) => line.startsWith("cancel")), ["cancel 1:0", "cancel 1:1"]);
  assertEquals(pieces(said.filter((l) => l.startsWith("request")).map((l) => l.slice(8))), [5, 6]);
  readers.close(readers.all[0]!);
  readers.open(0, 8);
  room.swarm.fillAll(0);
  assertEquals(pieces(remote.asked()), [0, 1]);
  assertEquals(remote.peer.useful, 8);
});

Deno.test("a piece that verifies when its reader has gone elsewhere is let go", () => {
  const room = new Room({ pieces: 8, blocks: 1, window: 2 });
  const { readers } = room.swarm;
  const remote = room.connect();
  const reader = readers.open(0, 8);
  room.swarm.fillAll(0);
  remote.give(0, 0);
  const [open] = room.swarm.takeWhole();
  readers.close(reader);
  readers.open(4, 8);
  room.judge(open!);
  assertEquals([room.have, readers.takeDropped()], ["        ", [0]]);
});

Deno.test("a window asks nothing twice before its reader waits", () => {
  const room = new Room({ pieces: 8, blocks: 4, window: 2 });
  room.swarm.readers.open(0, 8);
  const [one, other] = [room.connect(), room.connect()];
  const asked = [...one.asked(), ...other.asked()];
  assertEquals(asked.length, new Set(asked).size);
});

Deno.test("pieces of a window are told to those who can be told that they go", () => {
  const room = new Room({ pieces: 4, blocks: 1, window: 2 });
  const { readers } = room.swarm;
  const seed = room.connect();
  const leech = { have: "    ", isUnchoking: false } as const;
  const [knowing, plain] = [
    room.connect({ ...leech, knowsDontHave: true }),
    room.connect({ ...leech, isFast: false }),
  ];
  const reader = readers.open(0, 4);
  room.swarm.fillAll(0);
  seed.serve();
  room.settle();
  const late = room.connect({ ...leech, knowsDontHave: true });
  assertEquals(knowing.listen(), ["haveNone", "have 0", "have 1"]);
  assertEquals(plain.listen(), []);
  assertEquals(late.listen(), ["haveNone", "have 0", "have 1"]);
  readers.advance(reader, 1);
  const gone = encodeDontHave(0).toHex();
  assert(knowing.listen().some((line) => line.startsWith("extended 7 ") && line.includes(gone)));
  assertEquals(plain.listen(), []);
});

Deno.test("the time in which a reader does not read is no stall", () => {
  const room = new Room({ pieces: 4, blocks: 1, window: 2 });
  const reader = room.swarm.readers.open(0, 4);
  const seed = room.connect();
  seed.serve();
  room.settle();
  room.wait(60_000);
  assertEquals(room.now - room.swarm.progressAt, 0);
  room.swarm.readers.advance(reader, 1);
  room.wait(20_000);
  assertEquals(room.now - room.swarm.progressAt, 20_000);
});
