/**
 * What strangers write, made safe to show.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { forActions, forJson, forTerminal } from "../../src/cli/escape.ts";
import { forSeeds } from "../support/prng.ts";

const UNSAFE = [
  ...Array.from({ length: 32 }, (_, i) => i),
  ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
  ...[0x61c, 0x200e, 0x200f, 0x2028, 0x2029],
  ...[0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069],
];

Deno.test("forTerminal() shows every control and bidirectional character as \\u{…}", () => {
  for (const code of UNSAFE) {
    const shown = forTerminal(`a${String.fromCharCode(code)}b`);
    assertEquals(shown, `a\\u{${code.toString(16)}}b`);
  }
  assertEquals(forTerminal("\ud800x\udc00"), "\\u{d800}x\\u{dc00}");
});

Deno.test("forTerminal() leaves text as it is when it is harmless", () => {
  for (const text of ["", "ubuntu.iso", "日本語 – é ñ", "👩‍👩‍👧", "a\\u{1b}", "~!¡"]) {
    assertEquals(forTerminal(text), text);
  }
});

Deno.test("forJson() gives JSON that parses back and has no unsafe character", () => {
  const value = { name: UNSAFE.map((code) => String.fromCharCode(code)).join("x"), n: [1, null] };
  const json = forJson(value);
  assertEquals(JSON.parse(json), value);
  for (const c of json) assert(!UNSAFE.includes(c.charCodeAt(0)), json);
  assert(json.includes("\\u202e") && json.includes("\\u007f") && json.includes("\\u001b"));
});

Deno.test("forJson() survives any string", () => {
  forSeeds(100, (next, seed) => {
    const codes = Array.from({ length: 40 }, () => Math.floor(next() * 0x10000));
    const text = String.fromCharCode(...codes);
    assertEquals(JSON.parse(forJson([text])), [text], `seed ${seed}`);
    assert(!/\n/.test(forJson([text])) && !/\n/.test(forTerminal(text)), `seed ${seed}`);
  });
});

Deno.test("forActions() keeps a message from ending its workflow command", () => {
  assertEquals(forActions("100 %\r\n::set-env::x"), "100 %25\\u{d}\\u{a}::set-env::x");
});
