/**
 * Text of strangers as one line.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { cleanLine, shortAscii } from "../../src/base/text.ts";
import { forSeeds, randomBytes } from "../support/prng.ts";

const utf8 = new TextEncoder();

Deno.test("cleanLine() keeps readable text of any script when it is short", () => {
  for (const text of ["torrent not registered", "Übergröße 大きい صفحة 🐦", 'a: b; c="d" \\ {}']) {
    assertEquals(cleanLine(text), text);
    assertEquals(cleanLine(utf8.encode(text)), text);
  }
});

Deno.test("cleanLine() makes one line when there are controls and marks", () => {
  assertEquals(cleanLine("a\x1b[2J\r\nb\u0085c\u2028d\x00\x7f "), "a [2J b c d");
  assertEquals(cleanLine("exe\u202egpj\u200b\u2066x\ufeff"), "exegpjx");
  assertEquals(cleanLine("\ud800x\ue000"), "\ufffdx\ufffd");
  assertEquals(cleanLine(Uint8Array.of(0xff, 0x41, 0xc3)), "\ufffdA\ufffd");
  assertEquals(cleanLine(" \n\t"), "");
});

Deno.test("cleanLine() cuts when the text is long", () => {
  assertEquals(cleanLine("x".repeat(200)), "x".repeat(200));
  assertEquals(cleanLine("x".repeat(201)), "x".repeat(199) + "…");
  assertEquals(cleanLine(new Uint8Array(5_000_000).fill(0x41), 10), "AAAAAAAAA…");
  assertEquals(cleanLine("🐦".repeat(9), 4), "🐦🐦🐦…");
  assertEquals(cleanLine("\u200b".repeat(1000) + "x", 10), "…");
});

Deno.test("cleanLine() gives nothing that moves a cursor when fed garbage", () => {
  forSeeds(300, (next) => {
    const line = cleanLine(randomBytes(next, Math.floor(next() * 300)), 50);
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line));
    assert([...line].length <= 50);
  });
});

Deno.test("shortAscii() gives what a decoder would, or leaves it to one", () => {
  const encoder = new TextEncoder();
  for (const text of ["", "a/b.bin", "\0\x1b\x7f", "x".repeat(128)]) {
    assertEquals(shortAscii(encoder.encode(text)), text);
    const shared = new Uint8Array(new SharedArrayBuffer(text.length));
    shared.set(encoder.encode(text));
    assertEquals(shortAscii(shared), text);
  }
  for (const text of ["é", "a\u0080", "x".repeat(129)]) {
    assertEquals(shortAscii(encoder.encode(text)), undefined);
  }
});
