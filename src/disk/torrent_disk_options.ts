/**
 * What a torrent's disk is opened and checked with.
 *
 * @module
 */

import type { PieceIndex } from "../base/units.ts";
import type { Allocation } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";

/** What a torrent's disk is opened with. */
export interface TorrentDiskOptions {
  /** The torrent. */
  readonly metainfo: DiskMetainfo;
  /** The folder its file or folder goes into. */
  readonly output: string;
  /** Indices of the files that are wanted; `undefined` for all. */
  readonly selection?: readonly number[];
  /** How file space is taken. */
  readonly allocate: Allocation;
  /** Bytes of piece buffers at the most (never less than two pieces). */
  readonly bufferBytes: number;
  /** For resume data. */
  readonly hasher: Hasher;
  /**
   * Only reads what the user has: nothing is locked, remembered or written, and symbolic links are followed
   * (false: a link is in the way).
   */
  readonly isReadOnly?: boolean;
  /**
   * Nothing is on the disk, neither now nor later: pieces stay in their buffers until they are let go
   * (false).
   */
  readonly isInMemory?: boolean;
  /**
   * Milliseconds since the epoch, by the clock that files are stamped with: tells our own writes from those of
   * others. Without it, a change of a file that is still written to is seen only by its size and number.
   */
  readonly now?: () => number;
  /** A verified piece is gone, since somebody has changed or removed a file of it; its bit is cleared. */
  readonly onLost?: (piece: PieceIndex, file: number) => void;
}

/** How existing data is checked. */
export interface CheckOptions {
  /** Told now and then: pieces of the torrent that are settled, and how many of them are good. */
  readonly onProgress?: (checked: number, good: number) => void;
  /** Trust no resume data: hash everything that is there (false). */
  readonly isForced?: boolean;
  /** Do not fail where something is missing in a folder that cannot be written to (false). */
  readonly isReadOnly?: boolean;
  /** Stops it. */
  readonly signal: AbortSignal;
}
