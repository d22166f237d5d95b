/**
 * Columns of text.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { cut, fold, pad, widthOf } from "../../src/cli/text_width.ts";
import { forSeeds } from "../support/prng.ts";

Deno.test("widthOf() counts columns", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["日本語", 6],
    ["ＡＢ", 4],
    ["한국", 4],
    ["😀", 2],
    ["a\u200bb", 2],
    ["…█░·", 4],
    ["ßøñ", 3],
    ["עברית", 5],
  ];
  for (const [text, columns] of cases) assertEquals(widthOf(text), columns, text);
});

Deno.test("cut() fits and says that it cut", () => {
  assertEquals(cut("abcdef", 6), "abcdef");
  assertEquals(cut("abcdef", 5), "abcd…");
  assertEquals(cut("日本語", 5), "日本…");
  assertEquals(cut("日本語", 4), "日…");
  assertEquals(cut("abc", 1), "…");
  assertEquals(cut("abc", 0), "");
});

Deno.test("cut() never exceeds the columns", () => {
  const letters = ["a", "日", "😀", "e\u0301", "\u200d", "❤\ufe0f", "…"];
  forSeeds(200, (next, seed) => {
    const text = Array.from({ length: 20 }, () => letters[Math.floor(next() * letters.length)])
      .join("");
    const columns = Math.floor(next() * 30);
    assert(widthOf(cut(text, columns)) <= columns, `seed ${seed}`);
    assert(widthOf(pad(cut(text, columns), columns)) === columns, `seed ${seed}`);
  });
});

Deno.test("fold() breaks behind commas where the line is too long", () => {
  const text = "done: 日本: 1 MiB in 2s, 1 MiB fetched; from a, b, in out";
  assertEquals(fold(text, 60), [text]);
  assertEquals(fold(text, 40), ["done: 日本: 1 MiB in 2s, 1 MiB fetched;", "  from a, b, in out"]);
  assertEquals(fold("a-long-word-alone, b", 5), ["a-long-word-alone,", "  b"]);
  assertEquals(fold("", 5), [""]);
});
