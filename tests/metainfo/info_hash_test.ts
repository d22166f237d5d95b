/**
 * Infohashes as text.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { parseInfoHash } from "../../src/metainfo/info_hash.ts";

const V1 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
const V2 = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb";

Deno.test("parseInfoHash() reads hexadecimal and base32 in either case", () => {
  for (const text of [V1, V1.toUpperCase(), "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"]) {
    assertEquals(hex(parseInfoHash(text)!.v1!), V1);
  }
  assertEquals(hex(parseInfoHash("yex6dqdlxisuvhoj6um3gnnkpqjwpkek")!.v1!), V1);
  assertEquals(hex(parseInfoHash(V2)!.v2!), V2);
  assertStrictEquals(parseInfoHash(V2)!.v1, undefined);
});

Deno.test("parseInfoHash() refuses everything else", () => {
  const table = ["", V1.slice(1), `${V1}0`, `${V2}00`, ` ${V1}`, `${V1}\n`, "g".repeat(40)];
  for (
    const text of [...table, "1".repeat(32), "A".repeat(31), "é".repeat(20), `0x${V1.slice(2)}`]
  ) {
    assertStrictEquals(parseInfoHash(text), undefined, text);
  }
});
