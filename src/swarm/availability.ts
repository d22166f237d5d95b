/**
 * Who has what, and the pieces that may be opened, rarest first.
 *
 * `order` holds every piece that is wanted, missing and not open, sorted by how many peers have it;
 * `edge[c]` is where the pieces that `c` or more peers have begin:
 *
 * ```
 * order   | 7  2 | 9  0  4 | 3 |        7 and 2 are with nobody, 9 0 4 with one peer, 3 with two
 * edge     0      2         5    6
 * ```
 *
 * One more or one less peer for a piece is a swap at an edge: O(1). Entering and leaving is a swap at
 * each edge passed: O(peers). Ties are random since the order starts shuffled and a piece comes to a run
 * at a random place of it; at the edge, a peer's bitfield would leave its pieces in reverse order.
 * Seeds have everything and change no order, so they are not counted.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/units.ts";
import type { Random } from "../ports/random.ts";

/** Availability of pieces and the rarest-first order of those that may be opened. */
export class Availability {
  /** Pieces that may be opened: wanted, missing, not open. */
  readonly pickable: Bitfield;
  readonly #count: Uint16Array;
  readonly #order: Uint32Array;
  readonly #place: Int32Array;
  readonly #edge: number[] = [0, 0];
  readonly #random: Random;
  #length = 0;
  #lowest = 0;
  #entries = 0;

  /** Everything in `pickable` starts with no peer having it. Takes the bitfield. */
  constructor(pickable: Bitfield, random: Random) {
    this.pickable = pickable;
    this.#random = random;
    this.#count = new Uint16Array(pickable.length);
    this.#order = new Uint32Array(pickable.length);
    this.#place = new Int32Array(pickable.length).fill(-1);
    for (let i = 0; i < pickable.length; i++) {
      if (!pickable.has(i)) continue;
      const j = this.#random.below(this.#length + 1);
      if (j < this.#length) this.#set(this.#length, this.#order[j]!);
      this.#set(j, i);
      this.#length++;
    }
    this.#edge[1] = this.#length;
  }

  /** Pieces that may be opened. */
  get length(): number {
    return this.#length;
  }

  /** Where in the order the pieces begin that some peer (seeds left out) has. */
  get firstHeld(): number {
    return this.#edge[1]!;
  }

  /** How often a piece came back: while it stays the same, nothing new may be opened. */
  get entries(): number {
    return this.#entries;
  }

  /** No piece below this one may be opened; a multiple of eight. */
  lowest(): number {
    const { bytes } = this.pickable;
    while (this.#lowest < bytes.length && bytes[this.#lowest] === 0) this.#lowest++;
    return this.#lowest * 8;
  }

  /** Peers (seeds left out) that have a piece. */
  count(piece: number): number {
    return this.#count[piece]!;
  }

  /** The `i`-th rarest piece that may be opened. */
  at(i: number): PieceIndex {
    return this.#order[i] as PieceIndex;
  }

  /** One more peer has a piece. */
  add(piece: number): void {
    const c = this.#count[piece]!++;
    while (this.#edge.length < c + 3) this.#edge.push(this.#length);
    const place = this.#place[piece]!;
    if (place < 0) return;
    const last = this.#edge[c + 1]! - 1;
    this.#swap(place, last);
    this.#edge[c + 1] = last;
    this.#swap(last, last + this.#random.below(this.#edge[c + 2]! - last));
  }

  /** One peer less has a piece. */
  subtract(piece: number): void {
    const c = this.#count[piece]!--;
    const place = this.#place[piece]!;
    if (place < 0) return;
    const first = this.#edge[c]!;
    this.#swap(place, first);
    this.#edge[c] = first + 1;
    const from = this.#edge[c - 1]!;
    this.#swap(first, from + this.#random.below(first - from + 1));
  }

  /** A piece may be opened again. */
  enter(piece: number): void {
    if (!this.pickable.add(piece)) return;
    this.#entries++;
    this.#lowest = Math.min(this.#lowest, piece >>> 3);
    const c = this.#count[piece]!;
    // The hole at the end moves down to the run of pieces as rare as this one.
    let hole = this.#length++;
    for (let e = this.#edge.length - 1; e > c; e--) {
      const first = this.#edge[e]!;
      if (first !== hole) this.#set(hole, this.#order[first]!);
      hole = first;
      this.#edge[e] = first + 1;
    }
    const from = this.#edge[c]!;
    const other = from + this.#random.below(hole - from + 1);
    if (other !== hole) this.#set(hole, this.#order[other]!);
    this.#set(other, piece);
  }

  /** A piece was opened or is no longer wanted. */
  leave(piece: number): void {
    if (!this.pickable.delete(piece)) return;
    let hole = this.#place[piece]!;
    for (let e = this.#count[piece]! + 1; e < this.#edge.length; e++) {
      const last = this.#edge[e]! - 1;
      if (last !== hole) this.#set(hole, this.#order[last]!);
      hole = last;
      this.#edge[e] = last;
    }
    this.#place[piece] = -1;
    this.#length--;
  }

  /** Proves the invariants; for tests. */
  checkInvariants(): void {
    if (this.#length !== this.pickable.count) throw new Error("order and pickable differ");
    let before = 0;
    for (let i = 0; i < this.#length; i++) {
      const piece = this.#order[i]!;
      const c = this.#count[piece]!;
      if (this.#place[piece] !== i) throw new Error(`piece ${piece} is not where it says`);
      if (c < before) throw new Error(`piece ${piece} is out of order`);
      if (i < this.#edge[c]! || i >= (this.#edge[c + 1] ?? this.#length)) {
        throw new Error(`piece ${piece} is outside its run`);
      }
      before = c;
    }
  }

  #set(place: number, piece: number): void {
    this.#order[place] = piece;
    this.#place[piece] = place;
  }

  #swap(a: number, b: number): void {
    const piece = this.#order[a]!;
    this.#set(a, this.#order[b]!);
    this.#set(b, piece);
  }
}
