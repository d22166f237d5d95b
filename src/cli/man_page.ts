/**
 * The manual page, in the man macros of troff, made from the tables of verbs and options.
 *
 * Pure. Text is escaped: a backslash, a dot or a quote at the start of a line would be read as a command,
 * and a bare hyphen would be typeset as one that cannot be copied into a shell.
 *
 * @module
 */

import { RELEASE_DATE, VERSION } from "../base/version.ts";
import { EXIT_CODES, fill } from "./help.ts";
import { type OptionSpec, statusWith } from "./option_spec.ts";
import { SECTIONS } from "./option_table.ts";
import { type VerbName, VERBS, type VerbSpec } from "./verbs.ts";

const BUILT = VERBS.filter(({ isBuilt }) => isBuilt);
/** Of a line of the source. */
const WIDTH = 78;
/** An option that nearly every command has is not listed with all of them. */
const MANY_VERBS = 12;

/** The page, for `man -l -`. */
export function manPage(): string {
  return [
    `.TH STARLING 1 ${RELEASE_DATE} "starling ${VERSION}" "User Commands"`,
    ".SH NAME",
    text("starling - a BitTorrent client that can be left alone"),
    ".SH SYNOPSIS",
    ".B starling",
    ".I COMMAND",
    text("[OPTIONS] ARGUMENTS..."),
    ".br",
    ".B starling",
    ".I SOURCE\\fR...",
    ".SH DESCRIPTION",
    ...paragraphs(DESCRIPTION),
    ".SH COMMANDS",
    ...BUILT.flatMap(command),
    ".SH OPTIONS",
    ...paragraphs(OPTION_NOTES),
    ...SECTIONS.flatMap(({ title, options }) => section(title, options)),
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(([code, means]) => [".TP", `.B ${escaped(code)}`, text(means)]),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, means]) => [".TP", `.B ${escaped(name)}`, text(means)]),
    ".SH FILES",
    ...FILES.flatMap(([name, means]) => [".TP", `.I ${escaped(name)}`, text(means)]),
    ".SH EXAMPLES",
    ...BUILT.flatMap(({ examples }) => examples).flatMap(({ command, does }) => [
      ".TP",
      `.B ${escaped(command)}`,
      text(does),
    ]),
    ".SH SEE ALSO",
    text("The BitTorrent Enhancement Proposals, https://www.bittorrent.org/beps/bep_0000.html"),
    "",
  ].join("\n");
}

const DESCRIPTION: readonly string[] = [
  "starling downloads what a torrent names from many peers at once, verifies every piece before it " +
  "touches the disk, continues where it stopped, and tells the truth in its exit status. It seeds, " +
  "makes and checks torrents, and is a tracker as well.",
  "Data goes to standard output, everything else to standard error. On a terminal there is a live " +
  "block; elsewhere there is one plain line every ten seconds or ten percent. Run the same command " +
  "again to continue: what is on the disk is checked, and only what is missing is fetched.",
];

const OPTION_NOTES: readonly string[] = [
  "Options and arguments mix freely; -- ends the options. Every option can be given in the environment, " +
  "--max-peers as STARLING_MAX_PEERS; the command line wins. Durations: 90, 90s, 5m, 2h. Sizes: 16K, 1M, " +
  "2G (powers of 1024). Globs see the path inside the torrent without its top folder; one without a slash " +
  "matches base names anywhere; * stays within a folder and ** does not. aria2's long names are understood.",
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["STARLING_OPTION_NAME", "the value of an option; lists are separated by line breaks or commas"],
  ["NO_COLOR, FORCE_COLOR", "take colours away, give them to a pipe"],
  ["TERM, COLUMNS", "a dumb terminal gets plain lines; the width of the live block"],
  ["CI", "a log that is kept gets at most one line of progress in ten seconds"],
  [
    "GITHUB_ACTIONS, GITHUB_STEP_SUMMARY",
    "an error is an annotation as well, the result a line of the step summary",
  ],
  ["XDG_CACHE_HOME", "where the cache lies"],
];

const FILES: readonly (readonly [string, string])[] = [
  [
    ".INFOHASH.starling",
    "beside an incomplete download: what is verified, and blocks of pieces that reach into unselected " +
    "files; removed when the torrent is complete",
  ],
  [
    ".INFOHASH.starling.copy",
    "a copy that --reuse is making; what a run that was killed has left is removed by the next one",
  ],
  ["~/.cache/starling", "what was learned of torrents and the network; it can be deleted"],
];

function command(verb: VerbSpec): string[] {
  const alias = verb.alias === undefined ? "" : ` (${verb.alias})`;
  return [
    ".TP",
    `.B ${escaped(`${verb.name} ${verb.usage}${alias}`.trim())}`,
    text(`${verb.summary}.`),
    ...(verb.notes ?? []).flatMap((note) => [".IP", text(note)]),
  ];
}

function section(title: string, options: readonly OptionSpec[]): string[] {
  const rows = options.filter((spec) => !spec.isHidden && verbsOf(spec).length > 0);
  return rows.length === 0 ? [] : [`.SS ${escaped(title)}`, ...rows.flatMap(row)];
}

/** The verbs that this version has the option with. */
function verbsOf(spec: OptionSpec): VerbName[] {
  return BUILT.map(({ name }) => name)
    .filter((name) => spec.verbs.includes(name) && statusWith(spec, name) !== "later");
}

function row(spec: OptionSpec): string[] {
  const { short, name, metavar, help, helpIn } = spec;
  const value = metavar === undefined ? "" : ` ${metavar}`;
  const head = `${short === undefined ? "" : `-${short}, `}--${name}${value}`;
  const verbs = verbsOf(spec);
  const where = verbs.length >= MANY_VERBS ? "" : ` With ${verbs.join(", ")}.`;
  const others = Object.entries(helpIn)
    .filter(([verb]) => verbs.includes(verb as VerbName))
    .flatMap(([verb, { help: other }]) => [".IP", text(`With ${verb}: ${other}.`)]);
  return [".TP", `.B ${escaped(head)}`, text(`${help}.${where}`), ...others];
}

function paragraphs(all: readonly string[]): string[] {
  return all.flatMap((paragraph, i) => i === 0 ? [text(paragraph)] : [".PP", text(paragraph)]);
}

/** Running text, in lines that tools for manual pages like. */
function text(line: string): string {
  return fill(escaped(line), WIDTH).map((part) => /^[.']/.test(part) ? `\\&${part}` : part)
    .join("\n");
}

/** What troff would read as its own. */
function escaped(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq");
}
