/**
 * The real clock. Nothing here waits for longer than a few milliseconds.
 *
 * @module
 */

import { assert, assertRejects } from "@std/assert";
import { systemClock } from "../../src/platform/clock.ts";

Deno.test("now() never goes back", () => {
  let last = systemClock.now();
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.now();
    assert(now >= last);
    last = now;
  }
});

Deno.test("sleep() resolves after the time when nobody aborts", async () => {
  const start = systemClock.now();
  await systemClock.sleep(5);
  assert(systemClock.now() - start >= 4);
  await systemClock.sleep(-1);
});

Deno.test("sleep() throws the signal's reason when aborted, before or meanwhile", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  // Longer than a timer can be: it must not fire at once.
  const long = systemClock.sleep(2 ** 40, { signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assertRejects(() => long, Error, "enough");
  await assertRejects(() => systemClock.sleep(1, { signal }), Error, "enough");
});
