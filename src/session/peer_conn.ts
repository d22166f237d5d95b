/**
 * One connection: handshake, read loop, write loop (BEP 3, https://www.bittorrent.org/beps/bep_0003.html).
 *
 * It moves bytes between a stream and the swarm and decides nothing. The read loop is the only place that
 * waits for a peer; writes run beside it, one at a time, each taking all that is pending. It belongs to a
 * torrent, which is told after each step that facts may be waiting.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { MIB, type Millis } from "../base/units.ts";
import { type PeerCloseReason, PeerError } from "../base/errors.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import { BlockSender, type BlockSenderHost } from "./block_sender.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReceiveBuffer } from "../ports/disk.ts";
import type { ByteStream } from "../ports/network.ts";
import type { Peer } from "../swarm/peer.ts";
import { PeerProtocol } from "../swarm/protocol.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { Decoder } from "../wire/decoder.ts";
import { Encoder } from "../wire/encoder.ts";
import {
  encodeHandshake,
  type Handshake,
  HANDSHAKE_BYTES,
  HandshakeReader,
} from "../wire/handshake.ts";

/** The other side has this long for its whole handshake. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Read at once under a rate limit: every peer may be ahead of the limit by this much. */
const LIMITED_READ_BYTES = 16_384;

/** Blocks that go as one write to a peer that has taken little so far. */
const LEAST_BATCH_BYTES = 32_768;

/** Messages that wait behind a write; a peer that lets more pile up does not read. */
const MAX_UNSENT_BYTES: number = 4 * MIB;

/** A write that is not taken for so long goes to a peer that does not read. */
const WRITE_TIMEOUT_MS = 150_000;

/** What a connection needs of its torrent. */
export interface ConnHost extends BlockSenderHost {
  readonly swarm: Swarm;
  readonly clock: Clock;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  /** Memory to receive in, `undefined` where any will do. */
  receiveBuffer(): ReceiveBuffer | undefined;
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
  infoHash: Uint8Array,
  peerId: Uint8Array,
): Promise<boolean> {
  return stream.write(encodeHandshake({ infoHash, peerId, fast: true, extended: true }));
}

/** A connected peer's two loops. */
export class PeerConn {
  readonly peer: Peer;
  readonly #host: ConnHost;
  readonly #stream: ByteStream;
  readonly #decoder: Decoder;
  readonly #received: ReceiveBuffer | undefined;
  readonly #ended = new AbortController();
  readonly #sender: BlockSender;
  #isWriting = false;
  // Ends a wait for tokens.
  #pause: AbortController | undefined;
  // Since when the stream has not taken what it was given.
  #sendingSince = Infinity;
  #reason: PeerCloseReason | undefined;

  /** Joins the swarm; the stream is owned from here on. */
  constructor(
    host: ConnHost,
    stream: ByteStream,
    who: { handshake: Handshake; giver: number; isOutgoing: boolean },
  ) {
    this.#host = host;
    this.#stream = stream;
    const { swarm } = host;
    this.#received = host.receiveBuffer();
    this.#decoder = new Decoder({
      pieceCount: swarm.map.pieceCount,
      memory: this.#received?.bytes,
    });
    this.peer = swarm.addPeer({
      slot: swarm.freeSlot(),
      giver: who.giver,
      address: stream.remote,
      peerId: who.handshake.peerId,
      supportsFast: who.handshake.supportsFast,
      supportsExtended: who.handshake.supportsExtended,
      isOutgoing: who.isOutgoing,
      encoder: new Encoder(),
      pieceCount: swarm.map.pieceCount,
      now: host.clock.now(),
    });
    this.#sender = new BlockSender(this.peer, host);
    swarm.extensions.tell(this.peer);
  }

  /** Reads until the connection ends; returns why. Leaves the swarm. */
  async run(): Promise<PeerCloseReason> {
    const { swarm } = this.#host;
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
      swarm.removePeer(this.peer);
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
    const { clock, upLimit, swarm } = this.#host;
    const payload = this.#sender.collect(Math.min(upLimit.burst, this.#batchBytes()));
    if (payload === 0) return true;
    // Before anything is waited for: others must not take the same tokens.
    upLimit.take(payload, clock.now());
    try {
      const run = await this.#sender.read();
      if (run.payload === 0) return true;
      if (!await this.#send(run.bytes)) return false;
      this.peer.up.add(run.payload, clock.now());
      swarm.counters.uploaded += run.payload;
      return true;
    } finally {
      this.#sender.end();
    }
  }

  /** As much as the peer takes in a second, so that messages do not wait for long behind blocks. */
  #batchBytes(): number {
    return Math.max(LEAST_BATCH_BYTES, this.peer.up.rate(this.#host.clock.now()));
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
    const { clock, downLimit, swarm } = this.#host;
    const { peer } = this;
    const protocol = new PeerProtocol(swarm, peer, clock.now());
    for (;;) {
      swarm.fill(peer, protocol.now);
      this.#host.afterStep();
      let into = this.#decoder.reserve();
      if (downLimit.isLimited) {
        await this.#waitForTokens(downLimit);
        into = into.subarray(0, LIMITED_READ_BYTES);
      }
      const n = await this.#stream.read(into);
      if (n === null) return;
      peer.lastReadAt = protocol.now = clock.now();
      this.#decoder.commit(n, protocol);
      downLimit.take(n, protocol.now);
    }
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
