/**
 * Reads the side file of a torrent without a lock and without ever writing: for those who only look.
 *
 * A download that runs may change the file at any time. Nothing comes of it: bytes that do not have their
 * digest are not given out.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { FileIo, FileStore, SideFile } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import { ResumeFile } from "./resume_file.ts";
import { rulesOf, sideFileName } from "./side.ts";

/**
 * What a torrent's downloads into `output` have kept beside its files; `undefined` where there is nothing.
 * To be disposed of.
 *
 * @throws {DiskError} when it is there and cannot be read.
 */
export async function readSide(
  files: FileIo,
  options: { metainfo: DiskMetainfo; output: string; hasher: Hasher },
): Promise<ResumeFile | undefined> {
  const { metainfo, output, hasher } = options;
  const { infoHash } = metainfo;
  const store = await files.openStore({
    root: output,
    files: [{ path: [sideFileName(infoHash)], length: 0 }],
    pieceBytes: 1,
    bufferBytes: 0,
    allocation: "none",
  });
  try {
    if (await store.stat(0) !== undefined) {
      const file = new ReadOnlySide(store);
      return (await ResumeFile.load(file, { infoHash, hasher, rules: rulesOf(metainfo) })).resume;
    }
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  await store[Symbol.asyncDispose]();
  return undefined;
}

class ReadOnlySide implements SideFile {
  readonly #store: FileStore;

  constructor(store: FileStore) {
    this.#store = store;
  }

  async size(): Promise<number> {
    return (await this.#store.stat(0))?.size ?? 0;
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#store.read(0, offset, into);
  }

  write(): Promise<void> {
    return Promise.reject(readOnly());
  }

  sync(): Promise<void> {
    return Promise.reject(readOnly());
  }

  remove(): Promise<void> {
    return Promise.reject(readOnly());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

function readOnly(): BugError {
  return new BugError("Cannot write a side file that was opened for reading");
}
