/**
 * The command line and the environment, understood and refused.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Invocation, parseCommandLine, wantsJson } from "../../src/cli/parse.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { UsageError } from "../../src/cli/usage_error.ts";

type Variables = Readonly<Record<string, string>>;

function parse(line: string | readonly string[], env: Variables = {}): Invocation {
  const args = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  return parseCommandLine(args, (name) => env[name]);
}

function refusal(line: string | readonly string[], env: Variables = {}): UsageError {
  return assertThrows(() => parse(line, env), UsageError);
}

Deno.test("parseCommandLine() finds the verb when it is named, aliased or left out", () => {
  const cases: [string, string, string[]][] = [
    ["get a.torrent b.torrent", "get", ["a.torrent", "b.torrent"]],
    ["ls a.torrent", "info", ["a.torrent"]],
    ["a.torrent", "get", ["a.torrent"]],
    ["--json a.torrent", "get", ["a.torrent"]],
    ["./seed", "get", ["./seed"]],
    ["-", "get", ["-"]],
    ["http://h/x", "get", ["http://h/x"]],
    ["0123456789abcdef0123456789abcdef01234567", "get", [
      "0123456789abcdef0123456789abcdef01234567",
    ]],
    ["-i list.txt", "get", []],
    ["--max-peers 5 get x", "get", ["x"]],
    ["get -- -x.torrent", "get", ["-x.torrent"]],
    ["help get", "help", ["get"]],
  ];
  for (const [line, verb, operands] of cases) {
    const { verb: { name }, operands: found } = parse(line);
    assertEquals([name, found], [verb, operands], line);
  }
});

Deno.test("parseCommandLine() takes an option in every spelling", () => {
  const lines = [
    "--output D --max-peers 7 --json x.torrent",
    "x.torrent --output=D --max-peers=7 --json=true",
    "get -o D x.torrent --bt-max-peers 7 --json",
    "get -oD x.torrent --bt-max-peers=7 --json",
    "get -d=D --max-peers 3 x.torrent --max-peers 7 --json",
    "get --dir=D x.torrent --max-peers 7 --json --no-json --json",
  ];
  for (const line of lines) {
    const { options } = parse(line);
    assertEquals(options.text("output"), "D", line);
    assertEquals(options.number("max-peers"), 7, line);
    assert(options.flag("json"), line);
  }
});

Deno.test("parseCommandLine() counts -v and takes flags in a cluster", () => {
  assertEquals(parse("get x -v").options.number("verbose"), 1);
  assertEquals(parse("get x -vv").options.number("verbose"), 2);
  assertEquals(parse("get x -v --verbose -v").options.number("verbose"), 3);
  const { options } = parse("get x -qvp6881");
  assertEquals(options.flag("quiet"), true);
  assertEquals(options.numbers("port"), [6881]);
  assertEquals(parse("get x", { STARLING_VERBOSE: "2" }).options.number("verbose"), 2);
});

Deno.test("parseCommandLine() gathers lists", () => {
  const { options } = parse([
    ..."get x --peer a:1 --peer [::1]:2 --select-file 1,3-5 --select-file 9".split(" "),
    ...["--include", "*.{a,b}", "--include", "c d", "--exclude", "e"],
    ...["-t", "http://t/a?x=1,2", "--bt-tracker", "http://u/a,https://v/b"],
  ]);
  assertEquals(options.texts("peer"), ["a:1", "[::1]:2"]);
  assertEquals(options.numbers("select-file"), [1, 1, 3, 5, 9, 9]);
  assertEquals(options.texts("include"), ["*.{a,b}", "c d"]);
  assertEquals(options.texts("exclude"), ["e"]);
  assertEquals(options.texts("tracker"), ["http://t/a?x=1,2", "http://u/a", "https://v/b"]);
});

Deno.test("parseCommandLine() understands aria2's long names", () => {
  const { options, warnings } = parse(
    "--seed-time=0 --bt-stop-timeout=60 --select-file=1,3-5 --enable-dht=false -c " +
      "--enable-peer-exchange=false --bt-enable-lpd=false --file-allocation=prealloc " +
      "--max-download-limit=5M --max-upload-limit=1K --max-concurrent-downloads=3 " +
      "--listen-port=6881-6882 --seed-ratio=0.0 x.torrent",
  );
  assertEquals(options.number("stall-timeout"), 60_000);
  assertEquals(options.numbers("select-file"), [1, 1, 3, 5]);
  for (const name of ["no-dht", "no-pex", "no-lsd"]) assert(options.flag(name), name);
  assertEquals(options.text("allocate"), "full");
  assertEquals(options.number("down-limit"), 5 * 1024 * 1024);
  assertEquals(options.number("up-limit"), 1024);
  assertEquals(options.number("jobs"), 3);
  assertEquals(options.numbers("port"), [6881, 6882]);
  assertEquals(warnings, []);
  assertEquals(parse("x.torrent --file-allocation=trunc").options.text("allocate"), "sparse");
  assertEquals(parse("x.torrent --file-allocation=none").options.text("allocate"), "none");
});

Deno.test("parseCommandLine() reads the environment and lets the command line win", () => {
  const env = {
    STARLING_MAX_PEERS: "9",
    STARLING_JSON: "1",
    STARLING_NO_DHT: "yes",
    STARLING_PEER: "a:1, b:2\nc:3",
    STARLING_INCLUDE: "*.{a,b}\nc d",
    STARLING_OUTPUT: "",
    STARLING_PIECE_LENGTH: "nonsense of another verb",
    STARLING_HELP: "1",
    STARLING_VERSION: "1.2.3",
  };
  const { verb, options } = parse("get x", env);
  assertEquals(verb.name, "get");
  assertEquals(options.number("max-peers"), 9);
  assert(options.flag("json") && options.flag("no-dht"));
  assertEquals(options.texts("peer"), ["a:1", "b:2", "c:3"]);
  assertEquals(options.texts("include"), ["*.{a,b}", "c d"]);
  assert(!options.has("output"));
  const typed = parse("get x --max-peers 3 --no-json --peer d:4", env).options;
  assertEquals(typed.number("max-peers"), 3);
  assertEquals(typed.flag("json"), false);
  assertEquals(typed.texts("peer"), ["d:4"]);
});

Deno.test("parseCommandLine() names the variable when its value makes no sense", () => {
  assertEquals(
    refusal("get x", { STARLING_MAX_PEERS: "many" }).message,
    'Cannot use STARLING_MAX_PEERS "many": it is not a whole number from 1 to 10000',
  );
  assertEquals(
    refusal("get x", { STARLING_PROXY: "http://p" }).message,
    "Cannot use STARLING_PROXY http://p: proxies are not available in this version",
  );
});

Deno.test("parseCommandLine() suggests the near one when an option does not exist", () => {
  const cases: [string, string][] = [
    ["get x --ouput d", "--output"],
    ["get x --max-peer 3", "--max-peers"],
    ["get x --slect-file=1", "--select-file"],
    ["get x --stall-timout 3", "--stall-timeout"],
    ["get x -output d", "--output"],
    ["get x -json", "--json"],
    ["info x --jsno", "--json"],
    ["get x --no-dth", "--no-dht"],
  ];
  for (const [line, near] of cases) {
    const error = refusal(line);
    assert(error.hint?.startsWith(`did you mean ${near}`), `${line}: ${error.hint}`);
    assert(/^Cannot use -\S+: there is no such option$/.test(error.message), error.message);
  }
  assertEquals(refusal("get x --frobnicate").hint, "starling get --help lists the options");
  assertEquals(refusal("get x -X").message, "Cannot use -X: there is no such option");
  assertEquals(refusal("get x --constructor").message.includes("no such option"), true);
});

Deno.test("parseCommandLine() suggests the near one when a command does not exist", () => {
  assertEquals(refusal("gett x").hint, "did you mean get?");
  assertEquals(refusal("infp x").hint, "did you mean info?");
  assertEquals(
    refusal("frobnicate x").hint,
    "to download a file of that name: starling get ./frobnicate",
  );
  assertEquals(refusal("").shortHelp, "program");
  assertEquals(refusal("--json").shortHelp, "program");
  assertEquals(refusal("get").shortHelp, "get");
  assertEquals(refusal("info").shortHelp, "info");
  assertEquals(refusal("info a b").shortHelp, "info");
  assertEquals(refusal(["get", ""]).message, "Cannot run get: an argument is empty");
});

Deno.test("parseCommandLine() refuses a value that is missing, wrong or of another verb", () => {
  const cases: [string, string][] = [
    ["get x --output", "Cannot use --output: it needs a value (DIR)"],
    ["get x -o --json", "Cannot use -o: it needs a value (DIR)"],
    ["get x --output=", 'Cannot use --output "": it is empty'],
    ["get x --json=maybe", 'Cannot use --json "maybe": it is neither true nor false'],
    ["get x --enable-dht=maybe", 'Cannot use --enable-dht "maybe": it is neither true nor false'],
    ["get x --piece-length 1M", "Cannot use --piece-length with get: it does not apply"],
    ["info x --output d", "Cannot use --output with info: it does not apply"],
    ["get - -i -", "Cannot run get: standard input can be read only once"],
    ["get - -", "Cannot run get: standard input can be read only once"],
  ];
  for (const [line, message] of cases) assertEquals(refusal(line).message, message, line);
});

Deno.test("parseCommandLine() refuses what does not exist yet, and never ignores it", () => {
  const lines = [
    "--proxy http://p:1",
    "--all-proxy=http://p:1",
    "--interface 10.0.0.1",
    "--encryption require",
    "--encryption prefer",
    "--transport utp",
    "--webseed http://w/",
    "--blocklist f",
    "--no-webseeds=false",
    "--continue=false",
  ];
  for (const line of lines) {
    const { message } = refusal(`get x.torrent ${line}`);
    assert(message.endsWith("not available in this version"), `${line}: ${message}`);
  }
  for (const verb of VERBS.filter(({ isBuilt }) => !isBuilt).map(({ name }) => name)) {
    assertEquals(
      refusal(`${verb} x`).message,
      `Cannot run ${verb}: it is not available in this version`,
    );
  }
});

Deno.test("parseCommandLine() accepts what switches off what does not exist yet", () => {
  const lines = [
    "--no-dht --no-pex --no-lsd --no-webseeds",
    "--transport tcp --encryption off",
    "--transport both --encryption allow",
    "--seed=false --no-seed --seed-time 0 --seed-ratio 0 --super-seed=false",
    "--seed --no-seed --encryption require --encryption off",
    "--metadata-timeout 5m --stall-timeout 0 --timeout 2h",
    "--allow-private --progress none --fsync --sequential --allocate full",
  ];
  for (const line of lines) assertEquals(parse(`get x.torrent ${line}`).warnings, []);
});

Deno.test("parseCommandLine() gives help and the version when asked, mistakes or not", () => {
  const cases: [string, string, string[]][] = [
    ["--help", "help", []],
    ["-h", "help", []],
    ["get --help", "help", ["get"]],
    ["get --bogus -h", "help", ["get"]],
    ["ls --help", "help", ["info"]],
    ["seed --help", "help", ["seed"]],
    ["help --help", "help", []],
    ["--version", "version", []],
    ["-V", "version", []],
    ["get --version", "version", []],
    ["get -qh", "help", ["get"]],
    ["get x.torrent -hq", "help", ["get"]],
    ["get -help", "help", ["get"]],
    ["get --help=true", "help", ["get"]],
    ["get x.torrent -qV", "version", []],
    ["get x.torrent --help=false", "get", ["x.torrent"]],
    // A folder of that name.
    ["get x.torrent -oh", "get", ["x.torrent"]],
    ["get x.torrent -qoh", "get", ["x.torrent"]],
  ];
  for (const [line, verb, operands] of cases) {
    const found = parse(line);
    assertEquals([found.verb.name, found.operands], [verb, operands], line);
  }
  assertEquals(parse("get -- --help").operands, ["--help"]);
});

Deno.test("wantsJson() knows even when the rest makes no sense", () => {
  const asks = (line: string, env: Variables = {}) =>
    wantsJson(line.split(" "), (name) => env[name]);
  assert(asks("get --bogus --json"));
  assert(asks("--json=true"));
  assert(asks("get", { STARLING_JSON: "1" }));
  assert(!asks("get -- --json"));
  assert(!asks("get --json --no-json"));
  assert(!asks("get --json=false", { STARLING_JSON: "1" }));
  assert(!asks("get"));
});

Deno.test("parseCommandLine() makes a group of URLs with commas between them", () => {
  const words = ["-t", "http://a/x,y,udp://b:1/", "--tracker=http://c/ http://d/"];
  const tiers = [["http://a/x,y", "udp://b:1/"], ["http://c/"], ["http://d/"]];
  const typed = parseCommandLine(["get", "x.torrent", ...words], () => undefined);
  assertEquals(typed.options.groups("tracker"), tiers);
  const env: Record<string, string> = {
    STARLING_TRACKER: "http://a/x,y,udp://b:1/\n http://c/ http://d/",
  };
  const given = parseCommandLine(["get", "x.torrent"], (name) => env[name]);
  assertEquals(given.options.groups("tracker"), tiers);
});

Deno.test("parseCommandLine() refuses a senseless value that a later one takes back", () => {
  assertEquals(
    refusal("get x --max-peers many --max-peers 5").message,
    'Cannot use --max-peers "many": it is not a whole number from 1 to 10000',
  );
  assertEquals(
    refusal("get x --enable-dht=nope --no-dht").message,
    'Cannot use --enable-dht "nope": it is neither true nor false',
  );
  // What cannot be done yet may be taken back.
  assertEquals(
    parse("get x --encryption require --encryption off").options.text("encryption"),
    "off",
  );
});

Deno.test("parseCommandLine() reads variables that end with a line break", () => {
  const { options } = parse("get x", {
    STARLING_MAX_PEERS: " 9\n",
    STARLING_TIMEOUT: "30m\r\n",
    STARLING_JSON: "true\n",
    STARLING_OUTPUT: "my data\n",
    STARLING_INCLUDE: "a b\r\n*.csv\r\n",
  });
  assertEquals([options.number("max-peers"), options.number("timeout")], [9, 1_800_000]);
  assert(options.flag("json"));
  assertEquals(options.text("output"), "my data");
  assertEquals(parse("get x", { STARLING_VERBOSE: "yes" }).options.number("verbose"), 1);
  assertEquals(parse("get x", { STARLING_VERBOSE: "2\n" }).options.number("verbose"), 2);
  assertEquals(parse("get x", { STARLING_VERBOSE: "false" }).options.number("verbose"), 0);
  assertEquals(options.texts("include"), ["a b", "*.csv"]);
});

Deno.test("parseCommandLine() refuses an empty value of every kind", () => {
  for (const option of ["-t", "--webseed", "--peer", "-o", "--include", "--timeout", "-p", "-j"]) {
    for (const args of [[option, ""], [`${option}=`]]) {
      assertEquals(refusal(["get", "x", ...args]).message, `Cannot use ${option} "": it is empty`);
    }
  }
  assert(refusal(["get", "x", "-t", " , "]).message.startsWith("Cannot use -t"));
});

Deno.test("parseCommandLine() says that a word is empty where a command should be", () => {
  assertEquals(refusal([""]).message, "Cannot run anything: the first argument is empty");
});
