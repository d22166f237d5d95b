/**
 * What decoded bencode looks like in memory (BEP 3).
 *
 * Strings stay bytes: only the reader of a key knows whether they are text. A dictionary keeps, beside
 * each value, the span of input bytes it came from, so that an infohash is taken over the bytes that
 * were received and never over a re-encoding.
 *
 * https://www.bittorrent.org/beps/bep_0003.html
 *
 * @module
 */

/**
 * A decoded value. Integers are numbers up to ±(2^53 - 1) and bigints from there to the ends of int64;
 * strings are views of the input.
 */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

/** Slots of one entry: key, value, start and end of the value in the input. */
const STRIDE = 4;
/** Up to this many entries a scan beats building a map. */
const SCAN_LIMIT = 8;

/**
 * A dictionary in order of appearance. Keys are latin-1 strings, one character a byte: ASCII keys read as
 * written, binary ones (a scrape's infohashes) keep every byte.
 */
export class BencodeDict {
  /** key, value, start, end, key, … in one array, since a torrent may have 100,000 of these. */
  readonly #slots: readonly (string | BencodeValue)[];
  #places: Map<string, number> | undefined;

  /**
   * Made by the decoder. Takes the array.
   *
   * @param slots four per entry: key, value, and the start and end of the value in the input.
   */
  constructor(slots: readonly (string | BencodeValue)[]) {
    this.#slots = slots;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#slots.length / STRIDE;
  }

  /** The value of a key. */
  get(key: string): BencodeValue | undefined {
    const at = this.#find(key);
    return at < 0 ? undefined : this.#slots[at + 1] as BencodeValue;
  }

  /** Whether there is such a key. */
  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The keys in order of appearance. */
  keys(): string[] {
    const out: string[] = [];
    for (let at = 0; at < this.#slots.length; at += STRIDE) out.push(this.#slots[at] as string);
    return out;
  }

  /** Keys and values in order of appearance. */
  *entries(): Generator<[string, BencodeValue]> {
    for (let at = 0; at < this.#slots.length; at += STRIDE) {
      yield [this.#slots[at] as string, this.#slots[at + 1] as BencodeValue];
    }
  }

  /** Where the raw value of a key lies in the input: `input.subarray(start, end)` is its bencode. */
  span(key: string): { start: number; end: number } | undefined {
    const at = this.#find(key);
    if (at < 0) return undefined;
    return { start: this.#slots[at + 2] as number, end: this.#slots[at + 3] as number };
  }

  #find(key: string): number {
    const slots = this.#slots;
    if (slots.length <= SCAN_LIMIT * STRIDE) {
      for (let at = 0; at < slots.length; at += STRIDE) if (slots[at] === key) return at;
      return -1;
    }
    if (!this.#places) {
      this.#places = new Map();
      for (let at = 0; at < slots.length; at += STRIDE) this.#places.set(slots[at] as string, at);
    }
    return this.#places.get(key) ?? -1;
  }
}
