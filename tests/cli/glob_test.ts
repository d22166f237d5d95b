/**
 * Globs over paths inside a torrent.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { compileGlob } from "../../src/cli/glob.ts";
import { forSeeds, pick } from "../support/prng.ts";

const TABLE: [glob: string, matches: string[], misses: string[]][] = [
  ["*.csv", ["a.csv", "x/a.csv", "x/y/.csv"], ["a.csv.gz", "a.CSV", "a.csv/b"]],
  ["a.csv", ["a.csv", "x/a.csv"], ["ba.csv", "a.csvx", "axcsv"]],
  ["x/*", ["x/a", "x/.a"], ["x/y/a", "xx/a", "y/x/a"]],
  ["x/**", ["x/a", "x/y/a"], ["x", "y/x/a"]],
  ["x/", ["x/a", "x/y/a"], ["x"]],
  ["**/a", ["a", "x/a", "x/y/a"], ["ba", "x/ba"]],
  ["x/**/a", ["x/a", "x/y/a", "x/y/z/a"], ["xa", "x/ya"]],
  ["**", ["a", "x/y"], []],
  ["x**a", ["xa", "y/xba"], ["x/a"]],
  ["x/b**a", ["x/ba", "x/b/c/a"], ["xa"]],
  ["./x/a", ["x/a"], ["y/x/a"]],
  ["/x/a", ["x/a"], ["a"]],
  ["?.txt", ["a.txt", "é.txt", "😀.txt", "x/b.txt"], ["ab.txt", ".txt"]],
  ["x?a", ["x-a"], ["x/a"]],
  ["[ab].txt", ["a.txt", "x/b.txt"], ["c.txt", "ab.txt"]],
  ["[!ab].txt", ["c.txt"], ["a.txt"]],
  ["[a-c]*", ["a", "bx"], ["d"]],
  ["[c-a]*", ["c", "a", "-"], ["b"]],
  ["[]]x", ["]x"], ["x"]],
  ["[^]]x", ["ax"], ["]x"]],
  ["x[/]a", ["x[/]a"], ["x/a"]],
  ["[Group] Show.mkv", ["[Group] Show.mkv", "x/[Group] Show.mkv", "G Show.mkv"], [
    "Group Show.mkv",
  ]],
  ["*.{jpg,png}", ["a.jpg", "x/b.png"], ["a.gif", "a.{jpg,png}x"]],
  ["{a,b{c,d}}", ["a", "bc", "bd"], ["b", "ac"]],
  ["{a", ["{a"], ["a"]],
  ["a,b}", ["a,b}"], ["a"]],
  ["\\*", ["*"], ["a"]],
  ["a\\", ["a\\"], ["a"]],
  ["a.b+c(d)^$|", ["a.b+c(d)^$|"], ["aXb+c(d)^$|"]],
  ["日本*", ["日本語.txt"], ["本.txt"]],
  ["a\nb", ["a\nb"], ["ab"]],
  ["*", ["a\nb", "x/y"], []],
];

Deno.test("compileGlob() matches and misses as the table says", () => {
  for (const [glob, matches, misses] of TABLE) {
    const match = compileGlob(glob);
    for (const path of matches) assert(match(path), `${glob} must match ${path}`);
    for (const path of misses) assert(!match(path), `${glob} must not match ${path}`);
  }
});

Deno.test("compileGlob() takes any text and matches it literally at least", () => {
  const letters = [..."ab/*?[]{}!^-,\\.é😀|()"];
  forSeeds(500, (next, seed) => {
    const length = 1 + Math.floor(next() * 10);
    const glob = Array.from({ length }, () => pick(next, letters)).join("");
    const match = compileGlob(glob);
    if (/^[^/][^/]*$/.test(glob)) assertEquals(match(glob), true, `seed ${seed}: ${glob}`);
    match("a/b/c");
  });
});
