/**
 * A session: one listening port, one bound on peers and one set of rate limits for all its torrents.
 *
 * It accepts peers and hands them to their torrent; what happens is published as events after each step,
 * so no listener can re-enter. Every torrent runs in a scope below the session's.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { Broadcast } from "../base/broadcast.ts";
import { NetworkError, OptionsError, PeerError } from "../base/errors.ts";
import { concat } from "../base/bytes.ts";
import { Scope } from "../base/scope.ts";
import { type Permit, Semaphore } from "../base/semaphore.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { PEER_ID_PREFIX, USER_AGENT } from "../base/version.ts";
import type { ByteStream, Listener } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import type { Connections } from "./connections.ts";
import type { DhtReport } from "./dht_report.ts";
import { DhtService } from "./dht_service.ts";
import type { SessionEvent } from "./events.ts";
import { type LookOptions, SwarmLook } from "./look.ts";
import type { AddMagnet, AddTorrent, SessionOptions } from "./options.ts";
import { LsdService } from "./lsd_service.ts";
import { isOurselves, readGreeting, sendGreeting } from "./peer_conn.ts";
import type { EventBody } from "./reporter.ts";
import { DEFAULT_BUFFER_BYTES, Torrent, type TorrentHost } from "./torrent.ts";
import { UdpTrackers } from "./tracker_udp.ts";

/** Peers at the most, dialling plus connected. */
export const MAX_PEERS = 40;
/** Permits that incoming peers leave for dialling. */
const KEPT_FOR_DIALLING = 4;
/** Ports tried one after the other where none was asked for; 0 is any. */
const DEFAULT_PORTS: readonly number[] = [6881, 6882, 6883, 6884, 6885, 6886, 6887, 6888, 6889, 0];

/** Downloads torrents. */
export class Session implements AsyncDisposable {
  readonly #world: World;
  readonly #options: SessionOptions;
  readonly #scope = new Scope("session");
  readonly #events = new Broadcast<SessionEvent>({ isDroppable: (e) => e.type === "progress" });
  readonly #torrents = new Map<string, Torrent>();
  readonly #connections = new Map<string, Connections>();
  readonly #permits: Semaphore;
  readonly #downLimit: TokenBucket;
  readonly #udp: UdpTrackers;
  readonly #dht: DhtService;
  readonly #lsd: LsdService;
  readonly #upLimit: TokenBucket;
  readonly #peerId: Uint8Array;
  #listener: Listener | undefined;
  #owned: AsyncDisposable | undefined;
  #saidPort = false;

  private constructor(world: World, options: SessionOptions) {
    this.#world = world;
    this.#options = options;
    this.#permits = new Semaphore(options.maxPeers ?? MAX_PEERS);
    this.#downLimit = new TokenBucket(options.downLimit ?? Infinity);
    this.#udp = new UdpTrackers(world);
    this.#dht = new DhtService(world, {
      port: () => this.port,
      nodes: options.dhtNodes ?? [],
      isShortLived: options.isShortLived ?? false,
      onWarning: (message) => this.#publish({ type: "warning", message }),
    });
    this.#lsd = new LsdService({
      world,
      interfaces: options.lsdInterfaces,
      port: () => this.port,
      onWarning: (message) => this.#publish({ type: "warning", message }),
    });
    this.#upLimit = new TokenBucket(options.upLimit ?? Infinity);
    const prefix = new TextEncoder().encode(PEER_ID_PREFIX);
    this.#peerId = concat([prefix, world.random.bytes(20 - prefix.length)]);
  }

  /**
   * Opens a session and listens. What is `owned` is disposed with it, last.
   *
   * @throws {NetworkError} kind `in-use` when every port that was asked for is taken.
   */
  static async open(
    world: World,
    options: SessionOptions = {},
    extra: { owned?: AsyncDisposable } = {},
  ): Promise<Session> {
    const session = new Session(world, options);
    await session.#listen();
    session.#owned = extra.owned;
    return session;
  }

  /** The listening port, 0 where nothing could be listened on. */
  get port(): number {
    return this.#listener?.address.port ?? 0;
  }

  /** Permits out: peers that are dialled or connected. */
  get peers(): number {
    return this.#permits.capacity - this.#permits.free;
  }

  /** How the DHT stands, which is opened when the first torrent asks it. */
  dhtReport(): DhtReport {
    return this.#dht.report();
  }

  /**
   * Starts a torrent.
   *
   * @throws {OptionsError} the same torrent is running in this session.
   */
  add(options: AddTorrent): Torrent {
    return this.#start(hex(options.metainfo.infoHash), options);
  }

  /**
   * Starts a torrent that is known by a magnet link: its metadata is fetched first.
   *
   * @throws {OptionsError} the same torrent is running in this session, or the link has no infohash of v1.
   */
  addMagnet(options: AddMagnet): Torrent {
    const { infoHash } = options.magnet;
    if (infoHash === null) {
      throw new OptionsError("Cannot add magnet link: v2 torrents are not supported yet");
    }
    return this.#start(hex(infoHash), options);
  }

  #start(key: string, options: AddTorrent | AddMagnet): Torrent {
    if (this.#torrents.has(key)) {
      throw new OptionsError(`Cannot add torrent ${key}: it is running already`);
    }
    const torrent = new Torrent(this.#host(key), options);
    this.#torrents.set(key, torrent);
    torrent.finished.then(() => {
      this.#torrents.delete(key);
      this.#connections.delete(key);
    });
    return torrent;
  }

  /** Looks at the swarm of a torrent that is not running in this session, until it is disposed. */
  look(options: LookOptions): SwarmLook {
    const key = hex(options.infoHash);
    const look = new SwarmLook(this.#host(key), options);
    look.ended.then(() => this.#connections.delete(key));
    return this.#scope.use(look);
  }

  /** Opens the DHT without a torrent. */
  async startDht(): Promise<void> {
    await this.#dht.start();
  }

  /**
   * What happens from now on; ends with the session or, quietly, when the signal aborts. The first reader
   * is told the listening port.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<SessionEvent> {
    const reader = this.#events.subscribe(options);
    if (!this.#saidPort && this.port > 0) this.#publish({ type: "listening", port: this.port });
    this.#saidPort = true;
    return reader;
  }

  /** Stops every torrent, saves its state and closes the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.stop()));
    this.#listener?.close();
    await this.#dht[Symbol.asyncDispose]();
    await this.#lsd[Symbol.asyncDispose]();
    await this.#scope[Symbol.asyncDispose]();
    this.#events.close();
    await this.#owned?.[Symbol.asyncDispose]();
  }

  /** What a torrent needs of us. */
  #host(key: string): TorrentHost {
    return {
      world: this.#world,
      scope: this.#scope,
      permits: this.#permits,
      peerId: this.#peerId,
      downLimit: this.#downLimit,
      upLimit: this.#upLimit,
      bufferBytes: this.#options.bufferBytes ?? DEFAULT_BUFFER_BYTES,
      allowPrivate: this.#options.allowPrivate ?? false,
      userAgent: this.#options.userAgent ?? USER_AGENT,
      udp: this.#udp,
      dht: this.#dht,
      lsd: this.#lsd,
      port: () => this.port,
      publish: (event) => this.#publish(event),
      onConnections: (connections) => this.#connections.set(key, connections),
    };
  }

  #publish(event: EventBody): void {
    this.#events.publish({ v: 1, at: this.#world.clock.epochMs(), ...event } as SessionEvent);
  }

  async #listen(): Promise<void> {
    const ports = this.#options.ports ?? DEFAULT_PORTS;
    let taken: unknown;
    for (const port of ports) {
      try {
        this.#listener = await this.#world.network.listen({ port });
        break;
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        taken = error;
      }
    }
    const listener = this.#listener;
    if (listener === undefined) {
      if (this.#options.ports !== undefined) throw taken;
      return;
    }
    this.#scope.spawn((signal) => this.#accept(listener, signal));
  }

  async #accept(listener: Listener, signal: AbortSignal): Promise<void> {
    for (let stream = await listener.accept(); stream; stream = await listener.accept()) {
      const permit = this.#permits.free > this.#reserve ? this.#permits.tryAcquire() : undefined;
      if (permit === undefined) stream.close();
      else this.#greet(stream, permit, signal);
    }
  }

  get #reserve(): number {
    return Math.min(KEPT_FOR_DIALLING, this.#permits.capacity - 1);
  }

  #greet(stream: ByteStream, permit: Permit, signal: AbortSignal): void {
    this.#scope.spawn(async () => {
      try {
        const handshake = await readGreeting(stream, this.#world.clock, signal);
        const connections = this.#connections.get(hex(handshake.infoHash));
        if (isOurselves(handshake, this.#peerId)) {
          // The answer tells our dialling side whom it has reached, so that it never tries again.
          await sendGreeting(stream, { infoHash: handshake.infoHash, peerId: this.#peerId });
        } else if (
          connections !== undefined && !connections.book.isBanned(stream.remote) &&
          !connections.isDuplicate(handshake.peerId, false)
        ) return connections.adopt(stream, handshake, permit);
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
      }
      stream.close();
      permit.release();
    });
  }
}
