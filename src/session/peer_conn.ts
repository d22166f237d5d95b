/**
 * One connection: handshake, read loop, write loop (BEP 3, https://www.bittorrent.org/beps/bep_0003.html).
 *
 * It moves bytes between a stream and the stage that the torrent is on, and decides nothing. The read loop
 * is the only place that waits for a peer; writes run beside it, one at a time, each taking all that is
 * pending. It belongs to a torrent, which is told after each step that facts may be waiting.
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { equalBytes } from "../base/bytes.ts";
import { MIB, type Millis } from "../base/units.ts";
import { type PeerCloseReason, PeerError } from "../base/errors.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import type { BlockSender } from "./block_sender.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReceiveBuffer } from "../ports/disk.ts";
import type { ByteStream } from "../ports/network.ts";
import type { Extensions } from "../swarm/extensions.ts";
import { Peer } from "../swarm/peer.ts";
import { Decoder } from "../wire/decoder.ts";
import { Encoder } from "../wire/encoder.ts";
import {
  encodeHandshake,
  type Handshake,
  HANDSHAKE_BYTES,
  type HandshakeOffer,
  HandshakeReader,
} from "../wire/handshake.ts";
import type { PeerHandler, Stage } from "./stage.ts";

/** The other side has this long for its whole handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Read at once under a rate limit: every peer may be ahead of the limit by this much. */
const LIMITED_READ_BYTES = 16_384;

/** Blocks that go as one write to a peer that has taken little so far. */
const LEAST_BATCH_BYTES = 16_384;

/** Messages that wait behind a write; a peer that lets more pile up does not read. */
const MAX_UNSENT_BYTES: number = 4 * MIB;

/** A write that is not taken for so long goes to a peer that does not read. */
const WRITE_TIMEOUT_MS = 150_000;

/** The DHT as peers are told of it and tell of it (BEP 5). */
export interface DhtNeighbour {
  /** The UDP port of our node, 0 while there is none that answers. */
  readonly port: number;
  /** A peer says that it runs a node there. */
  addNode(address: Address): void;
}

/** What a connection needs of its torrent. */
export interface ConnHost {
  /** Where peers are at the moment. */
  readonly stage: Stage;
  readonly extensions: Extensions;
  readonly clock: Clock;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  /** The DHT, where the torrent may use it. */
  readonly dht: DhtNeighbour | undefined;
  /** Messages were handled: facts may be waiting and other peers may have something to be sent. */
  afterStep(): void;
}

/**
 * Reads a whole handshake and not a byte more.
 *
 * @throws {PeerError} eof, bad-handshake, or handshake-timeout; the stream is to be closed then.
 */
export async function readGreeting(
  stream: ByteStream,
  clock: Clock,
  signal: AbortSignal,
): Promise<Handshake> {
  const timer = new AbortController();
  let isLate = false;
  clock.sleep(HANDSHAKE_TIMEOUT_MS, { signal: AbortSignal.any([signal, timer.signal]) }).then(
    () => {
      isLate = true;
      stream.close();
    },
    () => signal.aborted && stream.close(),
  );
  try {
    const reader = new HandshakeReader();
    const buffer = new Uint8Array(HANDSHAKE_BYTES);
    while (reader.missing > 0) {
      const n = await stream.read(buffer.subarray(0, reader.missing));
      if (n === null) throw new PeerError(isLate ? "handshake-timeout" : "eof");
      reader.push(buffer.subarray(0, n));
    }
    return reader.handshake!;
  } finally {
    timer.abort();
  }
}

/** Sends our handshake. False when the stream has ended. */
export function sendGreeting(
  stream: ByteStream,
  offer: Pick<HandshakeOffer, "infoHash" | "peerId" | "dht">,
): Promise<boolean> {
  return stream.write(encodeHandshake({ ...offer, fast: true, extended: true }));
}

/** A connected peer's two loops. */
export class PeerConn {
  readonly peer: Peer;
  readonly #host: ConnHost;
  readonly #stream: ByteStream;
  readonly #decoder: Decoder;
  #received: ReceiveBuffer | undefined;
  readonly #ended = new AbortController();
  #handler: PeerHandler;
  #sender: BlockSender | undefined;
  #isWriting = false;
  // Ends a wait for tokens.
  #pause: AbortController | undefined;
  // Since when the stream has not taken what it was given.
  #sendingSince = Infinity;
  #reason: PeerCloseReason | undefined;

  /** Enters the stage; the stream is owned from here on. */
  constructor(
    host: ConnHost,
    stream: ByteStream,
    who: { handshake: Handshake; giver: number; isOutgoing: boolean },
  ) {
    this.#host = host;
    this.#stream = stream;
    const { stage } = host;
    const { pieceCount } = stage;
    this.#received = stage.receiveBuffer();
    this.#decoder = new Decoder({ pieceCount, memory: this.#received?.bytes });
    this.peer = new Peer({
      giver: who.giver,
      address: stream.remote,
      peerId: who.handshake.peerId,
      supportsFast: who.handshake.supportsFast,
      supportsExtended: who.handshake.supportsExtended,
      isOutgoing: who.isOutgoing,
      encoder: new Encoder(),
      pieceCount: pieceCount ?? 0,
      now: host.clock.now(),
    });
    this.#handler = stage.enter(this.peer);
    this.#sender = stage.senderFor(this.peer);
    host.extensions.tell(this.peer);
    const dhtPort = host.dht?.port ?? 0;
    if (dhtPort > 0 && who.handshake.supportsDht) this.peer.encoder.port(dhtPort);
  }

  /** Reads until the connection ends; returns why. Leaves the stage. */
  async run(): Promise<PeerCloseReason> {
    try {
      await this.#read();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.close(error.reason);
    } finally {
      this.#decoder.stop();
      this.#stream.close();
      // No read is under way any more: the loop has ended.
      this.#received?.release();
      this.#host.stage.leave(this.peer);
    }
    return this.#reason ?? this.peer.closing ?? "eof";
  }

  /** Ends the connection; the first reason given stays. */
  close(reason: PeerCloseReason): void {
    this.#reason ??= reason;
    this.#decoder.stop();
    this.#ended.abort();
    this.#stream.close();
  }

  /** Goes on to another stage, with all that is under way. */
  moveTo(stage: Stage): void {
    if (stage.pieceCount !== undefined) this.#decoder.setPieceCount(stage.pieceCount);
    this.#received ??= stage.receiveBuffer();
    if (this.#received !== undefined) this.#decoder.useMemory(this.#received.bytes);
    try {
      this.#handler = stage.enter(this.peer);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return this.close(error.reason);
    }
    this.#sender = stage.senderFor(this.peer);
    this.#host.extensions.tell(this.peer);
  }

  /** Sends what is pending, unless a write is under way that will. Closes what is to be closed. */
  flush(): void {
    if (this.peer.closing !== undefined) return this.close(this.peer.closing);
    const { encoder, owed } = this.peer;
    if (this.#isWriting) {
      // A peer that never reads must not cost memory.
      if (encoder.length > MAX_UNSENT_BYTES) this.close("idle");
      else if (encoder.length > 0) this.#pause?.abort();
      return;
    }
    if (encoder.length === 0 && owed.length === 0) return;
    this.#isWriting = true;
    this.#write().catch(() => this.close("reset"));
  }

  /** Lets time pass. */
  tick(now: Millis): void {
    if (now - this.#sendingSince >= WRITE_TIMEOUT_MS) this.close("idle");
  }

  /** Writes until nothing is pending; messages go before blocks, and wait for no rate limit. */
  async #write(): Promise<void> {
    const { encoder, owed } = this.peer;
    const { clock, upLimit } = this.#host;
    while (!this.#ended.signal.aborted) {
      if (encoder.length > 0) {
        if (!await this.#send(encoder.take())) return;
        continue;
      }
      if (owed.length === 0) break;
      const ms = upLimit.isLimited ? upLimit.delay(clock.now()) : 0;
      if (ms > 0) await this.#wait(ms);
      else if (!await this.#sendBlocks()) return;
    }
    this.#isWriting = false;
  }

  /** Waits for tokens, or until there are messages. */
  async #wait(ms: number): Promise<void> {
    const pause = this.#pause = new AbortController();
    const signal = AbortSignal.any([this.#ended.signal, pause.signal]);
    await this.#host.clock.sleep(Math.ceil(ms), { signal }).catch(() => {});
    this.#pause = undefined;
  }

  async #sendBlocks(): Promise<boolean> {
    const { clock, upLimit } = this.#host;
    const sender = this.#sender;
    const payload = sender?.collect(Math.min(upLimit.burst, this.#batchBytes())) ?? 0;
    if (sender === undefined || payload === 0) return true;
    // Before anything is waited for: others must not take the same tokens.
    upLimit.take(payload, clock.now());
    this.peer.isTaking = true;
    try {
      const run = await sender.read();
      if (run.payload === 0) return true;
      if (!await this.#send(run.bytes)) return false;
      this.peer.up.add(run.payload, clock.now());
      sender.sent(run.payload);
      return true;
    } finally {
      this.peer.isTaking = false;
      sender.end();
    }
  }

  /** As much as the peer takes in half a second, so that messages do not wait for long behind blocks. */
  #batchBytes(): number {
    return Math.max(LEAST_BATCH_BYTES, this.peer.up.rate(this.#host.clock.now()) / 2);
  }

  async #send(bytes: Uint8Array): Promise<boolean> {
    this.peer.lastWriteAt = this.#sendingSince = this.#host.clock.now();
    const isTaken = await this.#stream.write(bytes);
    this.#sendingSince = Infinity;
    if (isTaken) return true;
    this.close("reset");
    return false;
  }

  async #read(): Promise<void> {
    const { clock, downLimit } = this.#host;
    const { peer } = this;
    for (;;) {
      this.#host.stage.fill(peer, this.#handler.now);
      this.#host.afterStep();
      let into = this.#decoder.reserve();
      if (downLimit.isLimited) {
        await this.#waitForTokens(downLimit);
        into = into.subarray(0, LIMITED_READ_BYTES);
      }
      const n = await this.#stream.read(into);
      if (n === null) return;
      const handler = this.#handler;
      peer.lastReadAt = handler.now = clock.now();
      const { frames } = this.#decoder;
      this.#decoder.commit(n, handler);
      peer.chatter.charge(this.#decoder.frames - frames, n, handler.now);
      downLimit.take(n, handler.now);
      if (peer.dhtPort > 0) this.#tellDht();
    }
  }

  #tellDht(): void {
    const { address, dhtPort } = this.peer;
    this.peer.dhtPort = 0;
    this.#host.dht?.addNode({ host: address.host, port: dhtPort });
  }

  /** Waits until no debt is left; others may have taken what there was in the meantime. */
  async #waitForTokens(limit: TokenBucket): Promise<void> {
    const { clock } = this.#host;
    const { signal } = this.#ended;
    for (let ms = limit.delay(clock.now()); ms > 0; ms = limit.delay(clock.now())) {
      if (signal.aborted) return;
      await clock.sleep(Math.ceil(ms), { signal }).catch(() => {});
    }
  }
}

/** Whether a handshake is our own, come back to us. */
export function isOurselves(handshake: Handshake, peerId: Uint8Array): boolean {
  return equalBytes(handshake.peerId, peerId);
}
