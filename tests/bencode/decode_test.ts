/**
 * The decoder: what it reads, what it refuses and where it says so.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { BencodeError, BugError } from "../../src/base/errors.ts";
import { BencodeDict, BencodeList, decode, decodePrefix } from "../../src/bencode/decode.ts";

/** One byte a character. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function dict(text: string): BencodeDict {
  const value = decode(bytes(text));
  assert(value instanceof BencodeDict);
  return value;
}

/** The offset at which `text` is refused. */
function refusal(text: string, options = {}): { offset: number; message: string } {
  return assertThrows(() => decode(bytes(text), options), BencodeError);
}

Deno.test("decode() reads integers exactly when they fit int64", () => {
  assertStrictEquals(decode(bytes("i0e")), 0);
  assertStrictEquals(decode(bytes("i-42e")), -42);
  assertStrictEquals(decode(bytes("i9007199254740991e")), Number.MAX_SAFE_INTEGER);
  assertStrictEquals(decode(bytes("i-9007199254740991e")), Number.MIN_SAFE_INTEGER);
  assertStrictEquals(decode(bytes("i9007199254740992e")), 2n ** 53n);
  assertStrictEquals(decode(bytes("i9223372036854775807e")), 2n ** 63n - 1n);
  assertStrictEquals(decode(bytes("i-9223372036854775808e")), -(2n ** 63n));
});

Deno.test("decode() refuses an integer and names its offset when it is not canonical", () => {
  const table: [text: string, offset: number][] = [
    ["ie", 1],
    ["i-e", 2],
    ["i-0e", 0],
    ["i-01e", 0],
    ["i00e", 0],
    ["i042e", 0],
    ["i+1e", 1],
    ["i 1e", 1],
    ["i1", 2],
    ["i", 1],
    ["i1.5e", 2],
    ["i1x", 2],
    ["i9223372036854775808e", 0],
    ["i-9223372036854775809e", 0],
    ["i99999999999999999999e", 0],
    ["li1ei-0ee", 4],
  ];
  for (const [text, offset] of table) assertEquals(refusal(text).offset, offset, text);
});

Deno.test("decode() gives strings as views of the input", () => {
  const input = bytes("l0:3:abc5:\x00\xff:ieeX");
  const value = decode(input.subarray(0, -1)) as Uint8Array[];
  assertEquals(value, [bytes(""), bytes("abc"), bytes("\x00\xff:ie")]);
  assertStrictEquals(value[1]!.buffer, input.buffer);
});

Deno.test("decode() refuses a string and names its offset when its length is wrong", () => {
  const table: [text: string, offset: number][] = [
    ["", 0],
    ["3:ab", 0],
    ["3", 0],
    ["1", 1],
    ["3abc", 1],
    ["03:abc", 0],
    ["00:", 0],
    ["-1:a", 0],
    ["100000000:a", 0],
    ["99999999999999999999:a", 0],
    ["18446744073709551617:a", 0],
    ["l1:a9:abce", 4],
    ["x", 0],
    ["e", 0],
  ];
  for (const [text, offset] of table) assertEquals(refusal(text).offset, offset, text);
});

Deno.test("decode() keeps keys in order of appearance and the span of each value", () => {
  const input = "d1:bi1e1:a4:spam3:zzzd1:xleee";
  const value = dict(input);
  assertEquals(value.keys(), ["b", "a", "zzz"]);
  assertEquals(value.size, 3);
  assert(value.has("a") && !value.has("c"));
  assertStrictEquals(value.get("c"), undefined);
  assertStrictEquals(value.span("c"), undefined);
  const { start, end } = value.span("zzz")!;
  assertEquals(input.slice(start, end), "d1:xlee");
  assertEquals([...value.entries()].map(([key]) => key), ["b", "a", "zzz"]);
});

Deno.test("BencodeDict.get() finds every key when there are many", () => {
  const names = Array.from({ length: 300 }, (_, i) => String(i).padStart(3, "0"));
  const value = dict(`d${names.map((n) => `3:${n}i1${n}e`).join("")}e`);
  for (const name of names) assertStrictEquals(value.get(name), Number(`1${name}`));
  assertStrictEquals(value.get("300"), undefined);
});

Deno.test("BencodeDict gives a value of the type that is asked for and no other", () => {
  const value = dict("d1:ai-7e1:b2:xy1:cli1ee1:dd1:xleee");
  const keys = ["a", "b", "c", "d", "e"];
  const none = undefined;
  assertEquals(keys.map((k) => value.integer(k)), [-7, none, none, none, none]);
  assertEquals(keys.map((k) => value.bytes(k)?.length), [none, 2, none, none, none]);
  assertEquals(keys.map((k) => value.list(k) !== none), [false, false, true, false, false]);
  assertEquals(keys.map((k) => value.dict(k)?.size), [none, none, none, 1, none]);
});

Deno.test("BencodeList walks its items and the lists within as often as it is asked", () => {
  const list = dict("d1:ali1e1:xli2eli3eeedeee").list("a")!;
  for (let again = 0; again < 2; again++) {
    const [one, x, inner, empty, none] = list;
    assertEquals([one, x, none], [1, bytes("x"), undefined]);
    assert(inner instanceof BencodeList && empty instanceof BencodeDict);
    const [two, innermost] = inner;
    assert(innermost instanceof BencodeList);
    assertEquals([two, ...innermost], [2, 3]);
  }
});

Deno.test("BencodeDict throws BugError when the input changed after it was checked", () => {
  const text = "d1:ad1:bi1ee1:cl1:x1:yee";
  for (let at = 1; at < text.length; at++) {
    for (const byte of [0, 0x2f, 0x39, 0x65, 0x69, 0x6c, 0xff]) {
      const input = bytes(text);
      const value = decode(input) as BencodeDict;
      input[at] = byte;
      try {
        for (const key of ["a", "c", "z"]) {
          value.get(key);
          for (const item of value.list(key) ?? []) if (item instanceof BencodeList) [...item];
        }
        value.keys();
      } catch (error) {
        assert(error instanceof BugError, String(error));
      }
    }
  }
});

Deno.test("decode() keeps every byte of a binary key", () => {
  const key = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  assertStrictEquals(dict(`d256:${key}i7ee`).get(key), 7);
  assertStrictEquals(dict("d0:i7ee").get(""), 7);
});

Deno.test("decode() refuses a dictionary when a key is no string, repeated or without value", () => {
  assertEquals(refusal("di1ei2ee").offset, 1);
  assertEquals(refusal("dlei2ee").offset, 1);
  assertEquals(refusal("d1:ae").offset, 4);
  assertEquals(refusal("d1:a").offset, 4);
  assertEquals(refusal("d1:ai1e1:ai2ee").offset, 7);
  assertEquals(refusal("d1:bi1e1:ai2e1:bi3ee").offset, 13);
  assertEquals(refusal("d1:bi1e1:ci1e1:ai2e1:ci3ee").offset, 19);
  assertEquals(refusal("d1:bd1:zi1e1:ai1e1:zi1eee").offset, 17);
});

Deno.test("decode() refuses unsorted keys when it is strict", () => {
  assertEquals(dict("d1:bi1e1:ai2ee").get("a"), 2);
  assertEquals(refusal("d1:bi1e1:ai2ee", { strict: true }).offset, 7);
  assertEquals(refusal("d2:aai1e1:ai2ee", { strict: true }).offset, 8);
});

Deno.test("decode() permits white space behind the value and nothing else", () => {
  assertEquals(decode(bytes("i1e \r\n\t")), 1);
  assertEquals(refusal("i1e\nx").offset, 4);
  assertEquals(refusal("i1ei2e").offset, 3);
  assertEquals(refusal("i1e\0").offset, 3);
  assertEquals(refusal("i1e\n", { allowTrailing: "none" }).offset, 3);
  assertEquals(decode(bytes("i1exx"), { allowTrailing: "any" }), 1);
});

Deno.test("decodePrefix() tells where the value ends when a payload follows", () => {
  const input = bytes("d8:msg_typei1eei-0e");
  const { value, end } = decodePrefix(input);
  assertEquals((value as BencodeDict).get("msg_type"), 1);
  assertEquals(end, 15);
});

Deno.test("decode() nests to the depth that is permitted and no deeper", () => {
  assert(Array.isArray(decode(bytes("l".repeat(100) + "e".repeat(100)))));
  assertEquals(refusal("l".repeat(101) + "e".repeat(101)).offset, 100);
  assertEquals(refusal("d1:a".repeat(101)).offset, 400);
  assertEquals(refusal("llleee", { maxDepth: 2 }).offset, 2);
});

Deno.test("decode() refuses a million open lists without recursion", () => {
  const error = refusal("l".repeat(1_000_000));
  assertEquals(error.offset, 100);
  assertEquals(error.message, "Cannot decode bencode: nested deeper than 100 at byte 100");
});

Deno.test("decode() refuses ten million digits without reading them", () => {
  const digits = new Uint8Array(10_000_000).fill(0x39);
  digits[0] = 0x69;
  const before = performance.now();
  assertThrows(() => decode(digits), BencodeError, "past 64 bits");
  digits[0] = 0x39;
  assertThrows(() => decode(digits), BencodeError, "past the end");
  assert(performance.now() - before < 1000);
});

Deno.test("decode() counts values and keys against its limit", () => {
  assertEquals(refusal("li1ei2ei3ee", { maxItems: 3 }).offset, 7);
  assertEquals(decode(bytes("li1ei2ei3ee"), { maxItems: 4 }), [1, 2, 3]);
  assertEquals(refusal("d1:ai1ee", { maxItems: 2 }).offset, 4);
  const many = new Uint8Array(3_000_002).fill(0x6c);
  for (let i = 1; i < many.length - 1; i += 2) many[i + 1] = 0x65;
  many[many.length - 1] = 0x65;
  assertThrows(() => decode(many, { maxItems: 1_000_000 }), BencodeError, "too many values");
});

Deno.test("BencodeDict tells the place of each entry", () => {
  const wide = `d${Array.from({ length: 100 }, (_, i) => `3:${100 + i}i${i}e`).join("")}e`;
  for (const text of ["d2:zzli1ee1:a0:1:bdee", "de", wide]) {
    const value = dict(text);
    let at = 1;
    for (const { key, start, value: from, end } of value.places()) {
      assertStrictEquals(start, at);
      assertStrictEquals(text.slice(start, from), `${key.length}:${key}`);
      assertEquals(value.span(key), { start: from, end });
      at = end;
    }
    assertStrictEquals(at, text.length - 1);
  }
});
