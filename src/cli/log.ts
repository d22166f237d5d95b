/**
 * Diagnostics for people: `-v` on standard error, all of them in the file of `--log-file`.
 *
 * @module
 */

import type { Log, LogLevel } from "../ports/log.ts";
import type { Context } from "./context.ts";
import { forTerminal } from "./escape.ts";

/** What each `-v` adds. */
const VERBOSITY: Readonly<Record<LogLevel, number>> = { warning: 1, info: 1, debug: 2 };

/**
 * The log of a run; disposing it closes the file.
 *
 * @throws {DiskError} when the file cannot be opened.
 */
export async function openLog(
  { shell, screen, invocation }: Pick<Context, "shell" | "screen" | "invocation">,
): Promise<Log & AsyncDisposable> {
  const path = invocation.options.text("log-file");
  const file = path === undefined ? undefined : await shell.openLines(path);
  return {
    write(level, message, facts = {}) {
      const isShown = VERBOSITY[level] <= screen.look.verbosity;
      if (!isShown && file === undefined) return;
      const line = forTerminal(lineOf(level, message, facts));
      if (isShown) screen.note(line);
      file?.write(`${new Date(shell.clock.epochMs()).toISOString()} ${line}`);
    },
    async [Symbol.asyncDispose]() {
      await file?.[Symbol.asyncDispose]();
    },
  };
}

function lineOf(
  level: LogLevel,
  message: string,
  facts: Readonly<Record<string, string | number>>,
): string {
  const pairs = Object.entries(facts).map(([key, value]) => ` ${key}=${value}`);
  return `${level}: ${message}${pairs.join("")}`;
}
