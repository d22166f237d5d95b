/**
 * What a seed suggests, to whom, and what a leech makes of suggestions (BEP 6).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { FOLLOW_MS } from "../../src/swarm/spread.ts";
import { type Remote, type RemoteOptions, Room } from "./room.ts";

const PIECES = 24;

function seed(pieces = PIECES): Room {
  return new Room({ pieces, have: "x".repeat(pieces) });
}

/** A leech with nothing that wants something. */
function leech(room: Room, options: RemoteOptions = {}): Remote {
  const have = " ".repeat(room.map.pieceCount);
  const remote = room.connect({ have, isUnchoking: false, ...options });
  remote.say.interested();
  remote.tell();
  return remote;
}

/** The pieces that were suggested to it since the last time. */
function suggested(remote: Remote): number[] {
  const lines = remote.listen().filter((line) => line.startsWith("suggest "));
  return lines.map((line) => Number(line.slice(8)));
}

function ask(remote: Remote, piece: number): void {
  remote.say.request(piece, 0, BLOCK_BYTES);
  remote.tell();
}

Deno.test("Spread suggests no piece to two, and suggests before it unchokes", () => {
  const room = seed();
  const leeches = [leech(room), leech(room), leech(room)];
  room.wait(500);
  const told = leeches.map((remote) => {
    const lines = remote.listen();
    assert(lines.findIndex((line) => line.startsWith("suggest")) < lines.indexOf("unchoke"));
    return lines.filter((line) => line.startsWith("suggest")).map((line) => Number(line.slice(8)));
  });
  for (const pieces of told) assertEquals(pieces.length, 3);
  assertEquals(new Set(told.flat()).size, 9);
});

Deno.test("Spread suggests another piece for one that was asked for, and none that others asked for", () => {
  const room = seed(8);
  const [a, b] = [leech(room), leech(room)];
  room.wait(500);
  const [first, second] = [suggested(a), suggested(b)];
  const rest = [0, 1, 2, 3, 4, 5, 6, 7].filter((piece) => ![...first, ...second].includes(piece));
  ask(b, rest[0]!);
  ask(a, first[0]!);
  assertEquals(suggested(a), [rest[1]!]);
  ask(a, first[1]!);
  assertEquals(suggested(a), [], "all are out");
});

Deno.test("Spread gives to others what was not followed, or was asked for and not given", () => {
  const room = seed(6);
  const [a, b, c] = [leech(room), leech(room), leech(room)];
  room.wait(500);
  const [first, second] = [suggested(a), suggested(b)];
  assertEquals(suggested(c), []);
  ask(a, first[0]!);
  room.disconnect(a);
  room.wait(500);
  assertEquals(suggested(c), first.toSorted((x, y) => x - y));
  room.wait(FOLLOW_MS);
  assertEquals(suggested(b), []);
  // Whoever was stubborn is told of nothing more.
  const late = leech(room);
  room.wait(500);
  assertEquals(suggested(late).sort(), second.toSorted());
});

Deno.test("Spread suggests nothing to one alone, to those who do not understand, nor what leeches have", () => {
  const alone = seed();
  const only = leech(alone);
  alone.wait(2_000);
  assertEquals(suggested(only), []);
  const room = seed(4);
  const [plain, fast] = [leech(room, { isFast: false }), leech(room, { have: "xx x" })];
  room.wait(2_000);
  assertEquals([suggested(plain), suggested(fast)], [[], [2]]);
});

Deno.test("what a peer suggests is asked of it first, as long as it does not choke", () => {
  const room = new Room({ pieces: 9, blocks: 1 });
  const remote = room.connect({ isUnchoking: false });
  remote.peer.depth = 2;
  for (const piece of [7, 3]) remote.say.suggest(piece);
  remote.say.unchoke();
  remote.tell();
  assertEquals(remote.asked(), ["7:0", "3:0"]);
  remote.say.suggest(5);
  remote.say.choke();
  remote.tell();
  assertEquals(remote.peer.suggestions, []);
});

Deno.test("suggestions of what is here or cannot be had are passed over, and few are kept", () => {
  const room = new Room({ pieces: 4, blocks: 1, have: "x   " });
  const remote = room.connect({ have: "xx x", isUnchoking: false });
  remote.peer.depth = 1;
  for (let i = 0; i < 500; i++) remote.say.suggest(0);
  remote.say.suggest(2);
  remote.say.suggest(3);
  remote.tell();
  assert(remote.peer.suggestions.length <= 32);
  remote.say.unchoke();
  remote.tell();
  assertEquals(remote.asked(), ["3:0"]);
});
