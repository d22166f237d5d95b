/**
 * What of a torrent is wanted, where a link and the options both have a say.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { choose } from "../../src/cli/choice.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { readTorrent } from "../../src/mod.ts";
import { torrentBytes } from "./support/torrents.ts";

const METAINFO = readTorrent(torrentBytes({ name: "set", files: { a: 1, b: 2, c: 3 } }));
const NOTHING = { include: [], exclude: [], numbers: [] };
const POUR = { file: undefined, how: "name one" };

Deno.test("choose() streams the one file that a link selects, unless the options name another", () => {
  const of = (selection: number[] | null, wish = {}, pour = {}) =>
    choose(METAINFO, { wish: { ...NOTHING, ...wish }, pour: { ...POUR, ...pour } }, { selection });
  assertEquals(of([1]), { selection: [1], file: 1, idle: [] });
  assertEquals(of([1], { include: ["c"] }).file, 2);
  assertEquals(of([1], {}, { file: "a" }).file, 0);
  for (const selection of [null, [0, 2]]) {
    assertThrows(() => of(selection), UsageError, `and ${selection?.length ?? 3} are here`);
  }
});
