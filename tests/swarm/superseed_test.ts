/**
 * What a first seed offers, to whom, and when it stops holding back (BEP 16).
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { DAWDLE_MS, STALL_MS, UNSEEN_MS } from "../../src/swarm/superseed.ts";
import { type Remote, type RemoteOptions, Room } from "./room.ts";

function superSeed(pieces: number): Room {
  return new Room({ pieces, have: "x".repeat(pieces), isSuperSeed: true });
}

/** A leech with nothing, and what it is told at once. */
function leech(room: Room, options: RemoteOptions = {}): Remote {
  const pieces = room.map.pieceCount;
  return room.connect({ have: " ".repeat(pieces), isUnchoking: false, ...options });
}

/** The pieces it was offered since the last time. */
function offered(remote: Remote): number[] {
  return remote.listen().filter((line) => line.startsWith("have ")).map((line) =>
    Number(line.slice(5))
  );
}

function got(remote: Remote, piece: number): void {
  remote.say.have(piece);
  remote.tell();
}

Deno.test("SuperSeed says to have nothing, and then offers one piece", () => {
  const room = superSeed(6);
  const fast = leech(room);
  assertEquals(fast.listen(), ["haveNone"]);
  const plain = leech(room, { isFast: false });
  assertEquals(plain.listen(), []);
  room.wait(500);
  const [first, second] = [offered(fast), offered(plain)];
  assertEquals([first.length, second.length], [1, 1]);
  assertNotEquals(first, second);
  room.wait(5_000);
  assertEquals([offered(fast), offered(plain)], [[], []]);
});

Deno.test("SuperSeed offers another piece when the first was seen at somebody else", () => {
  const room = superSeed(6);
  const [a, b] = [leech(room), leech(room)];
  room.wait(500);
  const [x, y] = [offered(a)[0]!, offered(b)[0]!];
  got(a, x);
  room.wait(2_000);
  assertEquals(offered(a), [], "nobody has seen it yet");
  got(b, x);
  const next = offered(a);
  assertEquals(next.length, 1);
  assert(![x, y].includes(next[0]!));
  assertEquals(offered(b), [], "it still owes the one it was offered");
});

Deno.test("SuperSeed does not hold a lone leech up", () => {
  const room = superSeed(5);
  const only = leech(room);
  room.wait(6_000);
  assertEquals(offered(only).sort(), [0, 1, 2, 3, 4]);
});

Deno.test("SuperSeed offers another piece though nobody takes the first one on", () => {
  const room = superSeed(6);
  const [a, deaf] = [leech(room), leech(room)];
  room.wait(500);
  const [x] = offered(a);
  assertEquals(offered(deaf).length, 1);
  got(a, x!);
  room.wait(UNSEEN_MS + 500);
  assertEquals(offered(a).length, 1);
});

Deno.test("SuperSeed offers a piece again when its holder dawdles or leaves", () => {
  const room = superSeed(2);
  const slow = leech(room);
  const gone = leech(room);
  room.wait(500);
  const [x, y] = [offered(slow)[0]!, offered(gone)[0]!];
  room.disconnect(gone);
  const other = leech(room);
  room.wait(500);
  assertEquals(offered(other), [y]);
  got(other, y);
  got(slow, y);
  room.wait(DAWDLE_MS + 500);
  assertEquals(offered(other), [x]);
});

Deno.test("SuperSeed offers what is with somebody only while the swarm stands still", () => {
  const room = superSeed(2);
  const [a, b, c] = [leech(room), leech(room), leech(room)];
  room.wait(500);
  const [x, y] = [offered(a)[0]!, offered(b)[0]!];
  assertEquals(offered(c), []);
  got(a, x);
  got(b, y);
  room.wait(STALL_MS - 1_000);
  assertEquals([offered(a), offered(b), offered(c)], [[], [], []]);
  room.wait(2_000);
  assertEquals(offered(c).length, 1);
});

Deno.test("SuperSeed says what it has when somebody else has everything", () => {
  const room = superSeed(4);
  const [a, b] = [leech(room), leech(room)];
  room.wait(500);
  const [first] = offered(b);
  for (let piece = 0; piece < 4; piece++) got(a, piece);
  room.wait(500);
  assertEquals(offered(b).sort(), [0, 1, 2, 3].filter((piece) => piece !== first));
  assertEquals(leech(room).listen(), ["haveAll"]);
});

Deno.test("a piece that was not offered is refused", () => {
  const room = superSeed(4);
  const only = leech(room);
  only.say.interested();
  only.tell();
  room.wait(500);
  const [piece] = offered(only);
  const other = (piece! + 1) % 4;
  for (const asked of [other, piece!]) only.say.request(asked, 0, BLOCK_BYTES);
  only.tell();
  assertEquals(only.listen(), [`reject ${other}:0`]);
  assertEquals(only.peer.owed.length, 1);
});

Deno.test("a download that is not complete holds nothing back", () => {
  const room = new Room({ pieces: 4, have: "xx  ", isSuperSeed: true });
  assertEquals(leech(room).listen(), ["bitfield c0"]);
});
