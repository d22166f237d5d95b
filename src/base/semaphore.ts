/**
 * An asynchronous semaphore: permits are handed out first come, first served, and a wait can be
 * cancelled. It bounds the peers of a session.
 *
 * Invariant: `free + permits out = capacity`, and while anyone waits `free` is 0.
 *
 * @module
 */

/** The right to one slot; disposing it gives the slot back, once, however often it is disposed. */
export interface Permit extends Disposable {
  /** Gives the slot back. */
  release(): void;
}

interface Waiter {
  grant(permit: Permit): void;
}

/** A FIFO semaphore of `capacity` permits. */
export class Semaphore {
  /** Permits in all. */
  readonly capacity: number;
  #free: number;
  // A Set keeps insertion order and gives O(1) removal of a cancelled waiter.
  readonly #waiters = new Set<Waiter>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#free = capacity;
  }

  /** Permits that nobody holds. */
  get free(): number {
    return this.#free;
  }

  /** How many wait for a permit. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** A permit at once, or `undefined` when none is free. */
  tryAcquire(): Permit | undefined {
    if (this.#free === 0) return undefined;
    this.#free--;
    return this.#permit();
  }

  /**
   * A permit, as soon as it is this caller's turn.
   *
   * @throws the signal's reason, when it aborts first; the place in the queue is given up.
   */
  acquire(options: { signal?: AbortSignal } = {}): Promise<Permit> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const permit = this.tryAcquire();
    if (permit) return Promise.resolve(permit);
    const { promise, resolve, reject } = Promise.withResolvers<Permit>();
    const onAbort = () => {
      this.#waiters.delete(waiter);
      reject(signal?.reason);
    };
    const waiter: Waiter = {
      grant: (granted) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(granted);
      },
    };
    this.#waiters.add(waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  }

  #permit(): Permit {
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#release();
    };
    return { release, [Symbol.dispose]: release };
  }

  #release(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.grant(this.#permit());
      return;
    }
    this.#free++;
  }
}
