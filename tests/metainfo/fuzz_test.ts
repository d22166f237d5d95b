/**
 * Torrents that were tampered with: whatever comes, only our own errors are thrown, and what is read is
 * consistent and harmless.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BencodeError, MetainfoError } from "../../src/base/errors.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import { formatMagnet, parseMagnet } from "../../src/metainfo/magnet.ts";
import type { System } from "../../src/metainfo/safe_path.ts";
import { type Metainfo, parseInfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { type Fields, file, hasher, multiInfo, ownError, singleInfo, torrent } from "./support.ts";

const byteLength = (text: string) => new TextEncoder().encode(text).length;

/** What every torrent that was read promises. */
function checkInvariants(metainfo: Metainfo, system: System): void {
  const { pieceMap, files } = metainfo;
  assertEquals(metainfo.pieceHashes.length, 20 * pieceMap.pieceCount);
  assertEquals(metainfo.infoHash.length, 20);
  let offset = 0;
  const seen = new Set<string>();
  for (const entry of files) {
    assertEquals(entry.offset, offset);
    offset += entry.length;
    assertEquals(entry.path[0], metainfo.name);
    assert(entry.path.length === 1 ? metainfo.isSingleFile : !metainfo.isSingleFile);
    for (const part of entry.path) {
      assert(part !== "" && part !== "." && part !== ".." && byteLength(part) <= 255);
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u001f\u007f-\u009f/\\\u202e\ufffe\ud800-\udfff]/u.test(part));
      if (system === "windows") assert(!/[<>:"|?*]|[. ]$/.test(part));
    }
    if (entry.isPad) continue;
    const path = entry.path.join("/");
    const name = system === "linux" ? path : path.toLowerCase();
    assert(!seen.has(name), name);
    seen.add(name);
  }
  assertEquals(offset, pieceMap.totalBytes);
  assert(Number.isSafeInteger(offset) && offset > 0);
  for (const index of [0, pieceMap.pieceCount >> 1, pieceMap.pieceCount - 1]) {
    const piece = pieceMap.index(index)!;
    const spans = metainfo.fileMap.spans(piece);
    assertEquals(spans.reduce((sum, s) => sum + s.length, 0), pieceMap.pieceBytes(piece));
  }
  assert(metainfo.trackers.flat().length <= 100 && metainfo.webSeeds.length <= 100);
  parseMagnet(formatMagnet(metainfo));
}

const SAMPLES = [
  torrent(singleInfo(), { announce: "http://t.example/a", "creation date": 5, comment: "c" }),
  torrent(
    multiInfo([
      file(["d", "a.txt"], { length: 20_000 }),
      file(["d", "e", ".."], { length: 5, "path.utf-8": ["d", "b"] }),
      file([".pad", "7"], { length: 7, attr: "p" }),
      file(["empty"], { length: 0 }),
    ], { private: 1, source: "s", "name.utf-8": "földer" }),
    {
      "announce-list": [["http://t.example/a", "udp://u.example:1"], ["http://v.example/"]],
      "url-list": ["http://w.example/"],
      nodes: [["n.example", 6881]],
    },
  ),
];

Deno.test("parseTorrent() throws only our own errors for mutated torrents", () => {
  let parsed = 0;
  forSeeds(6000, (next) => {
    const input = mutate(next, pick(next, SAMPLES));
    const system = pick(next, ["linux", "darwin", "windows"] as const);
    const error = ownError(() => {
      checkInvariants(parseTorrent(input, { hasher, system }), system);
      parsed++;
    });
    if (error) assert(/^Cannot [^\n]+$/.test(error.message), error.message);
  });
  assert(parsed > 500, `${parsed}`);
});

/** A value of any type, often one that means something. */
function anything(next: () => number, depth = 3): Encodable {
  switch (below(next, depth > 0 ? 8 : 6)) {
    case 0:
      return below(next, 40_000) - 100;
    case 1:
      return pick(next, [0, 1, -1, 2 ** 53 - 1, 2n ** 63n - 1n, 16_384, 2 ** 29]);
    case 2:
      return randomBytes(next, below(next, 30));
    case 3:
      return randomBytes(next, 20 * below(next, 4));
    case 4:
      return pick(next, [
        "",
        "..",
        "a",
        "a/b",
        "CON",
        "p",
        "l",
        "http://x.example/",
        "x".repeat(300),
      ]);
    case 5:
      return pick(next, ["\u202e", "\0", "a.", ".pad", "1", "\u00fc", "u\u0308", "A"]);
    case 6:
      return Array.from({ length: below(next, 5) }, () => anything(next, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: below(next, 4) }, () => [pick(next, KEYS), anything(next, depth - 1)]),
      );
  }
}

const KEYS = [
  "name",
  "name.utf-8",
  "piece length",
  "pieces",
  "length",
  "files",
  "path",
  "path.utf-8",
  "attr",
  "private",
  "file tree",
  "meta version",
  "announce",
  "announce-list",
  "url-list",
  "nodes",
  "comment",
  "creation date",
];

Deno.test("parseTorrent() throws only our own errors when keys hold anything", () => {
  let parsed = 0;
  forSeeds(6000, (next) => {
    const files = Array.from({ length: below(next, 5) }, (): Fields => {
      const entry: Fields = { length: below(next, 9), path: ["a", anything(next, 0)] };
      if (next() < 0.2) entry[pick(next, KEYS)] = anything(next);
      return entry;
    });
    const info = next() < 0.5 ? singleInfo() : multiInfo(files);
    if (next() < 0.7) info[pick(next, KEYS)] = anything(next);
    const root: Fields = { info };
    for (let i = below(next, 3); i > 0; i--) root[pick(next, KEYS)] = anything(next);
    const system = pick(next, ["linux", "darwin", "windows"] as const);
    const error = ownError(() => {
      const metainfo = parseTorrent(encode(root), { hasher, system });
      checkInvariants(metainfo, system);
      assertEquals(parseInfo(metainfo.infoBytes, { hasher, system }).files, metainfo.files);
      parsed++;
    });
    assert(!error || error instanceof MetainfoError || error instanceof BencodeError);
  });
  assert(parsed > 500, `${parsed}`);
});
