/**
 * Simulated time: a heap of timers and a loop that jumps from one to the next.
 *
 * Before each jump one macrotask turn lets every microtask run dry, so all code that could go on has
 * gone on before time moves. Timers that are due together run in the order they were set. Nothing here
 * reads the real clock: minutes of protocol take milliseconds, and the same calls give the same order.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Millis } from "../../src/base/units.ts";

/** A timer that can be called off. */
export interface Timer {
  /** Calls it off; does nothing once it has run. */
  cancel(): void;
}

interface Entry extends Timer {
  readonly due: Millis;
  readonly order: number;
  /** Cleared when called off. */
  action: (() => void | false) | undefined;
}

interface Waiter {
  readonly until: () => boolean;
  readonly deadline: Millis;
  readonly resolve: (met: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** More timers than this without time moving means that something spins. */
const MAX_AT_ONE_INSTANT = 200_000;

/** The clock of a simulated world, shared by its hosts. */
export class SimClock {
  readonly #startEpochMs: number;
  readonly #heap: Entry[] = [];
  readonly #waiters = new Set<Waiter>();
  #now: Millis = 0;
  #order = 0;
  #atThisInstant = 0;
  #isPumping = false;

  /** @param startEpochMs what {@link epochMs} says at time 0. */
  constructor(startEpochMs: number = 1_700_000_000_000) {
    this.#startEpochMs = startEpochMs;
  }

  /** Simulated milliseconds since the world began; not whole numbers. */
  now(): Millis {
    return this.#now;
  }

  /** Simulated milliseconds since the epoch, whole. */
  epochMs(): number {
    return this.#startEpochMs + Math.floor(this.#now);
  }

  /** Runs `action` at `due` (now, if that is past). An action that wakes nobody may return `false`. */
  at(due: Millis, action: () => void | false): Timer {
    const entry: Entry = {
      due: due > this.#now ? due : this.#now,
      order: this.#order++,
      action,
      cancel: () => entry.action = undefined,
    };
    if (entry.due < Infinity) this.#push(entry);
    return entry;
  }

  /** Resolves after `ms`; `guard` false at that moment leaves it pending for ever. */
  sleep(ms: number, options: { signal?: AbortSignal; guard?: () => boolean } = {}): Promise<void> {
    const { signal, guard } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.at(this.#now + (ms > 0 ? ms : 0), () => {
        signal?.removeEventListener("abort", onAbort);
        if (guard && !guard()) return false;
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /**
   * Lets time run until `until` is true or `withinMs` have passed; answers whether it was true. Several
   * may run at once: they share the time.
   */
  run(until: () => boolean, withinMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ until, deadline: this.#now + withinMs, resolve, reject });
      if (!this.#isPumping) this.#pump();
    });
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      for (;;) {
        await turn();
        const limit = this.#serveWaiters();
        if (limit === undefined) return;
        this.#step(limit);
      }
    } catch (error) {
      for (const waiter of this.#waiters) waiter.reject(error);
      this.#waiters.clear();
    } finally {
      this.#isPumping = false;
    }
  }

  /** Answers those whose wait is over; the nearest deadline of the others, `undefined` when there are none. */
  #serveWaiters(): Millis | undefined {
    let limit = Infinity;
    for (const waiter of this.#waiters) {
      const met = waiter.until();
      if (met || this.#now >= waiter.deadline) {
        this.#waiters.delete(waiter);
        waiter.resolve(met);
      } else {
        limit = Math.min(limit, waiter.deadline);
      }
    }
    return this.#waiters.size === 0 ? undefined : limit;
  }

  /** Runs timers up to the first that may have woken somebody, or moves to `limit`. */
  #step(limit: Millis): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined && limit === Infinity) {
        throw new Error("Cannot run the world: nothing will ever happen again");
      }
      if (next === undefined || next.due > limit) {
        this.#move(limit);
        return;
      }
      this.#pop();
      if (!next.action) continue;
      this.#move(next.due);
      if (next.action() !== false) return;
    }
  }

  #move(to: Millis): void {
    if (to > this.#now) this.#atThisInstant = 0;
    else if (++this.#atThisInstant > MAX_AT_ONE_INSTANT) {
      throw new Error(`Cannot run the world: time stands still at ${this.#now} ms`);
    }
    this.#now = to;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** One turn of the real event loop: every microtask has run when it comes back. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
