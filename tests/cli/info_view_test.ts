/**
 * A torrent described for people and for scripts.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { forJson } from "../../src/cli/escape.ts";
import { infoObject, infoText } from "../../src/cli/info_view.ts";
import { torrent } from "./support/torrents.ts";

const SET = torrent({
  name: "set",
  files: { "a.csv": 2048, "b/c.txt": 40_000 },
  info: { private: 1, source: "X" },
  root: {
    announce: "http://t/announce",
    "announce-list": [["http://t/announce", "http://u/announce"], ["http://v/announce"]],
    "url-list": ["http://w/"],
    comment: "hello\x1b[2J\u202e",
    "created by": "maker",
    "creation date": 1_565_034_266,
  },
});

Deno.test("infoObject() has every promised field", () => {
  const object = infoObject(SET, { selection: [1], at: 5 });
  const { infoHash, magnet, ...rest } = object;
  assert(/^[0-9a-f]{40}$/.test(infoHash!));
  assert(magnet.startsWith(`magnet:?xt=urn:btih:${infoHash}&dn=set`));
  assertEquals(rest, {
    v: 1,
    type: "info",
    at: 5,
    name: "set",
    infoHashV2: null,
    totalBytes: 42_048,
    pieceLength: 16_384,
    pieces: 3,
    files: [
      { index: 1, path: "a.csv", bytes: 2048, selected: false },
      { index: 2, path: "b/c.txt", bytes: 40_000, selected: true },
    ],
    trackers: [["http://t/announce", "http://u/announce"], ["http://v/announce"]],
    webseeds: ["http://w/"],
    private: true,
    comment: "hello\x1b[2J\u202e",
    createdBy: "maker",
    createdAt: 1_565_034_266,
    source: "X",
  });
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\u202e]/.test(forJson(object)));
});

Deno.test("infoText() shows facts and numbered files without a control character", () => {
  const text = infoText(SET, undefined);
  for (const part of ["set\n", "41.1 KiB (42,048 bytes) in 2 files", "3 of 16.0 KiB", "maker\n"]) {
    assert(text.includes(part), part);
  }
  assert(text.includes("created       2019-08-05 19:44:26 UTC\n"));
  assert(text.includes("hello\\u{1b}[2J\\u{202e}\n"));
  assert(text.endsWith("    1    2.00 KiB  a.csv\n    2    39.1 KiB  b/c.txt\n"), text);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f\u202e]/.test(text));
});

Deno.test("infoText() marks the files that are selected", () => {
  const text = infoText(SET, [1]);
  assert(text.endsWith("    1    2.00 KiB    a.csv\n    2    39.1 KiB  * b/c.txt\n"), text);
});

Deno.test("infoText() survives a date that is none", () => {
  const odd = torrent({ root: { "creation date": 10 ** 15 } });
  assert(infoText(odd, undefined).includes("infohash"));
});
