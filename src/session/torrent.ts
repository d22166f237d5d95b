/**
 * One torrent of a session, from the check of what is there to the end.
 *
 * ```
 * checking ─▶ downloading ─▶ (seeding) ─▶ complete
 *     └────────────┴───────▶ failed | stopped
 * ```
 *
 * It owns a scope; everything that runs for the torrent runs inside it and is gone when `finished` resolves.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { Meter } from "../base/meter.ts";
import type { Scope } from "../base/scope.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import { type FileIndex, MIB } from "../base/units.ts";
import { TorrentDisk } from "../disk/torrent_disk.ts";
import { SelectedBytes } from "../metainfo/selected_bytes.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import { type PeerSources, permittedSources } from "../swarm/peer_sources.ts";
import { diagnose } from "./diagnosis.ts";
import { Connections } from "./connections.ts";
import { Ended, failureOf, outcomeOf } from "./ending.ts";
import type { FailureReason, Outcome } from "./events.ts";
import { Exchange } from "./exchange.ts";
import type { AddTorrent } from "./options.ts";
import { type FinderHost, PeerFinder } from "./peer_finder.ts";
import { type EventBody, Reporter } from "./reporter.ts";
import { type StreamOptions, Streams } from "./streams.ts";
import { type TorrentState, type TorrentStats, torrentStats } from "./stats.ts";

/** Memory for pieces where the options do not say: what 200 ms × 1 Gbit/s have in flight, and a little. */
export const DEFAULT_BUFFER_BYTES: number = 28 * MIB;
/** Resume state is written at most this often. */
const SAVE_EVERY_MS = 10_000;
/** How long the trackers may hold up the end. */
const STOP_DEADLINE_MS = 500;

/** What a torrent needs of its session. */
export interface TorrentHost extends FinderHost {
  readonly scope: Scope;
  readonly permits: Semaphore;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  readonly bufferBytes: number;
  readonly publish: (event: EventBody) => void;
  /** The torrent takes part in a swarm from now on; peers that dial us can be handed to it. */
  readonly onConnections: (connections: Connections) => void;
}

/** A torrent that a session works on. */
export class Torrent {
  /** Infohash in hex. */
  readonly infoHash: string;
  /** What it is. */
  readonly metainfo: Metainfo;
  /** How it ended; never rejects. Everything that ran for it is gone by then. */
  readonly finished: Promise<Outcome>;
  /** Resolves when the download is complete and seeding begins, or with `finished`. Never rejects. */
  readonly downloaded: Promise<void>;
  readonly #host: TorrentHost;
  readonly #options: AddTorrent;
  readonly #scope: Scope;
  readonly #ended = Promise.withResolvers<never>();
  readonly #downloaded = Promise.withResolvers<void>();
  readonly #startedAt: number;
  readonly #downMeter = new Meter();
  readonly #upMeter = new Meter();
  readonly #selected: SelectedBytes;
  readonly #sources: PeerSources;
  readonly #reporter: Reporter;
  readonly #streams: Streams;
  #state: TorrentState = "checking";
  #checked = 0;
  #disk: TorrentDisk | undefined;
  #connections: Connections | undefined;
  #exchange: Exchange | undefined;
  #finder: PeerFinder | undefined;
  #savedAt = 0;
  #seedingSince = Infinity;

  /** Starts at once; made by `Session.add`. */
  constructor(host: TorrentHost, options: AddTorrent) {
    const { clock } = host.world;
    this.#host = host;
    this.#options = options;
    this.metainfo = options.metainfo;
    this.infoHash = hex(options.metainfo.infoHash);
    this.#scope = host.scope.child(this.infoHash);
    this.#sources = permittedSources({ ...options, isPrivate: options.metainfo.isPrivate });
    this.#selected = new SelectedBytes(options.metainfo, options.selection);
    this.#reporter = new Reporter({
      metainfo: this.metainfo,
      infoHash: this.infoHash,
      selection: options.selection,
      clock,
      stats: () => this.stats(),
      publish: host.publish,
    });
    this.#streams = new Streams({
      metainfo: this.metainfo,
      clock,
      isInMemory: options.isInMemory ?? false,
      isSelected: (file) => options.selection?.includes(file) ?? true,
      onMoved: () => this.#exchange?.onMoved(),
    });
    this.#startedAt = clock.now();
    this.#ended.promise.catch(() => {});
    this.downloaded = this.#downloaded.promise;
    this.finished = this.#live();
  }

  /** Stops it; resolves when everything is saved and gone. While it seeds, that completes it. */
  async stop(): Promise<void> {
    const isDone = this.#state === "seeding";
    this.#ended.reject(new Ended({ kind: isDone ? "complete" : "stopped" }));
    await this.finished;
  }

  /**
   * A file as a stream: its verified bytes in order, while they arrive; what it needs is fetched first. A
   * torrent that does not seed waits for its streams to be read or cancelled; where it ends before, they
   * break off with a `StreamError`.
   *
   * @throws {OptionsError} a file that there is not or that is not wanted, or a start behind its end.
   *
   * @example The start of a file, long before the rest is there
   * ```ts ignore
   * const torrent = session.add({ metainfo, output: "downloads" });
   * for await (const chunk of torrent.stream(0)) console.log(chunk.length, "bytes");
   * ```
   */
  stream(file: number, options: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#streams.open(file, options);
  }

  /** How it stands. */
  stats(): TorrentStats {
    const now = this.#host.world.clock.now();
    return torrentStats({
      metainfo: this.metainfo,
      state: this.#state,
      disk: this.#disk,
      connections: this.#connections,
      swarm: this.#exchange?.swarm,
      selected: this.#selected,
      trackers: this.#finder?.trackers ?? [],
      piecesChecked: this.#checked,
      downRate: this.#downMeter.rate(now),
      upRate: this.#upMeter.rate(now),
      seconds: (now - this.#startedAt) / 1000,
    });
  }

  async #live(): Promise<Outcome> {
    const work = this.#work();
    let outcome: Outcome;
    try {
      await Promise.race([work, this.#ended.promise, failureOf(this.#scope)]);
      outcome = { kind: "complete" };
    } catch (error) {
      outcome = outcomeOf(error, this.#host.scope.signal.aborted);
    }
    this.#state = outcome.kind;
    this.#streams.end(outcome);
    if (this.#exchange !== undefined) this.#reporter.progress(true);
    const goodbye = this.#finder?.stop(STOP_DEADLINE_MS);
    await this.#scope[Symbol.asyncDispose]();
    await Promise.allSettled([work, goodbye]);
    try {
      await this.#disk?.[Symbol.asyncDispose]();
    } catch (error) {
      if (outcome.kind !== "failed") outcome = outcomeOf(error, this.#host.scope.signal.aborted);
    }
    this.#downloaded.resolve();
    return outcome;
  }

  async #work(): Promise<void> {
    const { timeoutMs, fsync, isUploadOnly, isInMemory } = this.#options;
    const isUploader = isUploadOnly === true;
    this.#reporter.start();
    if (timeoutMs !== undefined) this.#failAfter(timeoutMs);
    const disk = await this.#openDisk();
    this.#reporter.metadata();
    await disk.check({
      signal: this.#scope.signal,
      onProgress: (checked, good) => {
        this.#checked = checked;
        this.#reporter.check(checked, good);
      },
    });
    this.metainfo.files.forEach((_, file) => this.#reportFile(file));
    if (isUploader && disk.have.count === 0) {
      const message = `nothing in ${this.#options.output} verifies`;
      throw new Ended({ kind: "failed", reason: "bad-data", message });
    }
    const isComplete = isUploader || disk.isComplete;
    if (!isComplete) await this.#download(this.#startExchange(disk, disk.wanted));
    else this.#streams.attach({ disk, swarm: undefined });
    if (!isUploader && isInMemory !== true) await disk.finish({ fsync: fsync ?? false });
    if (isUploader || this.#options.seed === true) await this.#seed(disk);
    else await this.#streams.over();
  }

  async #openDisk(): Promise<TorrentDisk> {
    const { world, bufferBytes } = this.#host;
    const { metainfo, output, selection, allocate, isUploadOnly, isInMemory } = this.#options;
    const disk = await TorrentDisk.open(world.files, {
      metainfo,
      output,
      allocate: allocate ?? "sparse",
      bufferBytes,
      hasher: world.hasher,
      isReadOnly: isUploadOnly ?? false,
      isInMemory: isInMemory ?? false,
      ...(selection === undefined ? {} : { selection }),
    });
    this.#disk = disk;
    this.#scope.signal.throwIfAborted();
    return disk;
  }

  async #download(exchange: Exchange): Promise<void> {
    this.#state = "downloading";
    if (this.#options.isInMemory === true) return await this.#streams.over(exchange.complete);
    await Promise.race([exchange.complete, failureOf(this.#scope)]);
    this.#finder?.completed();
  }

  async #seed(disk: TorrentDisk): Promise<void> {
    if (this.#exchange === undefined) this.#startExchange(disk, disk.have);
    this.#scope.spawn(() => disk.watch());
    this.#state = "seeding";
    this.#seedingSince = this.#host.world.clock.now();
    this.#downloaded.resolve();
    this.#checkSeedGoal();
    await failureOf(this.#scope);
  }

  #startExchange(disk: TorrentDisk, wanted: TorrentDisk["wanted"]): Exchange {
    const { clock, random } = this.#host.world;
    const connections = this.#connections = this.#openConnections();
    const exchange = this.#exchange = new Exchange({
      clock,
      random,
      metainfo: this.metainfo,
      disk,
      connections,
      wanted,
      isSequential: this.#options.sequential ?? false,
      window: this.#options.isInMemory === true ? disk.freeBuffers : undefined,
      onFile: (file) => this.#reportFile(file),
      onPiece: () => this.#streams.onVerified(),
      onLost: (error) => this.#reporter.warning(`Cannot give all of it any more: ${words(error)}`),
    });
    connections.enter(exchange);
    this.#streams.attach({ disk, swarm: exchange.swarm });
    this.#host.onConnections(connections);
    this.#savedAt = clock.now();
    if (this.#options.noPeers !== true) connections.start();
    this.#finder = this.#finderFor(exchange, connections);
    this.#finder.start();
    return exchange;
  }

  #openConnections(): Connections {
    const { world, permits, peerId, downLimit, upLimit, port, dht } = this.#host;
    const { seed, isUploadOnly } = this.#options;
    return new Connections({
      world,
      infoHash: this.metainfo.infoHash,
      scope: this.#scope,
      permits,
      peerId,
      downLimit,
      upLimit,
      sources: this.#sources,
      dht,
      isSeeder: seed === true || isUploadOnly === true,
      port,
      onTick: () => this.#onTick(),
    });
  }

  #finderFor(exchange: Exchange, connections: Connections): PeerFinder {
    const { metainfo } = this;
    const { peers, trackers } = this.#options;
    return new PeerFinder({
      host: this.#host,
      scope: this.#scope,
      sources: this.#sources,
      infoHash: metainfo.infoHash,
      tiers: metainfo.trackers,
      nodes: metainfo.nodes,
      isPrivate: metainfo.isPrivate,
      userPeers: peers ?? [],
      userTrackers: trackers ?? [],
      counters: () => {
        const { downloaded, uploaded } = exchange.swarm.counters;
        const { bytesDone, bytesTotal } = this.stats();
        return { downloaded, uploaded, left: bytesTotal - bytesDone };
      },
      peers: () => exchange.swarm.peers.length,
      onPeers: (addresses, source) => connections.addPeers(addresses, source),
      onWarning: (message) => this.#reporter.warning(message),
    });
  }

  #onTick(): void {
    const [connections, exchange] = [this.#connections, this.#exchange];
    if (connections === undefined || exchange === undefined) return;
    const now = this.#host.world.clock.now();
    const { downloaded, uploaded } = exchange.swarm.counters;
    this.#downMeter.add(downloaded - this.#downMeter.total, now);
    this.#upMeter.add(uploaded - this.#upMeter.total, now);
    this.#reporter.progress();
    if (now - this.#savedAt >= SAVE_EVERY_MS && this.#disk !== undefined) {
      this.#savedAt = now;
      this.#disk.save().catch((error) => this.#ended.reject(error));
    }
    if (this.#state === "seeding") return this.#checkSeedGoal();
    if (exchange.peers.length + connections.dialling === 0) this.#finder?.soon();
    this.#checkStall(exchange, now);
  }

  #checkSeedGoal(): void {
    const { seedRatio = Infinity, seedTimeMs = Infinity } = this.#options;
    const seededMs = this.#host.world.clock.now() - this.#seedingSince;
    const given = this.#exchange?.swarm.counters.uploaded ?? 0;
    if (given < seedRatio * this.#selected.total && seededMs < seedTimeMs) return;
    this.#ended.reject(new Ended({ kind: "complete" }));
  }

  #checkStall(exchange: Exchange, now: number): void {
    const { stallTimeoutMs } = this.#options;
    if (stallTimeoutMs === undefined || exchange.swarm.isComplete) return;
    if (now - exchange.swarm.progressAt < stallTimeoutMs) return;
    const { corrupt } = exchange.swarm.counters;
    const isLiesOnly = corrupt > 0 && this.#disk?.have.count === 0;
    this.#fail(
      isLiesOnly ? "bad-data" : "stalled",
      `no progress for ${Math.round(stallTimeoutMs / 1000)} s: ${this.#diagnosis(exchange)}`,
    );
  }

  #diagnosis(exchange: Exchange): string {
    return diagnose({
      peers: exchange.swarm.peers,
      peersKnown: this.#connections?.book.size ?? 0,
      peersBanned: this.#connections?.book.bannedCount ?? 0,
      lacking: exchange.swarm.lacking,
      trackers: this.#finder?.trackers ?? [],
      corruptBytes: exchange.swarm.counters.corrupt,
      dht: this.#host.dht.report(),
    });
  }

  #failAfter(timeoutMs: number): void {
    this.#scope.spawn(async (signal) => {
      await this.#host.world.clock.sleep(timeoutMs, { signal });
      if (this.#state === "seeding") return;
      const why = this.#exchange ? `: ${this.#diagnosis(this.#exchange)}` : "";
      this.#fail("timeout", `not done after ${Math.round(timeoutMs / 1000)} s${why}`);
    });
  }

  #fail(reason: FailureReason, message: string): void {
    const hint = "run the same command again to continue where it stopped";
    this.#ended.reject(new Ended({ kind: "failed", reason, message, hint }));
  }

  #reportFile(file: number): void {
    if (this.#disk?.isFileComplete(file)) this.#reporter.file(file as FileIndex);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
