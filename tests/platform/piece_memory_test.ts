import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { PieceMemory } from "../../src/platform/piece_memory.ts";
import { RECEIVE_BYTES } from "../../src/ports/disk.ts";
import { MAX_BUFFER_BYTES } from "../../src/wire/decoder.ts";

const PIECE = 40_000;

function filled(bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed) & 0xff);
}

Deno.test("put() copies what lies in a receive buffer, at any alignment", () => {
  const memory = new PieceMemory(2 * PIECE);
  const piece = new Uint8Array(memory.buffer, PIECE, PIECE);
  const received = memory.receiveBuffer()!;
  const block = filled(16_384, 5);
  for (const [from, to] of [[13, 0], [0, 1], [200_001, PIECE - 16_384]] as const) {
    received.bytes.set(block, from);
    memory.put(piece, received.bytes.subarray(from, from + 16_384), to);
    assertEquals(piece.slice(to, to + 16_384), block);
  }
  assert(new Uint8Array(memory.buffer, 0, PIECE).every((byte) => byte === 0), "another piece");
});

Deno.test("put() copies what lies in any other memory", () => {
  const memory = new PieceMemory(PIECE);
  const piece = new Uint8Array(memory.buffer, 0, PIECE);
  const block = filled(1000, 9);
  memory.put(piece, block, 777);
  assertEquals(piece.slice(777, 1777), block);
});

Deno.test("put() refuses what reaches beyond the piece, and touches nothing", () => {
  const memory = new PieceMemory(2 * PIECE);
  const piece = new Uint8Array(memory.buffer, 0, PIECE);
  const received = memory.receiveBuffer()!;
  received.bytes.fill(7);
  assertThrows(() => memory.put(piece, received.bytes.subarray(0, 100), PIECE - 99), RangeError);
  assert(new Uint8Array(memory.buffer, 0, 2 * PIECE).every((byte) => byte === 0));
});

Deno.test("receiveBuffer() never gives the same memory to two, and gives released memory again", () => {
  const memory = new PieceMemory(PIECE);
  const all = [];
  for (;;) {
    const buffer = memory.receiveBuffer();
    if (!buffer) break;
    all.push(buffer);
  }
  assert(all.length >= 40, "as many as there are peers");
  const starts = new Set(all.map(({ bytes }) => bytes.byteOffset));
  assertEquals(starts.size, all.length);
  for (const { bytes } of all) {
    assertEquals(bytes.length, RECEIVE_BYTES);
    assert(bytes.byteOffset >= PIECE, "beside the pieces");
  }
  all[3]!.release();
  all[3]!.release();
  const again = memory.receiveBuffer()!;
  assertEquals(again.bytes.byteOffset, all[3]!.bytes.byteOffset);
  assertEquals(memory.receiveBuffer(), undefined, "a second release gave nothing");
  assertNotEquals(again, all[3]);
});

Deno.test("a receive buffer is as long as a decoder's largest usual buffer", () => {
  assertEquals(RECEIVE_BYTES, MAX_BUFFER_BYTES);
});
