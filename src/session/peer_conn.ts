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
import { MIB } from "../base/units.ts";
import { type PeerCloseReason, PeerError } from "../base/errors.ts";
import type { TokenBucket } from "../base/token_bucket.ts";
import { BlockSender, type ReadBlocks } from "./block_sender.ts";
import type { Clock } from "../ports/clock.ts";
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

/** Messages that wait behind a write; a peer that lets more pile up does not read. */
const MAX_UNSENT_BYTES: number = 4 * MIB;

/** What a connection needs of its torrent. */
export interface ConnHost {
  readonly swarm: Swarm;
  readonly clock: Clock;
  readonly downLimit: TokenBucket;
  readonly upLimit: TokenBucket;
  /** Reads bytes of a verified piece. Rejects when they are not there any more, after dealing with it. */
  readonly readBlocks: ReadBlocks;
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
  readonly #ended = new AbortController();
  readonly #sender: BlockSender;
  #isWriting = false;
  #reason: PeerCloseReason | undefined;

  /** Joins the swarm; the stream is owned from here on. */
  constructor(
    host: ConnHost,
    stream: ByteStream,
    who: { handshake: Handshake; giver: number; isOutgoing: boolean; extensions: Uint8Array },
  ) {
    this.#host = host;
    this.#stream = stream;
    const { swarm } = host;
    this.#decoder = new Decoder({ pieceCount: swarm.map.pieceCount });
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
    this.#sender = new BlockSender(this.peer, host.readBlocks);
    if (this.peer.supportsExtended) this.peer.encoder.extended(0, who.extensions);
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
      return;
    }
    if (encoder.length === 0 && owed.length === 0) return;
    this.#isWriting = true;
    this.#write().catch(() => this.close("reset"));
  }

  /** Writes until nothing is pending; messages go before blocks. */
  async #write(): Promise<void> {
    const { encoder, owed } = this.peer;
    while (!this.#ended.signal.aborted) {
      if (encoder.length > 0) {
        if (!await this.#send(encoder.take())) return;
      } else if (owed.length === 0) break;
      else if (!await this.#sendBlocks()) return;
    }
    this.#isWriting = false;
  }

  async #sendBlocks(): Promise<boolean> {
    const { clock, upLimit, swarm } = this.#host;
    await this.#waitForTokens(upLimit);
    const run = await this.#sender.next().catch(() => undefined);
    if (run === undefined) return true;
    if (!await this.#send(run.bytes)) return false;
    const now = clock.now();
    upLimit.take(run.payload, now);
    this.peer.up.add(run.payload, now);
    swarm.counters.uploaded += run.payload;
    return true;
  }

  async #send(bytes: Uint8Array): Promise<boolean> {
    this.peer.lastWriteAt = this.#host.clock.now();
    if (await this.#stream.write(bytes)) return true;
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
