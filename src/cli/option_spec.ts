/**
 * The shape of a row of the table of options.
 *
 * @module
 */

import type { OptionKind, OptionValue } from "./values.ts";
import type { VerbName } from "./verbs.ts";

/**
 * Whether this version can do what an option asks for: it does; it switches off what does not exist yet
 * (accepted, without effect); or not yet (refused, never ignored, unless its value says "off").
 */
export type OptionStatus = "works" | "off-switch" | "later";

/** Another spelling of an option. */
export interface OptionAlias {
  /** With its dashes: `-d`, `--dir`. */
  readonly spelling: string;
  /** A flag that means the contrary: `--enable-dht=false` is `--no-dht`. */
  readonly isOpposite?: boolean;
  /** Values that are called something else under this name. */
  readonly values?: Readonly<Record<string, string>>;
}

/** What help says of an option with one verb. */
export interface VerbHelp {
  readonly metavar?: string;
  readonly help: string;
}

/** A row of the table. */
export interface OptionSpec {
  /** The long name without dashes; also the key of its value and, in capitals, of its variable. */
  readonly name: string;
  /** The one-letter name without its dash. */
  readonly short: string | undefined;
  /** What its value is called in help, `undefined` for flags. */
  readonly metavar: string | undefined;
  readonly kind: OptionKind;
  /** What it does, with its default in parentheses. */
  readonly help: string;
  /** What it does with the verbs for which that is something else, and what its value is called there. */
  readonly helpIn: Readonly<Partial<Record<VerbName, VerbHelp>>>;
  readonly verbs: readonly VerbName[];
  readonly aliases: readonly OptionAlias[];
  /** Given again, it adds a value. In the environment the separator stands between values. */
  readonly separator: RegExp | undefined;
  readonly status: OptionStatus;
  /** What this version has not: the subject of "… not available in this version". */
  readonly lacks: string | undefined;
  /** Whether a value asks for that. */
  readonly isMissing: (value: OptionValue) => boolean;
  /** Verbs with which nothing is lacking. */
  readonly wholeIn: readonly VerbName[];
  /** Something to say about the text of a value that is easily misunderstood. */
  readonly warn: ((text: string) => string | undefined) | undefined;
  /** Left out of help, since it is there for habit's sake only. */
  readonly isHidden: boolean;
  /** Told by the command line alone: it is no setting. */
  readonly isCommandLineOnly: boolean;
}

/** Options that help shows together. */
export interface OptionSection {
  readonly title: string;
  readonly options: readonly OptionSpec[];
}

/** A spelling that was found, with what it says. */
export interface FoundOption {
  readonly spec: OptionSpec;
  readonly alias: OptionAlias | undefined;
}

/** The status of an option with a verb. */
export function statusWith(spec: OptionSpec, verb: VerbName): OptionStatus {
  return spec.wholeIn.includes(verb) ? "works" : spec.status;
}
