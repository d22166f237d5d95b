/**
 * What a command is given, and what it gives back.
 *
 * @module
 */

import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Log } from "../ports/log.ts";
import type { Shell } from "../ports/shell.ts";
import type { World } from "../ports/world.ts";
import type { DoneEvent, Outcome, SessionEvent } from "../session/events.ts";
import type { TrackerOptions } from "../service/tracker_server.ts";
import type { AddMagnet, AddTorrent, SessionOptions } from "../session/options.ts";
import type { TorrentStats } from "../session/stats.ts";
import type { Failure } from "./exit.ts";
import type { Interrupts } from "./interrupts.ts";
import type { FileState } from "./local_events.ts";
import type { JsonLines } from "./ndjson.ts";
import type { Invocation } from "./parse.ts";
import type { Screen } from "./screen.ts";

/** A torrent as `get` sees it. */
export interface RunningTorrent {
  readonly infoHash: string;
  /** What it is, as soon as that is known. */
  readonly metainfo: Metainfo | undefined;
  /** Resolves when that is known, or with `finished`. */
  readonly known: Promise<void>;
  readonly finished: Promise<Outcome>;
  /** Resolves when seeding begins, or with `finished`. */
  readonly downloaded: Promise<void>;
  stats(): TorrentStats;
  stop(): Promise<void>;
  /** The bytes of a file, verified and in order. */
  stream(file: number): ReadableStream<Uint8Array>;
}

/** A session as `get` sees it. */
export interface RunningSession extends AsyncDisposable {
  add(torrent: AddTorrent): RunningTorrent;
  addMagnet(torrent: AddMagnet): RunningTorrent;
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<SessionEvent>;
}

/** The rooms below, loaded when a command needs them, so that help and usage errors come at once. */
export interface Parts {
  openWorld(options: { log: Log; workers?: number | "all" }): Promise<World & AsyncDisposable>;
  openSession(world: World, options: SessionOptions): Promise<RunningSession>;
  startTracker(world: World, options: TrackerOptions): Promise<RunningTracker>;
}

/** A tracker that runs. */
export interface RunningTracker extends AsyncDisposable {
  /** Where it listens, HTTP and UDP alike. */
  readonly port: number;
  /** Resolves when it has been disposed, rejects when something else has ended it. */
  readonly ended: Promise<void>;
}

/** What a command is given. */
export interface Context {
  readonly shell: Shell;
  readonly parts: Parts;
  readonly invocation: Invocation;
  readonly screen: Screen;
  readonly interrupts: Interrupts;
  /** There with `--json`. */
  readonly json: JsonLines | undefined;
}

/** How a command ended. */
export interface Ending {
  readonly exitCode: number;
  /** What is said of it, where it is no success. */
  readonly failure?: Failure;
  /** Why the exit code is none of 0 where the run itself did all it should: a command of the user failed. */
  readonly complaint?: string;
  /** What the last event of `--json` says besides. */
  readonly facts?: EndFacts;
}

/** What `done` and `error` events say of the download. */
export type EndFacts =
  & Partial<
    Pick<
      DoneEvent,
      | "infoHash"
      | "bytesTotal"
      | "bytesDownloaded"
      | "bytesUploaded"
      | "bytesBySource"
      | "seconds"
    >
  >
  & {
    readonly source?: string;
    /** The torrent's file or folder on the disk. */
    readonly path?: string;
    /** How many files were ok, bad, missing, extra. */
    readonly files?: Readonly<Record<FileState, number>>;
  };
