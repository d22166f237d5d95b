/**
 * The token bucket: an exact average whatever the sizes and however many takers.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { TokenBucket } from "../../src/base/token_bucket.ts";
import { below, forSeeds } from "../support/prng.ts";

const SECONDS = 10;

/** Bytes that one taker gets who takes as soon as it may, up to the end of the debt that passes 10 s. */
function average(bucket: TokenBucket, size: () => number): number {
  let now = 1000;
  let taken = 0;
  while (now < 1000 + SECONDS * 1000) {
    const bytes = size();
    taken += bytes;
    now += bucket.take(bytes, now);
  }
  return taken / ((now - 1000) / 1000);
}

Deno.test("take() keeps the average within 5 % over 10 s when sizes are fixed", () => {
  for (const rate of [5_000, 50_000, 1_000_000, 100_000_000]) {
    for (const size of [1, 100, 1448, 16_384, 65_536]) {
      if (rate / size > 100_000) continue;
      const got = average(new TokenBucket(rate), () => size);
      assertAlmostEquals(got / rate, 1, 0.05, `rate ${rate}, size ${size}: ${got}`);
    }
  }
});

Deno.test("take() keeps the average within 5 % over 10 s when sizes are random", () => {
  forSeeds(50, (next) => {
    const rate = 1_000 + below(next, 5_000_000);
    const got = average(new TokenBucket(rate), () => 1 + below(next, 40_000));
    assertAlmostEquals(got / rate, 1, 0.05, `rate ${rate}: ${got}`);
  });
});

Deno.test("take() keeps the average when forty takers ask before they take", () => {
  const rate = 400_000;
  const bucket = new TokenBucket(rate);
  const wakeAt = new Array<number>(40).fill(0);
  let taken = 0;
  for (let now = 0; now < SECONDS * 1000; now++) {
    for (let i = 0; i < wakeAt.length; i++) {
      if (wakeAt[i]! > now) continue;
      const wait = bucket.delay(now);
      if (wait === 0) taken += 16_384;
      wakeAt[i] = now + Math.ceil(wait > 0 ? wait : bucket.take(16_384, now));
    }
  }
  // One block may be on its way beyond what is paid.
  assertAlmostEquals((taken - 8_192) / SECONDS / rate, 1, 0.05);
});

Deno.test("take() lets a burst through when the bucket was idle, a tenth of a second's worth at the most", () => {
  const bucket = new TokenBucket(1_000_000);
  bucket.take(0, 0);
  assertEquals(bucket.take(100_000, 60_000), 0);
  assertAlmostEquals(bucket.take(1000, 60_000), 1, 1e-9);
});

Deno.test("take() is not fooled when the clock stands still or goes back", () => {
  const bucket = new TokenBucket(1000);
  bucket.take(1000, 5000);
  assertEquals(bucket.delay(4000), 1000);
  assertEquals(bucket.delay(5000), 1000);
  assertEquals(bucket.delay(5500), 500);
  assertEquals(bucket.delay(6000), 0);
});

Deno.test("TokenBucket never limits when the rate is infinite", () => {
  const bucket = new TokenBucket(Infinity);
  assert(!bucket.isLimited && new TokenBucket(1).isLimited);
  for (let i = 0; i < 10; i++) assertEquals(bucket.take(1e12, 0), 0);
  assertEquals(bucket.delay(0), 0);
});

Deno.test("burst is a tenth of a second's worth, and no bound where nothing is limited", () => {
  assertEquals(new TokenBucket(1_000_000).burst, 100_000);
  assertEquals(new TokenBucket(1_000).burst, 16_384);
  assertEquals(new TokenBucket(Infinity).burst, Infinity);
});
