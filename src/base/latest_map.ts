/**
 * A map of bounded size for what strangers name: whoever is set last stays longest, and the entry that was
 * set longest ago gives way.
 *
 * @module
 */

/** A map in the order in which its entries were last set, with at most `most` of them. */
export class LatestMap<K, V> extends Map<K, V> {
  readonly #most: number;

  /** An empty map of at most so many entries, at least one. */
  constructor(most: number) {
    super();
    this.#most = most;
  }

  /** Sets an entry, which thereby is the last; past the bound the first is dropped. */
  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size <= this.#most) return this;
    for (const oldest of this.keys()) {
      this.delete(oldest);
      break;
    }
    return this;
  }
}
