/**
 * HalfSipHash against the vectors of its authors (key 00 01 … 07, messages of the bytes 00 01 …).
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { HalfSipHash } from "../../src/base/half_siphash.ts";

/** By length of the message: the bytes of the hash in their order. */
const VECTORS_32: Readonly<Record<number, string>> = {
  0: "a9359f5b",
  1: "27475ab8",
  2: "fa62a603",
  3: "8afee704",
  4: "2a6e4689",
  5: "c5fab669",
  6: "5863fc23",
  7: "8bcf63c5",
  8: "d0b8848f",
  15: "74fe2b97",
  20: "e34d1045",
  31: "5d589f1a",
  63: "59ea4a74",
};
const VECTORS_64: Readonly<Record<number, string>> = {
  0: "218d1f59b9b83cc8",
  1: "be552412f8387315",
  2: "064f39ef7c50eb57",
  3: "ce0f1a45f7060679",
  4: "d5e78a175be52ea1",
  5: "cb9d7c3f2f3db580",
  6: "ce3e91358aa2bc25",
  7: "ff202728b07bc684",
  8: "edfee820bce4858c",
  15: "217d0bcb4e81c902",
  20: "1bf52b0a6feea7db",
  31: "863c7f155c34117c",
  63: "2ea63c71bf326087",
};

const MESSAGE = Uint8Array.from({ length: 64 }, (_, i) => i);

function littleEndian(...words: number[]): string {
  return words.flatMap((word) => [word, word >>> 8, word >>> 16, word >>> 24])
    .map((byte) => (byte & 0xff).toString(16).padStart(2, "0")).join("");
}

Deno.test("hash32() and hash64() give the published values when the key is the published one", () => {
  const hash = new HalfSipHash(MESSAGE.subarray(0, 8));
  for (const [length, expected] of Object.entries(VECTORS_32)) {
    assertEquals(littleEndian(hash.hash32(MESSAGE, Number(length))), expected, length);
  }
  for (const [length, expected] of Object.entries(VECTORS_64)) {
    hash.hash64(MESSAGE, Number(length));
    assertEquals(littleEndian(hash.low, hash.high), expected, length);
  }
});

Deno.test("hash32() hashes all bytes when no length is given", () => {
  const hash = new HalfSipHash(MESSAGE.subarray(0, 8));
  assertEquals(hash.hash32(MESSAGE.subarray(0, 20)), hash.hash32(MESSAGE, 20));
});

Deno.test("hash32() gives something else when the key is another", () => {
  const [a, b] = [MESSAGE.subarray(0, 8), MESSAGE.subarray(1, 9)].map((k) => new HalfSipHash(k));
  assertNotEquals(a!.hash32(MESSAGE), b!.hash32(MESSAGE));
});
