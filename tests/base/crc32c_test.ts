/**
 * CRC-32C against the vectors of RFC 3720.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { crc32c } from "../../src/base/crc32c.ts";

Deno.test("crc32c() gives the published values when fed the published bytes", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});
