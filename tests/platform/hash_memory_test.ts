import { assertEquals } from "@std/assert";
import type { StoreMemory } from "../../src/platform/disk_messages.ts";
import { hashMemory, SpareHasher, type WaitingPiece } from "../../src/platform/hash_memory.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { PieceMemory } from "../../src/platform/piece_memory.ts";
import { prng, randomBytes } from "../support/prng.ts";

const PIECE = 50_000;

function memoryOf(pieces: PieceMemory): StoreMemory {
  return {
    pieces: pieces.buffer,
    wasm: pieces.wasm,
    scratchAt: pieces.scratchAt,
    stage: new SharedArrayBuffer(1),
    seen: new SharedArrayBuffer(1),
    control: new SharedArrayBuffer(8),
  };
}

function waiting(pieces: PieceMemory, slot: number, isGood: boolean): WaitingPiece {
  const bytes = new Uint8Array(pieces.buffer, slot * PIECE, PIECE);
  const data = randomBytes(prng(slot), PIECE);
  bytes.set(data);
  const buffer = { bytes, put: () => {}, release: () => {} };
  const expected = isGood ? systemHasher.sha1(data) : new Uint8Array(20);
  return { job: { buffer, length: PIECE, expected, spans: [] }, isHashed: false };
}

Deno.test("help() marks the good pieces and no other", () => {
  const pieces = new PieceMemory(8 * PIECE);
  const memory = memoryOf(pieces);
  const spare = new SpareHasher();
  const good = [true, false, true, true];
  const few = good.map((isGood, slot) => waiting(pieces, slot, isGood));
  spare.help(memory, few);
  assertEquals(few.map(({ isHashed }) => isHashed), good);
  spare.forget(memory);
  spare.forget(memory);
});

Deno.test("help() leaves pieces alone that would take too long", () => {
  const pieces = new PieceMemory(PIECE);
  const large = waiting(pieces, 0, true);
  const job = { ...large.job, length: 5 * 2 ** 20 };
  const few = [{ job, isHashed: false }];
  new SpareHasher().help(memoryOf(pieces), few);
  assertEquals(few[0]!.isHashed, false);
});

Deno.test("hashMemory() gives every thread room of its own, and none beyond the last", () => {
  const memory = memoryOf(new PieceMemory(PIECE));
  const seen = new Set<number>();
  for (;;) {
    const place = hashMemory(memory);
    if (!place) break;
    assertEquals(seen.has(place.scratchAt), false);
    seen.add(place.scratchAt);
    if (seen.size > 1000) throw new Error("it never ends");
  }
  const end = Math.max(...seen) + 1024;
  assertEquals(end <= memory.pieces.byteLength, true, "within the memory");
});
