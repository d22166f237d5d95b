/**
 * A set of pieces as BEP 3 sends it: bit 7 of byte 0 is piece 0, spare bits at the end are zero.
 *
 * `count` is kept with every change, so "how many" never scans.
 *
 * @module
 */

/** A bitfield of `length` bits, stored in ⌈length/8⌉ bytes. */
export class Bitfield {
  /** Number of bits, one a piece. */
  readonly length: number;
  /** The wire form: ⌈length/8⌉ bytes, owned by the bitfield. */
  readonly bytes: Uint8Array;
  #count = 0;

  /** An empty set of `length` bits. */
  constructor(length: number) {
    this.length = length;
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /**
   * Takes a copy of a received bitfield; `undefined` where the byte length is wrong or a spare bit is set.
   */
  static fromWire(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== Math.ceil(length / 8)) return undefined;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) return undefined;
    const out = new Bitfield(length);
    out.bytes.set(bytes);
    out.recount();
    return out;
  }

  /** Counts again, after `bytes` were written to directly; spare bits must be clear. */
  recount(): void {
    this.#count = 0;
    for (const byte of this.bytes) this.#count += ONES[byte]!;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  /** Whether every bit is set. */
  get isFull(): boolean {
    return this.#count === this.length;
  }

  /** Whether bit `index` is set; false out of range. */
  has(index: number): boolean {
    return index < this.length && ((this.bytes[index >>> 3] ?? 0) & (0x80 >>> (index & 7))) !== 0;
  }

  /** Sets bit `index`; true if it was clear. Out of range it does nothing. */
  add(index: number): boolean {
    if (index < 0 || index >= this.length || this.has(index)) return false;
    this.bytes[index >>> 3]! |= 0x80 >>> (index & 7);
    this.#count++;
    return true;
  }

  /** Clears bit `index`; true if it was set. */
  delete(index: number): boolean {
    if (!this.has(index)) return false;
    this.bytes[index >>> 3]! &= ~(0x80 >>> (index & 7));
    this.#count--;
    return true;
  }

  /** Sets every bit. */
  fill(): void {
    this.bytes.fill(0xff);
    const spare = this.bytes.length * 8 - this.length;
    if (spare > 0) this.bytes[this.bytes.length - 1]! &= 0xff << spare;
    this.#count = this.length;
  }
}

const ONES = new Uint8Array(256);
for (let i = 1; i < 256; i++) ONES[i] = (i & 1) + ONES[i >>> 1]!;
