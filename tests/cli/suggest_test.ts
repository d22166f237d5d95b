/**
 * "Did you mean".
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { distance, suggest } from "../../src/cli/suggest.ts";

Deno.test("distance() counts a letter missing, added, changed or swapped as one", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["get", "get", 0],
    ["gt", "get", 1],
    ["gett", "get", 1],
    ["gat", "get", 1],
    ["gte", "get", 1],
    ["kitten", "sitting", 3],
    ["", "abc", 3],
  ];
  for (const [a, b, edits] of cases) {
    assertEquals(distance(a, b), edits, `${a} ${b}`);
    assertEquals(distance(b, a), edits, `${b} ${a}`);
  }
});

Deno.test("suggest() gives the nearest words first when some are near", () => {
  const words = ["output", "include", "exclude", "max-peers", "peer"];
  assertEquals(suggest("outptu", words), ["output"]);
  assertEquals(suggest("max-peer", words), ["max-peers"]);
  assertEquals(suggest("xclude", words), ["exclude", "include"]);
  assertEquals(suggest("max", words), ["max-peers"]);
  assertEquals(suggest("OUTPUT", words), ["output"]);
});

Deno.test("suggest() is silent when nothing is near", () => {
  assertEquals(suggest("frobnicate", ["output", "include"]), []);
  assertEquals(suggest("", ["output"]), []);
  assertEquals(suggest("xy", ["output", "t"]), []);
});
