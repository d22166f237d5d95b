/**
 * The names in a torrent as they are.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { verbatimPaths } from "../../src/metainfo/verbatim.ts";
import { torrent } from "../cli/support/torrents.ts";

Deno.test("verbatimPaths() tells names that were made safe, and no others", () => {
  const files = { "a\\b/c\u0001": 1, "plain": 2, "d\\": 3 };
  assertEquals(verbatimPaths(torrent({ name: "top", files })), [
    ["top", "a\\b", "c\u0001"],
    undefined,
    ["top", "d\\"],
  ]);
  assertEquals(verbatimPaths(torrent({ name: "x\\y" })), [["x\\y"]]);
  assertEquals(verbatimPaths(torrent({ name: "plain" })), [undefined]);
});

Deno.test("verbatimPaths() tells nothing that leads out of a folder", () => {
  const paths = [[".."], ["..", "x"], ["a/../../x"], [".", "y"], ["", "z"], ["n\0"], ["a", "../b"]];
  const files = [...paths, ["ok"]].map((path, length) => ({ length, path }));
  const hostile = files.filter(({ path }) => path.join() !== "..");
  const found = verbatimPaths(torrent({ files: { a: 100 }, info: { files: hostile } }));
  assertEquals(found, hostile.map(() => undefined));
  assertEquals(verbatimPaths(torrent({ name: "a/../../etc" })), [undefined]);
});

Deno.test("verbatimPaths() leaves a path to the file that has it", () => {
  const files = [{ length: 5, path: ["a_b"] }, { length: 5, path: ["a\\b"] }, {
    length: 5,
    path: ["a_b"],
  }];
  const found = verbatimPaths(torrent({ files: { a: 15 }, info: { files } }));
  assertEquals(found, [undefined, ["data.bin", "a\\b"], undefined]);
});

Deno.test("verbatimPaths() counts padding that has no path", () => {
  const files = [{ length: 5, attr: "p" }, { length: 5, path: ["a\\b"] }];
  const found = verbatimPaths(torrent({ files: { a: 10 }, info: { files } }));
  assertEquals(found, [undefined, ["data.bin", "a\\b"]]);
});
