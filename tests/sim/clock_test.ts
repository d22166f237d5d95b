/**
 * Simulated time by itself.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { below, prng } from "../support/prng.ts";
import { SimClock } from "./clock.ts";

Deno.test("run() jumps from timer to timer in the order of time", async () => {
  const clock = new SimClock(5000);
  const log: string[] = [];
  for (const ms of [30, 10, 20, 10]) {
    clock.sleep(ms).then(() => log.push(`${ms}@${clock.now()}`));
  }
  assertEquals(await clock.run(() => false, 25), false);
  assertEquals(log, ["10@10", "10@10", "20@20"]);
  assertEquals([clock.now(), clock.epochMs()], [25, 5025]);
  assertEquals(await clock.run(() => log.length === 4, 100), true);
  assertEquals(clock.now(), 30);
});

Deno.test("run() lets all code go on before time moves", async () => {
  const clock = new SimClock();
  const log: string[] = [];
  clock.at(1, () => {
    (async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      log.push("deep");
    })();
  });
  clock.at(1.001, () => void log.push("later"));
  await clock.run(() => false, 2);
  assertEquals(log, ["deep", "later"]);
});

Deno.test("sleep() rejects with the signal's reason when aborted, at once or later", async () => {
  const clock = new SimClock();
  const controller = new AbortController();
  const sleep = clock.sleep(1000, { signal: controller.signal }).catch((error) => error);
  await clock.run(() => false, 10);
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await sleep, reason);
  assertEquals(await clock.sleep(0, { signal: controller.signal }).catch((e) => e), reason);
  assertEquals(await clock.run(() => false, 2000), false);
});

Deno.test("sleep() never ends when the guard says so, or for an infinite time", async () => {
  const clock = new SimClock();
  let ended = 0;
  clock.sleep(10, { guard: () => false }).then(() => ended++);
  clock.sleep(Infinity).then(() => ended++);
  await clock.run(() => false, 1e9);
  assertEquals(ended, 0);
});

Deno.test("run() serves several waits at once", async () => {
  const clock = new SimClock();
  const answers = await Promise.all([
    clock.run(() => clock.now() >= 5, 100),
    clock.run(() => false, 7),
    clock.run(() => clock.now() >= 5, 3),
  ]);
  assertEquals(answers, [true, false, false]);
  assertEquals(clock.now(), 7);
});

Deno.test("run() throws when nothing can ever happen or time stands still", async () => {
  const idle = new SimClock();
  await assertRejects(() => idle.run(() => false, Infinity), Error, "nothing will ever happen");
  const busy = new SimClock();
  const spin = (): false => {
    busy.at(0, spin);
    return false;
  };
  spin();
  await assertRejects(() => busy.run(() => false, 10), Error, "time stands still");
});

Deno.test("at() keeps order when thousands of timers are set and called off", async () => {
  const clock = new SimClock();
  const next = prng(3);
  const log: number[] = [];
  let expected = 0;
  for (let i = 0; i < 5000; i++) {
    const timer = clock.at(below(next, 1000), () => {
      log.push(clock.now());
      return false;
    });
    if (next() < 0.3) timer.cancel();
    else expected++;
  }
  await clock.run(() => false, 1000);
  assertEquals(log.length, expected);
  assertEquals(log, log.toSorted((a, b) => a - b));
});
