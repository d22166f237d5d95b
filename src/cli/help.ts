/**
 * Help, made from the tables of verbs and options: examples first, then usage, then every option.
 *
 * Pure text without colour, so it can be piped, searched and compared: of at most 100 columns, and of fewer on
 * a terminal that is narrower.
 *
 * @module
 */

import { type OptionSpec, statusWith } from "./option_spec.ts";
import { SECTIONS } from "./option_table.ts";
import { optionNamed, variableOf } from "./options.ts";
import { type Example, findVerb, type VerbName, VERBS, type VerbSpec } from "./verbs.ts";

/** The columns of help that is piped, the most there are on a terminal. */
export const HELP_COLUMNS = 100;

/** The exit status and what it means. */
export const EXIT_CODES: readonly (readonly [code: string, means: string])[] = [
  ["0", "everything asked for is there and verified"],
  ["1", "a bug, a port that is taken, or anything not below"],
  ["2", "usage: a bad option, no such selection"],
  ["3", "out of time; the same command continues"],
  ["4", "storage: disk full, permission, something in the way; a missing SOURCE"],
  ["5", "not a valid torrent, or refused by the safety policy"],
  ["6", "data that does not verify"],
  ["7", "network: a URL that cannot be fetched"],
  ["130, 143", "interrupted, terminated; the same command continues"],
];

/** The help of the program. */
export function programHelp(columns: number = HELP_COLUMNS): string {
  const built = VERBS.filter((verb) => verb.isBuilt);
  const later = VERBS.filter((verb) => !verb.isBuilt).map((verb) => verb.name);
  const get = findVerb("get")!;
  const info = findVerb("info")!;
  return paragraphs([
    wrap("starling: a BitTorrent client that can be left alone", columns),
    section(
      "Examples",
      exampleLines([...get.examples.slice(0, 3), ...info.examples.slice(0, 1)], columns),
    ),
    section("Usage", [
      "  starling COMMAND [OPTIONS] ARGUMENTS...",
      "  starling SOURCE...      the same as starling get SOURCE...",
    ]),
    section("Commands", table(built.map((verb) => [commandOf(verb), verb.summary]), { columns })),
    later.length > 0 ? wrap(`Not in this version yet: ${later.join(", ")}.`, columns) : "",
    section("Exit status", table(EXIT_CODES, { columns })),
    wrap(
      "starling COMMAND --help shows the options of a command. Every option can be given in the " +
        `environment as well, --max-peers as ${variableOf(optionNamed("max-peers"))}.`,
      columns,
    ),
  ]);
}

/** The help of a verb. */
export function verbHelp(verb: VerbSpec, columns: number = HELP_COLUMNS): string {
  const sections = SECTIONS.map(({ title, options }) => {
    const rows = options.filter((spec) => isShown(spec, verb))
      .map((spec) => optionRow(spec, verb));
    return rows.length > 0 ? section(title, table(rows, { columns })) : "";
  });
  const alias = verb.alias === undefined ? "" : ` (or ${verb.alias})`;
  return paragraphs([
    wrap(`starling ${verb.name}${alias}: ${verb.summary}`, columns),
    verb.isBuilt ? "" : "Not available in this version.",
    verb.examples.length > 0 ? section("Examples", exampleLines(verb.examples, columns)) : "",
    section("Usage", [`  ${usageOf(verb)}`]),
    ...(verb.notes ?? []).map((note) => wrap(note, columns)),
    ...(verb.isBuilt ? sections : []),
    verb.name === "get" ? fineprint(columns) : "",
  ]);
}

/** What follows a usage error when something essential is missing: a few lines. */
export function shortHelp(about: VerbName | "program"): string {
  const verb = findVerb(about === "program" ? "get" : about)!;
  const lines = about === "program"
    ? ["usage: starling COMMAND [OPTIONS] ARGUMENTS..."]
    : [`usage: ${usageOf(verb)}`];
  for (const { command } of verb.examples.slice(0, 2)) lines.push(`   e.g. ${command}`);
  lines.push(`starling ${about === "program" ? "" : `${verb.name} `}--help shows the rest`);
  return `${lines.join("\n")}\n`;
}

function usageOf(verb: VerbSpec): string {
  return `starling ${verb.name} ${verb.usage} [OPTIONS]`.replace("  ", " ");
}

function commandOf(verb: VerbSpec): string {
  return `${verb.name} ${verb.usage}${verb.alias === undefined ? "" : ` (${verb.alias})`}`.trim();
}

function isShown(spec: OptionSpec, verb: VerbSpec): boolean {
  const { name } = verb;
  return spec.verbs.includes(name) && !spec.isHidden && statusWith(spec, name) !== "later";
}

function optionRow(spec: OptionSpec, verb: VerbSpec): [string, string] {
  const { metavar = spec.metavar, help } = spec.helpIn[verb.name] ?? spec;
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  return [`${short}--${spec.name}${metavar === undefined ? "" : ` ${metavar}`}`, help];
}

function fineprint(columns: number): string {
  return [
    wrap(
      "Durations: 90, 90s, 5m, 2h. Sizes: 16K, 1M, 2G (powers of 1024). Globs see the path inside the " +
        "torrent without its top folder; one without a slash matches base names anywhere; * stays " +
        "within a folder and ** does not.",
      columns,
    ),
    wrap(
      "aria2's long names are understood: --max-download-limit, --bt-stop-timeout, --seed-time=0, " +
        "--enable-dht=false, --file-allocation, -c and more.",
      columns,
    ),
  ].join("\n\n");
}

function exampleLines(examples: readonly Example[], columns: number): string[] {
  const rows = examples.map(({ command, does }) => [command, does] as const);
  return table(rows, { columns, widest: 52, mark: "# " });
}

/** The second of two columns is no narrower than this; below its first it stands then. */
const NARROWEST = 24;

/**
 * Two columns, the second wrapped and with a mark before each line; a first that is too long stands on its own
 * line.
 */
function table(
  rows: readonly (readonly [string, string])[],
  { columns, widest = 40, mark = "" }: {
    readonly columns: number;
    readonly widest?: number;
    readonly mark?: string;
  },
): string[] {
  const wished = Math.min(widest, Math.max(...rows.map(([first]) => first.length)));
  const left = columns - wished - 4 < NARROWEST ? 4 : wished;
  const lines: string[] = [];
  for (const [first, second] of rows) {
    const [head = "", ...tail] = fill(second, columns - left - 4 - mark.length);
    if (first.length > left) lines.push(`  ${first}`, `  ${" ".repeat(left)}  ${mark}${head}`);
    else lines.push(`  ${first.padEnd(left)}  ${mark}${head}`);
    for (const line of tail) lines.push(`  ${" ".repeat(left)}  ${mark}${line}`);
  }
  return lines;
}

function section(title: string, lines: readonly string[]): string {
  return `${title}:\n${lines.join("\n")}`;
}

function paragraphs(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function wrap(text: string, columns: number): string {
  return fill(text, columns).join("\n");
}

/** Words in lines of at most `width` characters; a longer word has a line of its own. */
export function fill(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
