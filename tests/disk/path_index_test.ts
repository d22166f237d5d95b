/**
 * Paths looked up by their ends.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { PathIndex } from "../../src/disk/path_index.ts";

function index(...paths: string[]): (path: string, most?: number) => string[] {
  const all = paths.map((path) => path.split("/"));
  const found = new PathIndex(all, [...paths.keys()]);
  return (path, most = 8) => found.likeliest(path.split("/"), most).map((i) => paths[i]!);
}

Deno.test("likeliest() puts first what has the most components in common at the end", () => {
  const find = index("x/b/c", "c", "a/b/c", "z", "q/c", "old/a/b/c", "a/b/d");
  const found = find("a/b/c");
  assertEquals(found.slice(0, 2), ["a/b/c", "old/a/b/c"]);
  assertEquals(found[2], "x/b/c");
  assertEquals(found.slice(3, 5).sort(), ["c", "q/c"]);
  assertEquals(found.slice(5).sort(), ["a/b/d", "z"]);
});

Deno.test("likeliest() gives no more than asked for, and nothing where there is nothing", () => {
  assertEquals(index("a", "b", "c")("b", 1), ["b"]);
  assertEquals(index()("b"), []);
});

Deno.test("likeliest() gives the same as a look at every path", () => {
  const letters = ["a", "b", "c"];
  const paths: string[] = [];
  for (const x of letters) {
    for (const y of letters) {
      for (const z of letters) {
        paths.push(z, `${y}/${z}`, `${x}/${y}/${z}`);
      }
    }
  }
  const find = index(...paths);
  const likeness = (a: string, b: string) => {
    const [x, y] = [a.split("/").reverse(), b.split("/").reverse()];
    const n = x.findIndex((part, i) => part !== y[i]);
    return n < 0 ? x.length : n;
  };
  for (const path of ["a/b/c", "q/b/a", "c", "q", "a/a/a/a"]) {
    const expected = paths.map((other) => likeness(path, other)).sort((a, b) => b - a);
    assertEquals(find(path, 20).map((other) => likeness(path, other)), expected.slice(0, 20));
  }
});

Deno.test("likeliest() does not look at every path of many that are alike", () => {
  let looks = 0;
  const count = 2_000;
  const paths = Array.from({ length: count }, (_, i) => {
    const path = ["tiles", String(i), "tile"];
    return new Proxy(path, {
      get(target, key) {
        looks++;
        return Reflect.get(target, key);
      },
    });
  });
  const found = new PathIndex(paths, [...paths.keys()]);
  looks = 0;
  for (let i = 0; i < count; i++) {
    assertEquals(found.likeliest(["tiles", String(i), "tile"], 8)[0], i);
  }
  assertLess(looks, 500 * count);
});
