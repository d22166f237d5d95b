/**
 * Opens the files of a torrent, or the memory in their place.
 *
 * @module
 */

import type { FileIo, FileStore } from "../ports/disk.ts";
import type { TorrentDiskOptions } from "./torrent_disk_options.ts";
import { WindowStore } from "./window_store.ts";

/** The store for a torrent's disk; nothing is created yet. @throws {DiskError} */
export async function openStore(files: FileIo, options: TorrentDiskOptions): Promise<FileStore> {
  const { metainfo, output, bufferBytes, allocate, isInMemory } = options;
  const { pieceLength, totalBytes } = metainfo.pieceMap;
  const spec = {
    root: output,
    files: metainfo.files,
    pieceBytes: Math.min(pieceLength, totalBytes),
    bufferBytes,
    allocation: allocate,
    followsLinks: options.isReadOnly ?? false,
  };
  const store = await files.openStore(spec);
  return isInMemory === true ? new WindowStore(store, spec) : store;
}
