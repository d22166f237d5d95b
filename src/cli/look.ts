/**
 * What a person gets to see: live block or plain lines, colours, width. Decided once, from the options, the
 * environment and whether there is a terminal.
 *
 * @module
 */

import type { Shell } from "../ports/shell.ts";
import type { OptionValues } from "./option_values.ts";

/** How progress is shown. */
export type ProgressMode = "bar" | "plain" | "none";

/** What a person gets to see. */
export interface Look {
  readonly progress: ProgressMode;
  readonly isColored: boolean;
  readonly isQuiet: boolean;
  /** 0, 1 (`-v`) or more (`-vv`). */
  readonly verbosity: number;
  readonly isJson: boolean;
  /** Whether GitHub Actions reads our output. */
  readonly isActions: boolean;
  /** Milliseconds between plain lines at the least; `true` beside it prints at every ten percent as well. */
  readonly plainEvery: { readonly ms: number; readonly isByPercent: boolean };
}

/** What an option's value is asked of; a verb without the option answers as if it was not given. */
export type Options = Pick<OptionValues, "flag" | "text" | "number">;

/** The look for a run; `isPouring` where standard output carries the data of a torrent. */
export function lookOf(shell: Shell, options: Options, isPouring: boolean = false): Look {
  const isDumb = shell.env("TERM") === "dumb";
  const isLive = shell.stderr.isTerminal && !isDumb;
  const isJson = options.flag("json");
  const isQuiet = options.flag("quiet");
  const isActions = shell.env("GITHUB_ACTIONS") === "true";
  const isCi = isActions || isSet(shell.env("CI"));
  return {
    progress: progressMode(options.text("progress") ?? "auto", {
      isLive,
      isQuiet,
      // Events tell a script how it goes; lines are for people, where the two do not mix. Nor does a block
      // mix with data on one terminal.
      isTold: isJson && (shell.stdout.isTerminal || !shell.stderr.isTerminal) ||
        isPouring && shell.stdout.isTerminal && shell.stderr.isTerminal,
    }),
    isColored: isColored(shell, options, isLive),
    isQuiet,
    verbosity: options.number("verbose") ?? 0,
    isJson,
    isActions,
    // A log that is kept wants few lines; a person who watches a pipe wants to see it move.
    plainEvery: { ms: 10_000, isByPercent: !isCi },
  };
}

/** Columns to draw in. */
export function columnsOf(shell: Shell): number {
  const given = Number(shell.env("COLUMNS"));
  if (Number.isInteger(given) && given >= 10) return Math.min(given, 1000);
  return Math.max(10, shell.size()?.columns ?? 80);
}

function progressMode(
  wish: string,
  facts: { isLive: boolean; isQuiet: boolean; isTold: boolean },
): ProgressMode {
  if (wish === "bar" || wish === "plain" || wish === "none") return wish;
  if (facts.isQuiet || facts.isTold) return "none";
  return facts.isLive ? "bar" : "plain";
}

/** `--no-color` and `NO_COLOR` (https://no-color.org) take colours away, `FORCE_COLOR` gives them to a pipe. */
function isColored(shell: Shell, options: Options, isLive: boolean): boolean {
  if (options.flag("no-color")) return false;
  const forced = shell.env("FORCE_COLOR");
  if (isSet(forced)) return forced !== "0" && forced !== "false";
  return isLive && !isSet(shell.env("NO_COLOR"));
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
