/**
 * Times of files between our own writes: whose change it was.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { guardBytes, WriteGuard } from "../../src/platform/write_guard.ts";

/** Two threads with a guard on the same memory, and a file system. */
function setup() {
  const memory = new SharedArrayBuffer(guardBytes(2));
  const times = [0, 0];
  const make = () => new WriteGuard(memory, 2, (file) => times[file]!);
  const [one, two, main] = [make(), make(), make()];
  const write = (guard: WriteGuard, file: number, time: number, isShort = false) => {
    const number = guard.begin(file, isShort);
    times[file] = time;
    guard.end(file, number, isShort);
  };
  return { times, one, two, main, write };
}

Deno.test("take() names a file that others wrote to between two of our writes, once", () => {
  const { times, one, two, main, write } = setup();
  write(one, 1, 10);
  write(two, 1, 20);
  assertEquals(main.take(), []);
  times[1] = 21;
  write(one, 1, 30);
  assertEquals([main.take(), main.take()], [[1], []]);
  write(one, 1, 40);
  assertEquals(main.take(), []);
});

Deno.test("take() names a file that is gone", () => {
  const { times, one, main, write } = setup();
  write(one, 0, 10);
  times[0] = 0;
  write(one, 0, 20);
  assertEquals(main.take(), [0]);
});

Deno.test("writes that overlap, or are short, are nobody's change", () => {
  const { times, one, two, main, write } = setup();
  write(one, 0, 10);
  const [a, b] = [one.begin(0, false), two.begin(0, false)];
  times[0] = 20;
  two.end(0, b, false);
  times[0] = 30;
  one.end(0, a, false);
  write(one, 0, 40);
  write(two, 0, 50, true);
  write(one, 0, 60);
  write(two, 0, 70);
  assertEquals(main.take(), []);
});

Deno.test("nothing is said of a file that was looked at anew", () => {
  const { times, one, two, main, write } = setup();
  write(one, 0, 10);
  times[0] = 99;
  two.forget(0);
  write(one, 0, 20);
  assertEquals(main.take(), []);
});
