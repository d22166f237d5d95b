/**
 * A store on the real disk, in a folder that is gone afterwards.
 *
 * @module
 */

import type { FileSpan, FileStore, PieceVerdict, StoreSpec } from "../../../src/ports/disk.ts";
import { systemHasher } from "../../../src/platform/hasher.ts";
import { DiskPool } from "../../../src/platform/disk_pool.ts";
import { PooledStore } from "../../../src/platform/file_store.ts";
import { withFolder } from "../../support/folder.ts";

/** Opens a store with `workers` Workers in a new folder, for the time of `body`. */
export async function withStore(
  spec: Partial<StoreSpec> & { readonly workers?: number },
  body: (store: FileStore, root: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    // One pool for all work: the platform would spare such small stores the Workers.
    using pool = new DiskPool(spec.workers ?? 0);
    const root = `${folder}/root`;
    await using store = new PooledStore({
      root,
      files: [],
      pieceBytes: 100,
      bufferBytes: 0,
      allocation: "sparse",
      ...spec,
    }, { heavy: pool, light: pool });
    await body(store, root);
  });
}

/** Writes a piece through the store; its expected digest is right unless another is given. */
export async function writePiece(
  store: FileStore,
  piece: Uint8Array,
  options: { spans: readonly FileSpan[]; expected?: Uint8Array; wantBlockDigests?: boolean },
): Promise<PieceVerdict> {
  const buffer = store.allocate();
  if (!buffer) throw new Error("no buffer is free");
  try {
    buffer.bytes.set(piece);
    return await store.hashThenWrite({
      expected: systemHasher.sha1(piece),
      ...options,
      buffer,
      length: piece.length,
    });
  } finally {
    buffer.release();
  }
}

/** The span of a piece that is one file's bytes from `offset` on. */
export function whole(file: number, offset: number, length: number): FileSpan[] {
  return [{ file, offset, start: 0, length }];
}
