/**
 * What is known of a torrent once its metadata is there: what it is, where it goes, what of it is wanted.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import { TorrentDisk } from "../disk/torrent_disk.ts";
import { SelectedBytes } from "../metainfo/selected_bytes.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";
import type { AddMagnet, AddTorrent, TorrentOptions } from "./options.ts";
import { type StreamHost, Streams } from "./streams.ts";

/** What is to be downloaded, and where to. */
export interface Known {
  readonly metainfo: Metainfo;
  /** The folder that its file or folder goes into. */
  readonly output: string;
  /** Wanted files, `undefined` for all. */
  readonly selection: readonly number[] | undefined;
  readonly selected: SelectedBytes;
  readonly streams: Streams;
}

/** Is told that a verified piece is gone, since somebody has changed or removed a file of it. */
export type LossHandler = (piece: PieceIndex, file: number) => void;

/** The torrent with what is wanted of it. */
export function know(
  metainfo: Metainfo,
  wish: { readonly output: string; readonly selection?: readonly number[] | undefined },
  host: Pick<StreamHost, "clock" | "isInMemory" | "onMoved">,
): Known {
  const { output, selection } = wish;
  const isSelected = (file: number) => selection?.includes(file) ?? true;
  const streams = new Streams({ ...host, metainfo, isSelected });
  return { metainfo, output, selection, selected: new SelectedBytes(metainfo, selection), streams };
}

/** Opens its files, or the memory that is in their place. @throws {DiskError} */
export function openDisk(
  { metainfo, output, selection }: Known,
  options: TorrentOptions,
  { world, bufferBytes, onLost }: {
    readonly world: World;
    readonly bufferBytes: number;
    readonly onLost: LossHandler;
  },
): Promise<TorrentDisk> {
  return TorrentDisk.open(world.files, {
    metainfo,
    output,
    allocate: options.allocate ?? "sparse",
    bufferBytes,
    hasher: world.hasher,
    isReadOnly: options.isUploadOnly ?? false,
    isInMemory: options.isInMemory ?? false,
    now: () => world.clock.epochMs(),
    onLost,
    ...(selection === undefined ? {} : { selection }),
  });
}

/** What trackers are told while the size is not known: not 0, which would make us a seed. */
const UNKNOWN_LEFT = 1;

/** Bytes of the whole torrent that are missing, wanted or not, for trackers; more than 0 while that is not known. */
export function bytesLeft(
  known: Pick<Known, "metainfo"> | undefined,
  disk: Pick<TorrentDisk, "have"> | undefined,
): number {
  if (known === undefined) return UNKNOWN_LEFT;
  const { pieceMap } = known.metainfo;
  return disk === undefined ? pieceMap.totalBytes : pieceMap.bytesMissing(disk.have);
}

/** The infohash that was asked for, 20 bytes. */
export function infoHashOf(options: AddTorrent | AddMagnet): Uint8Array {
  if ("metainfo" in options) return options.metainfo.infoHash;
  if (options.magnet.infoHash === null) throw new BugError("a magnet without an infohash of v1");
  return options.magnet.infoHash;
}
