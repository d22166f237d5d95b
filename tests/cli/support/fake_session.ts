/**
 * A session whose torrents end when a test says so.
 *
 * @module
 */

import { Broadcast } from "../../../src/base/broadcast.ts";
import type { Parts, RunningSession, RunningTorrent } from "../../../src/cli/context.ts";
import { StreamError } from "../../../src/base/errors.ts";
import { hex } from "../../../src/base/bytes.ts";
import { NO_CACHE } from "../../../src/platform/cache.ts";
import { systemHasher } from "../../../src/platform/hasher.ts";
import type { HttpClient } from "../../../src/ports/http.ts";
import type { Metainfo } from "../../../src/metainfo/torrent_file.ts";
import type { Log } from "../../../src/ports/log.ts";
import type { World } from "../../../src/ports/world.ts";
import type { Outcome, SessionEvent } from "../../../src/session/events.ts";
import type { AddMagnet, AddTorrent, SessionOptions } from "../../../src/session/options.ts";
import type { TorrentStats } from "../../../src/session/stats.ts";
import type { FakeShell } from "./fake_shell.ts";
import { stats } from "./torrents.ts";

/** One torrent of the fake. */
export class FakeTorrent implements RunningTorrent {
  /** As it was added: a `metainfo` or a `magnet` is in it. */
  readonly options: AddTorrent & Partial<Omit<AddMagnet, keyof AddTorrent>>;
  metainfo: Metainfo | undefined;
  readonly known = Promise.resolve();
  readonly infoHash: string;
  readonly finished: Promise<Outcome>;
  readonly downloaded: Promise<void>;
  readonly end: (outcome: Outcome) => void;
  /** The download is complete; it goes on giving. */
  readonly beginSeeding: () => void;
  #isSeeding = false;
  /** Of the 40,000 that it is said to have. */
  bytesDone = 40_000;
  /** Since it was added. */
  seconds = 12;
  /** Whether a stop takes effect. */
  isStubborn = false;

  constructor(options: AddTorrent | AddMagnet) {
    this.options = options as FakeTorrent["options"];
    const isFile = "metainfo" in options;
    this.metainfo = isFile ? options.metainfo : undefined;
    this.infoHash = hex(isFile ? options.metainfo.infoHash : options.magnet.infoHash!);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.finished = promise;
    const downloaded = Promise.withResolvers<void>();
    this.downloaded = Promise.race([downloaded.promise, promise.then(() => {})]);
    this.beginSeeding = () => {
      this.#isSeeding = true;
      downloaded.resolve();
    };
    this.end = resolve;
  }

  stats(): TorrentStats {
    const name = this.metainfo?.name ?? "a link";
    const state = this.#isSeeding ? "seeding" : "downloading";
    const { infoHash, bytesDone, seconds } = this;
    const fetched = this.options.isUploadOnly ? { bytesDownloaded: 0 } : {};
    return stats({ name, state, infoHash, bytesDone, bytesTotal: 40_000, seconds, ...fetched });
  }

  /** What is streamed, in chunks; it breaks off where it is stopped before its end. */
  chunks: Iterable<string> = [];

  stream(file: number): ReadableStream<Uint8Array> {
    this.streamed = file;
    const encoder = new TextEncoder();
    const chunks = this.chunks[Symbol.iterator]();
    return new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.finished.then(() => controller.error(new StreamError("stopped", "stopped")));
      },
      pull: (controller) => {
        const { value, done } = chunks.next();
        if (!done) return controller.enqueue(encoder.encode(value));
        controller.close();
        controller.byobRequest?.respond(0);
        this.end({ kind: "complete" });
      },
    });
  }

  /** The file that is streamed. */
  streamed: number | undefined;

  async stop(): Promise<void> {
    if (!this.isStubborn) this.end({ kind: this.#isSeeding ? "complete" : "stopped" });
    await this.finished;
  }
}

/** What a test plays with. */
export class FakeSession implements RunningSession {
  readonly torrents: FakeTorrent[] = [];
  readonly published = new Broadcast<SessionEvent>();
  options: SessionOptions | undefined;
  isClosed = false;
  log: Log | undefined;
  /** Called for every torrent that is added. */
  onAdd: (torrent: FakeTorrent) => void = (torrent) => torrent.end({ kind: "complete" });
  /** What opening fails with. */
  failure: Error | undefined;

  addMagnet(options: AddMagnet): FakeTorrent {
    const torrent = new FakeTorrent(options);
    this.torrents.push(torrent);
    this.onAdd(torrent);
    return torrent;
  }

  add(options: AddTorrent): FakeTorrent {
    const torrent = new FakeTorrent(options);
    this.torrents.push(torrent);
    this.onAdd(torrent);
    return torrent;
  }

  events(): AsyncIterableIterator<SessionEvent> {
    return this.published.subscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    this.published.close();
    return Promise.resolve();
  }

  /** The rooms below, with this session in the place of the real one. */
  parts(shell: FakeShell, http?: HttpClient): Parts {
    return {
      openWorld: ({ log }) => {
        this.log = log;
        const world = {
          system: shell.system,
          clock: shell.clock,
          hasher: systemHasher,
          http,
          log,
          cache: NO_CACHE,
        };
        return Promise.resolve({
          ...world as unknown as World,
          [Symbol.asyncDispose]: () => Promise.resolve(),
        });
      },
      startTracker: (_world, { port }) => {
        const ended = new Promise<void>(() => {});
        return Promise.resolve({ port, ended, [Symbol.asyncDispose]: () => Promise.resolve() });
      },
      openSession: (_world, options) => {
        this.options = options;
        return this.failure === undefined ? Promise.resolve(this) : Promise.reject(this.failure);
      },
    };
  }
}
