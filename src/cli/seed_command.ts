/**
 * The command of `--seed-while`: run while everything is given, told to end when that is to end.
 *
 * @module
 */

import type { Context, Ending } from "./context.ts";
import { isExplained } from "./exit.ts";

/** A command that was told to end has this long; then it is left alone. */
const GRACE_MS = 4_000;

/**
 * Runs it; resolves with its exit code, or with `undefined` when it goes on after it was told to end.
 *
 * The signal tells it to end by the signal that we were sent, SIGTERM where there was none.
 *
 * @throws {OptionsError} when it cannot be started.
 */
export async function runCommand(
  command: readonly string[],
  { shell, interrupts, signal }: Pick<Context, "shell" | "interrupts"> & { signal: AbortSignal },
): Promise<number | undefined> {
  const over = new AbortController();
  const patience = Promise.withResolvers<undefined>();
  const onAbort = () => {
    shell.clock.sleep(GRACE_MS, { signal: over.signal })
      .then(() => patience.resolve(undefined), () => {});
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const code = shell.run(command, {
    signal,
    endWith: () => interrupts.signal.aborted ? interrupts.endSignal : "SIGTERM",
  });
  try {
    return await Promise.race([code, patience.promise]);
  } finally {
    code.catch(() => {});
    signal.removeEventListener("abort", onAbort);
    over.abort();
  }
}

/** The ending with the code of the command, which is explained as every other: it may look like one of ours. */
export function endedWith(ending: Ending, command: readonly string[], exitCode: number): Ending {
  const program = JSON.stringify(command[0]);
  const complaint = `Cannot finish --seed-while: ${program} ended with status ${exitCode}`;
  return { ...ending, exitCode, ...(isExplained(exitCode) ? { complaint } : {}) };
}
