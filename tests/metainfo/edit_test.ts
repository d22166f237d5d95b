/**
 * Torrents with a few keys changed: what changes, and that nothing else does.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { BencodeError, MetainfoError } from "../../src/base/errors.ts";
import { BencodeDict, decode } from "../../src/bencode/decode.ts";
import { type Changes, editTorrent } from "../../src/metainfo/edit.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { below, forSeeds, mutate, pick } from "../support/prng.ts";
import { file, hasher, multiInfo, ownError, singleInfo, torrent } from "./support.ts";

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function ascii(value: string): Uint8Array {
  return Uint8Array.from(value, (c) => c.charCodeAt(0));
}

function read(bytes: Uint8Array): Metainfo {
  return parseTorrent(bytes, { hasher });
}

const A = "http://a.example/announce";
const B = "udp://b.example:1";
const C = "http://c.example/announce";

Deno.test("editTorrent() gives the same bytes back when nothing changes", () => {
  const before = torrent(singleInfo({ private: 1, source: "S" }), { announce: A, comment: "c" });
  const same: Changes[] = [
    {},
    { comment: "c", source: "S", isPrivate: true },
    { addTrackers: [[A], []], addWebSeeds: [] },
  ];
  for (const changes of same) assertEquals(editTorrent(before, changes), before);
});

Deno.test("editTorrent() keeps the order and the bytes of all that it does not change", () => {
  const info = "4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa" +
    "5:emptyd1:z1:y1:x1:wee";
  const before = `d1:zi1e${info}7:comment1:c3:fool1:be1:ai-5ee`;
  assertEquals(
    text(editTorrent(ascii(before), { comment: "new", addTrackers: [[A]] })),
    `d8:announce25:${A}1:zi1e${info}7:comment3:new3:fool1:be1:ai-5ee`,
  );
  assertEquals(
    text(editTorrent(ascii(before), { isPrivate: true })),
    before.replace("5:emptyd1:z1:y1:x1:we", "5:emptyd1:z1:y1:x1:we7:privatei1e"),
  );
});

Deno.test("editTorrent() adds trackers behind those that are there", () => {
  const one = torrent(singleInfo(), { announce: A });
  assertEquals(read(editTorrent(one, { addTrackers: [[B, A], [C]] })).trackers, [[A], [B], [C]]);
  const none = torrent(singleInfo());
  const made = editTorrent(none, { addTrackers: [[B]] });
  assertEquals(made, torrent(singleInfo(), { announce: B }));
  // What we cannot use stays for those who can.
  const odd = torrent(singleInfo(), { announce: A, "announce-list": [["wss://w/"], [A, "x"]] });
  const edited = editTorrent(odd, { addTrackers: [[C]] });
  assert(text(edited).includes(`ll8:wss://w/el25:${A}1:xel25:${C}ee`));
  // A list without use gives way to the one URL.
  const empty = torrent(singleInfo(), { announce: A, "announce-list": [] });
  assertEquals(read(editTorrent(empty, { addTrackers: [[C]] })).trackers, [[A], [C]]);
});

Deno.test("editTorrent() drops and replaces trackers", () => {
  const before = torrent(singleInfo(), { announce: A, "announce-list": [[A], [B]] });
  assertEquals(editTorrent(before, { dropTrackers: true }), torrent(singleInfo()));
  assertEquals(
    editTorrent(before, { dropTrackers: true, addTrackers: [[C]] }),
    torrent(singleInfo(), { announce: C }),
  );
  const tiers = [[C, A], [B]];
  assertEquals(
    editTorrent(before, { dropTrackers: true, addTrackers: tiers }),
    torrent(singleInfo(), { announce: C, "announce-list": tiers }),
  );
});

Deno.test("editTorrent() adds, drops and replaces web seeds", () => {
  const [u, v] = ["http://u.example/", "http://v.example/"];
  const of = (value?: string | string[]) => torrent(singleInfo(), { "url-list": value });
  assertEquals(editTorrent(of(), { addWebSeeds: [u] }), of(u));
  assertEquals(editTorrent(of(u), { addWebSeeds: [v, u] }), of([u, v]));
  assertEquals(editTorrent(of(["ftp://x/", u]), { addWebSeeds: [v] }), of(["ftp://x/", u, v]));
  assertEquals(editTorrent(of([u]), { dropWebSeeds: true }), of());
  assertEquals(editTorrent(of(u), { dropWebSeeds: true, addWebSeeds: [v, u] }), of([v, u]));
});

Deno.test("editTorrent() sets and removes the comment in all its forms", () => {
  const before = torrent(singleInfo(), { comment: "old", "comment.utf-8": "öld" });
  const after = editTorrent(before, { comment: "new" });
  assertEquals(after, torrent(singleInfo(), { comment: "new" }));
  assertEquals(editTorrent(before, { comment: null }), torrent(singleInfo()));
});

Deno.test("editTorrent() changes the infohash with private and source alone", () => {
  const before = torrent(singleInfo(), { source: "outside" });
  const hashOf = (changes: Changes) => hex(read(editTorrent(before, changes)).infoHash);
  const old = hex(read(before).infoHash);
  const outside: Changes = { addTrackers: [[A]], addWebSeeds: ["http://w/"], comment: "c" };
  assertEquals(hashOf(outside), old);
  for (const changes of [{ isPrivate: true }, { source: "S" }]) {
    assert(hashOf(changes) !== old);
  }
  const changed = editTorrent(before, { isPrivate: true, source: "S" });
  assertEquals([read(changed).isPrivate, read(changed).source], [true, "S"]);
  const back = editTorrent(changed, { isPrivate: false, source: null });
  assertEquals([hex(read(back).infoHash), read(back).source], [old, null]);
  // One that is private by a zero of another type, or not by a zero, stays as it is when that is meant.
  const zero = torrent(singleInfo({ private: 0 }));
  assertEquals(editTorrent(zero, { isPrivate: false }), zero);
});

Deno.test("editTorrent() refuses what is no torrent", () => {
  assertThrows(() => editTorrent(ascii("le"), {}), MetainfoError, "not a dictionary");
  assertThrows(() => editTorrent(ascii("de"), {}), MetainfoError, "missing");
  assertThrows(() => editTorrent(ascii("d4:infolee"), {}), MetainfoError, "not a dictionary");
  assertThrows(() => editTorrent(ascii("<html>"), {}), BencodeError);
});

const SAMPLES = [
  torrent(singleInfo({ source: "s" }), { announce: A, "creation date": 5, comment: "c" }),
  torrent(
    multiInfo([file(["d", "a.txt"], { length: 20_000 }), file(["e"])], { private: 1 }),
    { "announce-list": [[A, B], [C]], "url-list": ["http://w.example/"], nodes: [["n", 1]], zz: 1 },
  ),
];

Deno.test("editTorrent() throws only our own errors for mutated torrents, and changes what it says", () => {
  let edited = 0;
  forSeeds(6000, (next) => {
    const before = mutate(next, pick(next, SAMPLES));
    const isOn = () => below(next, 2) === 1;
    const changes: Changes = {
      dropTrackers: isOn(),
      dropWebSeeds: isOn(),
      ...(isOn() ? { addTrackers: [["http://new.example/a", B]] } : {}),
      ...(isOn() ? { addWebSeeds: ["http://new.example/"] } : {}),
      ...(isOn() ? { comment: pick(next, [null, "", "né"]) } : {}),
      ...(isOn() ? { source: pick(next, [null, "", "S"]) } : {}),
      ...(isOn() ? { isPrivate: isOn() } : {}),
    };
    let after: Uint8Array | undefined;
    ownError(() => {
      after = editTorrent(before, changes);
    });
    if (after === undefined) return void assert(ownError(() => decodeInfo(before)));
    const again = { ...changes, dropTrackers: false, dropWebSeeds: false };
    assertEquals(editTorrent(after, again), after);
    let parsed: Metainfo | undefined;
    if (ownError(() => parsed = read(before))) return;
    const made = read(after);
    edited++;
    assertEquals([made.name, made.files, made.pieceHashes], [
      parsed!.name,
      parsed!.files,
      parsed!.pieceHashes,
    ]);
    const added = changes.addTrackers?.flat() ?? [];
    for (const url of added) assert(made.trackers.flat().includes(url));
    if (changes.dropTrackers) assertEquals(made.trackers.flat().length, added.length);
    assertEquals(made.comment, changes.comment === undefined ? parsed!.comment : changes.comment);
    assertEquals(made.source, changes.source === undefined ? parsed!.source : changes.source);
    assertEquals(made.isPrivate, changes.isPrivate ?? parsed!.isPrivate);
    if (changes.source === undefined && changes.isPrivate === undefined) {
      assertEquals(made.infoBytes, parsed!.infoBytes);
    }
  });
  assert(edited > 500, `${edited}`);
});

/** What must be there for an edit to be possible. */
function decodeInfo(bytes: Uint8Array): void {
  const root = decode(bytes);
  if (!(root instanceof BencodeDict) || !root.dict("info")) throw new MetainfoError("no info", "");
}
