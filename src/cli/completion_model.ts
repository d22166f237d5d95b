/**
 * What a shell needs to know to complete a command line, taken from the tables of verbs and options.
 *
 * @module
 */

import { type OptionSpec, statusWith } from "./option_spec.ts";
import { OPTIONS } from "./options.ts";
import { VERBS, type VerbSpec } from "./verbs.ts";

/**
 * What can stand somewhere: files, what is inside the torrent of the command line ("part": that torrent first),
 * words, or anything.
 */
export type Candidates =
  | { readonly kind: "torrent" | "file" | "folder" | "inside" | "part" | "any" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** An option of a verb. */
export interface CompletedOption {
  /** `--output`. */
  readonly long: string;
  /** `-o`. */
  readonly short: string | undefined;
  readonly help: string;
  /** What its value can be, `undefined` for flags. */
  readonly value: Candidates | undefined;
}

/** A verb. */
export interface CompletedVerb {
  /** Its name, then its alias. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** What its arguments can be. */
  readonly operands: Candidates;
}

/** Every verb that this version has. */
export function completedVerbs(): CompletedVerb[] {
  return VERBS.filter(({ isBuilt }) => isBuilt).map((verb) => ({
    names: verb.alias === undefined ? [verb.name] : [verb.name, verb.alias],
    summary: verb.summary,
    options: OPTIONS.filter((spec) => isOffered(spec, verb)).map((spec) => completed(spec, verb)),
    operands: operandsOf(verb),
  }));
}

function isOffered(spec: OptionSpec, { name }: VerbSpec): boolean {
  return spec.verbs.includes(name) && !spec.isHidden && statusWith(spec, name) !== "later";
}

function completed(spec: OptionSpec, verb: VerbSpec): CompletedOption {
  const { metavar = spec.metavar, help } = spec.helpIn[verb.name] ?? spec;
  return {
    long: `--${spec.name}`,
    short: spec.short === undefined ? undefined : `-${spec.short}`,
    help,
    value: metavar === undefined ? undefined : valuesOf(spec, metavar),
  };
}

function valuesOf({ kind }: OptionSpec, metavar: string): Candidates {
  if (kind.type === "enum") return { kind: "words", words: kind.values };
  if (metavar === "FILE") return { kind: "file" };
  if (metavar === "DIR") return { kind: "folder" };
  return { kind: metavar === "GLOB" ? "inside" : "any" };
}

function operandsOf({ usage }: VerbSpec): Candidates {
  if (usage.includes("|")) return { kind: "words", words: usage.split("|") };
  if (usage.includes("COMMAND")) {
    const names = VERBS.filter(({ isBuilt }) => isBuilt).map(({ name }) => name);
    return { kind: "words", words: names };
  }
  if (/^SOURCE .*FILE/.test(usage)) return { kind: "part" };
  if (/SOURCE|TORRENT/.test(usage)) return { kind: usage.includes("PATH") ? "file" : "torrent" };
  return { kind: usage.includes("PATH") ? "file" : "any" };
}
