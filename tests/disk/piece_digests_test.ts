/**
 * Hashing pieces where they lie: what is told, and what becomes of a file that cannot be read.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/units.ts";
import { digestPieces, type DigestTask } from "../../src/disk/piece_digests.ts";
import { MemoryDisk } from "./support/memory_disk.ts";
import { type Layout, layOut } from "../../src/metainfo/layout.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import type { FileSpan, FileStore, PieceDigests } from "../../src/ports/disk.ts";
import { prng, randomBytes } from "../support/prng.ts";

const PIECE = 16_384;
const { signal } = new AbortController();

interface Setup {
  readonly disk: MemoryDisk;
  readonly store: FileStore;
  readonly layout: Layout;
  /** The digests there should be, by piece. */
  readonly expected: readonly Uint8Array[];
}

async function setup(lengths: readonly number[]): Promise<Setup> {
  const next = prng(lengths.length);
  const disk = new MemoryDisk({ hasher: systemHasher });
  const contents = lengths.map((length) => randomBytes(next, length));
  contents.forEach((bytes, i) => disk.put(`/d/${i}`, bytes));
  const layout = lay(lengths);
  const store = await disk.openStore({
    root: "/d",
    files: layout.files,
    pieceBytes: 1,
    bufferBytes: 0,
    allocation: "none",
  });
  const all = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  contents.reduce((at, bytes) => (all.set(bytes, at), at + bytes.length), 0);
  const expected = Array.from(
    { length: layout.pieceMap.pieceCount },
    (_, i) => systemHasher.sha1(all.subarray(i * PIECE, (i + 1) * PIECE)),
  );
  return { disk, store, layout, expected };
}

async function digests(
  store: FileStore,
  layout: Layout,
  more: Partial<DigestTask> = {},
): Promise<(Uint8Array | undefined)[]> {
  const out: (Uint8Array | undefined)[] = [];
  const pieces = [...layout.pieceMap.indices()];
  const onPiece = (piece: PieceIndex, digest: Uint8Array | undefined) => {
    out[piece] = digest?.slice();
  };
  await digestPieces(store, { ...layout, pieces, onPiece, ...more }, { signal });
  return out;
}

Deno.test("digestPieces() tells the digest of every piece", async () => {
  const { store, layout, expected } = await setup([5, 40_000, 0, 100_000, 9_000_000, 3]);
  assertEquals(await digests(store, layout), [...expected]);
});

Deno.test("digestPieces() tells no digest where a file is missing or short", async () => {
  const { disk, store, layout, expected } = await setup([PIECE, PIECE, 2 * PIECE, PIECE]);
  disk.files.delete("/d/1");
  disk.put("/d/2", disk.files.get("/d/2")!.bytes.subarray(0, PIECE + 1));
  assertEquals(
    await digests(store, layout),
    expected.map((digest, i) => i === 1 || i === 3 ? undefined : digest),
  );
});

/** A store in which reading a file fails and every other piece is zeros. */
function failing(file: number): FileStore & { asked: number } {
  const digest = (pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests> => {
    broken.asked++;
    if (!pieces.flat().some((span) => span.file === file)) {
      const isWhole = new Uint8Array(pieces.length).fill(1);
      return Promise.resolve({ digests: new Uint8Array(20 * pieces.length), isWhole });
    }
    const path = `/d/${file}`;
    const options = { path, operation: "read", kind: "permission" } as const;
    return Promise.reject(new DiskError(`Cannot read "${path}": permission denied`, options));
  };
  const broken = { digest, asked: 0 } as unknown as FileStore & { asked: number };
  return broken;
}

function lay(lengths: readonly number[]): Layout {
  const files = lengths.map((length, i) => ({ path: [`${i}`], length }));
  return layOut({ name: "d", isSingleFile: false, files }, { pieceLength: PIECE });
}

Deno.test("digestPieces() throws what is wrong with a file and hashes no further", async () => {
  const broken = failing(0);
  const layout = lay([PIECE, 2_000_000_000]);
  await assertRejects(() => digests(broken, layout), DiskError, "permission denied");
  assert(broken.asked < 50, `${broken.asked}`);
});

Deno.test("digestPieces() goes on around a file that cannot be read where somebody is told", async () => {
  const troubles: string[] = [];
  const found = await digests(failing(1), lay([PIECE, PIECE + 1, 3 * PIECE]), {
    onTrouble: (error) => troubles.push(error.path),
  });
  const zeros = new Uint8Array(20);
  assertEquals(found, [zeros, undefined, undefined, zeros, zeros, zeros]);
  assertEquals(troubles, ["/d/1", "/d/1"]);
});

Deno.test("digestPieces() ends with the signal's reason", async () => {
  const { store, layout } = await setup([1_000_000]);
  const reason = new Error("enough");
  const pieces = [...layout.pieceMap.indices()];
  const stopped = AbortSignal.abort(reason);
  const task = { ...layout, pieces, onPiece: () => {} };
  await assertRejects(() => digestPieces(store, task, { signal: stopped }), Error, "enough");
});

Deno.test("digestPieces() ends at once when it is stopped, and tells nothing afterwards", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<PieceDigests>();
  const digest = () => (asked.resolve(), answer.promise);
  const stop = new AbortController();
  const layout = lay([PIECE]);
  let told = 0;
  const task = { ...layout, pieces: [...layout.pieceMap.indices()], onPiece: () => told++ };
  const store = { digest } as unknown as FileStore;
  const work = digestPieces(store, task, { signal: stop.signal });
  await asked.promise;
  stop.abort(new Error("enough"));
  await assertRejects(() => work, Error, "enough");
  answer.resolve({ digests: new Uint8Array(20), isWhole: Uint8Array.of(1) });
  await answer.promise;
  assertEquals(told, 0);
});

Deno.test("digestPieces() asks for four pieces at a time at the least, however large they are", async () => {
  const counts: number[] = [];
  const digest = (pieces: readonly (readonly FileSpan[])[]) => {
    counts.push(pieces.length);
    const isWhole = new Uint8Array(pieces.length).fill(1);
    return Promise.resolve({ digests: new Uint8Array(20 * pieces.length), isWhole });
  };
  const files = [{ path: ["a"], length: 2 ** 30 }];
  const content = { name: "d", isSingleFile: false, files };
  const layout = layOut(content, { pieceLength: 2 ** 26 });
  await digests({ digest } as unknown as FileStore, layout);
  assertEquals(counts, [4, 4, 4, 4]);
});
