/**
 * The one message of lt_donthave.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/errors.ts";
import { decodeDontHave, encodeDontHave } from "../../src/wire/lt_donthave.ts";

Deno.test("encodeDontHave() writes the four bytes of BEP 54", () => {
  assertEquals(hex(encodeDontHave(0x01020304)), "01020304");
});

Deno.test("decodeDontHave() gives back what was encoded", () => {
  for (const index of [0, 1, 65_536, 2 ** 32 - 1]) {
    assertEquals(decodeDontHave(encodeDontHave(index)), index);
  }
});

Deno.test("decodeDontHave() throws PeerError when there are not four bytes", () => {
  for (const length of [0, 3, 5]) {
    const error = assertThrows(() => decodeDontHave(new Uint8Array(length)), PeerError);
    assertEquals(error.reason, "bad-message");
  }
});
