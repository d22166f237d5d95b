/**
 * Torrent files: what is read out of them, what refuses them, what is ignored.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { BencodeError, MetainfoError } from "../../src/base/errors.ts";
import type { Encodable } from "../../src/bencode/encode.ts";
import { encode } from "../../src/bencode/encode.ts";
import { MAX_TORRENT_BYTES, parseInfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import {
  type Fields,
  file,
  hasher,
  multiInfo,
  ownError,
  paths,
  read,
  singleInfo,
} from "./support.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** The key that refuses a torrent. */
function refusal(info: Fields): string {
  return assertThrows(() => read(info), MetainfoError).path;
}

Deno.test("parseTorrent() reads a torrent of one file", () => {
  const metainfo = read(singleInfo({ pieces: new Uint8Array(140).fill(7) }), {
    announce: "http://t.example/announce",
    comment: "hello",
    "created by": "maker",
    "creation date": 1_700_000_000,
  });
  assertEquals(metainfo.name, "file.bin");
  assertEquals(metainfo.files, [{
    path: ["file.bin"],
    displayPath: "file.bin",
    length: 100_000,
    offset: 0,
    isPad: false,
  }]);
  assert(metainfo.isSingleFile && !metainfo.isPrivate);
  assertEquals(metainfo.pieceMap.pieceCount, 7);
  assertEquals(metainfo.pieceHashes, new Uint8Array(140).fill(7));
  assertEquals(
    metainfo.infoHash,
    hasher.sha1(encode(singleInfo({ pieces: metainfo.pieceHashes }))),
  );
  assertStrictEquals(metainfo.infoHashV2, null);
  assertEquals(metainfo.trackers, [["http://t.example/announce"]]);
  assertEquals([metainfo.comment, metainfo.createdBy, metainfo.source], ["hello", "maker", null]);
  assertEquals(metainfo.createdAt, 1_700_000_000);
  assertEquals([metainfo.webSeeds, metainfo.nodes], [[], []]);
});

Deno.test("parseTorrent() reads a torrent of many files in their order", () => {
  const metainfo = read(multiInfo([
    file(["b", "x.bin"], { length: 20_000 }),
    file(["empty"], { length: 0 }),
    file(["a"], { length: 5 }),
  ]));
  assert(!metainfo.isSingleFile);
  assertEquals(metainfo.files.map((f) => [f.path.join("/"), f.displayPath, f.length, f.offset]), [
    ["folder/b/x.bin", "b/x.bin", 20_000, 0],
    ["folder/empty", "empty", 0, 20_000],
    ["folder/a", "a", 5, 20_000],
  ]);
  const spans = metainfo.fileMap.spans(metainfo.pieceMap.index(1)!);
  assertEquals(spans.map((s) => s.file), [0, 2]);
});

Deno.test("parseTorrent() hashes the bytes received when keys are not sorted", () => {
  const info = `d6:pieces20:${"h".repeat(20)}4:name1:n12:piece lengthi16384e6:lengthi5ee`;
  const metainfo = parseTorrent(bytes(`d4:info${info}8:announce12:http://t.e/xe\n`), { hasher });
  assertEquals(metainfo.infoBytes, bytes(info));
  assertEquals(metainfo.infoHash, hasher.sha1(bytes(info)));
  assertEquals(metainfo.trackers, [["http://t.e/x"]]);
});

Deno.test("parseInfo() reads what parseTorrent() reads from an info dictionary alone", () => {
  const whole = read(multiInfo([file(["a"]), file(["b"])], { private: 1, source: "S" }));
  const alone = parseInfo(whole.infoBytes, { hasher });
  assertEquals(hex(alone.infoHash), hex(whole.infoHash));
  assertEquals(alone.files, whole.files);
  assertEquals([alone.isPrivate, alone.source, alone.trackers], [true, "S", []]);
  const padded = new Uint8Array([...whole.infoBytes, 0x0a]);
  assertThrows(() => parseInfo(padded, { hasher }), BencodeError);
  assertThrows(() => parseInfo(bytes("le"), { hasher }), MetainfoError);
});

Deno.test("parseTorrent() refuses what is no torrent", () => {
  for (const text of ["", "<html>", "d", "d4:infod4:name1:ae"]) {
    assertThrows(() => parseTorrent(bytes(text), { hasher }), BencodeError);
  }
  for (const text of ["i1e", "le", "4:info", "de", "d4:infoi1ee", "d4:infolee", "d4:info1:xe"]) {
    assertThrows(() => parseTorrent(bytes(text), { hasher }), MetainfoError);
  }
  assertThrows(
    () => parseTorrent(new Uint8Array(MAX_TORRENT_BYTES + 1), { hasher }),
    MetainfoError,
    "100663297 bytes are more than 100663296",
  );
});

Deno.test("parseTorrent() refuses a torrent and names the key when a decisive one is wrong", () => {
  const long = 2 ** 53 - 1;
  const table: [info: Fields, path: string][] = [
    [singleInfo({ name: undefined }), "info.name"],
    [singleInfo({ name: 5 }), "info.name"],
    [singleInfo({ name: ["a"] }), "info.name"],
    [singleInfo({ name: "" }), "info.name"],
    [singleInfo({ name: ".." }), "info.name"],
    [singleInfo({ "piece length": undefined }), "info.piece length"],
    [singleInfo({ "piece length": "16384" }), "info.piece length"],
    [singleInfo({ "piece length": 0 }), "info.piece length"],
    [singleInfo({ "piece length": -16384 }), "info.piece length"],
    [singleInfo({ "piece length": 2 ** 29 + 1 }), "info.piece length"],
    [singleInfo({ "piece length": 2 ** 40 }), "info.piece length"],
    [singleInfo({ "piece length": 2n ** 62n }), "info.piece length"],
    [singleInfo({ pieces: undefined }), "info.pieces"],
    [singleInfo({ pieces: 20 }), "info.pieces"],
    [singleInfo({ pieces: [] }), "info.pieces"],
    [singleInfo({ pieces: new Uint8Array(139) }), "info.pieces"],
    [singleInfo({ pieces: new Uint8Array(120) }), "info.pieces"],
    [singleInfo({ pieces: new Uint8Array(160) }), "info.pieces"],
    [singleInfo({ pieces: "" }), "info.pieces"],
    [singleInfo({ length: undefined }), "info"],
    [singleInfo({ length: "5" }), "info.length"],
    [singleInfo({ length: -1 }), "info.length"],
    [singleInfo({ length: 2n ** 53n }), "info.length"],
    [singleInfo({ length: 2n ** 63n - 1n }), "info.length"],
    [singleInfo({ length: 0, pieces: "" }), "info.length"],
    [singleInfo({ length: undefined, files: {} }), "info.files"],
    [singleInfo({ length: undefined, files: [] }), "info.files"],
    [singleInfo({ length: undefined, files: "x" }), "info.files"],
    [singleInfo({ length: "x", files: [file(["a"])] }), "info.length"],
    [multiInfo([file(["a"], { length: 0 })]), "info.files"],
    [multiInfo([file(["a"])], { files: [1] }), "info.files[0]"],
    [multiInfo([file(["a"]), { path: ["b"] }]), "info.files[1].length"],
    [multiInfo([file(["a"]), file(["b"], { length: -5 })]), "info.files[1].length"],
    [multiInfo([file(["a"])], { files: [file(["a"], { length: "1" })] }), "info.files[0].length"],
    [
      multiInfo([file(["a"])], { files: [file(["a"], { length: long }), file(["b"])] }),
      "info.files[1].length",
    ],
    [multiInfo([{ length: 1 }]), "info.files[0].path"],
    [multiInfo([file([])]), "info.files[0].path"],
    [multiInfo([file([""])]), "info.files[0].path"],
    [multiInfo([file([".."])]), "info.files[0].path"],
    [multiInfo([{ length: 1, path: "a" }]), "info.files[0].path"],
    [multiInfo([{ length: 1, path: ["a", 1] }]), "info.files[0].path"],
    [multiInfo([{ length: 1, path: [["a"]] }]), "info.files[0].path"],
    [multiInfo([file(new Array(100).fill("d"))]), "info.files[0].path"],
  ];
  for (const [info, path] of table) assertEquals(refusal(info), path, String(encode(info)));
});

Deno.test("parseTorrent() says what is wrong in one line", () => {
  const message = (info: Fields) => ownError(() => read(info))?.message;
  assertEquals(
    message(singleInfo({ pieces: new Uint8Array(39) })),
    "Cannot parse info.pieces: length 39 is not a multiple of 20",
  );
  assertEquals(
    message(singleInfo({ pieces: new Uint8Array(40) })),
    "Cannot parse info.pieces: 2 hashes for 7 pieces",
  );
  assertEquals(
    message(singleInfo({ "piece length": 0 })),
    "Cannot parse info.piece length: 0 is less than 1",
  );
});

Deno.test("parseTorrent() refuses more pieces than are ever kept", () => {
  const count = 4 * 2 ** 20;
  const info = (n: number) =>
    singleInfo({ "piece length": 1, length: n, pieces: new Uint8Array(20 * n) });
  assertEquals(read(info(count)).pieceMap.pieceCount, count);
  assertEquals(refusal(info(count + 1)), "info.pieces");
});

Deno.test("parseTorrent() ignores every other key when it has a wrong type", () => {
  const odd: Encodable[] = [-1, 2n ** 62n, "x", new Uint8Array([0xff]), [], [1, [2, ["x"]]], {
    a: 1,
  }];
  const rootKeys = [
    "announce",
    "announce-list",
    "url-list",
    "nodes",
    "comment",
    "comment.utf-8",
    "created by",
    "creation date",
    "encoding",
    "source",
    "azureus_properties",
  ];
  for (const value of odd) {
    const root = Object.fromEntries(rootKeys.map((key) => [key, value]));
    const metainfo = read(
      singleInfo({ "name.utf-8": 1, md5sum: value, attr: value, source: value, "file tree": 1 }),
      root,
    );
    assertEquals([metainfo.trackers, metainfo.webSeeds, metainfo.nodes], [[], [], []]);
    assertEquals([metainfo.createdAt, metainfo.name], [null, "file.bin"]);
    read(multiInfo([file(["a"], { attr: value, "path.utf-8": value, sha1: value })]), root);
  }
});

Deno.test("parseTorrent() takes a torrent for private unless private says no", () => {
  const isPrivate = (value: Encodable | undefined) =>
    read(singleInfo({ private: value })).isPrivate;
  assert(!isPrivate(undefined) && !isPrivate(0));
  for (const value of [1, 2, -1, 2n ** 62n, "", "0", [], {}]) assert(isPrivate(value));
  assert(!read(singleInfo(), { private: 1 }).isPrivate);
});

Deno.test("parseTorrent() drops a creation date when no calendar has it", () => {
  const date = (value: Encodable) => read(singleInfo(), { "creation date": value }).createdAt;
  assertEquals([date(0), date(253_402_300_799)], [0, 253_402_300_799]);
  for (const value of [-1, 253_402_300_800, 10n ** 18n, 2 ** 53 - 1, "1700000000"]) {
    assertEquals(date(value), null);
  }
});

Deno.test("parseTorrent() keeps usable trackers, each once and at most 100", () => {
  const trackers = (root: Fields) => read(singleInfo(), root).trackers;
  assertEquals(
    trackers({
      announce: "http://other.example/",
      "announce-list": [
        ["udp://a.example:1", " http://b.example/x?k=v ", "udp://a.example:1"],
        [],
        "http://flat.example/",
        [
          "wss://c.example",
          "ftp://d.example",
          "http://",
          "http://e.example/a\x00b",
          "HTTPS://f.example",
        ],
        [7, new Uint8Array([0xff]), "udp://a.example:1"],
      ],
    }),
    [["udp://a.example:1", "http://b.example/x?k=v"], ["HTTPS://f.example"]],
  );
  assertEquals(trackers({ announce: "http://a.example/", "announce-list": [["dht://"]] }), [[
    "http://a.example/",
  ]]);
  const tiers = Array.from({ length: 300 }, (_, i) => [`http://${i}.example/`, "junk"]);
  assertEquals(trackers({ "announce-list": tiers }).length, 100);
  assertEquals(trackers({ "announce-list": [tiers.map(([url]) => url!)] })[0]!.length, 100);
});

Deno.test("parseTorrent() keeps usable web seeds and nodes", () => {
  const one = read(singleInfo(), { "url-list": "http://a.example/x" });
  assertEquals(one.webSeeds, ["http://a.example/x"]);
  const many = read(singleInfo(), {
    "url-list": [
      "",
      "http://a.example/",
      1,
      "udp://b:1",
      "https://c.example/",
      "http://a.example/",
    ],
    nodes: [["r.example", 6881], ["::1", 1], ["1.2.3.4", 0], ["a b", 1], ["x"], 5, [
      "9.9.9.9",
      70_000,
    ]],
  });
  assertEquals(many.webSeeds, ["http://a.example/", "https://c.example/"]);
  assertEquals(many.nodes, [{ host: "r.example", port: 6881 }, { host: "::1", port: 1 }]);
});

Deno.test("parseTorrent() makes names safe and distinct", () => {
  const latin = new Uint8Array([0x63, 0x61, 0x66, 0xe9]);
  assertEquals(
    paths([["a"], ["a"], ["..", "..", "etc", "x"], ["/abs"], ["a/../b"], ["d", "", "e"], [latin], [
      "a",
      "b",
    ]]),
    [
      "folder/a",
      "folder/a.1",
      "folder/etc/x",
      "folder/_abs",
      "folder/a_.._b",
      "folder/d/e",
      "folder/caf_",
      "folder/a.2/b",
    ],
  );
  assertEquals(paths([["X"], ["x"]]), ["folder/X", "folder/x"]);
  assertEquals(paths([["X"], ["x"]], "darwin"), ["folder/X", "folder/x.1"]);
  assertEquals(paths([["con"], ["a:b"]], "windows"), ["folder/_con", "folder/a_b"]);
  assertEquals(read(singleInfo({ name: "../x" })).files[0]!.path, [".._x"]);
});

Deno.test("parseTorrent() prefers the UTF-8 form of a name when it is one", () => {
  const latin = new Uint8Array([0xfc]);
  assertEquals(read(singleInfo({ name: latin, "name.utf-8": "ü" })).name, "ü");
  assertEquals(read(singleInfo({ name: "a", "name.utf-8": latin })).name, "a");
  const path = (better: Encodable) =>
    read(multiInfo([file([latin, "x"], { "path.utf-8": better })])).files[0]!.displayPath;
  assertEquals(path(["ü", "y"]), "ü/y");
  for (const odd of [[], "ü", [1], [latin], {}]) assertEquals(path(odd), "_/x");
});

Deno.test("parseTorrent() gives padding no place on the disk", () => {
  const metainfo = read(multiInfo([
    file(["a"], { length: 10_000 }),
    file([".pad", "6384"], { length: 6_384, attr: "p" }),
    file(["b"], { length: 10_000 }),
    file([".pad", "6384"], { length: 6_384 }),
    file([".pad", "readme"], { length: 1 }),
    file(["link"], { length: 0, attr: "l", "symlink path": ["a"] }),
    file(["run"], { length: 1, attr: "xh" }),
  ]));
  assertEquals(metainfo.files.map((f) => f.isPad), [false, true, false, true, false, true, false]);
  const spans = metainfo.fileMap.spans(metainfo.pieceMap.index(0)!);
  assertEquals(spans.map((s) => s.file), [0, -1]);
  assertEquals(refusal(multiInfo([file(["link"], { attr: "l" })])), "info.files[0].path");
});

Deno.test("parseTorrent() needs no path of padding and no length of a link", () => {
  const metainfo = read(multiInfo([
    file(["a"], { length: 10_000 }),
    file(["x"], { length: 6_384, attr: "p", path: undefined }),
    file(["link"], { length: undefined, attr: "l", "symlink path": ["a"] }),
    file(["b"], { length: 10_000 }),
  ]));
  assertEquals(metainfo.files.map((f) => [f.displayPath, f.length, f.isPad]), [
    ["a", 10_000, false],
    [".pad/6384", 6_384, true],
    ["link", 0, true],
    ["b", 10_000, false],
  ]);
  const without = (key: string, attr: string) =>
    refusal(multiInfo([file(["a"], { length: 1 }), file(["x"], { attr, [key]: undefined })]));
  assertEquals(without("path", "l"), "info.files[1].path");
  assertEquals(without("length", "p"), "info.files[1].length");
  assertEquals(without("path", "x"), "info.files[1].path");
});

Deno.test("parseTorrent() reads a hybrid by its v1 side and refuses v2 alone", () => {
  const v2 = { "meta version": 2, "file tree": { "file.bin": { "": { length: 100_000 } } } };
  const hybrid = read(singleInfo(v2));
  assertEquals(hybrid.infoHashV2, hasher.sha256(hybrid.infoBytes));
  assertEquals(hybrid.infoHash, hasher.sha1(hybrid.infoBytes));
  assertThrows(
    () => read(singleInfo({ ...v2, pieces: undefined, length: undefined })),
    MetainfoError,
    "v2-only torrents are not supported yet",
  );
});

Deno.test("parseTorrent() reads 100,000 files in little time and memory", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", new URL("load_big.ts", import.meta.url).href],
  }).output();
  const result = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(result.files, 100_000);
  // Of the processor, not of the clock: other programs may be running.
  assert(result.cpuMs < 4_000, `${result.cpuMs} ms`);
  assert(result.rssBytes < 400e6, `${result.rssBytes} bytes`);
});

Deno.test("parseTorrent() refuses or ignores a list when it is made of 20,000 nothings", () => {
  for (const key of ["files", "announce-list", "url-list", "nodes"]) {
    for (const item of ["1:a", "le", "de", "i9223372036854775807e"]) {
      const list = `${key.length}:${key}l${item.repeat(20_000)}e`;
      const info = key === "files" ? list : "6:lengthi1e";
      const rest = "4:name1:n12:piece lengthi1e6:pieces20:01234567890123456789";
      const text = `d${key === "files" ? "" : list}4:infod${info}${rest}ee`;
      assertEquals(
        ownError(() => parseTorrent(bytes(text), { hasher })) !== undefined,
        key === "files",
      );
    }
  }
});
