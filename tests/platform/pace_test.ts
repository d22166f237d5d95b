/**
 * Where reads for peers are done.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Pace } from "../../src/platform/pace.ts";

function near(pace: Pace, times: number, ms: number, hasWaited = false): boolean {
  for (let i = 0; i < times; i++) pace.onNear(ms, hasWaited);
  return pace.isNear;
}

function far(pace: Pace, times: number, ms: number): boolean {
  for (let i = 0; i < times; i++) pace.onFar(ms);
  return pace.isNear;
}

Deno.test("reads stay near while they are quick", () => {
  assertEquals(near(new Pace(), 10_000, 0.2), true);
});

Deno.test("reads stay near when others had the processor", () => {
  assertEquals(near(new Pace(), 100, 50), true);
});

Deno.test("reads stay near when one had to wait now and then", () => {
  const pace = new Pace();
  for (let i = 0; i < 50; i++) {
    assertEquals(near(pace, 1, 5, true), true);
    assertEquals(near(pace, 8, 0.1), true);
  }
});

Deno.test("reads go far at the second wait among a few", () => {
  const pace = new Pace();
  assertEquals(near(pace, 1, 5, true), true);
  assertEquals(near(pace, 6, 0.1), true);
  assertEquals(near(pace, 1, 5, true), false);
});

Deno.test("reads go far at once after a long wait, whether the system says so or not", () => {
  assertEquals(near(new Pace(), 1, 30, true), false);
  assertEquals(near(new Pace(), 1, 200), false);
});

Deno.test("reads come back after a run of quick ones, a longer one each time", () => {
  const pace = new Pace();
  for (const needed of [16, 32, 64, 128]) {
    near(pace, 1, 30, true);
    assertEquals(far(pace, needed - 1, 0.1), false);
    assertEquals(far(pace, 1, 5), false, "a slow one begins the run anew");
    assertEquals(far(pace, needed - 1, 0.1), false);
    assertEquals(far(pace, 1, 0.1), true);
  }
});

Deno.test("reads that were quick for long are trusted as in the beginning", () => {
  const pace = new Pace();
  for (let i = 0; i < 5; i++) {
    near(pace, 1, 30, true);
    far(pace, 4096, 0.1);
  }
  near(pace, 5000, 0.1);
  near(pace, 1, 30, true);
  assertEquals(far(pace, 15, 0.1), false);
  assertEquals(far(pace, 1, 0.1), true);
});
