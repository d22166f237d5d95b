import { assertEquals } from "@std/assert";
import { systemHasher } from "../../src/platform/hasher.ts";
import { PieceMemory } from "../../src/platform/piece_memory.ts";
import { SpareHasher, type WaitingPiece } from "../../src/platform/spare_hasher.ts";
import { prng, randomBytes } from "../support/prng.ts";

const PIECE = 50_000;

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
  const spare = new SpareHasher();
  const good = [true, false, true, true];
  const few = good.map((isGood, slot) => waiting(pieces, slot, isGood));
  spare.help(pieces.wasm, few);
  assertEquals(few.map(({ isHashed }) => isHashed), good);
  spare.forget(pieces.wasm);
  spare.forget(pieces.wasm);
});

Deno.test("help() leaves pieces alone that would take too long", () => {
  const pieces = new PieceMemory(PIECE);
  const large = waiting(pieces, 0, true);
  const job = { ...large.job, length: 5 * 2 ** 20 };
  const few = [{ job, isHashed: false }];
  new SpareHasher().help(pieces.wasm, few);
  assertEquals(few[0]!.isHashed, false);
});
