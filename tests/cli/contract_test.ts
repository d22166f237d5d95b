/**
 * The contract of the command line, row by row: which test types it. And what holds for every option alike:
 * its variable in the environment, the command line that wins, and words for a value that makes no sense.
 *
 * A verb, or a spelling of an option, that no test types in a process of its own fails, and so does an exit
 * code or an event that has no row here.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { statusWith } from "../../src/cli/option_spec.ts";
import type { OptionSpec } from "../../src/cli/option_spec.ts";
import { OPTIONS, variableOf } from "../../src/cli/options.ts";
import { EXIT_CODES } from "../../src/cli/help.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { isFlag } from "../../src/cli/tokens.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { findVerb, VERBS } from "../../src/cli/verbs.ts";
import { EVENTS } from "../support/events.ts";
import { starling } from "./support/process.ts";

/** File, name of the test, rows. A row that starts with `--` is an option, with a digit an exit code. */
const TESTED: readonly (readonly [file: string, test: string, rows: string])[] = [
  [
    "cli/get_test.ts",
    "get hands every option to the session",
    "--output --include --max-peers --port --down-limit --up-limit --peer --tracker --no-trackers --no-pex " +
    "--no-lsd --no-peers --sequential --allocate --fsync --timeout --stall-timeout --allow-private --no-dht " +
    "--dht-node --lsd-interface",
  ],
  [
    "cli/get_test.ts",
    "get ends with 0 and a line that can be grepped when the download is complete",
    "get 0",
  ],
  [
    "cli/get_many_test.ts",
    "get takes a list and does no more than -j at a time",
    "--input-file --jobs",
  ],
  [
    "cli/get_test.ts",
    "get --json writes the session's events and done last",
    "--json start done warning",
  ],
  [
    "cli/get_test.ts",
    "get logs to standard error with -v and to the log file always",
    "--verbose --log-file",
  ],
  ["cli/get_test.ts", "get says nothing when it is quiet and all is well", "--quiet"],
  ["cli/get_test.ts", "get says that the port is taken when it is", "1"],
  [
    "cli/get_test.ts",
    "get ends with the code of the failure, one error line and one hint",
    "3 error",
  ],
  [
    "cli/get_test.ts",
    "get stops cleanly at a signal: 130 or 143, without an error line",
    "130,143",
  ],
  [
    "cli/bad_source_test.ts",
    "get ends with 4 when the file is missing, unreadable or a folder",
    "4",
  ],
  ["cli/bad_source_test.ts", "get ends with 5 and writes nothing when the file is no torrent", "5"],
  ["cli/bad_source_test.ts", "get ends with 7 or 5 when a URL has no torrent", "7"],
  ["cli/process_test.ts", "starling ends with 2 and short help when it is bare", "2"],
  ["cli/process_test.ts", "starling --help prints help to standard output", "--help help"],
  [
    "cli/process_test.ts",
    "starling --version prints one line with the version last",
    "--version version",
  ],
  ["cli/process_test.ts", "starling info describes a file, standard input and a URL alike", "info"],
  [
    "cli/ci_test.ts",
    "get in a CI job prints few lines, no control character, and a summary",
    "listening",
  ],
  ["cli/screen_test.ts", "lookOf() chooses how progress is shown", "--progress"],
  ["cli/screen_test.ts", "lookOf() chooses colours", "--no-color"],
  ["cli/seed_test.ts", "seed gives what PATH holds and downloads nothing", "seed"],
  [
    "cli/seed_test.ts",
    "get seeds when a goal asks for it, and not when the goal is nothing",
    "--seed --seed-ratio --seed-time",
  ],
  [
    "cli/seed_test.ts",
    "--seed-while runs the command when all is there and ends with its code",
    "--seed-while",
  ],
  [
    "cli/share_test.ts",
    "share runs until it is interrupted, and prints what to type elsewhere",
    "share",
  ],
  ["cli/share_test.ts", "share ends with 0 when its torrents have reached their goals", "shared"],
  ["cli/share_test.ts", "share runs its tracker where it is told to", "--tracker-port"],
  [
    "cli/create_test.ts",
    "create makes a torrent of a folder and prints its infohash and magnet",
    "create",
  ],
  [
    "cli/create_test.ts",
    "create takes a piece length, a name, padding and private",
    "--piece-length --name --pad-files --private",
  ],
  [
    "cli/create_test.ts",
    "create makes the same bytes every time where it leaves out the date",
    "--no-date",
  ],
  [
    "cli/create_test.ts",
    "create replaces no file unless told to, before it hashes anything",
    "--force",
  ],
  ["cli/create_test.ts", "create --json tells the torrent and then that it is done", "torrent"],
  [
    "cli/hash_progress_test.ts",
    "HashProgress calls once a second, and passes on what goes wrong",
    "hash",
  ],
  [
    "cli/edit_test.ts",
    "edit changes a torrent in its place and prints its infohash twice",
    "edit --comment",
  ],
  ["cli/edit_test.ts", "edit says when it becomes another torrent", "--source"],
  ["cli/edit_test.ts", "magnet prints the link alone, or one object", "magnet"],
  [
    "cli/verify_test.ts",
    "verify tells what is bad, missing and extra, and ends with 6",
    "verify 6",
  ],
  [
    "cli/verify_test.ts",
    "verify takes only the files that are asked for",
    "--exclude --select-file",
  ],
  ["cli/verify_test.ts", "verify --json tells each file and the end", "file"],
  [
    "cli/verify_test.ts",
    "verify --repair downloads to where it looked, and only where something is wrong",
    "--repair",
  ],
  [
    "cli/cat_test.ts",
    "cat writes the only file to standard output and everything else to standard error",
    "cat",
  ],
  ["cli/cat_test.ts", "a stream goes with no option that is about files or events", "--buffer"],
  [
    "cli/scrape_test.ts",
    "scrape prints what each tracker says, beside what is wrong with the others",
    "scrape",
  ],
  ["cli/doctor_test.ts", "doctor names the pieces that nobody has, and ends with 3", "doctor"],
  [
    "cli/tracker_test.ts",
    "tracker prints its announce URLs and runs until it is interrupted",
    "tracker",
  ],
  ["cli/tracker_test.ts", "tracker reads the interval and the whitelist", "--interval --whitelist"],
  [
    "cli/completions_test.ts",
    "bash completes commands, options, and the values that are known",
    "completions",
  ],
  ["cli/completions_test.ts", "man has every command, every option and every exit code", "man"],
  [
    "session/download_test.ts",
    "a download tells its story in events, in order",
    "metadata check progress",
  ],
  ["cli/contract_test.ts", "demo makes a swarm, downloads from it and compares every byte", "demo"],
  [
    "cli/parse_test.ts",
    "parseCommandLine() accepts what switches off what does not exist yet",
    "--no-webseeds --encryption --transport",
  ],
  [
    "cli/parse_test.ts",
    "parseCommandLine() refuses what does not exist yet, and never ignores it",
    "--continue --reuse --hybrid --v2 --webseed --blocklist --proxy --interface --metadata-timeout",
  ],
  // Typed in processes; where a row is here as well as above, this one counts.
  ["cli/contract/endings_test.ts", "each kind of failure has its exit code", "2 4 5 7 error"],
  ["cli/contract/endings_test.ts", "each deadline ends with 3 and its own reason", "3"],
  ["cli/contract/get_options_test.ts", "--port is the one that is asked for", "1 listening"],
  ["cli/contract/verbs_test.ts", "verify tells every file, and --repair downloads", "0 6"],
  ["cli/process_test.ts", "starling get stops at a signal with its code and no error", "130,143"],
  [
    "cli/contract/output_test.ts",
    "--json makes standard output events alone",
    "start metadata check progress file warning done torrent scrape",
  ],
  ["cli/contract/get_options_test.ts", "--reuse takes what an older copy has", "reuse"],
  [
    "cli/contract/verbs_test.ts",
    "create, info, magnet and edit, typed one after the other",
    "magnet",
  ],
  ["cli/contract/verbs_test.ts", "share prints what to type elsewhere", "doctor"],
  ["cli/contract/verbs_test.ts", "meta and info take a link", "info"],
  ["cli/command_process_test.ts", "--seed-while hands signals on to its command", "shared"],
];

const ROWS = new Map(
  TESTED.flatMap(([file, test, rows]) =>
    rows.split(" ").map((row) => [row.replace(",", ", "), { file, test }] as const)
  ),
);

/** The tests that start the program as a process. */
async function typingTests(): Promise<string> {
  const texts: string[] = [];
  for (const folder of ["cli", "cli/contract", "interop"]) {
    const url = new URL(`../${folder}/`, import.meta.url);
    for await (const { name, isFile } of Deno.readDir(url)) {
      if (!isFile || name === "contract_test.ts") continue;
      const text = await Deno.readTextFile(new URL(name, url));
      if (/support\/(?:process|process_lab|seed|starling)\.ts"/.test(text)) texts.push(text);
    }
  }
  return texts.join("\n");
}

Deno.test("every verb and every spelling of every option is typed in a process by some test", async () => {
  const tests = await typingTests();
  for (const { name, alias } of VERBS.filter(({ isBuilt }) => isBuilt)) {
    for (const word of alias === undefined ? [name] : [name, alias]) {
      assert(new RegExp(`["\`]${word}[ "\`]`).test(tests), `${word} is typed by no test`);
    }
  }
  for (const { name, aliases } of OPTIONS) {
    for (const spelling of [`--${name}`, ...aliases.map((alias) => alias.spelling)]) {
      const isTyped = new RegExp(`${spelling}[ "=\`,]`).test(tests);
      assert(isTyped, `${spelling} is typed by no test: tests/cli/contract is the place`);
    }
  }
});

Deno.test("every exit code and event has a test that is named here", () => {
  const names = Object.keys(EVENTS["$defs"] as object)
    .filter((name) => !/^(?:epochMs|count|infoHash)$/.test(name));
  for (const row of [...EXIT_CODES.map(([code]) => code), ...names]) {
    assert(ROWS.has(row), `${row}: name its test here`);
  }
});

Deno.test("every row's test is there", async () => {
  for (const [file, test] of TESTED) {
    const text = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
    assert(text.includes(test) && test !== "", `${file} has no test "${test}"`);
  }
});

/** A value that makes sense for an option, and one that does not; `undefined` where every text does. */
const VALUES: Readonly<Record<string, readonly [good: string, bad: string | undefined]>> = {
  flag: ["true", "maybe"],
  count: ["1", "ten"],
  duration: ["90s", "soon"],
  size: ["16M", "big"],
  rate: ["5M", "fast"],
  int: ["7", "0x"],
  ratio: ["1.5", "half"],
  ports: ["7000-7001", "http"],
  ranges: ["1,3-5", "0"],
  text: ["something", undefined],
  "host-port": ["127.0.0.1:1", "nowhere"],
  url: ["http://127.0.0.1:1/a", "ftp://x"],
};

function valuesOf({ kind }: OptionSpec): readonly [good: string, bad: string | undefined] {
  return kind.type === "enum" ? [kind.values[0]!, "otherwise"] : VALUES[kind.type]!;
}

/** A command line of the first verb that this version has the option with. */
function lineFor(spec: OptionSpec): { verb: string; words: string[] } | undefined {
  const verb = spec.verbs.find((name) =>
    findVerb(name)!.isBuilt && statusWith(spec, name) !== "later"
  );
  if (verb === undefined) return undefined;
  const operands = verb === "completions" ? ["bash"] : findVerb(verb)!.min > 0 ? ["x.torrent"] : [];
  return { verb, words: [verb, ...operands] };
}

Deno.test("every option can be given in the environment, and the command line wins", () => {
  for (const spec of OPTIONS.filter(({ isCommandLineOnly }) => !isCommandLineOnly)) {
    const line = lineFor(spec);
    if (line === undefined) continue;
    const [good, bad] = valuesOf(spec);
    const variable = variableOf(spec);
    const parse = (words: readonly string[], value: string | undefined) =>
      parseCommandLine(words, (name) => name === variable ? value : undefined).options;
    const given = parse([
      ...line.words,
      ...isFlag(spec) ? [`--${spec.name}`] : [`--${spec.name}=${good}`],
    ], undefined);
    assertEquals(parse(line.words, good).groups(spec.name), given.groups(spec.name), variable);
    if (bad === undefined) continue;
    const { message } = assertThrows(() => parse(line.words, bad), UsageError);
    assertStringIncludes(message, `Cannot use ${variable} "${bad}": it is n`);
    // What the command line says already is not looked at.
    const typed = isFlag(spec) ? `--${spec.name}` : `--${spec.name}=${good}`;
    assertEquals(parse([...line.words, typed], bad).groups(spec.name), given.groups(spec.name));
  }
});

Deno.test("a variable that makes no sense ends the program with 2 and its name", async () => {
  const env = { STARLING_MAX_PEERS: "many", STARLING_JSON: "1" };
  const { code, stdout, stderr } = await starling(["get", "x.torrent"], { env });
  assertEquals(code, 2);
  const line = 'Cannot use STARLING_MAX_PEERS "many": it is not a whole number from 1 to 10000';
  assertEquals(stderr, `error: ${line}\n`);
  assertEquals(JSON.parse(stdout).message, line);
});

Deno.test("demo makes a swarm, downloads from it and compares every byte", async () => {
  const { code, stdout, stderr } = await starling(["demo"]);
  assertEquals([code, stdout], [0, ""], stderr);
  assertStringIncludes(stderr, "done: dataset: 30.0 MiB in ");
  assertStringIncludes(stderr, "every piece verified, every byte compared");
});
