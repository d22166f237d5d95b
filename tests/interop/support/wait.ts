/**
 * Waiting with a deadline, and free ports: what every part of the interop harness needs.
 *
 * Nothing here sleeps for a fixed time: a wait ends when what it waits for is there, or fails at its
 * deadline with a message that says what did not happen.
 *
 * @module
 */

/** Settles as `promise` does, or rejects after `timeoutMs` saying that `what` did not happen. */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Cannot see ${what}: not within ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long and how often {@link until} looks. */
export interface UntilOptions {
  /** What is awaited, for the message of the failure. */
  readonly what: string;
  /** Gives up after this long (20 s). */
  readonly timeoutMs?: number;
  /** Looks this often (20 ms). */
  readonly everyMs?: number;
}

/** Asks again and again until the answer is neither `undefined` nor `false`. */
export async function until<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const { what, timeoutMs = 20_000, everyMs = 20 } = options;
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) {
      throw new Error(`Cannot see ${what}: not within ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago; the system chooses it. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Starts something that must be told its port, again with another one when the port was taken
 * between the asking and the starting.
 *
 * @throws what the last try threw.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await start(freePort());
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
}
