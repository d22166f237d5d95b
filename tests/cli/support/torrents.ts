/**
 * Small torrents for the tests of the command line.
 *
 * @module
 */

import { type Encodable, encode } from "../../../src/bencode/encode.ts";
import { type Metainfo, parseTorrent } from "../../../src/metainfo/torrent_file.ts";
import { systemHasher } from "../../../src/platform/hasher.ts";
import type { TorrentStats } from "../../../src/session/stats.ts";

/** A dictionary to be encoded. */
export type Dict = { [key: string]: Encodable | undefined };

/** What differs from a plain torrent of one file of 40,000 bytes. */
export interface TorrentParts {
  readonly name?: string;
  /** Path inside the torrent → bytes; one file without a folder where not given. */
  readonly files?: Readonly<Record<string, number>>;
  readonly info?: Dict;
  readonly root?: Dict;
}

const PIECE_LENGTH = 16_384;

/** The bytes of a torrent file. */
export function torrentBytes(parts: TorrentParts = {}): Uint8Array {
  const files = Object.entries(parts.files ?? {});
  const total = parts.files === undefined ? 40_000 : files.reduce((sum, [, n]) => sum + n, 0);
  const layout: Dict = parts.files === undefined ? { length: total } : {
    files: files.map(([path, length]) => ({ length, path: path.split("/") })),
  };
  return encode({
    info: {
      name: parts.name ?? "data.bin",
      "piece length": PIECE_LENGTH,
      pieces: new Uint8Array(20 * Math.ceil(total / PIECE_LENGTH)),
      ...layout,
      ...parts.info,
    },
    ...parts.root,
  });
}

/** A parsed torrent. */
export function torrent(parts: TorrentParts = {}): Metainfo {
  return parseTorrent(torrentBytes(parts), { hasher: systemHasher });
}

/** Stats of a torrent in the middle of things. */
export function stats(changes: Partial<TorrentStats> = {}): TorrentStats {
  return {
    infoHash: "0123456789abcdef0123456789abcdef01234567",
    name: "data.bin",
    state: "downloading",
    bytesDone: 452_000_000,
    bytesTotal: 1_000_000_000,
    bytesDownloaded: 452_000_000,
    bytesUploaded: 0,
    bytesWasted: 0,
    downRate: 36_805_017,
    upRate: 0,
    piecesDone: 4,
    piecesTotal: 8,
    piecesChecked: 8,
    pieceMap: Uint8Array.of(1, 1, 1, 1, 0, 0, 0, 0),
    peers: 12,
    dialling: 3,
    peersKnown: 50,
    peersChoking: 2,
    sources: [
      { source: "tracker", peers: 8, peersChoking: 1, bytes: 400_000_000 },
      { source: "pex", peers: 4, peersChoking: 1, bytes: 52_000_000 },
    ],
    seeds: 1,
    peersBanned: 0,
    banned: [],
    closed: {},
    trackers: [],
    etaSeconds: 15,
    seconds: 12.4,
    ...changes,
  };
}
