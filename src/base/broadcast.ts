/**
 * Fan-out of events to any number of readers, each at its own pace.
 *
 * A reader has a bounded queue; when it is full the oldest event that may be dropped is (progress is
 * worth nothing once there is newer progress), so a reader that stalls costs neither memory nor time.
 *
 * @module
 */

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
    for (const reader of this.#readers) reader.push(event, this.#limit, this.#isDroppable);
  }

  /** Ends every reader once it has read what is queued. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** The events from now on; ends with {@link close} or, quietly, when the signal aborts. */
  subscribe(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<T> {
    const { signal } = options;
    const drop = () => {
      signal?.removeEventListener("abort", drop);
      this.#readers.delete(reader);
      reader.cancel();
    };
    const reader: Reader<T> = new Reader(drop);
    if (this.#closed || signal?.aborted) {
      reader.end();
    } else {
      this.#readers.add(reader);
      signal?.addEventListener("abort", drop);
    }
    return reader;
  }
}

/** One subscription. While a read waits the queue is empty, and the other way round. */
class Reader<T> implements AsyncIterableIterator<T, undefined> {
  readonly #queue: T[] = [];
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  readonly #drop: () => void;
  #ended = false;

  /** @param drop ends the subscription at its source. */
  constructor(drop: () => void) {
    this.#drop = drop;
  }

  push(event: T, limit: number, isDroppable: (event: T) => boolean): void {
    const waiting = this.#waiting.shift();
    if (waiting) return waiting({ done: false, value: event });
    this.#queue.push(event);
    if (this.#queue.length <= limit) return;
    const at = this.#queue.findIndex(isDroppable);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** No more events; the queued ones can still be read. */
  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** No more events, and the queued ones are forgotten. */
  cancel(): void {
    this.#queue.length = 0;
    this.end();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#queue.length > 0) {
      return Promise.resolve({ done: false, value: this.#queue.shift()! });
    }
    if (this.#ended) {
      this.#drop();
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#drop();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
