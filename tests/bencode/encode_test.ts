/**
 * The encoder, and both directions together.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { BencodeError } from "../../src/base/errors.ts";
import { type BencodeDict, type BencodeValue, decode } from "../../src/bencode/decode.ts";
import { type Encodable, encode } from "../../src/bencode/encode.ts";
import { below, forSeeds, mutate, pick, randomBytes } from "../support/prng.ts";

function text(value: Encodable): string {
  return String.fromCharCode(...encode(value));
}

Deno.test("encode() writes canonical bencode", () => {
  assertEquals(text(0), "i0e");
  assertEquals(text(-0), "i0e");
  assertEquals(text(-7), "i-7e");
  assertEquals(text(2n ** 63n - 1n), "i9223372036854775807e");
  assertEquals(text("abc"), "3:abc");
  assertEquals(text("é"), "2:\xc3\xa9");
  assertEquals(text(new Uint8Array([0, 255])), "2:\x00\xff");
  assertEquals(text([1, "a", []]), "li1e1:alee");
  assertEquals(text({ b: 1, a: 2, c: undefined }), "d1:ai2e1:bi1ee");
});

Deno.test("encode() sorts keys as raw bytes when they are not ASCII", () => {
  // As UTF-16 the surrogates of U+1F600 sort before U+FF5E, as UTF-8 behind it.
  const keys = ["\u{1F600}", "\uFF5E", "z", "aa", "a"];
  const sorted = ["a", "aa", "z", "\uFF5E", "\u{1F600}"];
  const utf8 = new TextEncoder();
  assertEquals(
    encode(Object.fromEntries(keys.map((k) => [k, 1]))),
    encode(new Map(sorted.map((k) => [utf8.encode(k), 1]))),
  );
  const decoded = decode(encode(Object.fromEntries(keys.map((k) => [k, 1]))), { strict: true });
  assertEquals((decoded as BencodeDict).size, 5);
});

Deno.test("encode() refuses what has no bencode", () => {
  for (const value of [1.5, NaN, Infinity, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n]) {
    assertThrows(() => encode(value), TypeError);
  }
  const twice = new Map<string | Uint8Array, number>([["a", 1], [new Uint8Array([97]), 2]]);
  assertThrows(() => encode(twice), TypeError, "two keys are equal");
  const nest = (depth: number): Encodable => depth === 0 ? 1 : [nest(depth - 1)];
  assertEquals(encode(nest(100)).length, 203);
  assertThrows(() => encode(nest(101)), TypeError, "nested deeper than 100");
});

/** A random value; dictionaries have binary keys, too. */
function randomValue(next: () => number, depth: number): Encodable {
  switch (below(next, depth > 0 ? 6 : 4)) {
    case 0:
      return below(next, 2000) - 1000;
    case 1:
      return BigInt.asIntN(64, BigInt(Math.floor(next() * 2 ** 53)) * 4096n + 17n);
    case 2:
      return randomBytes(next, below(next, 40));
    case 3:
      return pick(next, ["", "announce", "ünï", "i1e"]);
    case 4:
      return Array.from({ length: below(next, 6) }, () => randomValue(next, depth - 1));
    default: {
      const map = new Map<string, Encodable>();
      for (let i = below(next, 12); i > 0; i--) {
        const key = String.fromCharCode(...randomBytes(next, below(next, 3)).map((b) => b & 127));
        map.set(key, randomValue(next, depth - 1));
      }
      return map;
    }
  }
}

/** What the decoder makes of a value that was encoded. */
function plain(value: Encodable | BencodeValue): unknown {
  if (typeof value === "string") return [...new TextEncoder().encode(value)].join();
  if (value instanceof Uint8Array) return [...value].join();
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  if (typeof value === "number") return value;
  if (Array.isArray(value)) return value.map(plain);
  const entries = [...(value as Map<string, Encodable>).entries()];
  return new Map(entries.map(([k, v]) => [k, plain(v)]));
}

Deno.test("decode() gives back what encode() was given", () => {
  forSeeds(500, (next) => {
    const value = randomValue(next, 5);
    assertEquals(plain(decode(encode(value), { strict: true })), plain(value));
  });
});

Deno.test("encode() gives the same bytes for whatever decodes strictly", () => {
  let decoded = 0;
  forSeeds(3000, (next) => {
    const input = mutate(next, encode(randomValue(next, 4)));
    let value: BencodeValue;
    try {
      value = decode(input, { strict: true, allowTrailing: "none" });
    } catch (error) {
      if (error instanceof BencodeError && error.offset <= input.length) return;
      throw error;
    }
    decoded++;
    assertEquals(encode(value), input);
  });
  assertEquals(decoded > 300, true);
});

Deno.test("decode() throws nothing but BencodeError for random bytes", () => {
  const alphabet = [..."0123456789ilde:-"].map((c) => c.charCodeAt(0));
  forSeeds(5000, (next) => {
    const input = Uint8Array.from({ length: below(next, 40) }, () => pick(next, alphabet));
    try {
      decode(input);
    } catch (error) {
      if (!(error instanceof BencodeError)) throw error;
    }
  });
});
