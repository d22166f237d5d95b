/**
 * The endgame: when a block is asked of two peers, and what becomes of the twin of one that came.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { Room } from "./room.ts";

Deno.test("the endgame begins though nobody has one of the pieces, once the swarm stands still", () => {
  const room = new Room({ pieces: 2, blocks: 1 });
  const [first, second] = [room.connect({ have: "x " }), room.connect({ have: "x " })];
  assertEquals([first.asked(), second.asked()], [["0:0"], []]);
  room.wait(9_500);
  assertEquals(second.asked(), []);
  room.wait(500);
  assertEquals(second.asked(), ["0:0"]);
});

Deno.test("the endgame waits while a seed could give more", () => {
  const room = new Room({ pieces: 8, blocks: 2 });
  const seed = room.connect();
  seed.peer.depth = 2;
  const [first, second] = [room.connect({ have: "x       " }), room.connect({ have: "x       " })];
  const asked = [...first.asked(), ...second.asked()];
  assertEquals(new Set(asked).size, asked.length, "nothing is asked twice");
});

Deno.test("the twin of a block that came is cancelled", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const [first, second] = [room.connect(), room.connect()];
  assertEquals([first.asked(), second.asked()], [["0:0", "0:1"], ["0:0", "0:1"]]);
  second.give(0, 1);
  assertEquals(first.listen(), ["cancel 0:1"]);
  assertEquals(second.listen(), []);
  first.give(0, 0);
  assertEquals(second.listen(), ["cancel 0:0"]);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("a twin that was under way already is wasted and no fault", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const [first, second] = [room.connect(), room.connect()];
  first.give(0, 0);
  second.give(0, 0);
  assertEquals([room.swarm.counters.wasted, second.peer.unaskedBytes], [BLOCK_BYTES, 0]);
});

Deno.test("a block stays with the twin when the first peer leaves", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const [first, second] = [room.connect(), room.connect()];
  second.asked();
  room.disconnect(first);
  assertEquals(second.asked(), []);
  second.giveAll(["0:0", "0:1"]);
  assertEquals(room.settle(), ["0 good"]);
});

Deno.test("a slot that is used again inherits nothing", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const gone = room.connect();
  room.disconnect(gone);
  const next = room.connect({ isUnchoking: false });
  assertEquals(next.peer.slot, gone.peer.slot);
  assertEquals([next.peer.requests.length, next.asked()], [0, []]);
});
