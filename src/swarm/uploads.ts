/**
 * The blocks that are owed to one peer, in the order it asked (BEP 3, 6).
 *
 * Requests are bounded: past the limit they are refused, and a peer that goes on is cut. A block is read
 * only when it is about to leave, so a CANCEL or a choke costs nothing but its entry.
 *
 * ```
 * place     0    1    2    3    4   …      a slab of places, in columns of numbers
 * queue          oldest 3 ⇄ 1 ⇄ 4 newest   linked both ways: first in, first out
 * buckets   [h] → 4 → 3                    linked by hash: finds a request again
 * free      0 → 2 → …                      places to use next, linked through `after`
 * ```
 *
 * Hot path, once per block: nothing is allocated, and nothing is walked but the chain of one bucket.
 *
 * @module
 */

/** Requests held for one peer, 32 MiB of blocks: enough for 1 Gbit/s over 200 ms. Said in our extension handshake. */
export const MAX_OWED = 2048;

/** A power of two. */
const BUCKETS = 4096;
const NONE = -1;

/** A block that a peer asked for; plain wire integers that were checked. */
export interface Owed {
  /** Index of the piece. */
  piece: number;
  /** Where in the piece. */
  begin: number;
  /** Bytes. */
  length: number;
}

/** A bounded FIFO of requested blocks. */
export class Uploads {
  #slab: Slab | undefined;
  #length = 0;

  /** Blocks owed. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of the oldest block, 0 when nothing is owed. */
  get nextBytes(): number {
    return this.#slab?.oldestBytes ?? 0;
  }

  /** Adds a request; false when the queue is full. A request that is there already is kept once. */
  push(piece: number, begin: number, length: number): boolean {
    if (this.#length >= MAX_OWED) return false;
    // Most peers never ask: their queue costs nothing.
    const slab = this.#slab ??= new Slab();
    const bucket = bucketOf(piece, begin);
    if (slab.find(bucket, piece, begin, length) !== NONE) return true;
    slab.add(bucket, piece, begin, length);
    this.#length++;
    return true;
  }

  /** Takes a request back; false where it was not owed. */
  cancel(piece: number, begin: number, length: number): boolean {
    const slab = this.#slab;
    if (slab === undefined || this.#length === 0) return false;
    const place = slab.find(bucketOf(piece, begin), piece, begin, length);
    if (place === NONE) return false;
    slab.remove(place);
    this.#length--;
    return true;
  }

  /** Takes the oldest block off the queue into `owed`; false when nothing is owed. */
  take(owed: Owed): boolean {
    const slab = this.#slab;
    if (slab === undefined || this.#length === 0) return false;
    slab.takeOldest(owed);
    this.#length--;
    return true;
  }
}

/** The places, the queue through them and the index over them. */
class Slab {
  readonly #piece = new Uint32Array(MAX_OWED);
  readonly #begin = new Uint32Array(MAX_OWED);
  readonly #bytes = new Uint32Array(MAX_OWED);
  readonly #before = new Int16Array(MAX_OWED);
  readonly #after = new Int16Array(MAX_OWED);
  readonly #chain = new Int16Array(MAX_OWED);
  readonly #buckets = new Int16Array(BUCKETS).fill(NONE);
  #oldest = NONE;
  #newest = NONE;
  #free = 0;

  constructor() {
    for (let i = 0; i < MAX_OWED; i++) this.#after[i] = i + 1;
  }

  get oldestBytes(): number {
    return this.#oldest === NONE ? 0 : this.#bytes[this.#oldest]!;
  }

  find(bucket: number, piece: number, begin: number, bytes: number): number {
    let place = this.#buckets[bucket]!;
    while (place !== NONE) {
      const isSame = this.#piece[place] === piece && this.#begin[place] === begin &&
        this.#bytes[place] === bytes;
      if (isSame) return place;
      place = this.#chain[place]!;
    }
    return NONE;
  }

  add(bucket: number, piece: number, begin: number, bytes: number): void {
    const place = this.#free;
    this.#free = this.#after[place]!;
    this.#piece[place] = piece;
    this.#begin[place] = begin;
    this.#bytes[place] = bytes;
    this.#chain[place] = this.#buckets[bucket]!;
    this.#buckets[bucket] = place;
    this.#before[place] = this.#newest;
    this.#after[place] = NONE;
    if (this.#newest === NONE) this.#oldest = place;
    else this.#after[this.#newest] = place;
    this.#newest = place;
  }

  takeOldest(owed: Owed): void {
    const place = this.#oldest;
    owed.piece = this.#piece[place]!;
    owed.begin = this.#begin[place]!;
    owed.length = this.#bytes[place]!;
    this.remove(place);
  }

  remove(place: number): void {
    const before = this.#before[place]!;
    const after = this.#after[place]!;
    if (before === NONE) this.#oldest = after;
    else this.#after[before] = after;
    if (after === NONE) this.#newest = before;
    else this.#before[after] = before;
    this.#unchain(place);
    this.#after[place] = this.#free;
    this.#free = place;
  }

  #unchain(place: number): void {
    const bucket = bucketOf(this.#piece[place]!, this.#begin[place]!);
    let at = this.#buckets[bucket]!;
    if (at === place) {
      this.#buckets[bucket] = this.#chain[place]!;
      return;
    }
    while (this.#chain[at] !== place) at = this.#chain[at]!;
    this.#chain[at] = this.#chain[place]!;
  }
}

function bucketOf(piece: number, begin: number): number {
  const mixed = Math.imul(piece, 0x9e3779b1) ^ Math.imul(begin, 0x85ebca6b);
  return (mixed ^ mixed >>> 15) & (BUCKETS - 1);
}
