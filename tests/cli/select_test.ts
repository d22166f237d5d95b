/**
 * Which files the options ask for.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { chooseFiles, type FileWish } from "../../src/cli/select.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { torrent } from "./support/torrents.ts";

const FILES = torrent({
  name: "set",
  files: {
    "readme.md": 10,
    "data/a.csv": 100,
    "data/b.csv": 0,
    "data/old/a.csv": 50,
    "img/x.png": 9,
  },
}).files;

function choose(wish: Partial<FileWish>): readonly number[] | undefined {
  return chooseFiles(FILES, { include: [], exclude: [], numbers: [], ...wish }).selection;
}

Deno.test("chooseFiles() takes everything when nothing is said", () => {
  assertEquals(choose({}), undefined);
  assertEquals(choose({ include: ["**"] }), undefined);
  assertEquals(choose({ numbers: [1, 5] }), undefined);
});

Deno.test("chooseFiles() joins numbers and includes and takes away excludes", () => {
  const cases: [Partial<FileWish>, number[]][] = [
    [{ include: ["*.csv"] }, [1, 2, 3]],
    [{ include: ["data/*.csv"] }, [1, 2]],
    [{ include: ["*.md", "img/"] }, [0, 4]],
    [{ exclude: ["*.csv"] }, [0, 4]],
    [{ include: ["*.csv"], exclude: ["data/old/**"] }, [1, 2]],
    [{ numbers: [1, 1, 4, 5] }, [0, 3, 4]],
    [{ numbers: [1, 1], include: ["*.png"] }, [0, 4]],
    [{ numbers: [1, 5], exclude: ["readme.md"] }, [1, 2, 3, 4]],
    [{ numbers: [3, 3] }, [2]],
  ];
  for (const [wish, selection] of cases) assertEquals(choose(wish), selection);
});

Deno.test("chooseFiles() names close files when a glob meets none", () => {
  const cases: [string, string][] = [
    ["a.cvs", "close are data/a.csv, data/old/a.csv, data/b.csv"],
    ["DATA/A.CSV", "close are data/a.csv"],
    ["REAMDE*", "close is readme.md"],
    ["zzzzzzzzzzzzzzzzzzzz", "starling info lists the files"],
  ];
  for (const [glob, hint] of cases) {
    const error = assertThrows(() => choose({ include: [glob] }), UsageError);
    assertEquals(error.message, `Cannot select files: --include "${glob}" matches none`);
    assert(error.hint?.startsWith(hint), `${glob}: ${error.hint}`);
  }
});

Deno.test("chooseFiles() refuses a number that does not exist and a choice of nothing", () => {
  for (const numbers of [[6, 6], [1, 6], [2, 999_999_999]]) {
    assertThrows(() => choose({ numbers }), UsageError, "there is no file number");
  }
  assertThrows(() => choose({ exclude: ["**"] }), UsageError, "leaves none");
});

Deno.test("chooseFiles() reports excludes that meet no file", () => {
  const { idle } = chooseFiles(FILES, { include: [], exclude: ["*.nfo", "*.md"], numbers: [] });
  assertEquals(idle, ["*.nfo"]);
});

Deno.test("chooseFiles() never counts padding", () => {
  const padded = torrent({
    name: "padded",
    info: {
      files: [
        { length: 16_000, path: ["a"] },
        { length: 384, path: [".pad", "384"], attr: "p" },
        { length: 16_384, path: ["b"] },
      ],
      length: undefined,
      pieces: new Uint8Array(40),
    },
  }).files;
  const wish = { include: [], exclude: [], numbers: [] };
  assertEquals(chooseFiles(padded, wish).selection, undefined);
  assertEquals(chooseFiles(padded, { ...wish, include: ["a", "b"] }).selection, undefined);
  assertEquals(chooseFiles(padded, { ...wish, numbers: [3, 3] }).selection, [2]);
  assertThrows(() => chooseFiles(padded, { ...wish, include: ["384"] }), UsageError);
  const choose = (...numbers: number[]) => chooseFiles(padded, { ...wish, numbers });
  assertThrows(() => choose(2, 2), UsageError, "number 2 is padding between files");
  assertThrows(() => choose(1, 1, 2, 2), UsageError, "number 2 is padding between files");
  assertEquals(choose(2, 3).selection, [2]);
});

Deno.test("chooseFiles() is quick when there are 100,000 files", () => {
  const entry = FILES[0]!;
  const many = Array.from(
    { length: 100_000 },
    (_, i) => ({ ...entry, displayPath: `d${i}/f${i}.x` }),
  );
  const wish = { include: ["*7.x"], exclude: ["d1*/*"], numbers: [] };
  assertEquals(chooseFiles(many, wish).selection?.length, 8889);
  assertThrows(() => chooseFiles(many, { ...wish, include: ["f1234567.x"] }), UsageError, "none");
});
