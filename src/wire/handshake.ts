/**
 * The 68 bytes that open a connection (BEP 3, https://www.bittorrent.org/beps/bep_0003.html), the
 * reserved bits in them, and a reader that takes them in any fragmentation.
 *
 * ```text
 * 0            1                      20            28           48          68
 * | 19 (0x13)  | "BitTorrent protocol" | 8 reserved  | infohash   | peer id   |
 * ```
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";

/** Bytes of a handshake. */
export const HANDSHAKE_BYTES = 68;

/** Bytes after which the infohash is known and an answer can be given. */
const INFO_HASH_END = 48;
const INFO_HASH_START = 28;
const RESERVED_START = 20;

/** "Starts with character nineteen (decimal) followed by the string 'BitTorrent protocol'." */
const PROTOCOL: Uint8Array = new TextEncoder().encode("\x13BitTorrent protocol");

/** BEP 10: "bit 20 from the right", `reserved[5] & 0x10`. */
const EXTENDED_BYTE = 5;
const EXTENDED_BIT = 0x10;
/** BEP 6: `reserved[7] |= 0x04`. */
const FAST_BYTE = 7;
const FAST_BIT = 0x04;
/** BEP 5: "the last bit of the 8-byte reserved flags". */
const DHT_BYTE = 7;
const DHT_BIT = 0x01;

/** What we say in a handshake. */
export interface HandshakeOffer {
  /** 20 bytes; for v2 the truncated SHA-256. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Fast extension, BEP 6 (true). */
  readonly fast?: boolean;
  /** Extension protocol, BEP 10 (true). */
  readonly extended?: boolean;
  /** We run a DHT node, BEP 5 (false). */
  readonly dht?: boolean;
}

/** What a peer said in its handshake. */
export interface Handshake {
  /** 20 bytes, a copy. */
  readonly infoHash: Uint8Array;
  /** 20 bytes, a copy. */
  readonly peerId: Uint8Array;
  /** Fast extension, BEP 6. */
  readonly supportsFast: boolean;
  /** Extension protocol, BEP 10. */
  readonly supportsExtended: boolean;
  /** It runs a DHT node, BEP 5. */
  readonly supportsDht: boolean;
}

/** The 68 bytes of a handshake, owned by the caller. */
export function encodeHandshake(offer: HandshakeOffer): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(HANDSHAKE_BYTES);
  out.set(PROTOCOL);
  if (offer.extended ?? true) out[RESERVED_START + EXTENDED_BYTE]! |= EXTENDED_BIT;
  if (offer.fast ?? true) out[RESERVED_START + FAST_BYTE]! |= FAST_BIT;
  if (offer.dht ?? false) out[RESERVED_START + DHT_BYTE]! |= DHT_BIT;
  out.set(offer.infoHash.subarray(0, 20), INFO_HASH_START);
  out.set(offer.peerId.subarray(0, 20), INFO_HASH_END);
  return out;
}

/**
 * Reads a handshake of 68 bytes. Whether the infohash is one of ours is the caller's question.
 *
 * @throws {PeerError} `bad-handshake` for another length or protocol.
 */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  if (bytes.length !== HANDSHAKE_BYTES) throw notBitTorrent();
  for (let i = 0; i < PROTOCOL.length; i++) if (bytes[i] !== PROTOCOL[i]) throw notBitTorrent();
  return {
    infoHash: bytes.slice(INFO_HASH_START, INFO_HASH_END),
    peerId: bytes.slice(INFO_HASH_END, HANDSHAKE_BYTES),
    supportsFast: (bytes[RESERVED_START + FAST_BYTE]! & FAST_BIT) !== 0,
    supportsExtended: (bytes[RESERVED_START + EXTENDED_BYTE]! & EXTENDED_BIT) !== 0,
    supportsDht: (bytes[RESERVED_START + DHT_BYTE]! & DHT_BIT) !== 0,
  };
}

/** Collects a handshake from chunks of any size. */
export class HandshakeReader {
  readonly #bytes = new Uint8Array(HANDSHAKE_BYTES);
  #length = 0;

  /** Bytes still to come; a read of no more than these never takes a byte of the messages behind. */
  get missing(): number {
    return HANDSHAKE_BYTES - this.#length;
  }

  /** The peer's infohash, 20 bytes, as soon as it is there: an acceptor answers then. */
  get infoHash(): Uint8Array | undefined {
    return this.#length < INFO_HASH_END
      ? undefined
      : this.#bytes.subarray(INFO_HASH_START, INFO_HASH_END);
  }

  /** The whole handshake, once nothing is missing. */
  get handshake(): Handshake | undefined {
    return this.missing === 0 ? decodeHandshake(this.#bytes) : undefined;
  }

  /**
   * Takes what belongs to the handshake and returns the rest, a view of `bytes`: the start of the
   * messages, empty as long as anything is missing.
   *
   * @throws {PeerError} `bad-handshake` with the first byte that is not of the protocol string.
   */
  push(bytes: Uint8Array): Uint8Array {
    const taken = Math.min(this.missing, bytes.length);
    for (let i = this.#length; i < PROTOCOL.length && i < this.#length + taken; i++) {
      if (bytes[i - this.#length] !== PROTOCOL[i]) throw notBitTorrent();
    }
    this.#bytes.set(bytes.subarray(0, taken), this.#length);
    this.#length += taken;
    return bytes.subarray(taken);
  }
}

function notBitTorrent(): PeerError {
  return new PeerError("bad-handshake", "Cannot take handshake: not the BitTorrent protocol");
}
