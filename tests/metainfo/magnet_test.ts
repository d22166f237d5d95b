/**
 * Magnet links: real shapes, hostile shapes, and both directions.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { MagnetError } from "../../src/base/errors.ts";
import { formatMagnet, type Magnet, parseMagnet } from "../../src/metainfo/magnet.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";
import { file, multiInfo, read } from "./support.ts";

const V1 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
const V2 = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb";
const XT = `xt=urn:btih:${V1}`;

Deno.test("parseMagnet() reads everything a link can say", () => {
  const magnet = parseMagnet(
    `magnet:?${XT}&xt=urn:btmh:1220${V2}&dn=A+b%20c%2B%C3%BC&tr=udp%3A%2F%2Ft.example%3A80` +
      "&tr=http://u.example/a?k=1%262&tr=udp%3A%2F%2Ft.example%3A80&ws=https%3A%2F%2Fw.example%2Fd%20e/" +
      "&ws=https%3A%2F%2Fw.example%2Fd%2520e/&x.pe=10.0.0.1:6881&x.pe=%5B%3A%3A1%5D:7&x.pe=h.example:8&so=4,0-2,1",
  );
  assertEquals(hex(magnet.infoHash!), V1);
  assertEquals(hex(magnet.infoHashV2!), V2);
  assertEquals(magnet.name, "A b c+ü");
  assertEquals(magnet.trackers, ["udp://t.example:80", "http://u.example/a?k=1&2"]);
  assertEquals(magnet.webSeeds, ["https://w.example/d%20e/"]);
  assertEquals(magnet.peers, ["10.0.0.1:6881", "[::1]:7", "h.example:8"]);
  assertEquals(magnet.selection, [0, 1, 2, 4]);
});

Deno.test("parseMagnet() reads the shapes that links have in the wild", () => {
  const links = [
    `magnet:?${XT}`,
    `  MAGNET:?XT=URN:BTIH:${V1.toUpperCase()}\n`,
    "magnet:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK",
    `magnet:?xt.1=urn:btih:${V1}`,
    `magnet:?dn=x&amp;${XT}&amp;tr=http://t.example/`,
    `magnet:?xt=urn%3Abtih%3A${V1}`,
    `magnet:?xt=urn:ed2k:354B15E68FB8F36D7CD88FF94116CDC1&${XT}&xl=10&kt=a+b&&=&x=&novalue`,
    `magnet:?xt=urn:btmh:1114${V1}&${XT}`,
  ];
  for (const link of links) {
    assertEquals(hex(parseMagnet(link).infoHash!), V1, link);
  }
  const v2 = parseMagnet(`magnet:?xt=urn:btmh:1220${V2}`);
  assertEquals(v2.infoHash, null);
  assertEquals(hex(v2.infoHashV2!), V2);
});

Deno.test("parseMagnet() refuses what has no infohash", () => {
  const table = [
    "",
    "magnet:",
    "magnet:?",
    "magnet:?dn=x",
    `http://example/?${XT}`,
    `magnet:?xt=urn:btih:${V1}0`,
    `magnet:?xt=urn:btih:${V2}`,
    `magnet:?xt=urn:btmh:1220${V1}`,
    "magnet:?xt=urn:btih:",
    "magnet:?xt=urn:sha1:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK",
    `magnet:?${XT}&dn=${"x".repeat(1_000_000)}`,
  ];
  for (const text of table) assertThrows(() => parseMagnet(text), MagnetError);
});

Deno.test("parseMagnet() leaves out what makes no sense", () => {
  const magnet = parseMagnet(
    `magnet:?${XT}&dn=&dn=%ff%00x%&tr=ftp://a/&tr=http:&tr=javascript:x&tr=http://a%0ab/&tr=&ws=udp://a:1` +
      "&x.pe=1.2.3.4&x.pe=1.2.3.4:0&x.pe=a%20b:1&so=x,-1,3-1,99999999999",
  );
  assertEquals(magnet.name, "_\0x%");
  assertEquals(magnet.trackers, []);
  assertEquals(magnet.webSeeds, []);
  assertEquals(magnet.peers, []);
  assertEquals(magnet.selection, null);
});

Deno.test("parseMagnet() bounds every list", () => {
  const many = (make: (i: number) => string) =>
    Array.from({ length: 300 }, (_, i) => make(i)).join("&");
  const magnet = parseMagnet(
    `magnet:?${XT}&${many((i) => `tr=http://t${i}.example/`)}&${
      many((i) => `ws=http://w${i}.example/`)
    }` +
      `&${many((i) => `x.pe=1.2.3.4:${i + 1}`)}&so=${"0-999999999,".repeat(50_000)}`,
  );
  assertEquals(magnet.trackers.length, 100);
  assertEquals(magnet.webSeeds.length, 100);
  assertEquals(magnet.peers.length, 100);
  assertEquals(magnet.selection!.length, 1_000_000);
});

Deno.test("parseMagnet() takes time in proportion when a link is made of one character", () => {
  const before = performance.now();
  for (const filler of [" ", "&", "%", "=", "-", ",", "\t", "%20", "1-"]) {
    const body = filler.repeat(900_000 / filler.length);
    parseMagnet(`magnet:?${XT}&so=${body}x&tr=${body}x`.slice(0, 1_000_000));
    assertThrows(() => parseMagnet(`magnet:?xt=urn:btih:${body}x`), MagnetError);
  }
  assert(performance.now() - before < 15_000);
});

Deno.test("formatMagnet() makes a link of a torrent", () => {
  const metainfo = read(multiInfo([file(["a"])], { name: "A & b's ünï" }), {
    "announce-list": [["http://a.example/x?y=1&z=2"], ["udp://b.example:1"]],
    "url-list": "http://w.example/",
  });
  assertEquals(
    formatMagnet(metainfo),
    `magnet:?xt=urn:btih:${hex(metainfo.infoHash)}&dn=A%20%26%20b%27s%20%C3%BCn%C3%AF` +
      "&tr=http%3A%2F%2Fa.example%2Fx%3Fy%3D1%26z%3D2&tr=udp%3A%2F%2Fb.example%3A1&ws=http%3A%2F%2Fw.example%2F",
  );
});

Deno.test("parseMagnet() gives back what formatMagnet() was given", () => {
  forSeeds(300, (next) => {
    const list = (make: (i: number) => string) =>
      Array.from({ length: below(next, 4) }, (_, i) => make(i));
    const indices = list((i) => String(i * 3 + below(next, 3))).map(Number);
    const magnet: Magnet = {
      infoHash: randomBytes(next, 20),
      infoHashV2: next() < 0.5 ? randomBytes(next, 32) : null,
      name: pick(next, [null, "a", "+ %2B &=#", "ünï 😀", "\u202e\0"]),
      trackers: list((i) => `http://t${i}.example/+?a=%26&b=${i}`),
      peers: list((i) => pick(next, [`10.0.0.${i}:1`, `[::${i}]:9`, `h${i}.example:5`])),
      webSeeds: list((i) => `https://w${i}.example/'()*!`),
      selection: indices.length > 0 ? indices : null,
    };
    const peers = [...new Set(magnet.peers)];
    assertEquals(parseMagnet(formatMagnet(magnet)), { ...magnet, peers });
  });
});

Deno.test("parseMagnet() throws nothing but MagnetError for mutated links", () => {
  const link = new TextEncoder().encode(
    `magnet:?${XT}&xt=urn:btmh:1220${V2}&dn=a+b%20c&tr=udp%3A%2F%2Ft.example%3A80&ws=http://w.example/` +
      "&x.pe=10.0.0.1:6881&x.pe=%5B::1%5D:7&so=0,2,4-6",
  );
  let parsed = 0;
  forSeeds(5000, (next) => {
    const text = String.fromCharCode(...mutate(next, link));
    try {
      const magnet = parseMagnet(text);
      parsed++;
      assertEquals(parseMagnet(formatMagnet(magnet)), magnet);
    } catch (error) {
      if (!(error instanceof MagnetError)) throw error;
    }
  });
  assert(parsed > 1000);
});
