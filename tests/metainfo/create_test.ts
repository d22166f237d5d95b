/**
 * Torrents of our own making: order, piece length, padding, keys, and that they read back as what they were
 * made of.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BugError, MetainfoError } from "../../src/base/errors.ts";
import { GIB, KIB, MIB } from "../../src/base/units.ts";
import { createTorrent } from "../../src/metainfo/create.ts";
import {
  choosePieceLength,
  compareUtf8,
  isPieceLength,
  type Layout,
  layOut,
  type LayoutOptions,
} from "../../src/metainfo/layout.ts";
import { parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { below, forSeeds, pick } from "../support/prng.ts";
import { hasher } from "./support.ts";

function folder(files: Readonly<Record<string, number>>, options?: LayoutOptions): Layout {
  const list = Object.entries(files).map(([path, length]) => ({ path: path.split("/"), length }));
  return layOut({ name: "top", isSingleFile: false, files: list }, options);
}

function single(length: number, options?: LayoutOptions): Layout {
  return layOut({ name: "one.bin", isSingleFile: true, files: [{ path: [], length }] }, options);
}

/** Hashes that tell their place. */
function hashes(layout: Layout): Uint8Array {
  const out = new Uint8Array(20 * layout.pieceMap.pieceCount);
  return out.map((_, i) => i % 251);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

Deno.test("createTorrent() writes a single file as canonical bencode", () => {
  const layout = single(3, { pieceLength: 16_384 });
  const bytes = createTorrent(layout, new Uint8Array(20).fill(0x41), {
    trackers: [["http://a/announce"]],
    createdBy: "us",
    createdAt: 7,
    comment: "ü",
  });
  assertEquals(
    new TextDecoder().decode(bytes),
    "d8:announce17:http://a/announce7:comment2:ü10:created by2:us13:creation datei7e" +
      `4:infod6:lengthi3e4:name7:one.bin12:piece lengthi16384e6:pieces20:${"A".repeat(20)}ee`,
  );
});

Deno.test("createTorrent() keeps all but files, private and source out of the info dictionary", () => {
  const layout = folder({ a: 1 });
  const plain = createTorrent(layout, hashes(layout));
  const full = createTorrent(layout, hashes(layout), {
    trackers: [["http://a/x", "udp://b:1"], [], ["http://c/x"]],
    webSeeds: ["http://w/", "http://v/"],
    comment: "c",
    createdBy: "b",
    createdAt: 0,
  });
  const [a, b] = [plain, full].map((bytes) => parseTorrent(bytes, { hasher }));
  assertEquals(a!.infoHash, b!.infoHash);
  assertEquals(b!.trackers, [["http://a/x", "udp://b:1"], ["http://c/x"]]);
  assertEquals(b!.webSeeds, ["http://w/", "http://v/"]);
  assertEquals([b!.comment, b!.createdBy, b!.createdAt], ["c", "b", 0]);
  for (const extras of [{ isPrivate: true }, { source: "S" }]) {
    const c = parseTorrent(createTorrent(layout, hashes(layout), extras), { hasher });
    assert(!hasher.sha1(a!.infoBytes).every((byte, i) => byte === c.infoHash[i]));
    assertEquals([c.isPrivate, c.source], [extras.isPrivate ?? false, extras.source ?? null]);
  }
});

Deno.test("createTorrent() writes announce-list and a list of web seeds only where there are several", () => {
  const layout = single(1);
  const of = (extras: Parameters<typeof createTorrent>[2]) =>
    text(createTorrent(layout, hashes(layout), extras));
  const one = of({ trackers: [["http://a/"]], webSeeds: ["http://w/"] });
  assert(one.includes("8:announce9:http://a/4:info") && one.includes("8:url-list9:http://w/"));
  const two = of({ trackers: [["http://a/"], ["http://b/"]] });
  assert(two.includes("8:announce9:http://a/13:announce-listll9:http://a/el9:http://b/ee"));
  assert(!of({ trackers: [[], []] }).includes("announce"));
});

Deno.test("createTorrent() is a bug's end when the hashes are of something else", () => {
  assertThrows(() => createTorrent(single(1), new Uint8Array(40)), BugError);
});

Deno.test("layOut() puts files in the order of their bytes", () => {
  const names = [
    "b",
    "a/z",
    "a b",
    "a.txt",
    "B",
    "é",
    "e\u0301",
    "😀",
    "\uff5e",
    "sub/10",
    "sub/2",
    ".h",
  ];
  const layout = folder(Object.fromEntries(names.map((name) => [name, 1])));
  assertEquals(
    layout.files.map(({ path }) => path.join("/")),
    [".h", "B", "a b", "a.txt", "a/z", "b", "e\u0301", "sub/10", "sub/2", "é", "\uff5e", "😀"],
  );
  assertEquals(
    layout.files.map(({ source }) => names[source]),
    layout.files.map((f) => f.path.join("/")),
  );
});

Deno.test("compareUtf8() is the order of the encoded bytes", () => {
  const utf8 = new TextEncoder();
  const byBytes = (a: string, b: string) => {
    const [x, y] = [utf8.encode(a), utf8.encode(b)];
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      if (x[i] !== y[i]) return x[i]! - y[i]!;
    }
    return x.length - y.length;
  };
  const letters = [..."az/.~é\u07ff\u0800日\ud7ff\ue000\uffff😀\u{10ffff}"];
  forSeeds(2_000, (next) => {
    const word = () => Array.from({ length: below(next, 4) }, () => pick(next, letters)).join("");
    const [a, b] = [word(), word()];
    assertEquals(Math.sign(compareUtf8(a, b)), Math.sign(byBytes(a, b)), JSON.stringify([a, b]));
  });
});

Deno.test("choosePieceLength() makes 1,000 to 2,000 pieces of a power of two within its limits", () => {
  for (let bytes = 16 * MIB; bytes <= 32_000 * MIB; bytes = Math.floor(bytes * 1.37)) {
    const length = choosePieceLength(bytes);
    const pieces = Math.ceil(bytes / length);
    assert(isPieceLength(length) && pieces >= 1000 && pieces <= 2000, `${bytes}: ${pieces}`);
  }
  assertEquals(choosePieceLength(1), 16 * KIB);
  assertEquals(choosePieceLength(2000 * 16 * KIB), 16 * KIB);
  assertEquals(choosePieceLength(2000 * 16 * KIB + 1), 32 * KIB);
  assertEquals(choosePieceLength(4 * GIB), 4 * MIB);
  assertEquals(choosePieceLength(1e15), 16 * MIB);
});

Deno.test("isPieceLength() takes powers of two from 16 KiB to 64 MiB", () => {
  for (const good of [16 * KIB, MIB, 64 * MIB]) assert(isPieceLength(good));
  for (const bad of [0, -16384, 8 * KIB, 48 * KIB, 128 * MIB, NaN, 16384.5]) {
    assert(!isPieceLength(bad));
  }
});

Deno.test("layOut() pads every file but the last to the end of a piece when asked to", () => {
  const sizes = { a: 16_384, b: 1, c: 0, d: 20_000, e: 5 };
  const layout = folder(sizes, { pieceLength: 16_384, isPadded: true });
  assertEquals(
    layout.files.map(({ path, length, offset }) => [path.join("/"), length, offset]),
    [
      ["a", 16_384, 0],
      ["b", 1, 16_384],
      ["c", 0, 16_385],
      [".pad/16383", 16_383, 16_385],
      ["d", 20_000, 32_768],
      [".pad/12768", 12_768, 52_768],
      ["e", 5, 65_536],
    ],
  );
  const metainfo = parseTorrent(createTorrent(layout, hashes(layout)), { hasher });
  assertEquals(metainfo.files.map(({ isPad }) => isPad), layout.files.map(({ isPad }) => isPad));
});

Deno.test("layOut() refuses what has no bytes or more than can be counted", () => {
  assertThrows(() => single(0), MetainfoError, "not a byte");
  assertThrows(() => folder({}), MetainfoError);
  assertThrows(() => folder({ a: 2 ** 53 - 1, b: 2 }), MetainfoError, "too many");
});

Deno.test("createTorrent() makes what parseTorrent() reads back", () => {
  const letters = ["a", "b", " ", ".", "é", "日", "😀", "%", "'"];
  forSeeds(200, (next) => {
    const word = () =>
      "n" + Array.from({ length: below(next, 3) }, () => pick(next, letters)).join("");
    const files: Record<string, number> = { first: 1 + below(next, 100_000) };
    for (let i = below(next, 12); i > 0; i--) {
      const path = Array.from({ length: 1 + below(next, 3) }, (_, depth) => `${depth}${word()}`);
      files[[...path, "f"].join("/")] = below(next, 3) * below(next, 50_000);
    }
    const layout = folder(files, { pieceLength: 16_384, isPadded: below(next, 2) === 1 });
    const metainfo = parseTorrent(createTorrent(layout, hashes(layout)), { hasher });
    const read = metainfo.files.filter(({ isPad }) => !isPad);
    assertEquals(
      Object.fromEntries(read.map((file) => [file.displayPath, file.length])),
      files,
    );
    assertEquals(
      metainfo.files.map(({ offset }) => offset),
      layout.files.map(({ offset }) => offset),
    );
    assertEquals(metainfo.pieceHashes, hashes(layout));
  });
});
