/**
 * What has come for a simulated process and waits to be taken: connections, datagrams.
 *
 * @module
 */

import type { Life } from "./life.ts";

/** A queue with a bound, and one reader at a time. */
export class Inbox<T> {
  readonly #life: Life;
  readonly #most: number;
  readonly #queue: T[] = [];
  #waiting: ((item: T | null) => void) | undefined;
  #isOpen = true;

  /** Takes whose it is, and how much may wait at the most. */
  constructor(life: Life, most: number) {
    this.#life = life;
    this.#most = most;
  }

  /** Whether it is not closed. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether no more may come. */
  get isFull(): boolean {
    return !this.#isOpen || this.#queue.length >= this.#most;
  }

  /** Something comes; whether there was room. */
  put(item: T): boolean {
    if (this.isFull) return false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(item);
    else this.#queue.push(item);
    return true;
  }

  /** The next that has come or comes, `null` when it is closed. */
  take(): Promise<T | null> {
    const first = this.#queue.shift();
    if (first || !this.#isOpen) return this.#life.guard(Promise.resolve(first ?? null));
    return this.#life.guard(new Promise((resolve) => this.#waiting = resolve));
  }

  /** Nothing comes any more; gives what nobody has taken. */
  close(): T[] {
    this.#isOpen = false;
    this.#waiting?.(null);
    return this.#queue.splice(0);
  }
}
