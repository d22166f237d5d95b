/**
 * Tokens: what a node must show to announce, so that nobody signs up the address of somebody else (BEP 5).
 *
 * A token is a hash of the asker's IP address and a secret that changes every five minutes; those of the
 * secret before it count as well, so that a token is good for five to ten minutes. Nothing is stored.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { Millis } from "../base/units.ts";
import type { Hasher } from "../ports/hash.ts";
import type { Random } from "../ports/random.ts";

/** Bytes of a token. */
export const TOKEN_BYTES = 8;
/** How long a secret is used. */
export const SECRET_MS = 300_000;

const SECRET_BYTES = 20;
const ascii = new TextEncoder();

/** Issues tokens and knows its own. */
export class Tokens {
  readonly #hasher: Pick<Hasher, "sha1">;
  readonly #random: Random;
  #secret: Uint8Array | undefined;
  #former: Uint8Array | undefined;
  #changedAt: Millis = 0;

  /** The first secret is drawn when it is needed. The random numbers must not be guessable. */
  constructor(options: { hasher: Pick<Hasher, "sha1">; random: Random }) {
    this.#hasher = options.hasher;
    this.#random = options.random;
  }

  /** The token for an IP address: {@link TOKEN_BYTES} bytes. */
  issue(host: string, now: Millis): Uint8Array {
    return this.#hash(host, this.#current(now));
  }

  /** Whether this token was issued to this IP address not long ago. */
  isValid(token: Uint8Array, host: string, now: Millis): boolean {
    if (token.length !== TOKEN_BYTES) return false;
    if (equalBytes(token, this.#hash(host, this.#current(now)))) return true;
    return this.#former !== undefined && equalBytes(token, this.#hash(host, this.#former));
  }

  #current(now: Millis): Uint8Array {
    const age = now - this.#changedAt;
    if (!this.#secret || age >= SECRET_MS) {
      this.#former = age < 2 * SECRET_MS ? this.#secret : undefined;
      this.#secret = this.#random.bytes(SECRET_BYTES);
      this.#changedAt = now;
    }
    return this.#secret;
  }

  #hash(host: string, secret: Uint8Array): Uint8Array {
    const input = new Uint8Array(SECRET_BYTES + host.length);
    input.set(secret);
    ascii.encodeInto(host, input.subarray(SECRET_BYTES));
    return this.#hasher.sha1(input).subarray(0, TOKEN_BYTES);
  }
}
