/**
 * The connection ids of a UDP tracker server: proof that a client gets what is sent to its address (BEP 15).
 *
 * None is stored. An id is the keyed hash of the address and the minute, so a flood of connects costs no
 * memory; two bits of it tell the minute, so that checking one costs one hash. It is bound to the address
 * alone: between two packets a client's port may change behind a translation of addresses.
 *
 * @module
 */

import { putUint32 } from "../base/bytes.ts";
import { HalfSipHash } from "../base/half_siphash.ts";
import type { Millis } from "../base/units.ts";
import type { ConnectionId } from "./udp_codec.ts";

/** "Trackers should accept the connection ID until two minutes after it has been send": two to three here. */
const MINUTE_MS = 60_000;
const MINUTES_VALID = 3;

/** Makes ids and knows its own. */
export class ConnectionIds {
  readonly #hash: HalfSipHash;
  readonly #message = new Uint8Array(20);

  /** Ids under a secret of 8 bytes. */
  constructor(secret: Uint8Array) {
    this.#hash = new HalfSipHash(secret);
  }

  /** The id for an address of 4 or 16 bytes. */
  make(ip: Uint8Array, now: Millis): ConnectionId {
    return this.#at(ip, Math.floor(now / MINUTE_MS));
  }

  /** Whether an id was made for this address within the last two minutes. */
  isValid(id: ConnectionId, ip: Uint8Array, now: Millis): boolean {
    const minute = Math.floor(now / MINUTE_MS);
    const age = (minute - id.low) & 3;
    if (age >= MINUTES_VALID) return false;
    const { high, low } = this.#at(ip, minute - age);
    return high === id.high && low === id.low;
  }

  #at(ip: Uint8Array, minute: number): ConnectionId {
    putUint32(this.#message, 0, minute);
    for (let i = 0; i < ip.length; i++) this.#message[4 + i] = ip[i]!;
    this.#hash.hash64(this.#message, 4 + ip.length);
    const { high, low } = this.#hash;
    return { high, low: ((low & ~3) | (minute & 3)) >>> 0 };
  }
}
