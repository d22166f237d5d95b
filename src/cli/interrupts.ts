/**
 * Ctrl-C and its kin: the first signal asks everything to stop cleanly, a second one ends at once, and so
 * does the clock when a clean stop takes too long. A reader of our output that goes away asks as well.
 *
 * @module
 */

import type { EndSignal, Shell } from "../ports/shell.ts";
import { Interrupted } from "./exit.ts";

/** A clean stop has this long; five seconds are promised. */
const GRACE_MS = 4_500;

/** Turns signals into an abort. */
export class Interrupts implements Disposable {
  readonly #shell: Shell;
  readonly #controller = new AbortController();
  readonly #listening: Disposable;
  readonly #lastWords: () => void;
  readonly #over = new AbortController();
  #isLeft = false;

  /** @param lastWords runs before the process is ended without further ado. */
  constructor(shell: Shell, lastWords: () => void) {
    this.#shell = shell;
    this.#lastWords = lastWords;
    this.#listening = shell.onSignal((signal) => {
      const exitCode = signal === "SIGINT" ? 130 : 143;
      if (this.signal.aborted) this.#exit(exitCode);
      this.stop(exitCode);
    });
  }

  /** Aborts, with an {@link Interrupted}, when the program is asked to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when the program is asked to end. */
  get asked(): Promise<void> {
    const { signal } = this;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Why it is to end; what a signal would have said where there was none. */
  get reason(): Interrupted {
    const { reason } = this.signal;
    return reason instanceof Interrupted ? reason : new Interrupted(143);
  }

  /** The signal that asked, to be handed on. */
  get endSignal(): EndSignal {
    return this.reason.exitCode === 130 ? "SIGINT" : "SIGTERM";
  }

  /** Whether it is to end because what it writes goes nowhere: nothing is to be said of the stop. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Asks everything to stop, and makes sure that it does. */
  stop(exitCode: 130 | 143): void {
    if (this.signal.aborted) return;
    this.#controller.abort(new Interrupted(exitCode));
    this.#shell.clock.sleep(GRACE_MS, { signal: this.#over.signal })
      .then(() => this.#exit(this.#isLeft ? 0 : exitCode), () => {});
  }

  /** Asks everything to stop once standard output cannot be written any more. */
  stopWithOutput(): void {
    this.#shell.stdout.closed.then(() => {
      if (this.signal.aborted || this.#over.signal.aborted) return;
      this.#isLeft = true;
      this.stop(143);
    });
  }

  /** Leaves signals to the system again: everything has stopped. */
  [Symbol.dispose](): void {
    this.#over.abort();
    this.#listening[Symbol.dispose]();
  }

  #exit(exitCode: number): never {
    this.#lastWords();
    this.#shell.exit(exitCode);
  }
}
