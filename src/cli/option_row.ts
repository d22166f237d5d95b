/**
 * How a row of the table of options is written.
 *
 * @module
 */

import type { OptionAlias, OptionSpec, OptionStatus, VerbHelp } from "./option_spec.ts";
import type { OptionKind, OptionValue } from "./values.ts";
import type { VerbName } from "./verbs.ts";

/** What a row says besides its spelling, kind and help. */
export interface More {
  readonly verbs: readonly VerbName[];
  readonly also?: readonly (string | OptionAlias)[];
  /** Between values of a list in the environment, and within one on the command line. */
  readonly list?: RegExp;
  /** What does not exist yet, and which values ask for it (default: every value). */
  readonly lacks?: readonly [what: string, isMissing?: (value: OptionValue) => boolean];
  /** Verbs with which nothing is lacking. */
  readonly wholeIn?: readonly VerbName[];
  /** Help for verbs with which it means something else. */
  readonly helpIn?: Readonly<Partial<Record<VerbName, VerbHelp>>>;
  /** Where it is not "later" without exception nor "works". */
  readonly status?: OptionStatus;
  readonly warn?: (text: string) => string | undefined;
  readonly isHidden?: true;
  readonly isCommandLineOnly?: true;
}

/** A row: `-o, --output DIR`, kind of value, help, and the rest. */
export function option(spelling: string, kind: OptionKind, help: string, more: More): OptionSpec {
  const [, short, name, metavar] = /^(?:-(\w), )?--([\w-]+)(?: (.+))?$/.exec(spelling)!;
  const [lacks, isMissing] = more.lacks ?? [undefined, () => false];
  const status = more.status ??
    (lacks !== undefined && isMissing === undefined ? "later" : "works");
  return {
    name: name!,
    short,
    metavar,
    kind,
    help,
    helpIn: more.helpIn ?? {},
    verbs: more.verbs,
    aliases: (more.also ?? []).map((a) => typeof a === "string" ? { spelling: a } : a),
    separator: more.list,
    status,
    lacks,
    isMissing: isMissing ?? (() => true),
    wholeIn: more.wholeIn ?? [],
    warn: more.warn,
    isHidden: more.isHidden ?? false,
    isCommandLineOnly: more.isCommandLineOnly ?? false,
  };
}

/** `--enable-x=false` for `--no-x`. */
export function opposite(...names: string[]): OptionAlias[] {
  return names.map((spelling) => ({ spelling, isOpposite: true }));
}
