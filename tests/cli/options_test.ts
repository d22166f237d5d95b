/**
 * The tables themselves: whole, without contradictions, and with every option that is promised.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BugError } from "../../src/base/errors.ts";
import { OptionValues } from "../../src/cli/option_values.ts";
import { findOption, optionNamed, OPTIONS, spellings, variableOf } from "../../src/cli/options.ts";
import { parseValue } from "../../src/cli/values.ts";
import { findVerb, VERBS } from "../../src/cli/verbs.ts";

/** Everything `get` is promised to understand. */
const PROMISED =
  `-o --output -d --dir --buffer --include --exclude --select-file --max-peers -p --port
  --peer -t --tracker --bt-tracker --no-trackers --webseed --no-webseeds --no-dht --no-pex --no-lsd
  --lsd-interface --bt-lpd-interface
  --no-peers --dht-node --encryption --transport --down-limit -u --up-limit --seed --seed-ratio
  --seed-time --seed-while --sequential --metadata-timeout --stall-timeout --timeout --super-seed
  --blocklist --fsync --reuse --allocate --proxy --interface --allow-private -j -i --json --progress
  -q -v --log-file --no-color --max-download-limit --bt-stop-timeout --enable-dht --file-allocation -c
  -h --help -V --version`.split(/\s+/);

Deno.test("findOption() finds every promised spelling and it applies to get", () => {
  const known = new Set(spellings("get"));
  for (const spelling of PROMISED) assert(known.has(spelling), spelling);
  assert(findOption("--piece-length")?.spec.verbs.includes("create"));
});

Deno.test("findOption() takes a flag back with --no- and nothing else", () => {
  assertEquals(findOption("--no-json")?.alias?.isOpposite, true);
  assertEquals(findOption("--no-output"), undefined);
  assertEquals(findOption("--no-no-dht")?.spec.name, "no-dht");
  assertEquals(findOption("--__proto__"), undefined);
});

Deno.test("OPTIONS has rows that are whole", () => {
  const names = new Set<string>();
  for (const spec of OPTIONS) {
    assert(!names.has(spec.name), spec.name);
    names.add(spec.name);
    assert(/^[a-z][a-z0-9-]*$/.test(spec.name) && spec.help.length > 5, spec.name);
    assert(spec.verbs.length > 0 && new Set(spec.verbs).size === spec.verbs.length, spec.name);
    const isFlag = spec.kind.type === "flag" || spec.kind.type === "count";
    assertEquals(spec.metavar === undefined, isFlag, `${spec.name}: a value has a name`);
    if (spec.status !== "works") assert(/ (?:is|are)$/.test(spec.lacks ?? ""), spec.name);
  }
});

Deno.test("OPTIONS accepts an off-switch that is off and refuses it on", () => {
  const values: Record<string, [off: string, on: string]> = {
    encryption: ["off", "require"],
    transport: ["tcp", "utp"],
  };
  for (
    const spec of OPTIONS.filter(({ name, status }) => status === "off-switch" || name in values)
  ) {
    const [off, on] = values[spec.name] ?? ["true", "false"];
    for (const [text, isMissing] of [[off, false], [on, true]] as const) {
      const parsed = parseValue(spec.kind, text);
      assert("value" in parsed, spec.name);
      assertEquals(spec.isMissing(parsed.value), isMissing, `${spec.name} ${text}`);
    }
  }
});

Deno.test("seed-time warns when a bare number would mean minutes elsewhere", () => {
  const { warn } = optionNamed("seed-time");
  assertEquals(
    warn?.("60"),
    "--seed-time 60 is 60 seconds here (minutes in aria2): write 60s or 60m",
  );
  for (const text of ["0", "60s", "1m", "0.0"]) assertEquals(warn?.(text), undefined);
});

Deno.test("variableOf() is the name in capitals", () => {
  assertEquals(variableOf(optionNamed("max-peers")), "STARLING_MAX_PEERS");
});

Deno.test("OptionValues is a bug's end when an option does not exist", () => {
  assertThrows(() => new OptionValues(new Map()).flag("jsno"), BugError);
  assertEquals(new OptionValues(new Map()).flag("json"), false);
});

Deno.test("VERBS has every promised verb, with examples where it is built", () => {
  const promised =
    "get seed share create info ls meta cat verify magnet edit scrape tracker doctor " +
    "demo completions man";
  for (const name of promised.split(" ")) assert(findVerb(name) !== undefined, name);
  for (const verb of VERBS) {
    assert(!verb.summary.endsWith("."), verb.name);
    if (verb.isBuilt) assert(verb.examples.length > 0, verb.name);
    for (const { command } of verb.examples) assert(command.includes("starling "), command);
  }
  assertEquals(findVerb("constructor"), undefined);
});

Deno.test("OptionValues keeps the groups in which values were given", () => {
  const values = new OptionValues(
    new Map([["tracker", [["http://a/", "http://b/"], ["udp://c"]]]]),
  );
  assertEquals(values.groups("tracker"), [["http://a/", "http://b/"], ["udp://c"]]);
  assertEquals(values.texts("tracker"), ["http://a/", "http://b/", "udp://c"]);
  assertEquals(values.groups("webseed"), []);
});
