/**
 * How the outgoing buffers take turns. What the messages look like stands in messages_test.ts.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { MIB } from "../../src/base/units.ts";
import { Encoder } from "../../src/wire/encoder.ts";

Deno.test("Encoder.take() gives all that was appended once when messages were appended", () => {
  const encoder = new Encoder();
  assertEquals(encoder.length, 0);
  assertEquals(encoder.take().length, 0);
  encoder.choke();
  encoder.have(1);
  assertEquals(encoder.length, 14);
  assertEquals(hex(encoder.take()), "0000000100000000050400000001");
  assertEquals(encoder.length, 0);
  assertEquals(encoder.take().length, 0);
});

Deno.test("Encoder.take() gives a view that stays when more is appended", () => {
  const encoder = new Encoder();
  for (let round = 0; round < 5; round++) {
    encoder.have(round);
    const taken = encoder.take();
    for (let i = 0; i < (round < 3 ? 1 : 1000); i++) encoder.request(i, i, i);
    assertEquals(hex(taken), `00000005040000000${round}`);
    encoder.take();
  }
});

Deno.test("Encoder keeps what is there when it grows", () => {
  const encoder = new Encoder();
  const expected: string[] = [];
  for (let i = 0; i < 5000; i++) {
    encoder.have(i);
    expected.push(`0000000504${i.toString(16).padStart(8, "0")}`);
  }
  assertEquals(hex(encoder.take()), expected.join(""));
});

Deno.test("Encoder lets a large buffer go when its turn comes again", () => {
  const encoder = new Encoder();
  encoder.extended(1, new Uint8Array(MIB));
  assertEquals(encoder.take().length, MIB + 6);
  encoder.choke();
  encoder.take();
  encoder.choke();
  assert(encoder.take().buffer.byteLength < MIB);
});
