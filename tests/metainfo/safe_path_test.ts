/**
 * Names made safe: a table of what comes in and what is created, per system.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type PathFault, PathTree, safeName, safeTopName } from "../../src/metainfo/safe_path.ts";
import { below, forSeeds, pick } from "../support/prng.ts";

const byteLength = (text: string) => new TextEncoder().encode(text).length;

Deno.test("safeName() keeps a name verbatim when Linux can hold it", () => {
  const names = [
    "a",
    " leading and trailing. ",
    "...",
    ".hidden",
    "CON",
    'a<b>:"|?*',
    "%2e%2e%2f",
    "ünï",
    "u\u0308",
    "👩\u200d👧.txt",
    "\ufeffbom",
    "-rf",
    "~",
    "C:",
  ];
  for (const name of names) assertStrictEquals(safeName(name, "linux"), name);
});

Deno.test("safeName() refuses what names no file", () => {
  for (const name of ["", ".", "..", "\u202e", "\u200f..", ".\u2066"]) {
    for (const system of ["linux", "darwin", "windows"] as const) {
      assertStrictEquals(safeName(name, system), undefined);
    }
  }
});

Deno.test("safeName() replaces separators and control characters on every system", () => {
  const table: [name: string, safe: string][] = [
    ["a/b", "a_b"],
    ["/etc/passwd", "_etc_passwd"],
    ["..\\..\\x", ".._.._x"],
    ["../../x", ".._.._x"],
    [".\0.x", "._.x"],
    [".\0.x", "._.x"],
    ["\x1b[2Jx\x7f\x9b\r\n", "_[2Jx____"],
    ["exe.\u202egpj", "exe.gpj"],
    ["half\ud83d", "half\ufffd"],
  ];
  for (const [name, safe] of table) {
    for (const system of ["linux", "darwin", "windows"] as const) {
      assertStrictEquals(safeName(name, system), safe, JSON.stringify(name));
    }
  }
});

Deno.test("safeName() changes what Windows cannot hold on Windows only", () => {
  const table: [name: string, safe: string][] = [
    ["con", "_con"],
    ["CON.txt", "_CON.txt"],
    ["Nul .tar.gz", "_Nul .tar.gz"],
    ["com1", "_com1"],
    ["LPT³.x", "_LPT³.x"],
    ["con. ", "_con"],
    ["console", "console"],
    ["com10", "com10"],
    ["foo. .", "foo"],
    ["...", "_"],
    ["   ", "_"],
    ['a<b>:"|?*c', "a_b______c"],
    ["C:", "C_"],
  ];
  for (const [name, safe] of table) {
    assertStrictEquals(safeName(name, "windows"), safe);
    assertStrictEquals(safeName(name, "linux"), name);
  }
});

Deno.test("safeName() shortens to 255 bytes in front of the extension", () => {
  assertStrictEquals(safeName("x".repeat(255)), "x".repeat(255));
  assertStrictEquals(safeName("x".repeat(300)), "x".repeat(255));
  assertStrictEquals(safeName("x".repeat(300) + ".tar"), "x".repeat(251) + ".tar");
  // Three bytes each: 84 of them and the extension make 255 exactly, no character is cut.
  assertStrictEquals(safeName("あ".repeat(84) + ".gz"), "あ".repeat(84) + ".gz");
  assertStrictEquals(safeName("あ".repeat(100) + ".mkv"), "あ".repeat(83) + ".mkv");
  assertStrictEquals(safeName("😀".repeat(100)), "😀".repeat(63));
  // What is longer than any extension is none.
  assertStrictEquals(safeName("a." + "x".repeat(300)), "a." + "x".repeat(253));
  assertStrictEquals(safeName("x".repeat(254) + " .y.", "windows"), "x".repeat(253) + ".y");
  assertStrictEquals(safeName("x".repeat(254) + " yyy", "windows"), "x".repeat(254));
});

function placed(path: string[] | PathFault): string[] {
  assert(typeof path !== "string", String(path));
  return path;
}

/** Places paths given as `a/b` below `top`. */
function place(list: string[], system: "linux" | "darwin" | "windows" = "linux"): string[] {
  const tree = new PathTree(system);
  return list.map((path) => placed(tree.place("top", path.split("/"))).slice(1).join("/"));
}

Deno.test("PathTree.place() numbers a file when its name is taken", () => {
  assertEquals(place(["a.txt", "a.txt", "a.1.txt", "a.txt", "b", "b", ".x", ".x"]), [
    "a.txt",
    "a.1.txt",
    "a.1.1.txt",
    "a.2.txt",
    "b",
    "b.1",
    ".x",
    ".x.1",
  ]);
  assertEquals(place(["d/a", "e/a", "d/a"]), ["d/a", "e/a", "d/a.1"]);
});

Deno.test("PathTree.place() parts a file and a folder of one name", () => {
  assertEquals(place(["a", "a/b", "a/c", "a/d/e"]), ["a", "a.1/b", "a.1/c", "a.1/d/e"]);
  assertEquals(place(["a/b", "a", "a/c"]), ["a/b", "a.1", "a/c"]);
  assertEquals(place(["a", "a.1", "a/b"]), ["a", "a.1", "a.2/b"]);
});

Deno.test("PathTree.place() tells cases apart when the system does", () => {
  const list = ["Dir/a", "dir/A", "DIR/a"];
  assertEquals(place(list, "linux"), list);
  assertEquals(place(list, "windows"), ["Dir/a", "Dir/A.1", "Dir/a.2"]);
  assertEquals(place(list, "darwin"), ["Dir/a", "Dir/A.1", "Dir/a.2"]);
  assertEquals(place(["\u00fc", "u\u0308"], "linux"), ["\u00fc", "u\u0308"]);
  assertEquals(place(["\u00fc", "u\u0308"], "darwin"), ["\u00fc", "u\u0308.1"]);
});

Deno.test("PathTree.place() leaves out components that are no names", () => {
  assertEquals(place(["../../etc/passwd", "/abs", "a//./b", "x/.."]), [
    "etc/passwd",
    "abs",
    "a/b",
    "x",
  ]);
  assertEquals(new PathTree("linux").place("top", ["..", ".", ""]), "no name in it");
  assertEquals(new PathTree("linux").place("top", []), "no name in it");
});

Deno.test("PathTree.place() keeps shortened names distinct and short", () => {
  const names = Array.from({ length: 20 }, (_, i) => "x".repeat(260) + i + ".txt");
  const distinct = new Set(place(names));
  assertEquals(distinct.size, 20);
  for (const name of distinct) assert(byteLength(name) <= 255 && name.endsWith(".txt"));
});

Deno.test("PathTree.place() refuses a path when it is deeper than 100", () => {
  const tree = new PathTree("linux");
  assertEquals(tree.place("top", new Array(99).fill("d")).length, 100);
  assertEquals(tree.place("top", new Array(100).fill("d")), "too many folders");
});

Deno.test("PathTree.place() gives up when a torrent is made of duplicates", () => {
  const tree = new PathTree("linux");
  let count = 0;
  while (count < 100_000 && Array.isArray(tree.place("top", ["same"]))) count++;
  assert(count > 5_000 && count < 50_000, `${count}`);
  assertEquals(tree.place("top", ["same"]), "too many files of one name");
});

Deno.test("PathTree.place() never lets two paths clash", () => {
  const parts = [
    "a",
    "A",
    "a.1",
    "b",
    "..",
    "",
    "a ",
    "a.",
    "con",
    "ü",
    "u\u0308",
    "x".repeat(300),
  ];
  forSeeds(200, (next, seed) => {
    const system = pick(next, ["linux", "darwin", "windows"] as const);
    const tree = new PathTree(system);
    const files = new Set<string>();
    const folders = new Set<string>();
    const normal = (path: string) => system === "darwin" ? path.normalize("NFC") : path;
    const fold = (path: string) => system === "linux" ? path : normal(path).toLowerCase();
    for (let i = 0; i < 60; i++) {
      const wanted = Array.from({ length: 1 + below(next, 3) }, () => pick(next, parts));
      const path = tree.place("top", wanted);
      if (typeof path === "string") continue;
      const names = path.map((_, depth) => fold(path.slice(0, depth + 1).join("/")));
      const name = names.pop()!;
      assert(!files.has(name) && !folders.has(name), `seed ${seed}: ${name}`);
      for (const folder of names) {
        assert(!files.has(folder), `seed ${seed}: ${folder}`);
        folders.add(folder);
      }
      files.add(name);
      for (const part of path) assert(byteLength(part) <= 255 && part !== ".." && part !== "");
    }
  });
});

Deno.test("safeTopName() moves a name aside when it is one of our own hidden files", () => {
  const ours = `.${"0a".repeat(20)}.starling`;
  assertEquals(safeTopName(ours), `_${ours}`);
  assertEquals(safeTopName(".hidden"), ".hidden");
  assertEquals(safeTopName(".."), undefined);
});
