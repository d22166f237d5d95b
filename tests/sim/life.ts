/**
 * The life of a simulated process. Code of a killed process cannot be stopped from outside, so it is
 * frozen: whatever it waits for never comes, and what it still calls does nothing.
 *
 * @module
 */

/** Whether a process lives, and what to do when it no longer does. */
export class Life {
  readonly #atDeath = new Set<() => void>();
  #isAlive = true;

  /** Whether it lives. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Ends it: every resource goes back to the world, in the order it was taken. */
  end(): void {
    this.#isAlive = false;
    for (const release of this.#atDeath) release();
    this.#atDeath.clear();
  }

  /** Runs `release` at the end, unless the returned function takes that back. */
  atDeath(release: () => void): () => void {
    this.#atDeath.add(release);
    return () => this.#atDeath.delete(release);
  }

  /** The same outcome, as long as the process lives when it comes; else none. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isAlive && resolve(value),
        (error) => this.#isAlive && reject(error),
      );
    });
  }
}
