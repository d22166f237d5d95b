/**
 * Fan-out of events to any number of readers, each at its own pace.
 *
 * A reader has a bounded queue; when it is full the oldest event that may be dropped is (progress is
 * worth nothing once there is newer progress), so a reader that stalls costs neither memory nor time.
 *
 * @module
 */

interface Reader<T> {
  queue: T[];
  wake: (() => void) | undefined;
}

/** Publishes events to readers; readers see what is published after they subscribed. */
export class Broadcast<T> {
  readonly #readers = new Set<Reader<T>>();
  readonly #limit: number;
  readonly #isDroppable: (event: T) => boolean;
  #closed = false;

  /** @param options.limit queued events per reader before droppable ones are dropped. */
  constructor(options: { limit?: number; isDroppable?: (event: T) => boolean } = {}) {
    this.#limit = options.limit ?? 1024;
    this.#isDroppable = options.isDroppable ?? (() => true);
  }

  /** Hands `event` to every reader; never blocks and never runs a reader's code. */
  publish(event: T): void {
    if (this.#closed) return;
    for (const reader of this.#readers) {
      reader.queue.push(event);
      if (reader.queue.length > this.#limit) {
        const at = reader.queue.findIndex(this.#isDroppable);
        if (at >= 0) reader.queue.splice(at, 1);
      }
      reader.wake?.();
    }
  }

  /** Ends every reader once it has read what is queued. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.wake?.();
  }

  /** The events from now on; ends with {@link close} or, quietly, when the signal aborts. */
  subscribe(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<T> {
    const reader: Reader<T> = { queue: [], wake: undefined };
    this.#readers.add(reader);
    return this.#read(reader, options.signal);
  }

  async *#read(reader: Reader<T>, signal: AbortSignal | undefined): AsyncGenerator<T, void> {
    const onAbort = () => reader.wake?.();
    signal?.addEventListener("abort", onAbort);
    try {
      while (!signal?.aborted) {
        const event = reader.queue.shift();
        if (event !== undefined) yield event;
        else if (this.#closed) return;
        else await new Promise<void>((resolve) => reader.wake = resolve);
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#readers.delete(reader);
    }
  }
}
