/**
 * The blocks asked of one peer, in the order they were asked: a ring of (piece, block, time).
 *
 * Most peers answer in order, so taking an answer out looks at the head first. An answer out of order is
 * found by search and leaves a hole, which is skipped when the head reaches it. The head is therefore
 * the oldest request, which is all that a timeout needs. Hot path: nothing is allocated but by growth.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";

const HOLE = 0xffff_ffff;

/** A FIFO of outstanding requests with removal from the middle. */
export class RequestQueue {
  #pieces = new Uint32Array(64);
  #blocks = new Uint32Array(64);
  #times = new Float64Array(64);
  #mask = 63;
  #head = 0;
  #tail = 0;
  #live = 0;

  /** Outstanding requests. */
  get length(): number {
    return this.#live;
  }

  /** Adds a request that was made at `now`. */
  push(piece: number, block: number, now: Millis): void {
    if (this.#tail - this.#head > this.#mask) this.#grow();
    const at = this.#tail++ & this.#mask;
    this.#pieces[at] = piece;
    this.#blocks[at] = block;
    this.#times[at] = now;
    this.#live++;
  }

  /** Takes a request out and returns when it was made, or -1 where it was not asked. */
  remove(piece: number, block: number): Millis {
    for (let i = this.#head; i < this.#tail; i++) {
      const at = i & this.#mask;
      if (this.#pieces[at] === piece && this.#blocks[at] === block) {
        this.#pieces[at] = HOLE;
        this.#live--;
        this.#skipHoles();
        return this.#times[at]!;
      }
    }
    return -1;
  }

  /** When the oldest request was made; `Infinity` without one. */
  get oldestAt(): Millis {
    return this.#live === 0 ? Infinity : this.#times[this.#head & this.#mask]!;
  }

  /** Piece of the oldest request; only while `length > 0`. */
  get oldestPiece(): number {
    return this.#pieces[this.#head & this.#mask]!;
  }

  /** Block of the oldest request; only while `length > 0`. */
  get oldestBlock(): number {
    return this.#blocks[this.#head & this.#mask]!;
  }

  /** Calls back for every request, oldest first, and forgets them all. */
  drain(each: (piece: number, block: number) => void): void {
    const end = this.#tail;
    for (let i = this.#head; i < end; i++) {
      const at = i & this.#mask;
      const piece = this.#pieces[at]!;
      if (piece === HOLE) continue;
      this.#pieces[at] = HOLE;
      this.#live--;
      each(piece, this.#blocks[at]!);
    }
    this.#skipHoles();
  }

  #skipHoles(): void {
    while (this.#head < this.#tail && this.#pieces[this.#head & this.#mask] === HOLE) this.#head++;
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const pieces = new Uint32Array(size);
    const blocks = new Uint32Array(size);
    const times = new Float64Array(size);
    let n = 0;
    for (let i = this.#head; i < this.#tail; i++) {
      const at = i & this.#mask;
      if (this.#pieces[at] === HOLE) continue;
      pieces[n] = this.#pieces[at]!;
      blocks[n] = this.#blocks[at]!;
      times[n++] = this.#times[at]!;
    }
    [this.#pieces, this.#blocks, this.#times] = [pieces, blocks, times];
    [this.#mask, this.#head, this.#tail] = [size - 1, 0, n];
  }
}
