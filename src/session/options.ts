/**
 * What a session and a torrent are started with.
 *
 * @module
 */

import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Allocation } from "../ports/disk.ts";

/** Options of a session: one listening port, one bound on peers, shared by all its torrents. */
export interface SessionOptions {
  /** Peers at the most, dialling plus connected, over all torrents (40). */
  readonly maxPeers?: number;
  /** Ports to try to listen on, in order; 0 is any. `undefined`: 6881 to 6889, then any. */
  readonly ports?: readonly number[];
  /** Bytes per second down, over all torrents (unlimited). */
  readonly downLimit?: number;
  /** Bytes per second up, over all torrents (unlimited). */
  readonly upLimit?: number;
  /** Bytes of memory for pieces that are being downloaded, over all torrents (28 MiB; never less than two pieces). */
  readonly bufferBytes?: number;
  /** DHT nodes to start from, in the place of the well-known ones: `HOST:PORT`, `[V6]:PORT`; names are resolved. */
  readonly dhtNodes?: readonly string[];
  /** Interfaces of this host that local discovery uses, by name or IP literal (all). One that is not there is left out. */
  readonly lsdInterfaces?: readonly string[];
  /** The session will hardly last, so for its first minutes its DHT node answers nobody (false; BEP 43). */
  readonly isShortLived?: boolean;
  /**
   * Permit what the safety policy refuses of trackers on local addresses: redirects from public ones to them, and
   * URLs that look like no tracker (false).
   */
  readonly allowPrivate?: boolean;
  /** What trackers see as `User-Agent` (the program and its version). */
  readonly userAgent?: string;
}

/**
 * How a torrent is downloaded, and given to others. Trackers and peers that are named here are contacted
 * wherever they are; trackers that the torrent itself names have to pass the safety policy.
 */
export interface TorrentOptions {
  /** The folder the torrent's file or folder goes into. */
  readonly output: string;
  /** Indices of the wanted files, in the order of the torrent; `undefined` for all. */
  readonly selection?: readonly number[];
  /** Peers to try first: `HOST:PORT`, `[V6]:PORT`; host names are resolved. */
  readonly peers?: readonly string[];
  /** Announce URLs beside the torrent's own, all asked from the start. */
  readonly trackers?: readonly string[];
  /** Use no trackers at all, not even {@link trackers}. */
  readonly noTrackers?: boolean;
  /** Ask and tell nothing in the DHT; a private torrent never does. */
  readonly noDht?: boolean;
  /** Exchange no addresses with peers; a private torrent never does. */
  readonly noPex?: boolean;
  /** Ask and tell nothing on the local network; a private torrent never does. */
  readonly noLsd?: boolean;
  /** Dial and accept no peers. */
  readonly noPeers?: boolean;
  /** Fetch pieces in order instead of the rarest first. */
  readonly sequential?: boolean;
  /** How file space is taken ("sparse"). */
  readonly allocate?: Allocation;
  /**
   * Folders with older copies: files of the same length are hashed, and their right pieces copied, before
   * anything is fetched. Nothing in them is changed. Not for a torrent in memory.
   */
  readonly reuse?: readonly string[];
  /** Flush the data to the disk before the torrent counts as done. */
  readonly fsync?: boolean;
  /** Fail as "stalled" after this long without a kept block (never). */
  readonly stallTimeoutMs?: number;
  /** Fail as "timeout" after this long in all (never). */
  readonly timeoutMs?: number;
  /** Milliseconds of `timeoutMs` that were over when the torrent was added (0). */
  readonly usedMs?: number;
  /** Stay after the download and give to others, until stopped or a goal below is reached (false). */
  readonly seed?: boolean;
  /** As the first seed, pretend to have nothing and give every piece once before twice (BEP 16; false). */
  readonly superSeed?: boolean;
  /** Seed until this many times the size was given (no such goal). */
  readonly seedRatio?: number;
  /** Seed this long (no such goal). */
  readonly seedTimeMs?: number;
  /**
   * Give what is there and verified; download, write and lock nothing. Fails as "bad-data" when nothing
   * verifies.
   */
  readonly isUploadOnly?: boolean;
  /**
   * Keep nothing: pieces are in memory (`bufferBytes` of the session), are fetched as `Torrent.stream` is
   * read, and let go. One stream at a time; complete when one was read to its end. Nothing is looked for or
   * written in `output`.
   */
  readonly isInMemory?: boolean;
}

/** A torrent to add, with its options. */
export interface AddTorrent extends TorrentOptions {
  /** What to download. */
  readonly metainfo: Metainfo;
}

/** What to change about a torrent once its metadata is there. What is left out stays as it was. */
export interface MetadataChoice {
  /** The torrent under another name. */
  readonly metainfo?: Metainfo;
  /** Another folder. */
  readonly output?: string;
  /** Other wanted files; `undefined` leaves what the link says. */
  readonly selection?: readonly number[] | undefined;
}

/** A torrent to add that is known by a magnet link alone. */
export interface AddMagnet extends TorrentOptions {
  /** The link; its `infoHash` must be there. Its web seeds and trackers become the torrent's. */
  readonly magnet: Magnet;
  /** Fail as "metadata-timeout" when the metadata is not there after this long (never). */
  readonly metadataTimeoutMs?: number;
  /** Be complete as soon as the metadata is there (false). */
  readonly isMetadataOnly?: boolean;
  /**
   * Called when the metadata is there, before any file is opened: the torrent waits for the answer, unless it
   * ends before. What it throws ends the torrent.
   */
  readonly onMetadata?: (metainfo: Metainfo) => MetadataChoice | Promise<MetadataChoice>;
}
