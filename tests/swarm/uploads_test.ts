/**
 * The blocks that are owed to a peer: first in, first out, found again, bounded.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MAX_OWED, type Owed, Uploads } from "../../src/swarm/uploads.ts";
import { below, pick, prng } from "../support/prng.ts";

const BLOCK = 16_384;

function drain(owed: Uploads): Owed[] {
  const out: Owed[] = [];
  const next = { piece: 0, begin: 0, length: 0 };
  while (owed.take(next)) out.push({ ...next });
  return out;
}

function block(n: number): Owed {
  return { piece: n, begin: (n % 3) * BLOCK, length: BLOCK };
}

function push(owed: Uploads, { piece, begin, length }: Owed): boolean {
  return owed.push(piece, begin, length);
}

Deno.test("take() gives blocks in the order they were asked for", () => {
  const owed = new Uploads();
  const blocks = [5, 1, 9, 2].map(block);
  for (const one of blocks) assert(push(owed, one));
  assertEquals([owed.length, owed.nextBytes], [4, BLOCK]);
  assertEquals(drain(owed), blocks);
  assertEquals([owed.length, owed.nextBytes], [0, 0]);
});

Deno.test("push() keeps a request once that is there already", () => {
  const owed = new Uploads();
  assert(owed.push(1, 0, BLOCK));
  assert(owed.push(1, 0, BLOCK));
  assert(owed.push(1, 0, BLOCK - 1));
  assertEquals(owed.length, 2);
  drain(owed);
  assert(owed.push(1, 0, BLOCK));
  assertEquals(owed.length, 1, "what has left may be asked for again");
});

Deno.test("push() refuses when the queue is full, until something leaves", () => {
  const owed = new Uploads();
  for (let i = 0; i < MAX_OWED; i++) assert(push(owed, block(i)));
  assertEquals(push(owed, block(MAX_OWED)), false);
  assert(owed.cancel(7, BLOCK, BLOCK));
  assert(push(owed, block(MAX_OWED)));
  const left = drain(owed);
  assertEquals(left.length, MAX_OWED);
  assertEquals(left.at(-1), block(MAX_OWED));
});

Deno.test("cancel() takes back exactly what was asked for", () => {
  const owed = new Uploads();
  assertEquals(owed.cancel(1, 0, BLOCK), false);
  for (const one of [1, 2, 3].map(block)) push(owed, one);
  assertEquals(owed.cancel(2, 2 * BLOCK, BLOCK - 1), false);
  assertEquals(owed.cancel(2, 0, BLOCK), false);
  assert(owed.cancel(2, 2 * BLOCK, BLOCK));
  assertEquals(owed.cancel(2, 2 * BLOCK, BLOCK), false);
  assertEquals(drain(owed), [block(1), block(3)]);
});

Deno.test("a queue does what a list would do, whatever is asked, cancelled and taken", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const next = prng(seed);
    const owed = new Uploads();
    let model: Owed[] = [];
    const any = (): Owed => ({
      piece: below(next, pick(next, [4, 4_000_000])),
      begin: below(next, 4) * BLOCK,
      length: pick(next, [1, BLOCK, 131_072]),
    });
    const isSame = (a: Owed) => (b: Owed) =>
      a.piece === b.piece && a.begin === b.begin && a.length === b.length;
    const bias = next();
    for (let step = 0; step < 4_000; step++) {
      const dice = next();
      if (dice < 0.4 + 0.4 * bias) {
        const one = any();
        const isKnown = model.some(isSame(one));
        const isTaken = push(owed, one);
        assertEquals(isTaken, model.length < MAX_OWED, `seed ${seed}`);
        if (isTaken && !isKnown) model.push(one);
      } else if (dice < 0.9 && model.length > 0) {
        const one = next() < 0.7 ? pick(next, model) : any();
        const isThere = model.some(isSame(one));
        assertEquals(owed.cancel(one.piece, one.begin, one.length), isThere, `seed ${seed}`);
        model = model.filter((other) => !isSame(one)(other));
      } else {
        const got = { piece: 0, begin: 0, length: 0 };
        const first = model.shift();
        assertEquals(owed.take(got), first !== undefined, `seed ${seed}`);
        if (first) assertEquals(got, first, `seed ${seed}`);
      }
      assertEquals([owed.length, owed.nextBytes], [model.length, model[0]?.length ?? 0]);
    }
    assertEquals(drain(owed), model, `seed ${seed}`);
  }
});
