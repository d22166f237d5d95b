/**
 * One torrent of a session, from the metadata or the check of what is there to the end.
 *
 * ```
 * [fetching-metadata ─▶] checking ─▶ downloading ─▶ (seeding) ─▶ complete
 *          └────────────────┴────────────┴───────▶ failed | stopped
 * ```
 *
 * It owns a scope; everything that runs for the torrent runs inside it and is gone when `finished` resolves.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { BugError, OptionsError } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import { type FileIndex, MIB } from "../base/units.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import { Metadata } from "../swarm/metadata.ts";
import type { Connections } from "./connections.ts";
import { Ended, failureOf, nothingVerifies, outcomeOf } from "./ending.ts";
import type { Outcome } from "./events.ts";
import { Exchange } from "./exchange.ts";
import { bytesLeft, infoHashOf, know, type Known, type LossHandler, openDisk } from "./known.ts";
import { Limits } from "./limits.ts";
import { MetadataSearch } from "./metadata_search.ts";
import type { AddMagnet, AddTorrent } from "./options.ts";
import { Outreach, type OutreachHost } from "./outreach.ts";
import { whyLate, whyStill } from "./patience.ts";
import { NOTHING, Rates } from "./rates.ts";
import { type EventBody, Reporter } from "./reporter.ts";
import { reuseAll } from "./reuse.ts";
import type { StreamOptions } from "./streams.ts";
import { type TorrentState, type TorrentStats, torrentStats } from "./stats.ts";
import { Upkeep } from "./upkeep.ts";

/** Memory for pieces where the options do not say: what 200 ms × 1 Gbit/s have in flight, and a little. */
export const DEFAULT_BUFFER_BYTES: number = 28 * MIB;
/** How long the trackers may hold up the end. */
const STOP_DEADLINE_MS = 500;

/** What a torrent needs of its session. */
export interface TorrentHost extends OutreachHost {
  readonly scope: Scope;
  readonly bufferBytes: number;
  readonly publish: (event: EventBody) => void;
  /** The torrent has peers from now on; those that dial us can be handed to it. */
  readonly onConnections: (connections: Connections) => void;
}

/** A torrent that a session works on. */
export class Torrent {
  /** Infohash in hex. */
  readonly infoHash: string;
  /** Resolves when the metadata is there, or with `finished`. Never rejects. */
  readonly known: Promise<void>;
  /** How it ended; never rejects. Everything that ran for it is gone by then. */
  readonly finished: Promise<Outcome>;
  /** Resolves when the download is complete and seeding begins, or with `finished`. Never rejects. */
  readonly downloaded: Promise<void>;
  readonly #host: TorrentHost;
  readonly #options: AddTorrent | AddMagnet;
  readonly #infoHash: Uint8Array;
  readonly #scope: Scope;
  readonly #ended = Promise.withResolvers<never>();
  readonly #downloaded = Promise.withResolvers<void>();
  readonly #met = Promise.withResolvers<void>();
  readonly #startedAt: number;
  readonly #rates = new Rates();
  readonly #reporter: Reporter;
  readonly #limits: Limits;
  #state: TorrentState = "checking";
  #checked = 0;
  #known: Known | undefined;
  #outreach: Outreach | undefined;
  #search: MetadataSearch | undefined;
  #disk: TorrentDisk | undefined;
  #exchange: Exchange | undefined;
  #upkeep: Upkeep | undefined;

  /** Starts at once; made by `Session.add` and `Session.addMagnet`. */
  constructor(host: TorrentHost, options: AddTorrent | AddMagnet) {
    const { clock } = host.world;
    this.#host = host;
    this.#options = options;
    this.#infoHash = infoHashOf(options);
    this.infoHash = hex(this.#infoHash);
    this.#scope = host.scope.child(this.infoHash);
    this.#reporter = new Reporter({
      infoHash: this.infoHash,
      clock,
      stats: () => this.stats(),
      publish: host.publish,
    });
    this.#limits = new Limits({
      clock,
      options,
      onEnd: (ended) => this.#ended.reject(ended),
      why: () => {
        const [outreach, swarm] = [this.#outreach, this.#exchange?.swarm];
        return whyLate(this.stats(), { outreach, swarm, now: clock.now() });
      },
    });
    if ("metainfo" in options) this.#know(options.metainfo, options);
    this.#startedAt = clock.now();
    this.#ended.promise.catch(() => {});
    this.downloaded = this.#downloaded.promise;
    this.known = this.#met.promise;
    this.finished = this.#live();
  }

  /** What the torrent consists of; `undefined` while the metadata of a magnet link is being fetched. */
  get metainfo(): Metainfo | undefined {
    return this.#known?.metainfo;
  }

  /**
   * Stops it; resolves when its state is saved and everything that ran for it has ended. The outcome is
   * `stopped`, or `complete` while it seeds.
   */
  async stop(): Promise<void> {
    const isDone = this.#state === "seeding";
    this.#ended.reject(new Ended({ kind: isDone ? "complete" : "stopped" }));
    await this.finished;
  }

  /**
   * A file as a stream: its verified bytes in order, while they arrive; what it needs is fetched first. A
   * torrent that does not seed waits until its streams have been read or cancelled; where it ends before
   * that, they break off with a `StreamError`.
   *
   * @param file index in the order of the torrent.
   * @throws {OptionsError} there is no such file or it is not wanted, the start is behind its end, or the
   * metadata is not there yet.
   *
   * @example The start of a file, long before the rest is there
   * ```ts ignore
   * const torrent = session.add({ metainfo, output: "downloads" });
   * for await (const chunk of torrent.stream(0)) console.log(chunk.length, "bytes");
   * ```
   */
  stream(file: number, options: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#known === undefined) {
      throw new OptionsError(`Cannot stream file ${file}: the metadata is not there yet`);
    }
    return this.#known.streams.open(file, options);
  }

  /** How it stands now. */
  stats(): TorrentStats {
    const now = this.#host.world.clock.now();
    return torrentStats({
      infoHash: this.infoHash,
      name: this.#name,
      pieceCount: this.metainfo?.pieceMap.pieceCount ?? 0,
      state: this.#state,
      disk: this.#disk,
      connections: this.#outreach?.connections,
      swarm: this.#exchange?.swarm,
      selected: this.#known?.selected,
      trackers: this.#outreach?.finder.trackers ?? [],
      piecesChecked: this.#checked,
      ...this.#rates.at(this.#exchange?.swarm.counters ?? NOTHING, now),
      seconds: (now - this.#startedAt) / 1000,
    });
  }

  /** A link may call it something; what the metadata says is better, and the infohash is always there. */
  get #name(): string {
    const promised = "magnet" in this.#options ? this.#options.magnet.name : null;
    return this.metainfo?.name ?? promised ?? this.infoHash;
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
    this.#known?.streams.end(outcome);
    if (this.#exchange !== undefined) this.#reporter.progress(true);
    const goodbye = this.#outreach?.finder.stop(STOP_DEADLINE_MS);
    await this.#scope[Symbol.asyncDispose]();
    await Promise.allSettled([work, goodbye, this.#search?.kept]);
    try {
      await this.#disk?.[Symbol.asyncDispose]();
    } catch (error) {
      if (outcome.kind !== "failed") outcome = outcomeOf(error, this.#host.scope.signal.aborted);
    }
    this.#met.resolve();
    this.#downloaded.resolve();
    return outcome;
  }

  async #work(): Promise<void> {
    const { fsync, isUploadOnly, isInMemory } = this.#options;
    const isUploader = isUploadOnly === true;
    this.#reporter.start(this.#name);
    this.#limits.watchTime(this.#scope, () => this.#state === "seeding");
    const known = this.#known ?? await this.#learn();
    if ("isMetadataOnly" in this.#options && this.#options.isMetadataOnly) {
      return this.#reporter.metadata(known.metainfo, known.selection);
    }
    this.#state = "checking";
    const { world, bufferBytes } = this.#host;
    const onLost: LossHandler = (piece, file) => this.#upkeep?.onLost(piece, file);
    const disk = this.#disk = await openDisk(known, this.#options, { world, bufferBytes, onLost });
    this.#scope.signal.throwIfAborted();
    this.#reporter.metadata(known.metainfo, known.selection);
    await disk.check({
      signal: this.#scope.signal,
      onProgress: (checked, good) => {
        this.#checked = checked;
        this.#reporter.check(checked, good);
      },
    });
    const { metainfo } = known;
    const isKept = !isUploader && isInMemory !== true;
    if (isKept) {
      const plan = { known, disk, files: world.files, reporter: this.#reporter };
      await reuseAll(this.#options.reuse ?? [], plan, this.#scope.signal);
    }
    metainfo.files.forEach((_, file) => this.#reportFile(file));
    if (isUploader && disk.have.count === 0) throw nothingVerifies(known.output);
    const isComplete = isUploader || disk.isComplete;
    if (!isComplete) await this.#download(known, disk);
    else known.streams.attach({ disk, swarm: undefined });
    if (isKept) await disk.finish({ fsync: fsync ?? false });
    if (isUploader || this.#options.seed === true) await this.#seed(known, disk);
    else await known.streams.over();
  }

  /** From the infohash to the torrent: out of the cache, or from peers. */
  async #learn(): Promise<Known> {
    const options = this.#options;
    if (!("magnet" in options)) throw new BugError("Cannot learn a torrent that is known");
    this.#state = "fetching-metadata";
    const search = this.#search = new MetadataSearch({
      world: this.#host.world,
      infoHash: this.#infoHash,
      options,
      reachOut: () => this.#reachOut(),
      onLate: (message) => this.#limits.fail("metadata-timeout", message),
      why: () => whyStill(this.#outreach, undefined),
    });
    const metainfo = await search.run(this.#scope);
    // Who is asked may never answer.
    const asked = options.onMetadata?.(metainfo);
    const choice = await Promise.race([asked, failureOf(this.#scope)]) ?? {};
    if (metainfo.isPrivate) this.#outreach?.turnPrivate();
    this.#scope.signal.throwIfAborted();
    return this.#know(choice.metainfo ?? metainfo, {
      output: choice.output ?? options.output,
      selection: choice.selection ?? options.selection ?? search.selectionOf(metainfo),
    });
  }

  #know(metainfo: Metainfo, wish: Parameters<typeof know>[1]): Known {
    this.#met.resolve();
    return this.#known = know(metainfo, wish, {
      clock: this.#host.world.clock,
      isInMemory: this.#options.isInMemory ?? false,
      onMoved: () => this.#exchange?.onMoved(),
    });
  }

  async #download(known: Known, disk: TorrentDisk): Promise<void> {
    const exchange = this.#startExchange(known, disk, disk.wanted);
    this.#state = "downloading";
    if (this.#options.isInMemory === true) return await known.streams.over(exchange.complete);
    do {
      // Not before it is known that nobody has changed the files meanwhile.
      const settled = exchange.complete.then(() => disk.settle());
      await Promise.race([settled, failureOf(this.#scope)]);
    } while (!disk.isComplete);
    this.#outreach?.finder.completed();
  }

  async #seed(known: Known, disk: TorrentDisk): Promise<void> {
    if (this.#exchange === undefined) this.#startExchange(known, disk, disk.have);
    this.#state = "seeding";
    this.#upkeep?.seed();
    this.#downloaded.resolve();
    this.#checkSeedGoal();
    await failureOf(this.#scope);
  }

  #startExchange(
    known: Known,
    disk: TorrentDisk,
    wanted: TorrentDisk["wanted"],
  ): Exchange {
    const { metainfo, streams } = known;
    const { clock, random, hasher } = this.#host.world;
    const isFirst = this.#outreach === undefined;
    const isDisk = this.#options.isInMemory !== true;
    const outreach = this.#outreach ??= this.#reachOut();
    const { connections } = outreach;
    const exchange = this.#exchange = new Exchange({
      clock,
      random,
      hasher,
      metainfo,
      disk,
      connections,
      wanted,
      isSequential: this.#options.sequential ?? false,
      isSuperSeed: this.#options.superSeed ?? false,
      window: isDisk ? undefined : disk.freeBuffers,
      onFile: (file) => this.#reportFile(file),
      onPiece: () => streams.onVerified(),
    });
    connections.extensions.add(new Metadata({ info: metainfo.infoBytes }, connections.upLimit));
    this.#rates.at(exchange.swarm.counters, clock.now());
    if (isDisk) this.#upkeep = this.#keepUp(known, disk, exchange);
    if (isFirst) outreach.start(exchange);
    else connections.enter(exchange);
    streams.attach({ disk, swarm: exchange.swarm });
    return exchange;
  }

  #keepUp({ metainfo, output }: Known, disk: TorrentDisk, exchange: Exchange): Upkeep {
    return new Upkeep({
      clock: this.#host.world.clock,
      metainfo,
      output,
      disk,
      exchange,
      reporter: this.#reporter,
      isSeeding: () => this.#state === "seeding",
      onFailure: (error) => this.#ended.reject(error),
    });
  }

  #reachOut(): Outreach {
    const options = this.#options;
    const magnet = "magnet" in options ? options.magnet : undefined;
    const outreach = this.#outreach = new Outreach({
      host: this.#host,
      scope: this.#scope,
      options,
      infoHash: this.#infoHash,
      tiers: this.metainfo?.trackers ?? magnet?.trackers.map((url) => [url]) ?? [],
      nodes: this.metainfo?.nodes ?? [],
      peers: magnet?.peers ?? [],
      isPrivate: this.metainfo?.isPrivate ?? false,
      counters: () => {
        const { downloaded, uploaded } = this.#exchange?.swarm.counters ?? NOTHING;
        return { downloaded, uploaded, left: bytesLeft(this.#known, this.#disk) };
      },
      isPartialSeed: () => this.#state === "seeding" && bytesLeft(this.#known, this.#disk) > 0,
      onTick: () => this.#onTick(),
      onWarning: (message) => this.#reporter.warning(message),
    });
    this.#host.onConnections(outreach.connections);
    return outreach;
  }

  #onTick(): void {
    const [outreach, exchange] = [this.#outreach!, this.#exchange];
    const { connections, finder } = outreach;
    const now = this.#host.world.clock.now();
    if (exchange !== undefined) {
      this.#rates.at(exchange.swarm.counters, now);
      this.#reporter.progress();
      this.#upkeep?.tick(now);
    }
    if (this.#state === "seeding") return this.#checkSeedGoal();
    if (connections.stage.peers.length + connections.dialling === 0) finder.soon();
    this.#checkStall(now);
  }

  #checkSeedGoal(): void {
    const given = this.#exchange?.swarm.counters.uploaded ?? 0;
    this.#limits.checkSeeding(given, this.#known!.selected.total);
  }

  #checkStall(now: number): void {
    // The check of what is there holds the clock.
    if (this.#state === "checking") return;
    const swarm = this.#exchange?.swarm;
    this.#limits.checkStall({
      outreach: this.#outreach!,
      swarm,
      verified: this.#disk?.have.count ?? 0,
      progressAt: swarm?.progressAt ?? this.#search?.progressAt ?? now,
    });
  }

  #reportFile(file: number): void {
    if (this.#disk?.isFileComplete(file)) this.#reporter.file(file as FileIndex);
  }
}
