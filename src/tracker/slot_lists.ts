/**
 * Very many short lists of slots in one typed array: who is in which swarm. Each element carries a few bytes of
 * its own, so that a walk along a list touches nothing else.
 *
 * ```
 * cells   │ a a · · │ b b b b b b b · │ free │ c · │ …      blocks of 2, 4, 8, … cells
 * extras  │ what goes with each cell, a fixed number of pairs of bytes: a compact address
 * list    start, length, and the class of its block: capacity = 2 << class
 * free    for each class a chain of blocks, linked through their first cells
 * ```
 *
 * A list that grows out of its block moves to one twice as large; one that needs only a quarter moves to one
 * half as large. Blocks of a class are used again by any list. Where the arrays would have to grow though less
 * than half of them is in use, the blocks in use are moved together instead, so that no sequence of growing and
 * shrinking lists makes them larger than sixteen cells for each element at the fullest time.
 *
 * @module
 */

/** No block. */
const NONE = 0xffff_ffff;
const CLASSES = 28;
const LEAST = 1024;
/** Words of a list: its start, its length, the class of its block, one that is spare. */
const LIST_WORDS = 4;

/** The lists, numbered by whoever uses them from 0. Order in them means nothing. */
export class SlotLists {
  /** How many pairs of bytes go with each element. */
  readonly #extraPairs: number;
  #cells = new Uint32Array(LEAST);
  #extras: Uint16Array;
  /** Cells in front, which are part of a block. */
  #used = 0;
  /** Those of them that are part of a list's block. */
  #live = 0;
  readonly #free = new Uint32Array(CLASSES).fill(NONE);
  #lists = new Uint32Array(0);

  /** No lists yet; so many pairs of bytes go with each element. */
  constructor(extraPairs: number) {
    this.#extraPairs = extraPairs;
    this.#extras = new Uint16Array(LEAST * extraPairs);
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#cells.byteLength + this.#extras.byteLength + this.#lists.byteLength;
  }

  /** Makes room for lists up to `count`; new ones are empty. */
  reserve(count: number): void {
    const before = this.#lists;
    if (count * LIST_WORDS <= before.length) return;
    this.#lists = new Uint32Array(count * LIST_WORDS).fill(NONE, before.length);
    this.#lists.set(before);
    for (let at = before.length; at < this.#lists.length; at += LIST_WORDS) this.#lists[at + 1] = 0;
  }

  /** How long a list is. */
  lengthOf(list: number): number {
    return this.#lists[list * LIST_WORDS + 1]!;
  }

  /** The cell of an element, valid until a list is changed; the cells of a list follow one another. */
  cellOf(list: number, place: number): number {
    return this.#lists[list * LIST_WORDS]! + place;
  }

  /** The slot in a cell. */
  slotIn(cell: number): number {
    return this.#cells[cell]!;
  }

  /**
   * Copies what goes with `count` cells from `cell` on to `out`, of which `at` counts pairs of bytes as well;
   * returns where it ends. Pairs, since copying is most of what an answer costs.
   */
  putExtras(
    { cell, count }: { readonly cell: number; readonly count: number },
    out: Uint16Array,
    at: number,
  ): number {
    const extras = this.#extras;
    const from = cell * this.#extraPairs;
    const length = count * this.#extraPairs;
    for (let i = 0; i < length; i++) out[at + i] = extras[from + i]!;
    return at + length;
  }

  /** Adds an element with what goes with it, which begins at `at` in `extra`; returns its place. */
  push(
    list: number,
    slot: number,
    extra: { readonly pairs: Uint16Array; readonly at: number },
  ): number {
    const head = list * LIST_WORDS;
    const place = this.#lists[head + 1]!;
    if (this.#lists[head] === NONE) this.#move(head, 0);
    else if (place === 2 << this.#lists[head + 2]!) this.#move(head, this.#lists[head + 2]! + 1);
    const cell = this.#lists[head]! + place;
    this.#cells[cell] = slot;
    const to = cell * this.#extraPairs;
    for (let i = 0; i < this.#extraPairs; i++) this.#extras[to + i] = extra.pairs[extra.at + i]!;
    this.#lists[head + 1] = place + 1;
    return place;
  }

  /** Removes the element at a place, which must be there. The slot that is at that place now, -1 for none. */
  removeAt(list: number, place: number): number {
    const head = list * LIST_WORDS;
    const length = this.#lists[head + 1]! - 1;
    const hole = this.#lists[head]! + place;
    const last = this.#lists[head]! + length;
    this.#cells[hole] = this.#cells[last]!;
    this.putExtras({ cell: last, count: 1 }, this.#extras, hole * this.#extraPairs);
    const moved = hole === last ? -1 : this.#cells[hole]!;
    this.#lists[head + 1] = length;
    const size = this.#lists[head + 2]!;
    if (length === 0) this.#release(head);
    else if (size > 0 && 4 * length <= 2 << size) this.#move(head, size - 1);
    return moved;
  }

  /** Gives a list a block of a class, with what is in it. */
  #move(head: number, size: number): void {
    const to = this.#take(size);
    const from = this.#lists[head]!;
    if (from !== NONE) {
      const end = from + this.#lists[head + 1]!;
      const pairs = this.#extraPairs;
      this.#cells.copyWithin(to, from, end);
      this.#extras.copyWithin(to * pairs, from * pairs, end * pairs);
      this.#release(head);
    }
    this.#lists[head] = to;
    this.#lists[head + 2] = size;
  }

  #release(head: number): void {
    const start = this.#lists[head]!;
    const size = this.#lists[head + 2]!;
    this.#cells[start] = this.#free[size]!;
    this.#free[size] = start;
    this.#lists[head] = NONE;
    this.#live -= 2 << size;
  }

  #take(size: number): number {
    this.#live += 2 << size;
    const first = this.#free[size]!;
    if (first !== NONE) {
      this.#free[size] = this.#cells[first]!;
      return first;
    }
    if (this.#used + (2 << size) > this.#cells.length) this.#makeRoom();
    const start = this.#used;
    this.#used += 2 << size;
    return start;
  }

  /** For what is in use, the block that is just being taken included, and as much again. */
  #makeRoom(): void {
    const cells = this.#cells;
    const extras = this.#extras;
    const isSparse = 2 * this.#live < this.#used;
    const length = Math.max(LEAST, 2 * this.#live, isSparse ? 0 : 2 * cells.length);
    this.#cells = new Uint32Array(length);
    this.#extras = new Uint16Array(length * this.#extraPairs);
    if (isSparse) return this.#compact(cells, extras);
    this.#cells.set(cells);
    this.#extras.set(extras);
  }

  /** Moves the blocks of all lists to the front of the new arrays. */
  #compact(cells: Uint32Array, extras: Uint16Array): void {
    const pairs = this.#extraPairs;
    this.#free.fill(NONE);
    this.#used = 0;
    for (let head = 0; head < this.#lists.length; head += LIST_WORDS) {
      const start = this.#lists[head]!;
      if (start === NONE) continue;
      const end = start + this.#lists[head + 1]!;
      this.#cells.set(cells.subarray(start, end), this.#used);
      this.#extras.set(extras.subarray(start * pairs, end * pairs), this.#used * pairs);
      this.#lists[head] = this.#used;
      this.#used += 2 << this.#lists[head + 2]!;
    }
  }
}
