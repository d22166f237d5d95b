/**
 * Reading ahead gives the same bytes with fewer reads, and fails where reading fails.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReadAhead } from "../../src/disk/read_ahead.ts";
import { BLOCK_BYTES, KIB, MIB } from "../../src/base/units.ts";
import { below, pick, prng } from "../support/prng.ts";

// Piece 9 is the last one and shorter.
function lastBytes(pieceBytes: number): number {
  return Math.ceil(pieceBytes / 3);
}

function byteAt(piece: number, at: number): number {
  return (piece * 31 + at * 7 + (at >>> 9)) & 0xff;
}

function setup(pieceBytes = MIB) {
  const reads: [number, number, number][] = [];
  const state = { isBroken: false };
  const ahead = new ReadAhead(async (piece, begin, into) => {
    reads.push([piece, begin, into.length]);
    await Promise.resolve();
    if (state.isBroken) throw new Error("the file is gone");
    for (let i = 0; i < into.length; i++) into[i] = byteAt(piece, begin + i);
  }, (piece) => piece === 9 ? lastBytes(pieceBytes) : pieceBytes);
  const read = async (piece: number, begin: number, length: number) => {
    const into = new Uint8Array(length);
    await ahead.read(piece, begin, into);
    for (let i = 0; i < length; i++) {
      if (into[i] !== byteAt(piece, begin + i)) throw new Error(`wrong byte at ${begin + i}`);
    }
  };
  return { reads, read, state };
}

Deno.test("read() fetches windows when a piece is asked for in order", async () => {
  const { reads, read } = setup();
  for (let begin = 0; begin < MIB; begin += BLOCK_BYTES) await read(3, begin, BLOCK_BYTES);
  assertEquals(reads, [
    [3, 0, BLOCK_BYTES],
    [3, BLOCK_BYTES, 240 * KIB],
    [3, 256 * KIB, 256 * KIB],
    [3, 512 * KIB, 256 * KIB],
    [3, 768 * KIB, 256 * KIB],
  ]);
});

Deno.test("read() fetches no more than asked when blocks are asked for here and there", async () => {
  const { reads, read } = setup();
  for (const block of [5, 3, 60, 22, 1, 40]) await read(0, block * BLOCK_BYTES, BLOCK_BYTES);
  assert(reads.every(([, , length]) => length === BLOCK_BYTES));
});

Deno.test("read() shares a window that is on its way", async () => {
  const { reads, read } = setup();
  await read(0, 0, BLOCK_BYTES);
  await Promise.all(
    [1, 2, 3, 4, 5].map((block) => read(0, block * BLOCK_BYTES, BLOCK_BYTES)),
  );
  assertEquals(reads.length, 2);
});

Deno.test("read() fails when the window does, and tries again the next time", async () => {
  const { reads, read, state } = setup();
  await read(0, 0, BLOCK_BYTES);
  state.isBroken = true;
  const both = [1, 2].map((block) => read(0, block * BLOCK_BYTES, BLOCK_BYTES));
  for (const one of both) await assertRejects(() => one, Error, "the file is gone");
  state.isBroken = false;
  const before = reads.length;
  await read(0, 2 * BLOCK_BYTES, BLOCK_BYTES);
  assertEquals(reads.length, before + 1);
});

Deno.test("read() gives the right bytes whatever is asked for, by many at once", async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const next = prng(seed);
    const pieceBytes = pick(next, [BLOCK_BYTES, 100_000, MIB, 3 * MIB]);
    const { read } = setup(pieceBytes);
    const peer = async () => {
      for (let i = 0; i < 20; i++) {
        const piece = below(next, 10);
        const end = piece === 9 ? lastBytes(pieceBytes) : pieceBytes;
        let at = next() < 0.5 ? 0 : below(next, end);
        for (let blocks = below(next, 40); blocks > 0 && at < end; blocks--) {
          const length = Math.min(end - at, next() < 0.9 ? BLOCK_BYTES : 1 + below(next, 90_000));
          await read(piece, at, length);
          at += length;
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: 6 }, peer));
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
});
