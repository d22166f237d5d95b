/**
 * Node ids: 20 bytes in the same space as infohashes (BEP 5), compared by XOR, and tied to the address
 * of their node (BEP 42), so that nobody chooses
 * freely where in that space to sit.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 * https://www.bittorrent.org/beps/bep_0042.html
 *
 * @module
 */

import { isLocal } from "../base/address.ts";
import { crc32c } from "../base/crc32c.ts";
import type { Random } from "../ports/random.ts";

/** Bytes of a node id. */
export const ID_BYTES = 20;
/** Bits of a node id. */
export const ID_BITS = 160;

/** Negative where `a` is closer to `target` than `b`, positive where it is farther, 0 where they are equal. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    if (a[i] !== b[i]) return (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
  }
  return 0;
}

/** How many leading bits two ids share, 0 to 160. */
export function commonBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return ID_BITS;
}

/**
 * How close two ids are: 160 less the logarithm of their distance, so {@link commonBits} and a fraction.
 * `Infinity` where they are equal.
 */
export function closeness(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    if (a[i] === b[i]) continue;
    let difference = 0;
    for (let j = i; j < i + 3; j++) difference = 256 * difference + ((a[j] ?? 0) ^ (b[j] ?? 0));
    return 8 * i + 24 - Math.log2(difference);
  }
  return Infinity;
}

/** A random id that shares exactly the first `bits` bits (0 to 159) with `id`. */
export function idAtDistance(id: Uint8Array, bits: number, random: Random): Uint8Array {
  const out = random.bytes(ID_BYTES);
  const whole = bits >> 3;
  out.set(id.subarray(0, whole));
  const differing = 0x80 >> (bits & 7);
  const random8 = out[whole]! & (differing - 1);
  const shared = id[whole]! & ~(2 * differing - 1);
  out[whole] = shared | (~id[whole]! & differing) | random8;
  return out;
}

/**
 * A random id that a node at this address may have: the first 21 bits are those of a checksum of the masked
 * address and of three random bits, which the last byte repeats (BEP 42).
 *
 * @param ip 4 or 16 bytes.
 */
export function idForIp(ip: Uint8Array, random: Random): Uint8Array {
  const out = random.bytes(ID_BYTES);
  const crc = addressCrc(ip, out[19]!);
  out[0] = crc >>> 24;
  out[1] = crc >>> 16;
  out[2] = ((crc >>> 8) & 0xf8) | (out[2]! & 0x07);
  return out;
}

/**
 * Another id for the same address and the same place among the others: all bits that follow from the address
 * (BEP 42) stay, which are more than a routing table tells apart, and the rest is random.
 */
export function renewId(id: Uint8Array, random: Random): Uint8Array {
  const out = random.bytes(ID_BYTES);
  out.set(id.subarray(0, 2));
  out[2] = (id[2]! & 0xf8) | (out[2]! & 0x07);
  out[19] = id[19]!;
  return out;
}

/**
 * Whether a node with this id may be at this address (BEP 42). Local addresses may have any id.
 *
 * @param ip 4 or 16 bytes.
 */
export function idMatchesIp(id: Uint8Array, ip: Uint8Array): boolean {
  const crc = addressCrc(ip, id[19]!);
  const isRight = id[0] === crc >>> 24 && id[1] === ((crc >>> 16) & 0xff) &&
    ((id[2]! ^ (crc >>> 8)) & 0xf8) === 0;
  return isRight || isLocal(ip);
}

/** What of an address counts, so that the ids of a whole network are few (BEP 42). */
const MASK_V4 = Uint8Array.of(0x03, 0x0f, 0x3f, 0xff);
/** IPv6 counts by its upper 64 bits. */
const MASK_V6 = Uint8Array.of(0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff);

function addressCrc(ip: Uint8Array, lastByte: number): number {
  const mask = ip.length === 4 ? MASK_V4 : MASK_V6;
  const masked = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) masked[i] = mask[i]! & ip[i]!;
  masked[0]! |= (lastByte & 0x07) << 5;
  return crc32c(masked);
}
