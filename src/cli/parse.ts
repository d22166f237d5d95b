/**
 * The command line and the environment → what is to be done, or a usage error.
 *
 * Pure: `env` is handed in. Nothing has been opened or contacted when an error comes from here. Options and
 * arguments mix freely, `--` ends the options, and the command line wins over the environment.
 *
 * @module
 */

import { OptionValues } from "./option_values.ts";
import { findOption, optionNamed, OPTIONS, variableOf } from "./options.ts";
import { looksLikeSource } from "./source_kind.ts";
import { suggest } from "./suggest.ts";
import { type Given, isFlag, tokenize } from "./tokens.ts";
import { UsageError } from "./usage_error.ts";
import { type OptionValue, parseValue } from "./values.ts";
import { findVerb, VERBS, type VerbSpec } from "./verbs.ts";

/** What is to be done. */
export interface Invocation {
  readonly verb: VerbSpec;
  /** Its arguments. */
  readonly operands: readonly string[];
  /** With `--seed-while`, the command after `--`; those words are operands otherwise. */
  readonly rest: readonly string[];
  readonly options: OptionValues;
  /** Things to tell about the options. */
  readonly warnings: readonly string[];
}

/** Reads variables of the environment; `undefined` where unset or not permitted. */
export type Env = (name: string) => string | undefined;

/**
 * Understands the command line.
 *
 * @throws {UsageError} when it does not make sense or asks for what this version cannot do.
 */
export function parseCommandLine(args: readonly string[], env: Env): Invocation {
  const asked = askedForHelp(args);
  if (asked !== undefined) return asked;
  const { operands: words, given, rest: behind } = tokenize(args);
  const isCommand = given.some((one) => one.spec.name === "seed-while");
  const rest = isCommand ? behind : [];
  const { verb, operands } = chooseVerb(isCommand ? words : [...words, ...behind], given);
  const options = new Map<string, OptionValue[][]>();
  const warnings: string[] = [];
  const counting = effective(given);
  // What a later one takes back must make sense all the same.
  for (const one of given) if (!counting.includes(one)) valueOf(one, one.text);
  for (const one of [...counting, ...fromEnvironment(verb, given, env)]) {
    if (!one.spec.verbs.includes(verb.name)) throw foreignOption(one, verb);
    const groups = readGroups(one, verb);
    const warning = one.spec.warn?.(one.text);
    if (warning !== undefined) warnings.push(warning);
    const before = options.get(one.spec.name) ?? [];
    const counted = one.spec.kind.type === "count" && before.length > 0;
    const value = counted ? [[Number(before[0]) + Number(groups[0])]] : groups;
    options.set(one.spec.name, one.spec.separator === undefined ? value : [...before, ...value]);
  }
  checkOperands(verb, operands, options);
  return { verb, operands, rest, options: new OptionValues(options), warnings };
}

/** Whether `--json` was asked for, even where the rest of the command line makes no sense. */
export function wantsJson(args: readonly string[], env: Env): boolean {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const last = own.findLast((arg) => /^--(?:no-)?json(?:=|$)/.test(arg));
  if (last === undefined) return parsesTrue(env(variableOf(optionNamed("json"))));
  if (last.startsWith("--no-")) return false;
  return last === "--json" || parsesTrue(last.slice("--json=".length));
}

function parsesTrue(text: string | undefined): boolean {
  const parsed = parseValue({ type: "flag" }, text ?? "");
  return "value" in parsed && parsed.value === true;
}

/** `--help` and `--version` win over everything else, mistakes included. */
function askedForHelp(args: readonly string[]): Invocation | undefined {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const of = (name: string, operands: string[]): Invocation => ({
    verb: findVerb(name)!,
    operands,
    rest: [],
    options: new OptionValues(new Map()),
    warnings: [],
  });
  if (own.some((arg) => asksFor(arg, "help"))) {
    const first = own.find((arg) => !arg.startsWith("-"));
    const verb = first === undefined ? undefined : findVerb(first);
    return of("help", verb === undefined || verb.name === "help" ? [] : [verb.name]);
  }
  return own.some((arg) => asksFor(arg, "version")) ? of("version", []) : undefined;
}

/** Whether a word is `--help`, `--help=true`, `-h`, or flags in one word of which it is one: `-qh`. */
function asksFor(arg: string, name: "help" | "version"): boolean {
  if (arg === `--${name}`) return true;
  if (arg.startsWith(`--${name}=`)) return parsesTrue(arg.slice(name.length + 3));
  if (!/^-\w+$/.test(arg)) return false;
  for (const letter of arg.slice(1)) {
    const spec = findOption(`-${letter}`)?.spec;
    if (spec === undefined || !isFlag(spec)) return false;
    if (spec.name === name) return true;
  }
  return false;
}

function chooseVerb(
  words: readonly string[],
  given: readonly Given[],
): { verb: VerbSpec; operands: readonly string[] } {
  const first = words[0];
  const get = findVerb("get")!;
  if (first === undefined) {
    if (given.some((one) => one.spec.name === "input-file")) return { verb: get, operands: [] };
    throw new UsageError("Nothing to do: no command and no SOURCE", { shortHelp: "program" });
  }
  if (first === "") throw new UsageError("Cannot run anything: the first argument is empty");
  const verb = findVerb(first);
  if (verb !== undefined) {
    if (!verb.isBuilt) throw notBuilt(verb);
    return { verb, operands: words.slice(1) };
  }
  if (looksLikeSource(first)) return { verb: get, operands: words };
  const near = suggest(first, VERBS.flatMap((v) => v.alias ? [v.name, v.alias] : [v.name]));
  const path = `to download a file of that name: starling get ./${first}`;
  const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : path;
  throw new UsageError(`Cannot run "${first}": there is no such command`, { hint });
}

function notBuilt(verb: VerbSpec): UsageError {
  const built = VERBS.filter((v) => v.isBuilt).map((v) => v.name);
  return new UsageError(`Cannot run ${verb.name}: it is not available in this version`, {
    hint: `this version has ${built.join(", ")}`,
  });
}

function foreignOption(one: Given, verb: VerbSpec): UsageError {
  const owners = one.spec.verbs.join(", ");
  return new UsageError(`Cannot use ${one.spelling} with ${verb.name}: it does not apply`, {
    hint: `${one.spelling} belongs to ${owners}`,
  });
}

/** What counts of what was given: of an option that is neither a list nor counted, the last. */
function effective(given: readonly Given[]): Given[] {
  const last = new Map(given.map((one) => [one.spec, one]));
  return given.filter((one) =>
    one.spec.separator !== undefined || one.spec.kind.type === "count" ||
    last.get(one.spec) === one
  );
}

/** The variables that say something the command line does not. */
function fromEnvironment(verb: VerbSpec, given: readonly Given[], env: Env): Given[] {
  const typed = new Set(given.map((one) => one.spec));
  const out: Given[] = [];
  for (const spec of OPTIONS) {
    if (spec.isCommandLineOnly || typed.has(spec) || !spec.verbs.includes(verb.name)) continue;
    const spelling = variableOf(spec);
    const text = env(spelling);
    if (text === undefined || text.trim() === "") continue;
    // What was read from a file, or written as a block of YAML, ends with a line break.
    const trimmed = spec.kind.type === "text" ? text.replace(/[\r\n]+$/, "") : text.trim();
    out.push({ spec, spelling, text: trimmed });
  }
  return out;
}

/** The values of one option; URLs with white space between them are groups of their own. */
function readGroups(given: Given, verb: VerbSpec): OptionValue[][] {
  const { spec, text } = given;
  if (spec.kind.type !== "url") return [readValues(given, verb)];
  const groups = text.split(/\s+/).filter((part) => part !== "");
  // As empty as `-t "$TRACKER"` with no such variable.
  if (groups.length === 0) return [[valueOf(given, "")]];
  return groups.map((group) => readValues({ ...given, text: group }, verb));
}

function readValues({ spec, spelling, text }: Given, verb: VerbSpec): OptionValue[] {
  const isVariable = spelling.startsWith("STARLING_");
  const isList = spec.separator !== undefined && (isVariable || spec.kind.type === "url");
  const texts = isList ? text.split(spec.separator!).filter((part) => part.trim() !== "") : [text];
  return texts.map((one) => {
    const value = valueOf({ spec, spelling }, one);
    if (spec.isMissing(value) && !spec.wholeIn.includes(verb.name)) {
      const shown = isFlag(spec) ? spelling : `${spelling} ${one}`;
      throw new UsageError(`Cannot use ${shown}: ${spec.lacks} not available in this version`);
    }
    return value;
  });
}

function valueOf({ spec, spelling }: Pick<Given, "spec" | "spelling">, text: string): OptionValue {
  const parsed = parseValue(spec.kind, text);
  if ("value" in parsed) return parsed.value;
  throw new UsageError(`Cannot use ${spelling} ${JSON.stringify(text)}: ${parsed.why}`);
}

function checkOperands(
  verb: VerbSpec,
  operands: readonly string[],
  options: ReadonlyMap<string, readonly (readonly OptionValue[])[]>,
): void {
  if (operands.includes("")) throw new UsageError(`Cannot run ${verb.name}: an argument is empty`);
  if (operands.length < verb.min && !options.has("input-file")) {
    throw new UsageError(`Cannot run ${verb.name}: it needs ${verb.usage}`, {
      shortHelp: verb.name,
    });
  }
  if (operands.length > verb.max) {
    throw new UsageError(
      `Cannot run ${verb.name}: it takes ${verb.usage || "no argument"}, not ${operands.length}`,
      { shortHelp: verb.name },
    );
  }
  const fromStdin = operands.filter((operand) => operand === "-").length;
  const isListed = options.get("input-file")?.at(-1)?.at(-1) === "-";
  if (fromStdin + (isListed ? 1 : 0) > 1) {
    throw new UsageError(`Cannot run ${verb.name}: standard input can be read only once`);
  }
}
