/**
 * Blame: liars are found by block, and nobody else is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Blame, MAX_RECORDS } from "../../src/swarm/blame.ts";
import { below, forSeeds, pick } from "../support/prng.ts";

const A = 1;
const B = 2;
const C = 3;

/** Digests of a piece drawn with a letter for the content of each block. */
function digests(drawn: string): Uint8Array {
  const out = new Uint8Array(20 * drawn.length);
  for (let i = 0; i < drawn.length; i++) out.fill(drawn.charCodeAt(i), 20 * i, 20 * i + 20);
  return out;
}

const givers = (...ids: number[]) => Int32Array.from(ids);

Deno.test("onCorrupt() convicts a giver that gave the piece alone", () => {
  const blame = new Blame();
  assertEquals(blame.onCorrupt(0, digests("gb"), givers(A, A)), { guilty: [A], suspects: [] });
  assert(!blame.has(0));
});

Deno.test("onCorrupt() suspects every giver when several shared the piece", () => {
  const blame = new Blame();
  const verdict = blame.onCorrupt(0, digests("gbg"), givers(A, B, A));
  assertEquals(verdict, { guilty: [], suspects: [A, B] });
  assert(blame.has(0));
  assert(!blame.has(1));
});

Deno.test("onGood() convicts by block and spares those whose blocks were right", () => {
  const blame = new Blame();
  blame.onCorrupt(4, digests("gbgg"), givers(A, B, A, C));
  assertEquals(blame.onGood(4, digests("gggg")), [B]);
  assert(!blame.has(4));
  assertEquals(blame.onGood(4, digests("gggg")), []);
});

Deno.test("onGood() convicts the liars of every failed attempt at the piece", () => {
  const blame = new Blame();
  blame.onCorrupt(4, digests("bg"), givers(A, B));
  blame.onCorrupt(4, digests("gx"), givers(C, B));
  assertEquals(blame.onGood(4, digests("gg")).sort(), [A, B]);
});

Deno.test("onGood() leaves other pieces on record", () => {
  const blame = new Blame();
  blame.onCorrupt(4, digests("bg"), givers(A, B));
  blame.onCorrupt(5, digests("bg"), givers(A, B));
  blame.onGood(4, digests("gg"));
  assert(blame.has(5));
  assertEquals(blame.onGood(5, digests("gg")), [A]);
});

Deno.test("onCorrupt() convicts a giver that gave two different blocks for one place", () => {
  const blame = new Blame();
  blame.onCorrupt(0, digests("bg"), givers(A, B));
  const verdict = blame.onCorrupt(0, digests("cg"), givers(A, C));
  assertEquals(verdict, { guilty: [A], suspects: [C] });
});

Deno.test("onCorrupt() takes copies", () => {
  const blame = new Blame();
  const [bad, who] = [digests("bg"), givers(A, B)];
  blame.onCorrupt(0, bad, who);
  bad.set(digests("gg"));
  who.fill(C);
  assertEquals(blame.onGood(0, digests("gg")), [A]);
});

Deno.test("Blame forgets the oldest attempt when there are too many", () => {
  const blame = new Blame();
  for (let piece = 0; piece <= MAX_RECORDS; piece++) {
    blame.onCorrupt(piece, digests("bg"), givers(A, B));
  }
  assert(!blame.has(0));
  assert(blame.has(1));
  assert(blame.has(MAX_RECORDS));
});

Deno.test("Blame never convicts an honest giver after random attempts", () => {
  forSeeds(200, (next) => {
    const blame = new Blame();
    const blocks = 1 + below(next, 5);
    const liars = new Set([A, C]);
    const everybody = [A, B, C, 4, 5];
    const lied = new Set<number>();
    for (let attempt = 0; attempt < 6; attempt++) {
      let drawn = "";
      const who = new Int32Array(blocks);
      for (let block = 0; block < blocks; block++) {
        who[block] = pick(next, everybody);
        const isLie = liars.has(who[block]!) && next() < 0.5;
        drawn += isLie ? pick(next, ["x", "y"]) : "g";
        if (isLie) lied.add(who[block]!);
      }
      const isCorrupt = /[xy]/.test(drawn);
      const guilty = isCorrupt
        ? blame.onCorrupt(0, digests(drawn), who).guilty
        : blame.onGood(0, digests(drawn));
      for (const giver of guilty) assert(liars.has(giver), `${giver} is honest`);
      if (!isCorrupt) lied.clear();
    }
    const convicted = new Set(blame.onGood(0, digests("g".repeat(blocks))));
    // A liar that was alone, or has contradicted itself, was convicted before.
    for (const giver of convicted) assert(lied.has(giver));
  });
});
