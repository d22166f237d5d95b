/**
 * A command line cut into options and arguments by the table of options.
 *
 * @module
 */

import type { FoundOption, OptionSpec } from "./option_spec.ts";
import { findOption, OPTIONS, spellings } from "./options.ts";
import { suggest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";
import { parseValue } from "./values.ts";
import { findVerb, type VerbSpec } from "./verbs.ts";

/** A value as it was typed. */
export interface Given {
  readonly spec: OptionSpec;
  /** As it was spelled, for messages. */
  readonly spelling: string;
  readonly text: string;
}

/** A command line cut up. */
export interface Tokens {
  /** The words that are no options. */
  readonly operands: string[];
  /** The options, in order. */
  readonly given: Given[];
  /** What came after `--`. */
  readonly rest: readonly string[];
}

/**
 * Tells options from arguments.
 *
 * @throws {UsageError} for an option that does not exist or lacks its value.
 */
export function tokenize(args: readonly string[]): Tokens {
  const operands: string[] = [];
  const given: Given[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return { operands, given, rest: args.slice(i + 1) };
    if (arg === "-" || !arg.startsWith("-")) operands.push(arg);
    else if (arg.startsWith("--")) i += takeLong(arg, args[i + 1], given, args);
    else i += takeShort(arg, args[i + 1], given, args);
  }
  return { operands, given, rest: [] };
}

/** Takes `--name`, `--name=value` or `--name value`; returns how many further arguments it used. */
function takeLong(
  arg: string,
  next: string | undefined,
  given: Given[],
  args: readonly string[],
): number {
  const equals = arg.indexOf("=");
  const spelling = equals < 0 ? arg : arg.slice(0, equals);
  const found = findOption(spelling);
  if (found === undefined) throw unknownOption(spelling, args);
  if (equals >= 0) {
    given.push(spelled(found, spelling, arg.slice(equals + 1)));
    return 0;
  }
  if (isFlag(found.spec)) {
    given.push(spelled(found, spelling, undefined));
    return 0;
  }
  given.push(spelled(found, spelling, needed(found, spelling, next)));
  return 1;
}

/** Takes `-q`, `-vv`, `-qv`, `-p6881`, `-p=6881` or `-p 6881`; returns how many further arguments it used. */
function takeShort(
  arg: string,
  next: string | undefined,
  given: Given[],
  args: readonly string[],
): number {
  const long = `-${arg.replace(/=.*/s, "")}`;
  if (long.length > 4 && findOption(long) !== undefined) {
    throw new UsageError(`Cannot use ${long.slice(1)}: there is no such option`, {
      hint: `did you mean ${long}?`,
    });
  }
  for (let i = 1; i < arg.length; i++) {
    const spelling = `-${arg[i]}`;
    const found = findOption(spelling);
    if (found === undefined) throw unknownOption(i === 1 ? arg : spelling, args);
    if (isFlag(found.spec) && arg[i + 1] !== "=") {
      given.push(spelled(found, spelling, undefined));
      continue;
    }
    const attached = arg.slice(i + 1).replace(/^=/, "");
    const isLast = i + 1 === arg.length;
    given.push(spelled(found, spelling, isLast ? needed(found, spelling, next) : attached));
    return isLast ? 1 : 0;
  }
  return 0;
}

/** Whether an option needs no value. */
export function isFlag(spec: OptionSpec): boolean {
  return spec.kind.type === "flag" || spec.kind.type === "count";
}

function needed({ spec }: FoundOption, spelling: string, next: string | undefined): string {
  if (next !== undefined && !/^-./.test(next)) return next;
  const hint = next === undefined ? undefined : `if ${next} is the value: ${spelling}=${next}`;
  throw new UsageError(`Cannot use ${spelling}: it needs a value (${spec.metavar})`, { hint });
}

/** The option as given, with the text turned into what its own name would say. */
function spelled(found: FoundOption, spelling: string, text: string | undefined): Given {
  const { spec, alias } = found;
  if (spec.kind.type === "count") return { spec, spelling, text: text ?? "1" };
  if (spec.kind.type !== "flag") {
    return { spec, spelling, text: alias?.values?.[text ?? ""] ?? text ?? "" };
  }
  if (!alias?.isOpposite) return { spec, spelling, text: text ?? "true" };
  const parsed = parseValue(spec.kind, text ?? "true");
  if ("why" in parsed) return { spec, spelling, text: text ?? "" };
  return { spec, spelling, text: String(!parsed.value) };
}

function unknownOption(spelling: string, args: readonly string[]): UsageError {
  const word = args.find((arg) => !arg.startsWith("-"));
  const verb = word === undefined ? undefined : findVerb(word)?.name;
  const short = `-${spelling[1]}`;
  // `-output` is a long name with a dash missing.
  const isLong = spelling.length > 2;
  const near = isLong ? suggest(spelling.replace(/^-*/, "--"), longSpellings(verb)) : [];
  const hint = near.length > 0
    ? `did you mean ${near.join(" or ")}?`
    : `starling ${verb ?? "get"} --help lists the options`;
  const name = spelling.startsWith("--") || near.length > 0 ? spelling : short;
  return new UsageError(`Cannot use ${name}: there is no such option`, { hint });
}

function longSpellings(verb: VerbSpec["name"] | undefined): string[] {
  const all = spellings(verb).filter((spelling) => spelling.startsWith("--"));
  // An option's own name comes before other spellings of the same distance.
  return [...OPTIONS.map((spec) => `--${spec.name}`).filter((n) => all.includes(n)), ...all];
}
