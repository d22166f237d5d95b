/**
 * The blocks that are owed to one peer, in the order it asked (BEP 3, 6).
 *
 * Requests are bounded: past the limit they are refused, and a peer that goes on is cut. A block is read
 * only when it is about to leave, so a CANCEL or a choke costs nothing but its entry.
 *
 * @module
 */

/** Requests held for one peer; the number is said in our extension handshake. */
export const MAX_OWED = 512;

/** A block that a peer asked for; plain wire integers that were checked. */
export interface Owed {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** A bounded FIFO of requested blocks. */
export class Uploads {
  #queue: Owed[] = [];
  #head = 0;

  /** Blocks owed. */
  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** Adds a request; false when the queue is full. A request that is there already is kept once. */
  push(piece: number, begin: number, length: number): boolean {
    if (this.length >= MAX_OWED) return false;
    if (this.#find(piece, begin, length) < 0) this.#queue.push({ piece, begin, length });
    return true;
  }

  /** Takes a request back; false where it was not owed. */
  cancel(piece: number, begin: number, length: number): boolean {
    const at = this.#find(piece, begin, length);
    if (at < 0) return false;
    this.#queue.splice(at, 1);
    return true;
  }

  /**
   * Takes the oldest block and those that follow it without a gap in the same piece, as long as they
   * make at most `maxBytes` together (the first is taken in any case). Empty when nothing is owed.
   */
  takeRun(maxBytes: number): Owed[] {
    const run: Owed[] = [];
    let bytes = 0;
    for (; this.#head < this.#queue.length; this.#head++) {
      const next = this.#queue[this.#head]!;
      const last = run.at(-1);
      if (last !== undefined) {
        if (next.piece !== last.piece || next.begin !== last.begin + last.length) break;
        if (bytes + next.length > maxBytes) break;
      }
      run.push(next);
      bytes += next.length;
    }
    this.#trim();
    return run;
  }

  /** Forgets everything and returns what was owed. */
  clear(): Owed[] {
    const owed = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    return owed;
  }

  #find(piece: number, begin: number, length: number): number {
    for (let i = this.#head; i < this.#queue.length; i++) {
      const owed = this.#queue[i]!;
      if (owed.begin === begin && owed.piece === piece && owed.length === length) return i;
    }
    return -1;
  }

  #trim(): void {
    if (this.#head < 256 && this.#head < this.#queue.length) return;
    this.#queue.splice(0, this.#head);
    this.#head = 0;
  }
}
