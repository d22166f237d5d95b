/**
 * The peer messages: ids, layouts and the longest frame of each that is let in.
 *
 * A frame is `<length><id><payload>`: a big-endian uint32 that counts the id and the payload, one byte of
 * id, and the rest. A length of zero has no id and is a keep-alive. What follows is BEP 3
 * (https://www.bittorrent.org/beps/bep_0003.html), BEP 5 for `port`, BEP 6 for the fast extension and
 * BEP 10 for `extended`. The decoder and the encoder are the only users of the ids.
 *
 * @module
 */

import { BLOCK_BYTES, KIB, MIB } from "../base/units.ts";

/** Bytes of the length that starts every frame. */
export const PREFIX_BYTES = 4;

/** `<len=0001><id=0>`. No more requests will be answered ("choked"). */
export const CHOKE = 0;
/** `<len=0001><id=1>`. */
export const UNCHOKE = 1;
/** `<len=0001><id=2>`. */
export const INTERESTED = 2;
/** `<len=0001><id=3>`. */
export const NOT_INTERESTED = 3;
/**
 * `<len=0005><id=4><index>`. "The 'have' message's payload is a single number, the index which that
 * downloader just completed and checked the hash of."
 */
export const HAVE = 4;
/**
 * `<len=0001+X><id=5><bits>`. "Only ever sent as the first message. Its payload is a bitfield with each
 * index that downloader has sent set to one and the rest set to zero."
 */
export const BITFIELD = 5;
/**
 * `<len=0013><id=6><index><begin><length>`. "All current implementations use 2^14 (16 kiB), and close
 * connections which request an amount greater than that."
 */
export const REQUEST = 6;
/** `<len=0009+X><id=7><index><begin><block>`. "Correlated with request messages implicitly." */
export const PIECE = 7;
/** `<len=0013><id=8><index><begin><length>`. "Have the same payload as request messages." */
export const CANCEL = 8;
/** `<len=0003><id=9><port>`: the UDP port of the sender's DHT node (BEP 5), the one uint16 of all. */
export const PORT = 9;
/** `<len=0005><id=13><index>`. "An advisory message meaning 'you might like to download this piece.'" */
export const SUGGEST = 13;
/** `<len=0001><id=14>`. "Have All or Have None replace the Have Bitfield." */
export const HAVE_ALL = 14;
/** `<len=0001><id=15>`. */
export const HAVE_NONE = 15;
/**
 * `<len=0013><id=16><index><begin><length>`. "Notifies a requesting peer that its request will not be
 * satisfied."
 */
export const REJECT = 16;
/**
 * `<len=0005><id=17><index>`. "If you ask for this piece, I'll give it to you even if you're choked."
 * "The receiver MUST NOT interpret [it] as meaning that the message sender has the piece."
 */
export const ALLOWED_FAST = 17;
/** `<len=0002+X><id=20><extended id><payload>` (BEP 10). Extended id 0 is the extension handshake. */
export const EXTENDED = 20;

/** Bytes of a `piece` frame before its block: length, id, index and begin. */
export const PIECE_HEADER_BYTES = 13;

/** The longest `piece` length: we never request more than a block of 16 KiB. */
export const MAX_PIECE_LENGTH: number = 9 + BLOCK_BYTES;

/** The longest bitfield while the number of pieces is unknown: 4 Mi pieces, the most a torrent may have. */
export const MAX_BITFIELD_BYTES: number = 512 * KIB;

/** The longest length of all, and that of `extended` and of ids that are unknown and skipped. */
export const MAX_LENGTH: number = MIB;

/** The length that an id must have, by id; 0 where it varies or where the id is unknown. */
export const FIXED_LENGTH: Uint8Array = fixedLengths();

function fixedLengths(): Uint8Array {
  const lengths = new Uint8Array(256);
  for (const id of [CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL, HAVE_NONE]) {
    lengths[id] = 1;
  }
  for (const id of [HAVE, SUGGEST, ALLOWED_FAST]) lengths[id] = 5;
  for (const id of [REQUEST, CANCEL, REJECT]) lengths[id] = 13;
  lengths[PORT] = 3;
  return lengths;
}
