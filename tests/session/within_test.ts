/**
 * Time limits.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { within } from "../../src/session/within.ts";

/** A clock whose one sleep ends when `ring` is called. */
function setup() {
  const { promise, resolve: ring } = Promise.withResolvers<void>();
  const controller = new AbortController();
  const clock = {
    now: () => 0,
    epochMs: () => 0,
    sleep: (_ms: number, options: { signal?: AbortSignal } = {}) =>
      Promise.race([
        promise,
        new Promise<void>((_, reject) => {
          options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
        }),
      ]),
  };
  const limit = { ms: 5, clock, late: () => new Error("late"), signal: controller.signal };
  return { limit, ring, controller };
}

const never = new Promise<number>(() => {});

Deno.test("within() gives the result when the work is in time", async () => {
  let seen: AbortSignal | undefined;
  const work = (signal: AbortSignal) => {
    seen = signal;
    return Promise.resolve(7);
  };
  assertEquals(await within(setup().limit, work), 7);
  assertEquals(seen?.aborted, true);
});

Deno.test("within() throws late() when the time is over", async () => {
  const { limit, ring } = setup();
  let seen: AbortSignal | undefined;
  const late = within(limit, (signal) => {
    seen = signal;
    return never;
  });
  ring();
  await assertRejects(() => late, Error, "late");
  assertEquals(seen?.aborted, true);
});

Deno.test("within() throws the signal's reason when aborted, before or during the work", async () => {
  const { limit, controller } = setup();
  const stopped = within(limit, () => never);
  controller.abort(new Error("enough"));
  await assertRejects(() => stopped, Error, "enough");
  await assertRejects(() => within(limit, () => never), Error, "enough");
});

Deno.test("within() throws what the work throws", async () => {
  const work = () => Promise.reject(new RangeError("ours"));
  await assertRejects(() => within(setup().limit, work), RangeError, "ours");
});
