/**
 * The semaphore: first come, first served; no permit is lost or made up.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Permit, Semaphore } from "../../src/base/semaphore.ts";
import { below, prng } from "../support/prng.ts";

Deno.test("tryAcquire() gives undefined when no permit is free", () => {
  const semaphore = new Semaphore(2);
  const [a, b] = [semaphore.tryAcquire(), semaphore.tryAcquire()];
  assert(a && b);
  assertEquals(semaphore.free, 0);
  assertEquals(semaphore.tryAcquire(), undefined);
  b.release();
  assert(semaphore.tryAcquire());
});

Deno.test("acquire() serves those who wait in the order they came", async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire();
  const order: number[] = [];
  const waits = [0, 1, 2, 3].map(async (n) => {
    using _permit = await semaphore.acquire();
    order.push(n);
  });
  assertEquals(semaphore.waiting, 4);
  assertEquals(semaphore.tryAcquire(), undefined);
  first.release();
  await Promise.all(waits);
  assertEquals(order, [0, 1, 2, 3]);
  assertEquals([semaphore.free, semaphore.waiting], [1, 0]);
});

Deno.test("release() gives the slot back once when called often", () => {
  const semaphore = new Semaphore(2);
  const permit = semaphore.tryAcquire()!;
  permit.release();
  permit.release();
  permit[Symbol.dispose]();
  assertEquals(semaphore.free, 2);
});

Deno.test("acquire() rejects with the signal's reason when cancelled, and the next in line moves up", async () => {
  const semaphore = new Semaphore(1);
  const held = await semaphore.acquire();
  const controller = new AbortController();
  const cancelled = semaphore.acquire({ signal: controller.signal });
  const next = semaphore.acquire();
  const reason = new Error("never mind");
  controller.abort(reason);
  assertEquals(await cancelled.catch((error) => error), reason);
  assertEquals(semaphore.waiting, 1);
  held.release();
  (await next).release();
  assertEquals(semaphore.free, 1);
});

Deno.test("acquire() rejects at once when the signal has aborted, though a permit is free", async () => {
  const semaphore = new Semaphore(1);
  await assertRejects(() => semaphore.acquire({ signal: AbortSignal.abort(new Error("late")) }));
  assertEquals(semaphore.free, 1);
});

Deno.test("an abort changes nothing when the permit was already granted", async () => {
  const semaphore = new Semaphore(1);
  const held = await semaphore.acquire();
  const controller = new AbortController();
  const waiting = semaphore.acquire({ signal: controller.signal });
  held.release();
  controller.abort();
  const permit = await waiting;
  assertEquals(semaphore.free, 0);
  permit.release();
  assertEquals(semaphore.free, 1);
});

Deno.test("Semaphore keeps its count when takes, releases and cancels are random", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const next = prng(seed);
    const semaphore = new Semaphore(1 + below(next, 5));
    const held: Permit[] = [];
    const waits = new Set<AbortController>();
    for (let step = 0; step < 300; step++) {
      const roll = next();
      if (roll < 0.5) {
        const controller = new AbortController();
        waits.add(controller);
        semaphore.acquire({ signal: controller.signal }).then(
          (permit) => held.push(permit),
          () => {},
        ).finally(() => waits.delete(controller));
      } else if (roll < 0.8 && held.length > 0) {
        held.splice(below(next, held.length), 1)[0]!.release();
      } else {
        [...waits][below(next, waits.size)]?.abort();
      }
      for (let turn = 0; turn < 4; turn++) await Promise.resolve();
      const where = `seed ${seed} step ${step}`;
      assertEquals(semaphore.free + held.length, semaphore.capacity, where);
      assert(semaphore.free === 0 || semaphore.waiting === 0, where);
    }
  }
});
