/**
 * Small makers of what the tests of the DHT need: ids, addresses, contacts, randomness.
 *
 * @module
 */

import { type Address, makeAddress, parseIp } from "../../src/base/address.ts";
import { type Contact, readAddress } from "../../src/dht/contact.ts";
import { idForIp } from "../../src/dht/node_id.ts";
import type { Random } from "../../src/ports/random.ts";
import { below, randomBytes } from "../support/prng.ts";

/** The random port on a generator. */
export function randomOf(next: () => number): Random {
  return { bytes: (n) => randomBytes(next, n), below: (n) => below(next, n) };
}

/** Bytes of ASCII. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** ASCII of bytes, one character a byte. */
export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** An id of 20 bytes that starts with these and ends in zeros. */
export function idOf(...first: number[]): Uint8Array {
  const id = new Uint8Array(20);
  id.set(first);
  return id;
}

/** `1.2.3.4:5` or `[::1]:5`. */
export function at(text: string): Address {
  const split = text.lastIndexOf(":");
  const host = text.slice(0, split).replace(/^\[|\]$/g, "");
  const address = makeAddress(host, Number(text.slice(split + 1)));
  if (!address) throw new TypeError(`Not an address: ${text}`);
  return address;
}

/** A contact at a private address, where any id is right. */
export function lan(id: Uint8Array, last: number): Contact {
  return { id, address: at(`10.0.${last >> 8}.${last & 255}:6881`) };
}

/** A contact at this public address with an id that fits it. */
export function fitting(address: Address, random: Random): Contact {
  return { id: idForIp(parseIp(address.host)!, random), address };
}

/** A random public IPv4 contact whose id fits its address. */
export function stranger(random: Random): Contact {
  for (;;) {
    const compact = random.bytes(6);
    compact[0] = 11 + (compact[0]! % 89);
    const address = readAddress(compact);
    if (address) return fitting(address, random);
  }
}
