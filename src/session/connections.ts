/**
 * The connections of one torrent: whom to dial, handshakes, which peer gives its slot up, time in ticks.
 *
 * What peers and we say to each other is the stage's affair: the torrent moves all connections from one
 * stage to the next, and none is closed for that.
 *
 * @module
 */

import { type Address, formatAddress } from "../base/address.ts";
import { compareBytes, equalBytes } from "../base/bytes.ts";
import { PEER_FAULTS, type PeerCloseReason, PeerError } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import type { Permit, Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import { USER_AGENT } from "../base/version.ts";
import { Wakeup } from "../base/wakeup.ts";
import type { Clock } from "../ports/clock.ts";
import type { ByteStream } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import { Extensions } from "../swarm/extensions.ts";
import { OwnAddresses } from "../swarm/own_addresses.ts";
import { Pex } from "../swarm/pex.ts";
import { canonicalPriority } from "../swarm/canonical_priority.ts";
import type { Peer } from "../swarm/peer.ts";
import { PeerBook } from "../swarm/peer_book.ts";
import type { KnownPeer } from "../swarm/peer_rank.ts";
import type { PeerSource, PeerSources } from "../swarm/peer_sources.ts";
import { MAX_OWED } from "../swarm/uploads.ts";
import type { ExtensionOffer } from "../wire/extension.ts";
import { PEX_REACHABLE, PEX_SEED, type PexPeer } from "../wire/ut_pex.ts";
import type { Handshake } from "../wire/handshake.ts";
import { DIAL_TIMEOUT_MS, dialPeers } from "./dialer.ts";
import {
  type ConnHost,
  type DhtNeighbour,
  isOurselves,
  PeerConn,
  readGreeting,
  sendGreeting,
} from "./peer_conn.ts";
import { pickToReplace, ROTATE_EVERY_MS } from "./rotation.ts";
import { SourceLedger, type SourceStats } from "./source_stats.ts";
import type { Stage } from "./stage.ts";

/** How often time passes for the peers of a torrent. */
export const TICK_MS = 500;

/** What connections are made with. */
export interface ConnectionsParts {
  readonly world: World;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly scope: Scope;
  readonly permits: Semaphore;
  readonly peerId: Uint8Array;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  /** Where peers may come from. */
  readonly sources: PeerSources;
  /** The DHT of the session. */
  readonly dht: DhtNeighbour;
  /** Whether it goes on, giving, when it is complete. */
  readonly isSeeder: boolean;
  /** Our listening port, 0 while there is none. */
  readonly port: () => number;
  /** Called every tick, after everything else. */
  readonly onTick: () => void;
}

/** The connections of one torrent. */
export class Connections implements ConnHost {
  readonly clock: Clock;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  readonly book: PeerBook;
  dht: DhtNeighbour | undefined;
  /** What is spoken beside BEP 3, on every stage. */
  readonly extensions: Extensions;
  /** Why peers were dropped, counted. */
  readonly closed: Partial<Record<PeerCloseReason, number>> = {};
  readonly #parts: ConnectionsParts;
  readonly #conns = new Set<PeerConn>();
  readonly #sources = new SourceLedger();
  readonly #own = new OwnAddresses();
  readonly #voted = new WeakSet<Peer>();
  readonly #news = new Wakeup();
  #stage: Stage | undefined;
  #dialling = 0;
  #rotatedAt = 0;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.clock = parts.world.clock;
    this.downLimit = parts.downLimit;
    this.upLimit = parts.upLimit;
    this.book = new PeerBook(parts.world.random, {
      sources: parts.sources,
      isUs: (address) => this.#own.isUs(address, parts.port()),
      priority: (address) => this.#priority(address),
      skipsSeeds: () => this.#stage?.isComplete === true,
    });
    this.dht = parts.sources.has("dht") ? parts.dht : undefined;
    this.extensions = new Extensions(() => this.#offer());
    if (parts.sources.has("pex")) {
      this.extensions.add(new Pex((peers) => this.#onPex(peers)));
    }
  }

  /** Connections under way that are not through the handshake yet. */
  get dialling(): number {
    return this.#dialling;
  }

  /** Which kinds of source the peers and the bytes came from. */
  get sources(): SourceStats[] {
    return this.#sources.stats(this.stage.peers, (giver) => this.book.sourceOf(giver));
  }

  /** Where peers are at the moment. There must have been an {@link enter}. */
  get stage(): Stage {
    return this.#stage!;
  }

  /** Everybody moves to a stage; whoever comes later goes there at once. */
  enter(stage: Stage): void {
    this.#stage = stage;
    for (const conn of this.#conns) conn.moveTo(stage);
    if (this.#conns.size === 0) return;
    stage.fillAll(this.clock.now());
    this.afterStep();
  }

  /** Only these sources from now on: peers of others are let go. */
  restrict(sources: PeerSources): void {
    if (!sources.has("dht")) this.dht = undefined;
    if (!sources.has("pex")) this.extensions.remove("ut_pex");
    for (const peer of this.stage.peers) {
      if (!sources.has(this.book.sourceOf(peer.giver) ?? "incoming")) peer.closing ??= "no-use";
    }
    this.book.restrict(sources);
    this.afterStep();
  }

  /** Starts dialling and ticking. */
  start(): void {
    const { scope, permits, isSeeder } = this.#parts;
    scope.spawn((signal) =>
      dialPeers({
        book: this.book,
        permits,
        clock: this.clock,
        news: this.#news,
        wantsPeers: () => isSeeder || !this.stage.isComplete,
        connect: (known, permit) => {
          if (!scope.spawn((inner) => this.#connect(known, permit, inner))) permit.release();
        },
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

  #onPex(peers: readonly PexPeer[]): void {
    for (const { address, flags } of peers) {
      const isReachable = (flags & PEX_REACHABLE) !== 0;
      this.book.add(address, "pex", { isReachable, isSeed: (flags & PEX_SEED) !== 0 });
    }
    this.#news.notify();
  }

  /** How much a peer deserves a slot, as both sides see it (BEP 40). */
  #priority(address: Address): number | undefined {
    const host = this.#own.facing(address.host);
    return host === undefined
      ? undefined
      : canonicalPriority({ host, port: this.#parts.port() }, address);
  }

  /** A peer dialled us and said whom it wants; the stream and the permit are ours from here on. */
  adopt(stream: ByteStream, handshake: Handshake, permit: Permit): void {
    const isTaken = this.#parts.scope.spawn(async () => {
      using _permit = permit;
      using _stream = stream;
      const known = this.book.add(stream.remote, "incoming");
      if (known === undefined || known.isBusy || known.isBanned) return;
      known.isBusy = true;
      let reason: PeerCloseReason = "eof";
      if (await this.#sayHello(stream)) {
        reason = await this.#converse(stream, handshake, known, false);
      }
      this.#count(reason, known);
      this.book.release(known, this.clock.now(), "useful");
    });
    if (isTaken) return;
    stream.close();
    permit.release();
  }

  /**
   * Whether a new connection with this peer id is to be dropped since there is one already. When two dial
   * each other at once, both sides keep the connection that the lower peer id dialled.
   */
  isDuplicate(peerId: Uint8Array, isOutgoing: boolean): boolean {
    const known = this.stage.peers.find((peer) => equalBytes(peer.peerId, peerId));
    if (known === undefined) return false;
    const isOursLower = compareBytes(this.#parts.peerId, peerId) < 0;
    if (known.isOutgoing === isOutgoing || isOursLower !== isOutgoing) return true;
    known.closing ??= "duplicate";
    return false;
  }

  /** Facts to where they belong, messages to the wire. */
  afterStep(): void {
    this.stage.settle();
    for (const conn of this.#conns) conn.flush();
  }

  /** Something is missing again: those who were let go for want of it are dialled again. */
  needPeers(): void {
    this.book.needAll(this.clock.now());
    this.#news.notify();
    this.sayExtensions();
  }

  /** Everybody hears what we speak and offer by now. */
  sayExtensions(): void {
    for (const peer of this.stage.peers) this.extensions.tell(peer);
    this.afterStep();
  }

  async #tick(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.clock.sleep(TICK_MS, { signal });
      const now = this.clock.now();
      this.stage.tick(now);
      for (const conn of this.#conns) conn.tick(now);
      this.extensions.tick(this.stage.peers, now);
      this.#learnOwn();
      this.#rotate(now);
      this.afterStep();
      this.#parts.onTick();
    }
  }

  /** Counts where peers say that they see us. */
  #learnOwn(): void {
    for (const peer of this.stage.peers) {
      const { yourIp } = peer.extensions ?? {};
      if (yourIp === undefined || this.#voted.has(peer)) continue;
      this.#voted.add(peer);
      if (this.#own.hear(peer.address, yourIp)) this.book.rerank();
    }
  }

  #rotate(now: number): void {
    if (now - this.#rotatedAt < ROTATE_EVERY_MS) return;
    const waiting = this.#parts.permits.free === 0 ? this.book.dueCount(now) : 0;
    if (waiting === 0) return;
    const replaced = pickToReplace(this.stage.peers, now, waiting);
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
    } finally {
      this.#dialling--;
      stream?.close();
      this.#count(signal.aborted ? "stopped" : reason, known);
      this.book.release(known, this.clock.now(), this.#outcome(reason, wasUseful));
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

  /** What a connection was to us. A seed is no use to a complete torrent; one too slow may try again. */
  #outcome(
    reason: PeerCloseReason,
    wasUseful: boolean,
  ): "useful" | "failed" | "rotated" | "needless" {
    if (reason === "no-use") return this.stage.isComplete ? "needless" : "rotated";
    return wasUseful ? "useful" : "failed";
  }

  #sayHello(stream: ByteStream): Promise<boolean> {
    const { infoHash, peerId } = this.#parts;
    return sendGreeting(stream, { infoHash, peerId, dht: (this.dht?.port ?? 0) > 0 });
  }

  async #greet(stream: ByteStream, signal: AbortSignal): Promise<Handshake> {
    const { infoHash, peerId } = this.#parts;
    if (!await this.#sayHello(stream)) throw new PeerError("eof");
    const handshake = await readGreeting(stream, this.clock, signal);
    if (!equalBytes(handshake.infoHash, infoHash)) throw new PeerError("wrong-info-hash");
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
    if (this.#own.learn(stream.local.host)) this.book.rerank();
    const conn = new PeerConn(this, stream, { handshake, giver: known.id, isOutgoing });
    this.#conns.add(conn);
    const peer = formatAddress(known.address);
    this.#parts.world.log.write("debug", "peer connected", { peer, source: known.source });
    try {
      return await conn.run();
    } finally {
      this.#conns.delete(conn);
      this.extensions.onGone(conn.peer);
      this.#sources.settle(known.source, conn.peer.down.total);
      if (conn.peer.down.total > 0) onUseful?.();
      this.stage.fillAll(this.clock.now());
      this.afterStep();
    }
  }

  #offer(): Omit<ExtensionOffer, "m"> {
    const port = this.#parts.port();
    return {
      v: USER_AGENT,
      reqq: MAX_OWED,
      ...(port > 0 ? { port } : {}),
      ...(this.stage.isComplete && this.stage.isPretending !== true ? { uploadOnly: true } : {}),
    };
  }

  #count(reason: PeerCloseReason, known: KnownPeer): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1;
    const peer = formatAddress(known.address);
    this.#parts.world.log.write("debug", "peer gone", { peer, source: known.source, reason });
    if (reason === "self") this.book.exclude(known);
    else if (PEER_FAULTS.has(reason)) this.book.fault(known.id);
  }
}
