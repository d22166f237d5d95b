/**
 * Bytes: equality, joining, big-endian integers.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  concat,
  equalBytes,
  getUint16,
  getUint32,
  hex,
  putUint16,
  putUint32,
} from "../../src/base/bytes.ts";
import { below, forSeeds, randomBytes } from "../support/prng.ts";

Deno.test("equalBytes() compares contents and length", () => {
  forSeeds(50, (next) => {
    const a = randomBytes(next, 1 + below(next, 40));
    assert(equalBytes(a, a.slice()));
    const b = a.slice();
    b[below(next, b.length)]! ^= 1 << below(next, 8);
    assert(!equalBytes(a, b));
    assert(!equalBytes(a, a.subarray(1)));
  });
  assert(equalBytes(new Uint8Array(), new Uint8Array()));
});

Deno.test("concat() puts chunks one behind the other in new memory", () => {
  const a = Uint8Array.of(1, 2);
  const out = concat([a, new Uint8Array(), Uint8Array.of(3)]);
  assertEquals(out, Uint8Array.of(1, 2, 3));
  out[0] = 9;
  assertEquals(a[0], 1);
  assertEquals(concat([]), new Uint8Array());
});

Deno.test("getUint32() and getUint16() undo their puts at the edges of the range", () => {
  const bytes = new Uint8Array(9).fill(0xaa);
  for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
    putUint32(bytes, 3, value);
    assertEquals(getUint32(bytes, 3), value);
  }
  assertEquals([bytes[2], bytes[7]], [0xaa, 0xaa]);
  for (const value of [0, 1, 0x7fff, 0x8000, 0xffff]) {
    putUint16(bytes, 3, value);
    assertEquals(getUint16(bytes, 3), value);
  }
  putUint32(bytes, 0, 0x01020304);
  assertEquals(bytes.slice(0, 4), Uint8Array.of(1, 2, 3, 4));
  putUint16(bytes, 0, 0x0506);
  assertEquals(bytes.slice(0, 2), Uint8Array.of(5, 6));
});

Deno.test("hex() gives two lower-case digits a byte", () => {
  assertEquals(hex(Uint8Array.of(0, 1, 0xab, 0xff)), "0001abff");
  assertEquals(hex(new Uint8Array()), "");
});
