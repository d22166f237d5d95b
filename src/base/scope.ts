/**
 * Structured concurrency: a scope owns tasks and resources, and ending it ends them all.
 *
 * `session ⊃ torrent ⊃ peer` are scopes. Disposing one aborts its signal (children included), waits for
 * its tasks, then cleans up what was handed to {@link Scope.use} in reverse order. A task that fails
 * with anything but the abort fails the scope: the scope aborts and {@link Scope.failure} tells why.
 *
 * @module
 */

/** The reason a scope's signal aborts with when it is simply disposed. */
export class Cancelled extends Error {
  override name = "Cancelled";
}

/** An owner of tasks and resources. */
export class Scope implements AsyncDisposable {
  /** What it is, for messages. */
  readonly name: string;
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  readonly #detach: () => void;
  #failure: { readonly error: unknown } | undefined;
  #ending: Promise<void> | undefined;

  /** @param parent a signal that ends this scope when it aborts. */
  constructor(name: string, options: { parent?: AbortSignal } = {}) {
    this.name = name;
    const { parent } = options;
    const onAbort = () => this.#controller.abort(parent?.reason);
    if (parent?.aborted) onAbort();
    parent?.addEventListener("abort", onAbort, { once: true });
    this.#detach = () => parent?.removeEventListener("abort", onAbort);
  }

  /** Aborts when the scope ends; everything that waits inside it takes this signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the first failing task failed with. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** A scope inside this one; it must be disposed by whoever asked for it, or it is with this one. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`, { parent: this.signal });
    const dispose = () => child[Symbol.asyncDispose]();
    this.#cleanups.push(dispose);
    child.defer(() => {
      const at = this.#cleanups.indexOf(dispose);
      if (at >= 0) this.#cleanups.splice(at, 1);
    });
    return child;
  }

  /**
   * Starts a task that belongs to the scope. A failure other than the abort ends the scope. False where the
   * scope has ended: the task is not run then, and what it was to take over stays the caller's.
   */
  spawn(task: (signal: AbortSignal) => Promise<void>): boolean {
    if (this.signal.aborted) return false;
    const run = (async () => {
      try {
        await task(this.signal);
      } catch (error) {
        if (this.signal.aborted) return;
        this.#failure = { error };
        this.#controller.abort(error);
      }
    })();
    this.#tasks.add(run);
    run.then(() => this.#tasks.delete(run));
    return true;
  }

  /** Takes over a resource; it is disposed when the scope is, later ones first. Returns it. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.defer(() =>
      Symbol.asyncDispose in resource
        ? Promise.resolve(resource[Symbol.asyncDispose]())
        : (resource as Disposable)[Symbol.dispose]()
    );
    return resource;
  }

  /** Runs `cleanup` when the scope is disposed, later ones first. */
  defer(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Aborts the signal without waiting. */
  abort(reason: unknown = new Cancelled(`${this.name} ended`)): void {
    this.#controller.abort(reason);
  }

  /**
   * Aborts, waits for every task, cleans up. Idempotent; every caller waits for the same end. A cleanup
   * that fails does not keep the others from running.
   *
   * @throws what a cleanup threw; an `AggregateError` where several did.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.abort();
    this.#detach();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    const errors: unknown[] = [];
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, `Cannot end ${this.name} cleanly`);
    if (errors.length === 1) throw errors[0];
  }
}
