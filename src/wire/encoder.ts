/**
 * Messages in, one outgoing buffer out: the other half of decoder.ts. Everything that is
 * to be said in one step is appended and leaves in one write. Blocks leave beside it, with what is read from
 * the disk (`session/block_sender.ts`).
 *
 * Two buffers take turns: one is filled while the other is being written. The numbers are ours, so
 * nothing is checked here. Layouts stand in message.ts (BEP 3, 6, 10).
 *
 * Hot path, once per request: no allocation but when a buffer grows.
 *
 * @module
 */

import { putUint16, putUint32 } from "../base/bytes.ts";
import { KIB } from "../base/units.ts";
import {
  ALLOWED_FAST,
  BITFIELD,
  CANCEL,
  CHOKE,
  EXTENDED,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  INTERESTED,
  NOT_INTERESTED,
  PORT,
  REJECT,
  REQUEST,
  SUGGEST,
  UNCHOKE,
} from "./message.ts";

/** What a buffer starts with: 60 requests. */
const MIN_BUFFER_BYTES = KIB;

/** A buffer that grew longer than this is let go when its turn comes again. */
const MAX_KEPT_BYTES = 256 * KIB;

/** Appends messages. */
export class Encoder {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(MIN_BUFFER_BYTES);
  #other: Uint8Array<ArrayBuffer> = new Uint8Array(MIN_BUFFER_BYTES);
  #length = 0;

  /** Bytes that wait for `take()`. */
  get length(): number {
    return this.#length;
  }

  /**
   * All that was appended since the last time, possibly nothing. A view that stays valid until the next
   * `take()`, whatever is appended meanwhile; so at most one may be on its way.
   */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.subarray(0, this.#length);
    const next = this.#other;
    this.#other = this.#buffer;
    this.#buffer = next.length > MAX_KEPT_BYTES ? new Uint8Array(MIN_BUFFER_BYTES) : next;
    this.#length = 0;
    return taken;
  }

  /** `<len=0000>` */
  keepAlive(): void {
    putUint32(this.#buffer, this.#grow(4), 0);
  }

  /** Stop asking. */
  choke(): void {
    this.#bare(CHOKE);
  }

  /** Go on asking. */
  unchoke(): void {
    this.#bare(UNCHOKE);
  }

  /** We want what the peer has. */
  interested(): void {
    this.#bare(INTERESTED);
  }

  /** We want nothing the peer has. */
  notInterested(): void {
    this.#bare(NOT_INTERESTED);
  }

  /** We have a piece. */
  have(index: number): void {
    this.#index(HAVE, index);
  }

  /** The pieces we have: ⌈pieces/8⌉ bytes, copied. */
  bitfield(bits: Uint8Array): void {
    const at = this.#grow(5 + bits.length);
    putUint32(this.#buffer, at, 1 + bits.length);
    this.#buffer[at + 4] = BITFIELD;
    this.#buffer.set(bits, at + 5);
  }

  /** Asks for a block. */
  request(index: number, begin: number, length: number): void {
    this.#block(REQUEST, index, begin, length);
  }

  /** Takes a request back. */
  cancel(index: number, begin: number, length: number): void {
    this.#block(CANCEL, index, begin, length);
  }

  /** Where our DHT node listens. */
  port(port: number): void {
    const at = this.#grow(7);
    putUint32(this.#buffer, at, 3);
    this.#buffer[at + 4] = PORT;
    putUint16(this.#buffer, at + 5, port);
  }

  /** Suggests a piece (BEP 6). */
  suggest(index: number): void {
    this.#index(SUGGEST, index);
  }

  /** We have everything (BEP 6). */
  haveAll(): void {
    this.#bare(HAVE_ALL);
  }

  /** We have nothing (BEP 6). */
  haveNone(): void {
    this.#bare(HAVE_NONE);
  }

  /** Will not answer a request (BEP 6). */
  reject(index: number, begin: number, length: number): void {
    this.#block(REJECT, index, begin, length);
  }

  /** Will give a piece even while choking (BEP 6). */
  allowedFast(index: number): void {
    this.#index(ALLOWED_FAST, index);
  }

  /** An extension message (BEP 10): `id` as the peer assigned it, 0 for the handshake; payload copied. */
  extended(id: number, payload: Uint8Array): void {
    const at = this.#grow(6 + payload.length);
    putUint32(this.#buffer, at, 2 + payload.length);
    this.#buffer[at + 4] = EXTENDED;
    this.#buffer[at + 5] = id;
    this.#buffer.set(payload, at + 6);
  }

  /** Appends bytes as they are, copied. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** `<len=0001><id>` */
  #bare(id: number): void {
    const at = this.#grow(5);
    putUint32(this.#buffer, at, 1);
    this.#buffer[at + 4] = id;
  }

  /** `<len=0005><id><index>` */
  #index(id: number, index: number): void {
    const at = this.#grow(9);
    putUint32(this.#buffer, at, 5);
    this.#buffer[at + 4] = id;
    putUint32(this.#buffer, at + 5, index);
  }

  /** `<len=0013><id><index><begin><length>` */
  #block(id: number, index: number, begin: number, length: number): void {
    const at = this.#grow(17);
    putUint32(this.#buffer, at, 13);
    this.#buffer[at + 4] = id;
    putUint32(this.#buffer, at + 5, index);
    putUint32(this.#buffer, at + 9, begin);
    putUint32(this.#buffer, at + 13, length);
  }

  /** Makes room for `bytes` more, counts them, and returns where they start. */
  #grow(bytes: number): number {
    const at = this.#length;
    const end = at + bytes;
    if (end > this.#buffer.length) this.#enlarge(end);
    this.#length = end;
    return at;
  }

  #enlarge(needed: number): void {
    const buffer = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    buffer.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = buffer;
  }
}
