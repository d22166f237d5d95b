/**
 * Diagnostics for people: `-v` on standard error, all of them in the file of `--log-file`.
 *
 * @module
 */

import type { Log, LogLevel } from "../ports/log.ts";
import { forTerminal } from "./escape.ts";
import type { Screen } from "./screen.ts";

/** What each `-v` adds. */
const VERBOSITY: Readonly<Record<LogLevel, number>> = { warning: 1, info: 1, debug: 2 };

/** The log of a run, which is what the screen shows of it and keeps. */
export function openLog({ screen }: { readonly screen: Screen }): Log {
  return {
    write(level, message, facts = {}) {
      const isShown = VERBOSITY[level] <= screen.look.verbosity;
      if (!isShown && !screen.isKept) return;
      screen.report(forTerminal(lineOf(level, message, facts)), isShown);
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
