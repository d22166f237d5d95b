/**
 * The blocks asked of one peer, in the order they were asked: a ring of (piece, block, time).
 *
 * Most peers answer in order, so taking an answer out looks at the head first. An answer out of order is
 * found by search and leaves a hole, which is skipped when the head reaches it. The head is therefore
 * the oldest request, which is all that a timeout needs. A full ring is packed before it grows, so a peer
 * that never answers its first request makes neither the ring nor the search longer than twice its
 * requests. Hot path: nothing is allocated but by growth.
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

  /** Requests there is room for. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** Adds a request that was made at `now`. */
  push(piece: number, block: number, now: Millis): void {
    if (this.#tail - this.#head > this.#mask) this.#makeRoom();
    const at = this.#tail++ & this.#mask;
    this.#pieces[at] = piece;
    this.#blocks[at] = block;
    this.#times[at] = now;
    this.#live++;
  }

  /** Takes a request out and returns when it was made, or -1 where it was not asked. */
  remove(piece: number, block: number): Millis {
    const at = this.#find(piece, block);
    if (at < 0) return -1;
    this.#pieces[at] = HOLE;
    this.#live--;
    this.#skipHoles();
    return this.#times[at]!;
  }

  /** Whether a request is outstanding. */
  has(piece: number, block: number): boolean {
    return this.#find(piece, block) >= 0;
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

  #find(piece: number, block: number): number {
    for (let i = this.#head; i < this.#tail; i++) {
      const at = i & this.#mask;
      if (this.#pieces[at] === piece && this.#blocks[at] === block) return at;
    }
    return -1;
  }

  #skipHoles(): void {
    while (this.#head < this.#tail && this.#pieces[this.#head & this.#mask] === HOLE) this.#head++;
  }

  #makeRoom(): void {
    const isHalfHoles = this.#live <= (this.#mask + 1) / 2;
    if (isHalfHoles) this.#pack();
    else this.#grow();
  }

  /** Moves what lies behind holes up to the head. */
  #pack(): void {
    let to = this.#head;
    for (let i = this.#head; i < this.#tail; i++) {
      const from = i & this.#mask;
      if (this.#pieces[from] !== HOLE) this.#copy(from, to++ & this.#mask);
    }
    this.#tail = to;
  }

  #copy(from: number, to: number): void {
    this.#pieces[to] = this.#pieces[from]!;
    this.#blocks[to] = this.#blocks[from]!;
    this.#times[to] = this.#times[from]!;
  }

  #grow(): void {
    const old = { pieces: this.#pieces, blocks: this.#blocks, times: this.#times };
    const [head, count, mask] = [this.#head, this.#tail - this.#head, this.#mask];
    const size = (mask + 1) * 2;
    this.#pieces = new Uint32Array(size);
    this.#blocks = new Uint32Array(size);
    this.#times = new Float64Array(size);
    for (let i = 0; i < count; i++) {
      this.#pieces[i] = old.pieces[(head + i) & mask]!;
      this.#blocks[i] = old.blocks[(head + i) & mask]!;
      this.#times[i] = old.times[(head + i) & mask]!;
    }
    [this.#mask, this.#head, this.#tail] = [size - 1, 0, count];
  }
}
