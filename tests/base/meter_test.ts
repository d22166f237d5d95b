/**
 * The meter: right while the rate is steady, forgetful after the window.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Meter } from "../../src/base/meter.ts";
import { below, forSeeds } from "../support/prng.ts";

Deno.test("rate() is within 2 % when bytes come steadily", () => {
  for (const rate of [1_000, 1_000_000, 1_000_000_000]) {
    const meter = new Meter();
    for (let now = 123; now < 20_123; now += 10) {
      meter.add(rate / 100, now);
      if (now > 1_500) assertAlmostEquals(meter.rate(now) / rate, 1, 0.02, `${rate} at ${now}`);
    }
  }
});

Deno.test("rate() is 0 before the first byte, at its moment, and a window after the last", () => {
  const meter = new Meter(5000);
  assertEquals(meter.rate(100), 0);
  meter.add(1000, 100);
  assertEquals(meter.rate(100), 0);
  assert(meter.rate(1000) > 0);
  assert(meter.rate(4_800) > 0);
  assertEquals(meter.rate(5_500), 0);
  assertEquals(meter.rate(1_000_000), 0);
  assertEquals(meter.total, 1000);
});

Deno.test("rate() does not explode when much comes in the first instant", () => {
  const meter = new Meter(5000);
  meter.add(1_000_000, 0);
  assertEquals(meter.rate(1), 4_000_000);
});

Deno.test("rate() follows when the rate changes", () => {
  const meter = new Meter(5000);
  let now = 0;
  for (; now < 10_000; now += 10) meter.add(100, now);
  for (; now < 20_000; now += 10) meter.add(500, now);
  assertAlmostEquals(meter.rate(now), 50_000, 1000);
  for (; now < 24_000; now += 10) meter.rate(now);
  // One of the last five seconds had bytes, give or take a bucket of a quarter second.
  assertAlmostEquals(meter.rate(now), 10_000, 2_500);
});

Deno.test("rate() agrees with a plain list of recent bytes when gaps are random", () => {
  forSeeds(30, (next) => {
    const meter = new Meter(2000);
    const added: [number, number][] = [];
    let now = below(next, 100_000);
    for (let step = 0; step < 200; step++) {
      now += below(next, next() < 0.05 ? 5_000 : 150);
      const bytes = below(next, 10_000);
      meter.add(bytes, now);
      added.push([now, bytes]);
      const from = (Math.floor(now / 100) - 19) * 100;
      const sum = added.filter(([at]) => at >= from).reduce((s, [, n]) => s + n, 0);
      const span = now - Math.max(added[0]![0], from);
      assertAlmostEquals(meter.rate(now), span > 0 ? sum * 1000 / Math.max(span, 100) : 0, 1e-6);
    }
    assertEquals(meter.total, added.reduce((s, [, n]) => s + n, 0));
  });
});
