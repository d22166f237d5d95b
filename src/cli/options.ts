/**
 * How a spelling is found in the table of options.
 *
 * Parsing, help, environment variables, aria2's spellings and "did you mean" all read the one table of
 * `option_table.ts`; nothing about an option is said anywhere else.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import type { FoundOption, OptionSpec } from "./option_spec.ts";
import { SECTIONS } from "./option_table.ts";
import type { VerbName } from "./verbs.ts";

/** Every option, in the order of help. */
export const OPTIONS: readonly OptionSpec[] = SECTIONS.flatMap((section) => section.options);

const BY_NAME = new Map(OPTIONS.map((spec) => [spec.name, spec]));
const BY_SPELLING = new Map<string, FoundOption>();
for (const spec of OPTIONS) {
  add(`--${spec.name}`, { spec, alias: undefined });
  if (spec.short !== undefined) add(`-${spec.short}`, { spec, alias: undefined });
  for (const alias of spec.aliases) add(alias.spelling, { spec, alias });
}

function add(spelling: string, found: FoundOption): void {
  if (BY_SPELLING.has(spelling)) throw new BugError(`Two options are spelled ${spelling}`);
  BY_SPELLING.set(spelling, found);
}

/** The option of a spelling with its dashes: `-o`, `--output`, `--dir`. */
export function findOption(spelling: string): FoundOption | undefined {
  const found = BY_SPELLING.get(spelling);
  if (found !== undefined || !spelling.startsWith("--no-")) return found;
  // `--no-seed` takes back a flag that the environment gave.
  const positive = BY_NAME.get(spelling.slice("--no-".length));
  if (positive?.kind.type !== "flag") return undefined;
  return { spec: positive, alias: { spelling, isOpposite: true } };
}

/** The row of a name. @throws {BugError} when there is none. */
export function optionNamed(name: string): OptionSpec {
  const spec = BY_NAME.get(name);
  if (spec === undefined) throw new BugError(`No option is named "${name}"`);
  return spec;
}

/** Every spelling with its dashes that a verb understands. */
export function spellings(verb: VerbName | undefined): string[] {
  return [...BY_SPELLING]
    .filter(([, { spec }]) => verb === undefined || spec.verbs.includes(verb))
    .map(([spelling]) => spelling);
}

/** The environment variable of an option: `STARLING_MAX_PEERS`. */
export function variableOf(spec: OptionSpec): string {
  return `STARLING_${spec.name.toUpperCase().replaceAll("-", "_")}`;
}
