/**
 * Maps that keep what was set last.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { LatestMap } from "../../src/base/latest_map.ts";

Deno.test("set() drops what was set longest ago when there are too many", () => {
  const map = new LatestMap<string, number>(3);
  for (const [i, key] of [..."abcd"].entries()) map.set(key, i);
  assertEquals([...map], [["b", 1], ["c", 2], ["d", 3]]);
});

Deno.test("set() makes an entry the last when it was there, and drops none", () => {
  const map = new LatestMap<string, number>(2);
  assertEquals([...map.set("a", 1).set("b", 2).set("a", 3)], [["b", 2], ["a", 3]]);
  assertEquals([...map.set("c", 4).keys()], ["a", "c"]);
});

Deno.test("get() does not change what is dropped next", () => {
  const map = new LatestMap<string, number>(2).set("a", 1).set("b", 2);
  assertEquals(map.get("a"), 1);
  assertEquals([...map.set("c", 3).keys()], ["b", "c"]);
});
