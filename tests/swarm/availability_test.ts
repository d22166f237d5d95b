/**
 * Availability: the order of the pieces that may be opened, drawn, and against a slow model.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Availability } from "../../src/swarm/availability.ts";
import { SimRandom } from "../sim/random.ts";
import { below, forSeeds } from "../support/prng.ts";
import { bits } from "./support.ts";

/**
 * `counts` has one digit a piece, the peers that have it; `pickable` an `x` for each that may be opened.
 */
function setup(counts: string, pickable: string, seed = 1): Availability {
  const made = new Availability(bits(pickable), new SimRandom(seed));
  for (let piece = 0; piece < counts.length; piece++) {
    for (let i = 0; i < Number(counts[piece]); i++) made.add(piece);
  }
  made.checkInvariants();
  return made;
}

/** The order, rarest first, as `03|1|2`: ties sorted, a bar where the count changes. */
function draw(availability: Availability): string {
  let out = "";
  let run: number[] = [];
  for (let i = 0; i < availability.length; i++) {
    const piece = availability.at(i);
    if (run.length > 0 && availability.count(run[0]!) !== availability.count(piece)) {
      out += run.sort((a, b) => a - b).join("") + "|";
      run = [];
    }
    run.push(piece);
  }
  return out + run.sort((a, b) => a - b).join("");
}

const ORDERS: readonly [counts: string, pickable: string, order: string][] = [
  ["0000", "xxxx", "0123"],
  ["1123", "xxxx", "01|2|3"],
  ["3211", "xxxx", "23|1|0"],
  ["3211", "x xx", "23|0"],
  ["0909", "xxxx", "02|13"],
  ["5", "x", "0"],
  ["1234", "    ", ""],
];

Deno.test("Availability orders what may be opened, the rarest first, when peers come", () => {
  for (const [counts, pickable, order] of ORDERS) {
    assertEquals(draw(setup(counts, pickable)), order, `${counts} ${pickable}`);
  }
});

Deno.test("subtract() moves a piece back when a peer leaves", () => {
  const availability = setup("1123", "xxxx");
  availability.subtract(3);
  assertEquals(draw(availability), "01|23");
  availability.subtract(0);
  assertEquals(draw(availability), "0|1|23");
});

Deno.test("leave() takes a piece out and enter() puts it back among its like", () => {
  const availability = setup("1123", "xxxx");
  availability.leave(2);
  assertEquals(draw(availability), "01|3");
  availability.add(2);
  availability.enter(2);
  assertEquals(draw(availability), "01|23");
  availability.enter(2);
  availability.checkInvariants();
  assertEquals(draw(availability), "01|23");
});

Deno.test("count() follows pieces that may not be opened, too", () => {
  const availability = setup("12", "  ");
  assertEquals([availability.count(0), availability.count(1), availability.length], [1, 2, 0]);
});

Deno.test("firstHeld() is where the pieces that somebody has begin", () => {
  assertEquals(setup("0102", "xxxx").firstHeld, 2);
  assertEquals(setup("0102", " xxx").firstHeld, 1);
  assertEquals(setup("00", "xx").firstHeld, 2);
  assertEquals(setup("11", "xx").firstHeld, 0);
});

Deno.test("lowest() is the first byte with a piece that may be opened", () => {
  const availability = setup("0".repeat(40), "x".repeat(40));
  assertEquals(availability.lowest(), 0);
  for (let piece = 0; piece < 20; piece++) availability.leave(piece);
  assertEquals(availability.lowest(), 16);
  availability.enter(9);
  assertEquals(availability.lowest(), 8);
});

Deno.test("ties are random when one peer has said what it has", () => {
  // Every first place must come up: 8 pieces, 400 swarms; each is expected 50 times.
  const firsts = new Array<number>(8).fill(0);
  for (let seed = 0; seed < 400; seed++) firsts[setup("11111111", "xxxxxxxx", seed).at(0)]!++;
  assertEquals(firsts.filter((n) => n < 20 || n > 100), [], String(firsts));
});

Deno.test("ties are random when peers have left and pieces came back", () => {
  const firsts = new Array<number>(8).fill(0);
  for (let seed = 0; seed < 400; seed++) {
    const availability = setup("22222222", "xxxxxxxx", seed);
    for (let piece = 0; piece < 8; piece++) availability.subtract(piece);
    availability.leave(3);
    availability.enter(3);
    firsts[availability.at(0)]!++;
  }
  assertEquals(firsts.filter((n) => n < 20 || n > 100), [], String(firsts));
});

Deno.test("Availability equals a sorted list after random operations", () => {
  forSeeds(60, (next, seed) => {
    const pieces = 1 + below(next, 30);
    const pickable = new Set<number>();
    let drawn = "";
    for (let i = 0; i < pieces; i++) {
      const isIn = next() < 0.7;
      if (isIn) pickable.add(i);
      drawn += isIn ? "x" : " ";
    }
    const counts = new Array<number>(pieces).fill(0);
    const availability = new Availability(bits(drawn), new SimRandom(seed));
    for (let step = 0; step < 300; step++) {
      const piece = below(next, pieces);
      const choice = below(next, 4);
      if (choice === 0) {
        availability.enter(piece);
        pickable.add(piece);
      } else if (choice === 1) {
        availability.leave(piece);
        pickable.delete(piece);
      } else if (choice === 2 || counts[piece] === 0) {
        availability.add(piece);
        counts[piece]!++;
      } else {
        availability.subtract(piece);
        counts[piece]!--;
      }
      availability.checkInvariants();
      const order = Array.from({ length: availability.length }, (_, i) => availability.at(i));
      assertEquals(order.map((p) => counts[p]), [...pickable].map((p) => counts[p]!).sort(byValue));
      assertEquals(new Set<number>(order), pickable);
    }
  });
});

function byValue(a: number, b: number): number {
  return a - b;
}
