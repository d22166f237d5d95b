/**
 * A hash table from keys to slots of somebody else's records, in one typed array: 8 bytes for each position.
 *
 * It knows hashes and slots only. Whoever uses it hashes the key (under a secret, where strangers choose keys)
 * and compares keys in its own records:
 *
 * ```ts
 * for (let at = index.find(hash); at >= 0; at = index.findNext(at)) {
 *   if (isKey(index.slotAt(at))) return index.slotAt(at);
 * }
 * ```
 *
 * Open addressing with linear probing. A removal moves later entries up, so nothing is ever left to be
 * cleaned. Between a sixth and a half of the positions are taken, once there are more than a few.
 *
 * @module
 */

const LEAST = 64;

/** The table. */
export class SlotIndex {
  /** For each position slot + 1, 0 where there is none, and the hash: side by side, for the cache's sake. */
  #entries = new Uint32Array(2 * LEAST);
  #mask = LEAST - 1;
  #size = 0;

  /** How many slots are in it. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of its array. */
  get bytes(): number {
    return this.#entries.byteLength;
  }

  /** The first position with this hash (unsigned, 32 bits), -1 where there is none. */
  find(hash: number): number {
    return this.#seek(hash, hash & this.#mask);
  }

  /** The next position with the same hash. Nothing may have been changed since `at` was found. */
  findNext(at: number): number {
    return this.#seek(this.#entries[2 * at + 1]!, (at + 1) & this.#mask);
  }

  /** The slot at a position that was found. */
  slotAt(at: number): number {
    return this.#entries[2 * at]! - 1;
  }

  /** Adds a slot, which must not be in it. */
  add(hash: number, slot: number): void {
    if (2 * ++this.#size > this.#mask + 1) this.#resize(2 * (this.#mask + 1));
    this.#put(hash, slot + 1);
  }

  /** Removes what is at a position that was found. */
  removeAt(at: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    let hole = at;
    for (let i = (at + 1) & mask; entries[2 * i] !== 0; i = (i + 1) & mask) {
      // What has its home behind the hole would not be found in it.
      const home = entries[2 * i + 1]! & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      entries[2 * hole] = entries[2 * i]!;
      entries[2 * hole + 1] = entries[2 * i + 1]!;
      hole = i;
    }
    entries[2 * hole] = 0;
    this.#size--;
    if (mask >= LEAST && 6 * this.#size < mask) this.#resize((mask + 1) / 2);
  }

  #seek(hash: number, from: number): number {
    const entries = this.#entries;
    for (let at = from; entries[2 * at] !== 0; at = (at + 1) & this.#mask) {
      if (entries[2 * at + 1] === hash) return at;
    }
    return -1;
  }

  #put(hash: number, entry: number): void {
    let at = hash & this.#mask;
    while (this.#entries[2 * at] !== 0) at = (at + 1) & this.#mask;
    this.#entries[2 * at] = entry;
    this.#entries[2 * at + 1] = hash;
  }

  #resize(length: number): void {
    const entries = this.#entries;
    this.#entries = new Uint32Array(2 * length);
    this.#mask = length - 1;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] !== 0) this.#put(entries[i + 1]!, entries[i]!);
    }
  }
}
