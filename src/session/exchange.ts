/**
 * The running exchange of one torrent: connections around a swarm, pieces to the disk, time in ticks.
 *
 * It joins the pure swarm to the ports. It ends in one of three ways: every wanted piece is verified, the
 * disk fails, or its scope is disposed.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import type { Bitfield } from "../base/bitfield.ts";
import { compareBytes, equalBytes } from "../base/bytes.ts";
import { type DiskError, type PeerCloseReason, PeerError } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import type { Permit, Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import type { FileIndex, PieceIndex } from "../base/units.ts";
import { USER_AGENT } from "../base/version.ts";
import { Wakeup } from "../base/wakeup.ts";
import type { BlockBatch } from "../disk/block_batch.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReceiveBuffer } from "../ports/disk.ts";
import type { ByteStream } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import type { OpenPiece } from "../swarm/assembly.ts";
import { type KnownPeer, PeerBook } from "../swarm/peer_book.ts";
import type { PeerSource, PeerSources } from "../swarm/peer_sources.ts";
import { Extensions } from "../swarm/extensions.ts";
import { Swarm } from "../swarm/swarm.ts";
import { MAX_OWED } from "../swarm/uploads.ts";
import type { ExtensionOffer } from "../wire/extension.ts";
import type { Handshake } from "../wire/handshake.ts";
import { DIAL_TIMEOUT_MS, dialPeers } from "./dialer.ts";
import { type ConnHost, isOurselves, PeerConn, readGreeting, sendGreeting } from "./peer_conn.ts";
import { pickToReplace, ROTATE_EVERY_MS } from "./rotation.ts";
import { SourceLedger, type SourceStats } from "./source_stats.ts";

/** How often time passes for the swarm. */
export const TICK_MS = 500;

/** What an exchange works with. */
export interface ExchangeParts {
  readonly world: World;
  readonly metainfo: Metainfo;
  readonly disk: TorrentDisk;
  readonly scope: Scope;
  readonly permits: Semaphore;
  readonly peerId: Uint8Array;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  /** Pieces to get; what is verified already does not count. */
  readonly wanted: Bitfield;
  readonly isSequential: boolean;
  /** Where peers may come from. */
  readonly sources: PeerSources;
  /** Whether it goes on, giving, when it is complete. */
  readonly isSeeder: boolean;
  /** Our listening port, 0 while there is none. */
  readonly port: () => number;
  /** A selected file has become complete. */
  readonly onFile: (file: FileIndex) => void;
  /** A verified piece could not be read any more; it is not offered from now on. */
  readonly onLost: (error: DiskError) => void;
  /** Called every tick, after the swarm's. */
  readonly onTick: () => void;
}

/** The exchange of one torrent. */
export class Exchange implements ConnHost {
  readonly swarm: Swarm;
  readonly clock: Clock;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  readonly book: PeerBook;
  /** Why peers were dropped, counted. */
  readonly closed: Partial<Record<PeerCloseReason, number>> = {};
  /** Resolves when every wanted piece is verified; rejects with the `DiskError` that ended it. */
  readonly complete: Promise<void>;
  readonly #parts: ExchangeParts;
  readonly #conns = new Set<PeerConn>();
  readonly #sources = new SourceLedger();
  readonly #news = new Wakeup();
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #dialling = 0;
  #writing = 0;
  #rotatedAt = 0;

  constructor(parts: ExchangeParts) {
    const { world, metainfo, disk } = parts;
    this.#parts = parts;
    this.clock = world.clock;
    this.downLimit = parts.downLimit;
    this.upLimit = parts.upLimit;
    this.book = new PeerBook(world.random, parts.sources);
    this.swarm = new Swarm({
      map: metainfo.pieceMap,
      have: disk.have,
      wanted: parts.wanted,
      random: world.random,
      allocate: () => disk.allocate(),
      isSequential: parts.isSequential,
      isThrottled: (now) => parts.downLimit.delay(now) > 0,
      extensions: new Extensions(() => this.#offer()),
      now: world.clock.now(),
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    [this.complete, this.#resolve, this.#reject] = [promise, resolve, reject];
    promise.catch(() => {});
  }

  /** Connections under way that are not through the handshake yet. */
  get dialling(): number {
    return this.#dialling;
  }

  /** Which kinds of source the peers and the bytes came from. */
  get sources(): SourceStats[] {
    return this.#sources.stats(this.swarm.peers, (giver) => this.book.sourceOf(giver));
  }

  /** Starts dialling and ticking. */
  start(): void {
    const { scope, permits } = this.#parts;
    scope.spawn((signal) =>
      dialPeers({
        book: this.book,
        permits,
        clock: this.clock,
        news: this.#news,
        wantsPeers: () => this.#parts.isSeeder || !this.swarm.isComplete,
        connect: (known, permit) => scope.spawn((inner) => this.#connect(known, permit, inner)),
      }, signal)
    );
    scope.spawn((signal) => this.#tick(signal));
    // Before the tasks are joined: a read loop ends when its stream is closed.
    scope.signal.addEventListener("abort", () => {
      for (const conn of this.#conns) conn.close("stopped");
    });
  }

  /** Takes note of addresses. */
  addPeers(addresses: readonly Address[], source: PeerSource): void {
    for (const address of addresses) this.book.add(address, source);
    this.#news.notify();
  }

  /** A peer dialled us and said whom it wants; the stream and the permit are ours from here on. */
  adopt(stream: ByteStream, handshake: Handshake, permit: Permit): void {
    this.#parts.scope.spawn(async () => {
      using _permit = permit;
      using _stream = stream;
      const known = this.book.add(stream.remote, "incoming");
      if (known === undefined || known.isBusy || known.isBanned) return;
      known.isBusy = true;
      let reason: PeerCloseReason = "eof";
      if (await sendGreeting(stream, this.#parts.metainfo.infoHash, this.#parts.peerId)) {
        reason = await this.#converse(stream, handshake, known, false);
      }
      this.#count(reason);
      this.book.release(known, this.clock.now(), "useful");
    });
  }

  /**
   * Whether a new connection with this peer id is to be dropped since there is one already. When two dial
   * each other at once, both sides keep the connection that the lower peer id dialled.
   */
  isDuplicate(peerId: Uint8Array, isOutgoing: boolean): boolean {
    const known = this.swarm.peers.find((peer) => equalBytes(peer.peerId, peerId));
    if (known === undefined) return false;
    const isOursLower = compareBytes(this.#parts.peerId, peerId) < 0;
    if (known.isOutgoing === isOutgoing || isOursLower !== isOutgoing) return true;
    known.closing ??= "duplicate";
    return false;
  }

  /** Reads for one peer. */
  newBatch(): BlockBatch {
    return this.#parts.disk.newBatch();
  }

  /** Memory for what one peer sends. */
  receiveBuffer(): ReceiveBuffer | undefined {
    return this.#parts.disk.receiveBuffer();
  }

  /** What is gone is not offered again; everything else still is. */
  onLost(piece: PieceIndex, error: DiskError): void {
    if (this.swarm.giving.lose(piece)) this.#parts.onLost(error);
  }

  /** Facts to the disk and to the book, messages to the wire. */
  afterStep(): void {
    for (const open of this.swarm.takeWhole()) {
      this.#writing++;
      this.#write(open).catch(this.#reject);
    }
    if (this.swarm.giving.isRoundDue) this.swarm.giving.tick(this.clock.now());
    for (const giver of this.swarm.takeGuilty()) this.book.ban(giver);
    for (const conn of this.#conns) conn.flush();
  }

  async #write(open: OpenPiece): Promise<void> {
    const { piece, buffer } = open;
    const wantBlockDigests = this.swarm.wantsDigests(piece);
    const verdict = await this.#parts.disk.writePiece(piece, buffer, { wantBlockDigests });
    this.#writing--;
    this.swarm.onVerdict(open, verdict);
    if (verdict.isGood) this.#reportFiles(piece);
    if (this.swarm.isComplete) {
      this.#resolve();
      return this.#sayUploadOnly();
    }
    this.swarm.fillAll(this.clock.now());
    this.afterStep();
  }

  /** Peers that are complete as well learn that nothing is to be had here (BEP 21). */
  #sayUploadOnly(): void {
    for (const peer of this.swarm.peers) this.swarm.extensions.tell(peer);
    this.afterStep();
  }

  #reportFiles(piece: PieceIndex): void {
    for (const file of this.#parts.metainfo.fileMap.filesAt(piece)) {
      if (this.#parts.disk.isFileComplete(file)) this.#parts.onFile(file as FileIndex);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(TICK_MS, { signal });
      const now = this.clock.now();
      this.swarm.tick(now);
      for (const conn of this.#conns) conn.tick(now);
      this.swarm.extensions.tick(this.swarm.peers, now);
      this.#rotate(now);
      this.afterStep();
      this.#parts.onTick();
    }
  }

  #rotate(now: number): void {
    if (now - this.#rotatedAt < ROTATE_EVERY_MS) return;
    const waiting = this.#parts.permits.free === 0 ? this.book.dueCount(now) : 0;
    if (waiting === 0) return;
    const replaced = pickToReplace(this.swarm.peers, now, waiting);
    if (replaced.length > 0) this.#rotatedAt = now;
    for (const peer of replaced) peer.closing ??= "no-use";
  }

  async #connect(known: KnownPeer, permit: Permit, signal: AbortSignal): Promise<void> {
    using _permit = permit;
    let reason: PeerCloseReason = "dial-failed";
    let wasUseful = false;
    this.#dialling++;
    let stream: ByteStream | undefined;
    try {
      stream = await this.#dial(known, signal);
      if (stream !== undefined) {
        const handshake = await this.#greet(stream, signal);
        this.#dialling--;
        reason = await this.#converse(stream, handshake, known, true, () => wasUseful = true);
        this.#dialling++;
      }
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      reason = error.reason;
      if (reason === "self") this.book.ban(known.id);
    } finally {
      this.#dialling--;
      stream?.close();
      this.#count(signal.aborted ? "stopped" : reason);
      // To a complete torrent a seed is no use for good; a leech that was too slow may try again.
      const isRotated = reason === "no-use" && !this.swarm.isComplete;
      const outcome = isRotated ? "rotated" : wasUseful ? "useful" : "failed";
      this.book.release(known, this.clock.now(), outcome);
      this.#news.notify();
    }
  }

  async #dial(known: KnownPeer, signal: AbortSignal): Promise<ByteStream | undefined> {
    const timer = new AbortController();
    const stop = AbortSignal.any([signal, timer.signal]);
    this.clock.sleep(DIAL_TIMEOUT_MS, { signal: stop }).then(() => timer.abort(), () => {});
    try {
      return await this.#parts.world.network.dial(known.address, { signal: stop });
    } catch {
      return undefined;
    } finally {
      timer.abort();
    }
  }

  async #greet(stream: ByteStream, signal: AbortSignal): Promise<Handshake> {
    const { metainfo, peerId } = this.#parts;
    if (!await sendGreeting(stream, metainfo.infoHash, peerId)) throw new PeerError("eof");
    const handshake = await readGreeting(stream, this.clock, signal);
    if (!handshake.infoHash.every((b, i) => b === metainfo.infoHash[i])) {
      throw new PeerError("wrong-info-hash");
    }
    if (isOurselves(handshake, peerId)) throw new PeerError("self");
    if (this.isDuplicate(handshake.peerId, true)) throw new PeerError("duplicate");
    return handshake;
  }

  async #converse(
    stream: ByteStream,
    handshake: Handshake,
    known: KnownPeer,
    isOutgoing: boolean,
    onUseful?: () => void,
  ): Promise<PeerCloseReason> {
    const conn = new PeerConn(this, stream, {
      handshake,
      giver: known.id,
      isOutgoing,
    });
    this.#conns.add(conn);
    try {
      return await conn.run();
    } finally {
      this.#conns.delete(conn);
      this.swarm.extensions.onGone(conn.peer);
      this.#sources.settle(known.source, conn.peer.down.total);
      if (conn.peer.down.total > 0) onUseful?.();
      this.swarm.fillAll(this.clock.now());
      this.afterStep();
    }
  }

  #offer(): Omit<ExtensionOffer, "m"> {
    const port = this.#parts.port();
    return {
      v: USER_AGENT,
      reqq: MAX_OWED,
      ...(port > 0 ? { port } : {}),
      ...(this.swarm.isComplete ? { uploadOnly: true } : {}),
    };
  }

  #count(reason: PeerCloseReason): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1;
  }
}
