/**
 * Assembly: the life of a block, drawn, and against a slow model.
 *
 * A piece is drawn with a sign a block: `.` free, `a` to `z` asked of that peer, `x` here.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BLOCK_BYTES, type PieceIndex } from "../../src/base/units.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import { Assembly, FREE, HERE, type OpenPiece } from "../../src/swarm/assembly.ts";
import { below, forSeeds, pick } from "../support/prng.ts";
import { drawPiece, openDrawn, Pool, trueBlock } from "./support.ts";

const A = 0;
const B = 1;
const C = 2;

/** An assembly with piece 0 open as drawn. */
function setup(drawn: string): { assembly: Assembly; open: OpenPiece; pool: Pool } {
  const pieceLength = drawn.length * BLOCK_BYTES;
  const assembly = new Assembly(new PieceMap(3 * pieceLength, pieceLength));
  const pool = new Pool(3, pieceLength);
  const open = openDrawn(assembly, 0, drawn, pool);
  assembly.checkInvariants();
  return { assembly, open, pool };
}

const block = (fill: number) => new Uint8Array(BLOCK_BYTES).fill(fill);

Deno.test("ask() takes the first free block", () => {
  const { assembly, open } = setup("xa..");
  assertEquals(assembly.ask(open, B), 2);
  assertEquals(drawPiece(open), "xab.");
  assertEquals(assembly.ask(open, C), 3);
  assertEquals([drawPiece(open), assembly.withFree.length], ["xabc", 0]);
});

Deno.test("release() frees a block for others and ask() gives it out again", () => {
  const { assembly, open } = setup("abcx");
  assembly.release(open, 1, B);
  assertEquals([drawPiece(open), open.free, assembly.withFree.length], ["a.cx", 1, 1]);
  assertEquals(assembly.ask(open, C), 1);
  assembly.checkInvariants();
});

Deno.test("release() does nothing when the block was asked of somebody else or is here", () => {
  const { assembly, open } = setup("ax..");
  assembly.release(open, 0, B);
  assembly.release(open, 1, A);
  assembly.release(open, 2, A);
  assertEquals(drawPiece(open), "ax..");
  assembly.checkInvariants();
});

Deno.test("release() leaves a block with the other when two were asked", () => {
  const { assembly, open } = setup("aa");
  assembly.askTwice(open, 0, B);
  assembly.askTwice(open, 1, B);
  assembly.release(open, 0, A);
  assertEquals(drawPiece(open), "ba");
  assembly.release(open, 1, B);
  assertEquals([drawPiece(open), open.free], ["ba", 0]);
  assembly.release(open, 0, B);
  assertEquals([drawPiece(open), open.free], [".a", 1]);
  assembly.checkInvariants();
});

Deno.test("put() copies a block to its place and says when the piece is whole", () => {
  const { assembly, open } = setup("xxxa");
  const data = block(9);
  assertEquals(assembly.put(open, 3, data, 77, 5), true);
  data.fill(0);
  assertEquals(open.buffer.bytes[3 * BLOCK_BYTES], 9);
  assertEquals([open.giver[3], open.lastBlockAt, drawPiece(open)], [77, 5, "xxxx"]);
  assembly.checkInvariants();
});

Deno.test("put() takes a block that nobody was asked for", () => {
  const { assembly, open } = setup("a.");
  assertEquals(assembly.put(open, 1, block(1), 7, 0), false);
  assertEquals([drawPiece(open), open.free, assembly.withFree.length], ["ax", 0, 0]);
  assembly.checkInvariants();
});

Deno.test("put() fits the short block at the end of the torrent", () => {
  const map = new PieceMap(2 * BLOCK_BYTES + 100, 2 * BLOCK_BYTES);
  const assembly = new Assembly(map);
  const pool = new Pool(1, map.pieceLength);
  const open = assembly.open(map.index(1)!, pool.allocate()!, 0);
  assertEquals(open.blocks, 1);
  assertEquals(assembly.put(open, 0, trueBlock(map, 1, 0), 0, 0), true);
  assembly.checkInvariants();
});

Deno.test("discard() frees what one giver gave", () => {
  const { assembly, open } = setup("xxab");
  open.giver[0] = 50;
  assertEquals(assembly.discard(open, 50), BLOCK_BYTES);
  assertEquals([drawPiece(open), open.here, open.free], [".xab", 1, 1]);
  assertEquals(assembly.discard(open, 50), 0);
  assembly.checkInvariants();
  assertEquals(assembly.ask(open, C), 0);
});

Deno.test("idlest() is the least complete piece that nobody works on", () => {
  const { assembly, pool } = setup("xa..");
  const drawn = (piece: number, what: string) => openDrawn(assembly, piece, what, pool);
  assertEquals(assembly.idlest(0), undefined);
  const half = drawn(1, "xx..");
  assertEquals(assembly.idlest(0), half);
  half.lastBlockAt = 10;
  assertEquals([assembly.idlest(9), assembly.idlest(10)], [undefined, half]);
  const untouched = drawn(2, "....");
  assertEquals(assembly.idlest(-1), untouched);
});

Deno.test("close() gives the memory back and forgets the piece", () => {
  const { assembly, open, pool } = setup("xx");
  const other = assembly.open(1 as PieceIndex, pool.allocate()!, 0);
  assembly.hand(open);
  assertEquals(assembly.withDisk, 1);
  assembly.close(open);
  assertEquals([pool.out, assembly.withDisk, assembly.get(0)], [1, 0, undefined]);
  assertEquals(assembly.get(1), other);
  assembly.checkInvariants();
});

Deno.test("open() starts clean when it uses the tables of a closed piece", () => {
  const { assembly, open, pool } = setup("xabx");
  assembly.close(open);
  const again = assembly.open(2 as PieceIndex, pool.allocate()!, 10);
  assertEquals([drawPiece(again), again.free, again.exclusive, again.openedAt], [
    "....",
    4,
    -1,
    10,
  ]);
  assembly.checkInvariants();
});

/** A piece as the model sees it: who was asked for each block, or that it is here. */
type ModelPiece = { blocks: ("here" | number[])[]; isWithDisk: boolean };

function assertLikeModel(assembly: Assembly, model: ReadonlyMap<number, ModelPiece>): void {
  assertEquals(assembly.all.length, model.size);
  let withFree = 0;
  let withDisk = 0;
  for (const [piece, expected] of model) {
    const open = assembly.get(piece)!;
    const seen = expected.blocks.map((_, i) =>
      open.state[i] === HERE
        ? "here"
        : [open.first[i]!, open.second[i]!].filter((slot) => open.state[i] !== FREE && slot >= 0)
    );
    assertEquals(seen, expected.blocks);
    assertEquals(open.isWithDisk, expected.isWithDisk);
    if (expected.blocks.some((b) => b !== "here" && b.length === 0)) withFree++;
    if (expected.isWithDisk) withDisk++;
  }
  assertEquals([assembly.withFree.length, assembly.withDisk], [withFree, withDisk]);
}

Deno.test("Assembly equals a table of lists after random operations", () => {
  forSeeds(25, (next) => {
    const pieces = 1 + below(next, 6);
    const perPiece = 1 + below(next, 6);
    const last = 1 + below(next, perPiece * BLOCK_BYTES);
    const length = perPiece * BLOCK_BYTES;
    const map = new PieceMap((pieces - 1) * length + last, length);
    const assembly = new Assembly(map);
    const pool = new Pool(pieces, length);
    const model = new Map<number, ModelPiece>();
    const empty = new Uint8Array(0);
    for (let step = 0; step < 400; step++) {
      const piece = map.index(below(next, pieces))!;
      const open = assembly.get(piece);
      const expected = model.get(piece);
      assert((open === undefined) === (expected === undefined));
      if (open === undefined || expected === undefined) {
        assembly.open(piece, pool.allocate()!, step);
        const blocks = Array.from({ length: map.blockCount(piece) }, () => []);
        model.set(piece, { blocks, isWithDisk: false });
      } else randomStep({ next, assembly, open, expected, empty }) || model.delete(piece);
      assembly.checkInvariants();
      assertLikeModel(assembly, model);
      assertEquals(pool.out, model.size);
    }
  });
});

interface Step {
  next: () => number;
  assembly: Assembly;
  open: OpenPiece;
  expected: ModelPiece;
  empty: Uint8Array;
}

/** One random thing happens to an open piece; false when it was closed. */
function randomStep({ next, assembly, open, expected, empty }: Step): boolean {
  const slot = below(next, 4);
  const at = below(next, expected.blocks.length);
  const held = expected.blocks[at]!;
  switch (expected.isWithDisk ? 9 : below(next, 9)) {
    case 0:
    case 1:
    case 2: {
      const free = expected.blocks.findIndex((b) => b !== "here" && b.length === 0);
      if (free < 0) break;
      assertEquals(assembly.ask(open, slot), free);
      (expected.blocks[free] as number[]).push(slot);
      break;
    }
    case 3: {
      const twin = expected.blocks.findIndex((b) =>
        b !== "here" && b.length === 1 && b[0] !== slot
      );
      if (twin < 0) break;
      assembly.askTwice(open, twin, slot);
      (expected.blocks[twin] as number[]).push(slot);
      break;
    }
    case 4:
    case 5:
      assembly.release(open, at, slot);
      if (held !== "here") expected.blocks[at] = held.filter((s) => s !== slot);
      break;
    case 6:
    case 7:
      if (held === "here") break;
      expected.blocks[at] = "here";
      if (assembly.put(open, at, empty, pick(next, [10, 11]), 0)) {
        assembly.hand(open);
        expected.isWithDisk = true;
      }
      break;
    case 8: {
      const giver = pick(next, [10, 11]);
      for (let i = 0; i < open.blocks; i++) {
        if (open.state[i] === HERE && open.giver[i] === giver) expected.blocks[i] = [];
      }
      assembly.discard(open, giver);
      break;
    }
    default:
      assembly.close(open);
      return false;
  }
  return true;
}
