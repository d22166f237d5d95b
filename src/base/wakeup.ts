/**
 * Lets one loop sleep until another part of the program has something for it.
 *
 * A wake-up that comes while nobody waits is remembered, so it cannot be missed.
 *
 * @module
 */

/** A remembered wake-up. */
export class Wakeup {
  #isSet = false;
  #resolve: (() => void) | undefined;

  /** Wakes the waiter, or the next one. */
  notify(): void {
    this.#isSet = true;
    this.#resolve?.();
  }

  /** Resolves once notified since the last wait, or when `signal` aborts. One waiter at a time. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#isSet && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#resolve = wake;
      signal.addEventListener("abort", wake);
      await promise;
      signal.removeEventListener("abort", wake);
      this.#resolve = undefined;
    }
    this.#isSet = false;
  }
}
