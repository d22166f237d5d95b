/**
 * One torrent of a session, from the check of what is there to the end.
 *
 * ```
 * checking ─▶ downloading ─▶ complete
 *     └────────────┴───────▶ failed | stopped
 * ```
 *
 * It owns a scope; everything that runs for the torrent runs inside it and is gone when `finished` resolves.
 *
 * @module
 */

import { type Address, makeAddress, splitHostPort } from "../base/address.ts";
import { BugError, DiskError } from "../base/errors.ts";
import { hex } from "../base/bytes.ts";
import { Meter } from "../base/meter.ts";
import type { Scope } from "../base/scope.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import type { FileIndex } from "../base/units.ts";
import { MIB } from "../base/units.ts";
import { TorrentDisk } from "../disk/torrent_disk.ts";
import { SelectedBytes } from "../metainfo/selected_bytes.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";
import { Announcer } from "./announcer.ts";
import { diagnose } from "./diagnosis.ts";
import type { FailureReason, Outcome, SessionEvent } from "./events.ts";
import { Exchange } from "./exchange.ts";
import type { AddTorrent } from "./options.ts";
import { type TorrentState, type TorrentStats, torrentStats } from "./stats.ts";

/** Memory for pieces where the options do not say. */
export const DEFAULT_BUFFER_BYTES: number = 32 * MIB;
/** Resume state is written at most this often. */
const SAVE_EVERY_MS = 10_000;
/** How long the trackers may hold up the end. */
const STOP_DEADLINE_MS = 500;

/** What a torrent needs of its session. */
export interface TorrentHost {
  readonly world: World;
  readonly scope: Scope;
  readonly permits: Semaphore;
  readonly peerId: Uint8Array;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  readonly bufferBytes: number;
  readonly allowPrivate: boolean;
  readonly userAgent: string;
  readonly port: () => number;
  readonly publish: (event: EventBody) => void;
}

type WithoutBase<E> = E extends SessionEvent ? Omit<E, "v" | "at"> : never;
/** An event before the session stamps it. */
export type EventBody = WithoutBase<SessionEvent>;

/** Ends a torrent before it is complete. */
class Ended extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** A torrent that a session works on. */
export class Torrent {
  /** Infohash in hex. */
  readonly infoHash: string;
  /** What it is. */
  readonly metainfo: Metainfo;
  /** How it ended; never rejects. Everything that ran for it is gone by then. */
  readonly finished: Promise<Outcome>;
  readonly #host: TorrentHost;
  readonly #options: AddTorrent;
  readonly #scope: Scope;
  readonly #ended = Promise.withResolvers<never>();
  readonly #startedAt: number;
  readonly #downMeter = new Meter();
  readonly #upMeter = new Meter();
  readonly #selected: SelectedBytes;
  readonly #reported = new Set<number>();
  #state: TorrentState = "checking";
  #checked = 0;
  #disk: TorrentDisk | undefined;
  #exchange: Exchange | undefined;
  #announcer: Announcer | undefined;
  #hasLost = false;
  #publishedAt = 0;
  #savedAt = 0;

  /** Starts at once; made by `Session.add`. */
  constructor(host: TorrentHost, options: AddTorrent) {
    this.#host = host;
    this.#options = options;
    this.metainfo = options.metainfo;
    this.infoHash = hex(options.metainfo.infoHash);
    this.#scope = host.scope.child(this.infoHash);
    this.#selected = new SelectedBytes(options.metainfo, options.selection);
    this.#startedAt = host.world.clock.now();
    this.#ended.promise.catch(() => {});
    this.finished = this.#live();
  }

  /** The exchange while it runs; for the session's acceptor. */
  get exchange(): Exchange | undefined {
    return this.#exchange;
  }

  /** Stops it; resolves when everything is saved and gone. */
  async stop(): Promise<void> {
    this.#ended.reject(new Ended({ kind: "stopped" }));
    await this.finished;
  }

  /** How it stands. */
  stats(): TorrentStats {
    const now = this.#host.world.clock.now();
    return torrentStats({
      metainfo: this.metainfo,
      state: this.#state,
      disk: this.#disk,
      exchange: this.#exchange,
      selected: this.#selected,
      trackers: this.#announcer?.stats() ?? [],
      piecesChecked: this.#checked,
      downRate: this.#downMeter.rate(now),
      upRate: this.#upMeter.rate(now),
      seconds: (now - this.#startedAt) / 1000,
    });
  }

  async #live(): Promise<Outcome> {
    let outcome: Outcome;
    try {
      await Promise.race([this.#download(), this.#ended.promise, failure(this.#scope)]);
      outcome = { kind: "complete" };
      this.#announcer?.completed();
      this.#state = "complete";
    } catch (error) {
      outcome = this.#outcomeOf(error);
      this.#state = outcome.kind === "stopped" ? "stopped" : "failed";
    }
    return await this.#close(outcome);
  }

  async #close(outcome: Outcome): Promise<Outcome> {
    this.#publishProgress();
    const goodbye = this.#announcer?.stop(STOP_DEADLINE_MS);
    await this.#scope[Symbol.asyncDispose]();
    await goodbye;
    try {
      await this.#disk?.[Symbol.asyncDispose]();
    } catch (error) {
      if (outcome.kind !== "failed") return this.#outcomeOf(error);
    }
    return outcome;
  }

  async #download(): Promise<void> {
    const { world, bufferBytes } = this.#host;
    const { metainfo, output, selection, allocate, timeoutMs } = this.#options;
    this.#publish({ type: "start", name: metainfo.name });
    if (timeoutMs !== undefined) this.#failAfter(timeoutMs);
    const disk = await TorrentDisk.open(world.files, {
      metainfo,
      output,
      allocate: allocate ?? "sparse",
      bufferBytes,
      hasher: world.hasher,
      ...(selection === undefined ? {} : { selection }),
    });
    this.#disk = disk;
    this.#publish({
      type: "metadata",
      name: metainfo.name,
      bytesTotal: this.stats().bytesTotal,
      piecesTotal: disk.wanted.count,
      files: selection?.length ?? metainfo.files.length,
    });
    await disk.check({
      signal: this.#scope.signal,
      onProgress: (checked, good) => this.#onChecked(checked, good),
    });
    metainfo.files.forEach((_, file) => this.#reportFile(file as FileIndex));
    if (!disk.isComplete) await this.#exchangePieces(disk);
    await disk.finish({ fsync: this.#options.fsync ?? false });
  }

  async #exchangePieces(disk: TorrentDisk): Promise<void> {
    const { world, permits, peerId, downLimit, upLimit, port } = this.#host;
    const exchange = new Exchange({
      world,
      metainfo: this.metainfo,
      disk,
      scope: this.#scope,
      permits,
      peerId,
      downLimit,
      upLimit,
      isSequential: this.#options.sequential ?? false,
      port,
      onFile: (file) => this.#reportFile(file),
      onLost: (error) => this.#onLost(error),
      onTick: () => this.#onTick(exchange),
    });
    this.#exchange = exchange;
    this.#state = "downloading";
    this.#savedAt = world.clock.now();
    if (this.#options.noPeers !== true) exchange.start();
    this.#resolvePeers(exchange);
    this.#announce(exchange);
    await exchange.complete;
  }

  #announce(exchange: Exchange): void {
    const { noTrackers, noPeers, trackers } = this.#options;
    if (noTrackers === true || noPeers === true) return;
    const { world, peerId, port, allowPrivate, userAgent } = this.#host;
    const announcer = new Announcer({
      tiers: this.metainfo.trackers,
      userTrackers: trackers ?? [],
      infoHash: this.metainfo.infoHash,
      peerId,
      port,
      counters: () => {
        const { downloaded, uploaded } = exchange.swarm.counters;
        return { downloaded, uploaded, left: this.#bytesLeft() };
      },
      onPeers: (peers) => exchange.addPeers(peers, "tracker"),
      onWarning: (message) => this.#publish({ type: "warning", message }),
      world,
      isPrivate: this.metainfo.isPrivate,
      allowPrivate,
      userAgent,
    });
    this.#announcer = announcer;
    this.#scope.spawn((signal) => announcer.run(signal));
  }

  #resolvePeers(exchange: Exchange): void {
    for (const text of this.#options.peers ?? []) {
      const target = splitHostPort(text);
      if (target === undefined) continue;
      const address = makeAddress(target.host, target.port);
      if (address !== undefined) exchange.addPeers([address], "user");
      else this.#scope.spawn((signal) => this.#resolvePeer(exchange, target, signal));
    }
  }

  async #resolvePeer(exchange: Exchange, target: Address, signal: AbortSignal): Promise<void> {
    try {
      const hosts = await this.#host.world.network.resolve(target.host, { signal });
      exchange.addPeers(hosts.map((host) => ({ host, port: target.port })), "user");
    } catch (error) {
      if (signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      this.#publish({ type: "warning", message: `Cannot use peer ${target.host}: ${why}` });
    }
  }

  #onTick(exchange: Exchange): void {
    const now = this.#host.world.clock.now();
    const { downloaded, uploaded } = exchange.swarm.counters;
    this.#downMeter.add(downloaded - this.#downMeter.total, now);
    this.#upMeter.add(uploaded - this.#upMeter.total, now);
    if (now - this.#publishedAt >= 1000) this.#publishProgress();
    if (now - this.#savedAt >= SAVE_EVERY_MS && this.#disk !== undefined) {
      this.#savedAt = now;
      this.#disk.save().catch((error) => this.#ended.reject(error));
    }
    if (exchange.swarm.peers.length + exchange.dialling === 0) this.#announcer?.announceSoon();
    this.#checkStall(exchange, now);
  }

  #onLost(error: unknown): void {
    if (this.#hasLost) return;
    this.#hasLost = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#publish({ type: "warning", message: `Cannot give all of it any more: ${why}` });
  }

  #checkStall(exchange: Exchange, now: number): void {
    const { stallTimeoutMs } = this.#options;
    if (stallTimeoutMs === undefined || exchange.swarm.isComplete) return;
    if (now - exchange.swarm.progressAt < stallTimeoutMs) return;
    const { corrupt } = exchange.swarm.counters;
    const isLiesOnly = corrupt > 0 && exchange.swarm.have.count === 0;
    this.#fail(
      isLiesOnly ? "bad-data" : "stalled",
      `no progress for ${Math.round(stallTimeoutMs / 1000)} s: ${this.#diagnosis(exchange)}`,
    );
  }

  #diagnosis(exchange: Exchange): string {
    return diagnose({
      peers: exchange.swarm.peers,
      peersKnown: exchange.book.size,
      peersBanned: exchange.book.bannedCount,
      lacking: exchange.swarm.lacking,
      trackers: this.#announcer?.stats() ?? [],
      corruptBytes: exchange.swarm.counters.corrupt,
    });
  }

  #failAfter(timeoutMs: number): void {
    this.#scope.spawn(async (signal) => {
      await this.#host.world.clock.sleep(timeoutMs, { signal });
      const why = this.#exchange ? `: ${this.#diagnosis(this.#exchange)}` : "";
      this.#fail("timeout", `not done after ${Math.round(timeoutMs / 1000)} s${why}`);
    });
  }

  #fail(reason: FailureReason, message: string): void {
    const hint = "run the same command again to continue where it stopped";
    this.#ended.reject(new Ended({ kind: "failed", reason, message, hint }));
  }

  #outcomeOf(error: unknown): Outcome {
    if (error instanceof Ended) return error.outcome;
    if (error instanceof DiskError) {
      return {
        kind: "failed",
        reason: "storage",
        message: error.message,
        error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      };
    }
    if (this.#host.scope.signal.aborted) return { kind: "stopped" };
    const bug = error instanceof Error ? error : new BugError(String(error));
    return { kind: "failed", reason: "bug", message: bug.message, error: bug };
  }

  #onChecked(checked: number, good: number): void {
    this.#checked = checked;
    const now = this.#host.world.clock.now();
    const piecesTotal = this.metainfo.pieceMap.pieceCount;
    if (checked < piecesTotal && now - this.#publishedAt < 1000) return;
    this.#publishedAt = now;
    this.#publish({ type: "check", piecesChecked: checked, piecesTotal, piecesGood: good });
  }

  #reportFile(file: FileIndex): void {
    const disk = this.#disk;
    const entry = this.metainfo.files[file];
    const { selection } = this.#options;
    if (disk === undefined || entry === undefined || entry.isPad || entry.length === 0) return;
    if (selection !== undefined && !selection.includes(file)) return;
    if (this.#reported.has(file) || !disk.isFileComplete(file)) return;
    this.#reported.add(file);
    this.#publish({ type: "file", path: entry.displayPath, bytes: entry.length });
  }

  #bytesLeft(): number {
    const { bytesDone, bytesTotal } = this.stats();
    return bytesTotal - bytesDone;
  }

  #publishProgress(): void {
    if (this.#exchange === undefined) return;
    this.#publishedAt = this.#host.world.clock.now();
    const s = this.stats();
    this.#publish({
      type: "progress",
      bytesDone: s.bytesDone,
      bytesTotal: s.bytesTotal,
      bytesDownloaded: s.bytesDownloaded,
      bytesUploaded: s.bytesUploaded,
      downRate: Math.round(s.downRate),
      upRate: Math.round(s.upRate),
      peers: s.peers,
      piecesDone: s.piecesDone,
      piecesTotal: s.piecesTotal,
      etaSeconds: s.etaSeconds,
    });
  }

  #publish(event: EventBody): void {
    this.#host.publish({ ...event, infoHash: this.infoHash });
  }
}

/** Rejects when a task of the scope fails. */
function failure(scope: Scope): Promise<never> {
  return new Promise((_, reject) => {
    scope.signal.addEventListener(
      "abort",
      () => reject(scope.failure?.error ?? scope.signal.reason),
      {
        once: true,
      },
    );
  });
}
