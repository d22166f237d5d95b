/**
 * HalfSipHash-2-4: a short hash under a secret key, for tables whose keys strangers choose and for cookies
 * that are checked instead of stored.
 *
 * Its words have 32 bits, which is what numbers are fast at here. The key has 64 bits: enough for what lives
 * as long as a process, not for signatures.
 *
 * J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", https://www.aumasson.jp/siphash/
 *
 * @module
 */

/** A keyed hash function. */
export class HalfSipHash {
  readonly #k0: number;
  readonly #k1: number;
  /** The first 32 bits of the last {@link hash64}, unsigned. */
  low = 0;
  /** The last 32 bits of the last {@link hash64}, unsigned. */
  high = 0;

  /** The function of a key of 8 secret bytes. */
  constructor(key: Uint8Array) {
    this.#k0 = littleEndian(key, 0);
    this.#k1 = littleEndian(key, 4);
  }

  /** The hash of the first `length` bytes, an unsigned integer of 32 bits. */
  hash32(bytes: Uint8Array, length: number = bytes.length): number {
    this.#run(bytes, length, false);
    return this.low;
  }

  /** Puts the hash of the first `length` bytes into {@link low} and {@link high}; another one than `hash32`. */
  hash64(bytes: Uint8Array, length: number = bytes.length): void {
    this.#run(bytes, length, true);
  }

  // Hot path: one loop for words and finalisation, since a round of four values cannot be a function.
  #run(bytes: Uint8Array, length: number, isWide: boolean): void {
    let v0 = this.#k0;
    let v1 = isWide ? this.#k1 ^ 0xee : this.#k1;
    let v2 = this.#k0 ^ 0x6c796765;
    let v3 = this.#k1 ^ 0x74656462;
    // The last word holds the bytes that are left over, and the length.
    const words = (length >>> 2) + 1;
    const steps = words + (isWide ? 2 : 1);
    for (let step = 0; step < steps; step++) {
      let word = 0;
      if (step < words - 1) word = littleEndian(bytes, 4 * step);
      else if (step < words) {
        word = length << 24;
        for (let i = 0; i < (length & 3); i++) word |= bytes[4 * step + i]! << (8 * i);
      } else if (step === words) v2 ^= isWide ? 0xee : 0xff;
      else v1 ^= 0xdd;
      v3 ^= word;
      for (let rounds = step < words ? 2 : 4; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
      if (step === words) this.low = (v1 ^ v3) >>> 0;
    }
    if (isWide) this.high = (v1 ^ v3) >>> 0;
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
