/**
 * Queries under way: matching, slowness, loss.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MAX_TRANSACTIONS, Transactions } from "../../src/dht/transactions.ts";
import { prng } from "../support/prng.ts";
import { at, randomOf } from "./support.ts";

const NODE = at("1.2.3.4:5");

function setup(): Transactions<string> {
  return new Transactions<string>(randomOf(prng(1)));
}

Deno.test("settle() wants the id and the address of a query, once", () => {
  const queries = setup();
  const tid = queries.open(NODE, "why", 0);
  assertEquals(tid.length, 4);
  assertEquals(queries.settle(tid, at("1.2.3.4:6"), 10), undefined);
  assertEquals(queries.settle(tid, at("1.2.3.5:5"), 10), undefined);
  assertEquals(queries.settle(tid.subarray(1), NODE, 10), undefined);
  assertEquals(queries.settle(Uint8Array.of(1, 2, 3, 4), NODE, 10), undefined);
  assertEquals(queries.size, 1);
  assertEquals(queries.settle(tid, NODE, 10)?.purpose, "why");
  assertEquals(queries.settle(tid, NODE, 10), undefined);
});

Deno.test("takeDue() calls a query slow once and lost at the end", () => {
  const queries = setup();
  queries.open(NODE, "a", 0);
  const due = (now: number) => {
    const { slow, lost } = queries.takeDue(now);
    return [slow, lost].map((list) => list.map((query) => query.purpose).join());
  };
  assertEquals(queries.nextAt(), 1000);
  assertEquals(due(999), ["", ""]);
  assertEquals(due(1000), ["a", ""]);
  assertEquals(queries.nextAt(), 3000);
  assertEquals(due(2999), ["", ""]);
  assertEquals(due(3000), ["", "a"]);
  assertEquals([queries.size, queries.nextAt()], [0, Infinity]);
});

Deno.test("settle() accepts a slow answer and learns from it", () => {
  const queries = setup();
  const tid = queries.open(NODE, "a", 0);
  queries.takeDue(1500);
  assertEquals(queries.settle(tid, NODE, 1900)?.purpose, "a");
  assertEquals(queries.slowMs, 2000);
});

Deno.test("slowMs follows the answers, within bounds", () => {
  const queries = setup();
  assertEquals(queries.slowMs, 1000);
  for (let i = 0; i < 50; i++) queries.settle(queries.open(NODE, "", 0), NODE, 20);
  assertEquals(queries.slowMs, 250);
  for (let i = 0; i < 50; i++) queries.settle(queries.open(NODE, "", 0), NODE, 400);
  assert(queries.slowMs >= 400 && queries.slowMs < 800, `${queries.slowMs}`);
  for (let i = 0; i < 50; i++) queries.settle(queries.open(NODE, "", 0), NODE, 5000);
  assertEquals(queries.slowMs, 2000);
});

Deno.test("isFull says when new queries have to wait", () => {
  const queries = setup();
  while (!queries.isFull) queries.open(NODE, "", 0);
  assertEquals(queries.size, MAX_TRANSACTIONS);
});
