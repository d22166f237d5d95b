/**
 * RequestQueue: first in, first out with removal anywhere, against a plain list.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { RequestQueue } from "../../src/swarm/request_queue.ts";
import { below, forSeeds } from "../support/prng.ts";

/** The requests, oldest first, as `piece:block`. */
function drain(queue: RequestQueue): string[] {
  const out: string[] = [];
  queue.drain((piece, block) => out.push(`${piece}:${block}`));
  return out;
}

Deno.test("remove() returns when the request was made and -1 where there is none", () => {
  const queue = new RequestQueue();
  queue.push(1, 0, 10);
  queue.push(1, 1, 20);
  assertEquals(queue.remove(1, 1), 20);
  assertEquals(queue.remove(1, 1), -1);
  assertEquals(queue.remove(2, 0), -1);
  assertEquals(queue.remove(1, 0), 10);
  assertEquals(queue.length, 0);
});

Deno.test("the oldest request is the head when answers come out of order", () => {
  const queue = new RequestQueue();
  assertEquals(queue.oldestAt, Infinity);
  for (let block = 0; block < 4; block++) queue.push(7, block, 100 + block);
  queue.remove(7, 2);
  queue.remove(7, 0);
  assertEquals([queue.oldestAt, queue.oldestPiece, queue.oldestBlock], [101, 7, 1]);
  queue.remove(7, 1);
  assertEquals([queue.oldestAt, queue.oldestBlock, queue.length], [103, 3, 1]);
});

Deno.test("drain() gives every request once, oldest first, and leaves nothing", () => {
  const queue = new RequestQueue();
  for (let block = 0; block < 5; block++) queue.push(0, block, block);
  queue.remove(0, 3);
  assertEquals(drain(queue), ["0:0", "0:1", "0:2", "0:4"]);
  assertEquals([queue.length, queue.oldestAt, drain(queue).length], [0, Infinity, 0]);
});

Deno.test("RequestQueue does not grow when the oldest request is never answered", () => {
  const queue = new RequestQueue();
  queue.push(9, 9, 0);
  for (let i = 1; i <= 100_000; i++) {
    queue.push(0, i, i);
    assertEquals(queue.remove(0, i), i);
  }
  assertEquals([queue.length, queue.oldestPiece], [1, 9]);
  assert(queue.capacity <= 64, `${queue.capacity} places`);
});

Deno.test("RequestQueue equals a list after random operations", () => {
  forSeeds(40, (next) => {
    const queue = new RequestQueue();
    const list: { piece: number; block: number; at: number }[] = [];
    const depth = 1 + below(next, 300);
    for (let step = 0; step < 1500; step++) {
      const isLowOn = list.length < depth * next();
      if (isLowOn) {
        const request = { piece: below(next, 50), block: step, at: step };
        queue.push(request.piece, request.block, request.at);
        list.push(request);
      } else if (list.length > 0) {
        const at = next() < 0.5 ? 0 : below(next, list.length);
        const { piece, block, at: time } = list.splice(at, 1)[0]!;
        assert(queue.has(piece, block));
        assertEquals(queue.remove(piece, block), time);
        assert(!queue.has(piece, block));
      }
      if (next() < 0.002) {
        const expected = list.splice(0).map((r) => `${r.piece}:${r.block}`);
        assertEquals(drain(queue), expected);
      }
      assertEquals(queue.length, list.length);
      assertEquals(queue.oldestAt, list[0]?.at ?? Infinity);
    }
    assert(queue.capacity <= Math.max(64, 4 * depth), `${queue.capacity} places for ${depth}`);
  });
});
