/**
 * The peer protocol by hand (BEP 3, 6), for peers that break it. It shares no code with the wire room, so
 * that a mistake there cannot hide itself.
 *
 * @module
 */

import type { ByteStream } from "../../src/ports/network.ts";

/** Message ids. */
export const ID = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
} as const;

/** A message as it came; `id` -1 is a keep-alive. */
export interface RawMessage {
  readonly id: number;
  readonly payload: Uint8Array;
}

/** A big-endian 32-bit integer. */
export function u32(value: number): number[] {
  return [value >>> 24 & 255, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

/** The 32-bit integer at `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

/** A whole message: length, id, payload. */
export function message(id: number, payload: ArrayLike<number> = []): Uint8Array {
  const out = new Uint8Array(5 + payload.length);
  out.set(u32(1 + payload.length));
  out[4] = id;
  out.set(payload, 5);
  return out;
}

/** A `piece` message. */
export function pieceMessage(piece: number, begin: number, block: Uint8Array): Uint8Array {
  const out = message(ID.piece, new Uint8Array(8 + block.length));
  out.set(u32(piece), 5);
  out.set(u32(begin), 9);
  out.set(block, 13);
  return out;
}

/** The 68 bytes that a connection starts with. */
export function handshake(
  infoHash: Uint8Array,
  peerId: Uint8Array,
  flags: { fast?: boolean; extended?: boolean; dht?: boolean } = {},
): Uint8Array {
  const out = new Uint8Array(68);
  out[0] = 19;
  out.set(new TextEncoder().encode("BitTorrent protocol"), 1);
  if (flags.extended) out[25]! |= 0x10;
  if (flags.fast) out[27]! |= 0x04;
  if (flags.dht) out[27]! |= 0x01;
  out.set(infoHash, 28);
  out.set(peerId, 48);
  return out;
}

/** Reads a stream by whole units. */
export class RawReader {
  readonly #stream: ByteStream;
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The next `length` bytes, a copy; `null` when the stream ends before. */
  async take(length: number): Promise<Uint8Array | null> {
    while (this.#length < length) {
      if (this.#length === this.#bytes.length || length > this.#bytes.length) {
        const grown = new Uint8Array(2 * Math.max(length, this.#bytes.length));
        grown.set(this.#bytes);
        this.#bytes = grown;
      }
      const n = await this.#stream.read(this.#bytes.subarray(this.#length));
      if (n === null) return null;
      this.#length += n;
    }
    const out = this.#bytes.slice(0, length);
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
    return out;
  }

  /** The next message; `null` at the end of the stream. */
  async next(): Promise<RawMessage | null> {
    const head = await this.take(4);
    if (!head) return null;
    const length = readU32(head, 0);
    if (length === 0) return { id: -1, payload: new Uint8Array() };
    const body = await this.take(length);
    return body && { id: body[0]!, payload: body.subarray(1) };
  }
}
