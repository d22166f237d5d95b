/**
 * The system's randomness has the shape the port promises.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { systemRandom } from "../../src/platform/random.ts";

Deno.test("bytes() gives as many as asked, also beyond the quota of the system", () => {
  for (const length of [0, 1, 65_536, 65_537, 200_000]) {
    assertEquals(systemRandom.bytes(length).length, length);
  }
  const large = systemRandom.bytes(200_000);
  assert(large.subarray(199_000).some((byte) => byte !== 0));
  assertNotEquals(systemRandom.bytes(16), systemRandom.bytes(16));
});

Deno.test("below() gives every number under the limit and no other", () => {
  for (const limit of [1, 2, 3, 10]) {
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) seen.add(systemRandom.below(limit));
    assertEquals([...seen].sort((a, b) => a - b), Array.from({ length: limit }, (_, i) => i));
  }
});

Deno.test("below() stays whole and under the limit when it is large", () => {
  for (const limit of [2 ** 32, 2 ** 32 + 1, 2 ** 53]) {
    let high = 0;
    for (let i = 0; i < 200; i++) {
      const n = systemRandom.below(limit);
      assert(Number.isSafeInteger(n) && n >= 0 && n < limit);
      high = Math.max(high, n);
    }
    assert(high > limit / 2);
  }
});
