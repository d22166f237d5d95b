/**
 * `starling help [COMMAND]`, `--help`: to standard output, since it was asked for.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { HELP_COLUMNS, programHelp, verbHelp } from "../help.ts";
import { columnsOf } from "../look.ts";
import { suggest } from "../suggest.ts";
import { UsageError } from "../usage_error.ts";
import { findVerb, VERBS } from "../verbs.ts";

/** Prints help. @throws {UsageError} for a command that does not exist. */
export function runHelp({ shell, invocation }: Context): Ending {
  const [name] = invocation.operands;
  const columns = shell.stdout.isTerminal ? Math.min(HELP_COLUMNS, columnsOf(shell)) : HELP_COLUMNS;
  if (name === undefined) {
    shell.stdout.write(programHelp(columns));
    return { exitCode: 0 };
  }
  const verb = findVerb(name);
  if (verb === undefined) {
    const near = suggest(name, VERBS.map((v) => v.name));
    const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : "starling --help";
    throw new UsageError(`Cannot explain "${name}": there is no such command`, { hint });
  }
  shell.stdout.write(verbHelp(verb, columns));
  return { exitCode: 0 };
}
