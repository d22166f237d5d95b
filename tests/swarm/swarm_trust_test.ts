/**
 * Swarm: trust and blame. New peers are on trial, liars are found and closed, and those beside them are spared.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BLOCK_BYTES } from "../../src/base/units.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeDontHave } from "../../src/wire/lt_donthave.ts";
import { Room } from "./room.ts";

Deno.test("a new peer takes part in two pieces until one of them verifies", () => {
  const room = new Room({ pieces: 8, blocks: 2 });
  const remote = room.connect({ isTrusted: false });
  const asked = remote.asked();
  assertEquals(asked.length, 4);
  remote.giveAll(asked);
  assertEquals(remote.asked(), [], "the disk has not said anything yet");
  room.settle();
  assert(remote.peer.isTrusted);
  assertEquals(remote.asked().length, 12);
});

Deno.test("a peer on trial is asked for other pieces when it has lost those of its trial", () => {
  for (const given of [0, 1]) {
    const room = new Room({ pieces: 6, blocks: 2 });
    const remote = room.connect({ isTrusted: false, knowsDontHave: true });
    const asked = remote.asked().map((request) => request.split(":").map(Number));
    const lost = new Set(asked.map(([piece]) => piece!));
    assertEquals(lost.size, 2, "it is on trial");
    for (const piece of lost) {
      const blocks = asked.filter(([of]) => of === piece).map(([, block]) => block!);
      for (const block of blocks.splice(0, given)) remote.give(piece, block);
      remote.say.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(piece));
      for (const block of blocks) remote.say.reject(piece, block * BLOCK_BYTES, BLOCK_BYTES);
    }
    remote.tell();
    const next = new Set(remote.asked().map((request) => Number(request.split(":")[0])));
    assertEquals(next.size, 2, "on trial with as many others");
    assertEquals([...next].filter((piece) => lost.has(piece)), []);
    remote.serve();
    room.swarm.checkInvariants();
  }
});

Deno.test("a liar that gave a piece alone is closed and named at once", () => {
  const room = new Room({ pieces: 2, blocks: 2 });
  const liar = room.connect({ isTrusted: false });
  liar.serve(true);
  room.settle();
  assertEquals(liar.peer.closing, "corrupt-data");
  assertEquals(room.swarm.takeGuilty().includes(liar.peer.giver), true);
  assertEquals(room.swarm.takeGuilty(), []);
  assertEquals(liar.asked(), []);
});

Deno.test("a liar among honest peers is found by its block and they are spared", () => {
  const room = new Room({ pieces: 4, blocks: 3 });
  // One block each of the same piece.
  const [liar, honest, other] = [1, 2, 3].map(() => room.connect({ reqq: 1 }));
  const asked = [liar!, honest!, other!].map((remote) => remote.asked()[0]!);
  const piece = asked[0]!.split(":")[0];
  assertEquals(asked, [`${piece}:0`, `${piece}:1`, `${piece}:2`]);
  [liar!, honest!, other!].forEach((remote, i) => remote.giveAll([asked[i]!], remote === liar));
  assertEquals(room.settle(), [`${piece} bad`]);
  assertEquals(room.remotes.map(({ peer }) => [peer.closing, peer.isOnParole]), [
    [undefined, true],
    [undefined, true],
    [undefined, true],
  ]);
  room.disconnect(liar!);
  for (let i = 0; i < 20 && !room.swarm.isComplete; i++) {
    for (const remote of [honest!, other!]) remote.giveAll(remote.asked());
    room.settle();
  }
  assert(room.swarm.isComplete);
  assertEquals(room.swarm.takeGuilty(), [liar!.peer.giver]);
  assertEquals(room.remotes.map(({ peer }) => [peer.closing, peer.isOnParole]), [
    [undefined, false],
    [undefined, false],
  ]);
});

Deno.test("suspects load a piece each and the liar convicts itself", () => {
  const room = new Room({ pieces: 8, blocks: 2 });
  const [liar, honest] = [room.connect({ reqq: 1 }), room.connect({ reqq: 1 })];
  const said: string[] = [];
  for (let i = 0; i < 40 && !room.swarm.isComplete; i++) {
    if (liar.peer.closing === undefined) liar.giveAll(liar.asked(), true);
    else if (room.remotes.includes(liar)) room.disconnect(liar);
    honest.giveAll(honest.asked());
    said.push(...room.settle());
  }
  assert(room.swarm.isComplete);
  assertEquals(new Set(room.swarm.takeGuilty()), new Set([liar.peer.giver]));
  // Two that were shared before the first verdict, and the one it then loaded alone.
  assert(said.filter((verdict) => verdict.endsWith("bad")).length <= 3, `${said}`);
});

Deno.test("what a convicted liar gave to other pieces is thrown away", () => {
  const room = new Room({ pieces: 2, blocks: 2 });
  const liar = room.connect();
  const asked = liar.asked();
  liar.giveAll(asked.slice(0, 3), true);
  const other = asked[3]!.split(":").map(Number);
  assertEquals(room.swarm.assembly.get(other[0]!)!.here, 1);
  room.settle();
  assertEquals(liar.peer.closing, "corrupt-data");
  room.disconnect(liar);
  assertEquals([room.pool.out, room.swarm.counters.wasted], [0, BLOCK_BYTES]);
});

Deno.test("a slow suspect keeps a piece to itself for half a minute at most", () => {
  const room = new Room({ pieces: 1, blocks: 20 });
  const suspect = room.connect();
  suspect.peer.isOnParole = true;
  suspect.peer.isTrusted = false;
  room.swarm.assembly.get(0)!.exclusive = suspect.peer.slot;
  const honest = room.connect();
  for (let block = 0; block < 8; block++) {
    assertEquals(honest.asked(), [], `after ${room.now} ms`);
    suspect.give(0, block);
    room.wait(3500);
  }
  room.wait(2000);
  assertEquals(suspect.peer.isSnubbed, false);
  assert(honest.asked().length > 0);
});

Deno.test("a suspect's piece is everybody's when it leaves", () => {
  const room = new Room({ pieces: 1, blocks: 2 });
  const suspect = room.connect();
  suspect.give(0, 0);
  room.swarm.assembly.get(0)!.exclusive = suspect.peer.slot;
  const honest = room.connect();
  assertEquals(honest.asked(), []);
  room.disconnect(suspect);
  assertEquals(honest.asked(), ["0:1"]);
});
