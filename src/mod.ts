/**
 * starling as a library: download torrents in a few lines.
 *
 * ```ts ignore
 * import { openSession, readTorrent } from "@starling/starling";
 *
 * await using session = await openSession();
 * const metainfo = readTorrent(await Deno.readFile("data.torrent"));
 * const torrent = session.add({ metainfo, output: "downloads", stallTimeoutMs: 60_000 });
 * const outcome = await torrent.finished;
 * if (outcome.kind !== "complete") throw new Error(outcome.kind);
 * console.log(torrent.stats().bytesDone, "bytes, all verified");
 * ```
 *
 * Everything here needs `--allow-net --allow-read --allow-write` and nothing more.
 *
 * @module
 */

import { type Metainfo, parseTorrent } from "./metainfo/torrent_file.ts";
import { hostSystem } from "./platform/host.ts";
import { openWorld } from "./platform/mod.ts";
import { systemHasher } from "./platform/hasher.ts";
import type { SessionOptions } from "./session/options.ts";
import { Session } from "./session/session.ts";

export {
  BencodeError,
  BugError,
  DiskError,
  MagnetError,
  MetainfoError,
  NetworkError,
  OptionsError,
  PeerError,
  StreamError,
  TrackerError,
} from "./base/errors.ts";
export type {
  DiskErrorKind,
  DiskOperation,
  PeerCloseReason,
  TrackerErrorKind,
} from "./base/errors.ts";
export { Bitfield } from "./base/bitfield.ts";
export type { PieceIndex } from "./base/units.ts";
export { FileMap, type PieceRange, type SpanSink } from "./metainfo/file_map.ts";
export { type Magnet, parseMagnet } from "./metainfo/magnet.ts";
export { PieceMap } from "./metainfo/piece_map.ts";
export type { FileEntry, HostPort, Metainfo } from "./metainfo/torrent_file.ts";
export type { Allocation, FileSpan } from "./ports/disk.ts";
export type { DhtFamilyReport, DhtReport } from "./session/dht_report.ts";
export type {
  CheckEvent,
  CloseCounts,
  DoneEvent,
  ErrorEvent,
  EventBase,
  FailureReason,
  FileEvent,
  ListeningEvent,
  MetadataEvent,
  Outcome,
  ProgressEvent,
  ReuseEvent,
  SessionEvent,
  StartEvent,
  WarningEvent,
} from "./session/events.ts";
export { type LookOptions, type LookReport, SwarmLook } from "./session/look.ts";
export type {
  AddMagnet,
  AddTorrent,
  MetadataChoice,
  SessionOptions,
  TorrentOptions,
} from "./session/options.ts";
export { Session } from "./session/session.ts";
export type { SourceStats } from "./session/source_stats.ts";
export type { StreamOptions } from "./session/streams.ts";
export type { TorrentState, TorrentStats, TrackerStats } from "./session/stats.ts";
export type { PeerSource } from "./swarm/peer_sources.ts";
export { Torrent } from "./session/torrent.ts";

/**
 * Opens a session on this machine's network and disk; disposing it stops its torrents, saves their state
 * and frees everything.
 *
 * @throws {NetworkError} kind `in-use` when every port that was asked for is taken.
 */
export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const world = openWorld();
  try {
    return await Session.open(world, options, { owned: world });
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Reads a torrent file.
 *
 * @param bytes the file; views of it are kept.
 * @throws {BencodeError} it is not bencode.
 * @throws {MetainfoError} it breaks the rules of torrent files; `path` names the key.
 */
export function readTorrent(bytes: Uint8Array): Metainfo {
  return parseTorrent(bytes, { hasher: systemHasher, system: hostSystem });
}
