/**
 * The bitfield against a plain set.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../src/base/bitfield.ts";
import { below, forSeeds, randomBytes } from "../support/prng.ts";

Deno.test("Bitfield has bit 7 of byte 0 as piece 0", () => {
  const bits = new Bitfield(10);
  bits.add(0);
  bits.add(9);
  assertEquals(bits.bytes, Uint8Array.of(0x80, 0x40));
});

Deno.test("Bitfield agrees with a set when operations are random", () => {
  forSeeds(60, (next) => {
    const length = below(next, 70);
    const bits = new Bitfield(length);
    const model = new Set<number>();
    for (let step = 0; step < 200; step++) {
      const index = below(next, length + 20) - 5;
      const inRange = index >= 0 && index < length;
      if (next() < 0.6) {
        assertEquals(bits.add(index), inRange && !model.has(index));
        if (inRange) model.add(index);
      } else {
        assertEquals(bits.delete(index), model.delete(index));
      }
      assertEquals(bits.has(index), model.has(index));
      assertEquals(bits.count, model.size);
      assertEquals(bits.isFull, model.size === length);
    }
    for (let i = -1; i <= length; i++) assertEquals(bits.has(i), model.has(i));
    const copy = Bitfield.fromWire(bits.bytes, length);
    assertEquals([copy?.count, copy?.bytes], [bits.count, bits.bytes]);
    bits.fill();
    assertEquals([bits.count, bits.isFull], [length, true]);
    assertEquals(Bitfield.fromWire(bits.bytes, length)?.count, length);
  });
});

Deno.test("Bitfield.fromWire() gives undefined when the length is wrong or a spare bit is set", () => {
  forSeeds(100, (next) => {
    const length = 1 + below(next, 64);
    const bytes = randomBytes(next, Math.ceil(length / 8));
    assertEquals(Bitfield.fromWire(bytes.subarray(1), length), undefined);
    assertEquals(Bitfield.fromWire(randomBytes(next, bytes.length + 1), length), undefined);
    const spare = bytes.length * 8 - length;
    if (spare === 0) return;
    bytes[bytes.length - 1]! |= 1 << below(next, spare);
    assertEquals(Bitfield.fromWire(bytes, length), undefined);
    bytes[bytes.length - 1]! &= 0xff << spare;
    assert(Bitfield.fromWire(bytes, length));
  });
});

Deno.test("Bitfield.fromWire() copies when it takes a view", () => {
  const wire = Uint8Array.of(0x80);
  const bits = Bitfield.fromWire(wire, 8)!;
  wire[0] = 0;
  assertEquals(bits.has(0), true);
});

Deno.test("Bitfield of no bits is full and holds nothing", () => {
  const bits = new Bitfield(0);
  bits.fill();
  assertEquals([bits.count, bits.isFull, bits.has(0), bits.add(0)], [0, true, false, false]);
});

Deno.test("has() is false when the index is far out of range", () => {
  const bits = new Bitfield(16);
  bits.fill();
  for (const index of [16, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 2 ** 53]) {
    assertEquals(bits.has(index), false, String(index));
  }
});
