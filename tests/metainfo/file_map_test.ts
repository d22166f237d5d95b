/**
 * The map between files and pieces, on drawings and against a byte-by-byte model.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FileMap, type MappedFile } from "../../src/metainfo/file_map.ts";
import { PieceMap } from "../../src/metainfo/piece_map.ts";
import { SpanList } from "../../src/metainfo/span_list.ts";
import { below, forSeeds } from "../support/prng.ts";

/** Files by their lengths; a negative length is padding. */
function setup(lengths: readonly number[], pieceLength: number) {
  let offset = 0;
  const files: MappedFile[] = [];
  for (const length of lengths) {
    files.push({ length: Math.abs(length), offset, isPad: length < 0 });
    offset += Math.abs(length);
  }
  const pieceMap = new PieceMap(offset, pieceLength);
  return { files, pieceMap, fileMap: new FileMap(files, pieceMap) };
}

/** `file@offset+length` of each span. */
function drawing(lengths: readonly number[], pieceLength: number): string[] {
  const { pieceMap, fileMap } = setup(lengths, pieceLength);
  return [...pieceMap.indices()].map((piece) =>
    fileMap.spans(piece).map((s) => `${s.start}:${s.file}@${s.offset}+${s.length}`).join(" ")
  );
}

Deno.test("FileMap.spans() cuts pieces at the borders of files", () => {
  assertEquals(drawing([10], 4), ["0:0@0+4", "0:0@4+4", "0:0@8+2"]);
  assertEquals(drawing([3, 6, 1], 4), ["0:0@0+3 3:1@0+1", "0:1@1+4", "0:1@5+1 1:2@0+1"]);
  assertEquals(drawing([1, 1, 1, 1], 4), ["0:0@0+1 1:1@0+1 2:2@0+1 3:3@0+1"]);
});

Deno.test("FileMap.spans() leaves out files without bytes", () => {
  assertEquals(drawing([0, 3, 0, 0, 2, 0], 4), ["0:1@0+3 3:4@0+1", "0:4@1+1"]);
});

Deno.test("FileMap.spans() gives padding no file", () => {
  assertEquals(drawing([3, -5, 4], 4), ["0:0@0+3 3:-1@0+1", "0:-1@0+4", "0:2@0+4"]);
});

Deno.test("FileMap.piecesOf() is empty when a file has no bytes", () => {
  const { fileMap } = setup([3, 0, 6, 0], 4);
  assertEquals(fileMap.piecesOf(0), { first: 0, end: 1 });
  assertEquals(fileMap.piecesOf(1), { first: 0, end: 0 });
  assertEquals(fileMap.piecesOf(2), { first: 0, end: 3 });
  const { first, end } = fileMap.piecesOf(3);
  assertEquals(first, end);
});

Deno.test("FileMap.filesAt() leaves padding out", () => {
  const { pieceMap, fileMap } = setup([3, -1, 0, 2, 2, 1], 4);
  const at = [...pieceMap.indices()].map((piece) => fileMap.filesAt(piece));
  assertEquals(at, [[0], [3, 4], [5]]);
});

Deno.test("FileMap.wantedPieces() joins the pieces of the selected files", () => {
  const { fileMap } = setup([5, 0, 8, 4], 4);
  const bits = (selection: number[]) => [...fileMap.wantedPieces(selection).bytes];
  assertEquals(bits([0]), [0b11000000]);
  assertEquals(bits([1]), [0]);
  assertEquals(bits([2]), [0b01110000]);
  assertEquals(bits([0, 3]), [0b11011000]);
  assertEquals(bits([7, -1]), [0]);
});

Deno.test("FileMap agrees with a byte-by-byte model", () => {
  forSeeds(300, (next) => {
    const lengths = Array.from({ length: 1 + below(next, 12) }, () => below(next, 9) - 2);
    lengths.push(1 + below(next, 9));
    const { files, pieceMap, fileMap } = setup(lengths, 1 + below(next, 10));
    const owners = files.flatMap((f, i) =>
      Array.from({ length: f.length }, (_, at) => f.isPad ? "-1" : `${i}@${at}`)
    );
    const found: string[] = [];
    for (const piece of pieceMap.indices()) {
      let start = 0;
      for (const span of fileMap.spans(piece)) {
        assertEquals(span.start, start);
        start += span.length;
        for (let i = 0; i < span.length; i++) {
          found.push(span.file < 0 ? "-1" : `${span.file}@${span.offset + i}`);
        }
      }
      assertEquals(start, pieceMap.pieceBytes(piece));
      const inPiece = new Set(fileMap.spans(piece).map((s) => s.file).filter((f) => f >= 0));
      assertEquals(fileMap.filesAt(piece), [...inPiece]);
      files.forEach((f, i) => {
        if (f.isPad) return;
        const { first, end } = fileMap.piecesOf(i);
        assertEquals(piece >= first && piece < end, inPiece.has(i));
      });
    }
    assertEquals(found, owners);
  });
});

Deno.test("FileMap.addSpans() agrees with a byte-by-byte model for any range", () => {
  forSeeds(300, (next) => {
    const lengths = Array.from({ length: 1 + below(next, 40) }, () => below(next, 9) - 2);
    lengths.push(1 + below(next, 9));
    const { files, pieceMap, fileMap } = setup(lengths, 1 + below(next, 10));
    const owners = files.flatMap((f, i) =>
      Array.from({ length: f.length }, (_, at) => f.isPad ? "-1" : `${i}@${at}`)
    );
    const spans = new SpanList();
    const found: string[] = [];
    const wanted: string[] = [];
    for (let start = 100, ranges = below(next, 4); ranges >= 0; ranges--) {
      const offset = below(next, pieceMap.totalBytes);
      const length = 1 + below(next, pieceMap.totalBytes - offset);
      fileMap.addSpans(spans, start, offset, length);
      for (let i = 0; i < length; i++) wanted.push(`${start + i}: ${owners[offset + i]}`);
      start += length + below(next, 3);
    }
    for (let row = 0; row < spans.count; row++) {
      const [file, offset, start, length, time] = spans.numbers.subarray(5 * row, 5 * row + 5);
      assertEquals([spans.fileOf(row), time], [file, 0]);
      for (let i = 0; i < length!; i++) {
        found.push(`${start! + i}: ${file! < 0 ? -1 : `${file}@${offset! + i}`}`);
      }
    }
    assertEquals(found, wanted);
    spans.clear();
    assertEquals(spans.count, 0);
  });
});
