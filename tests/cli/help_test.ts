/**
 * Help: what it shows, and that its examples are true.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { programHelp, shortHelp, verbHelp } from "../../src/cli/help.ts";
import { statusWith } from "../../src/cli/option_spec.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { run } from "./support/fake_run.ts";

const EVERY = [programHelp(), ...VERBS.map((verb) => verbHelp(verb))];

Deno.test("verbHelp() shows examples before usage and options", () => {
  for (const text of EVERY.slice(0, 3)) {
    const [examples, usage] = [text.indexOf("\nExamples:"), text.indexOf("\nUsage:")];
    assert(examples > 0 && examples < usage, text);
  }
});

Deno.test("verbHelp() lists every option that the verb has and this version can do", () => {
  for (const verb of VERBS.filter(({ isBuilt }) => isBuilt)) {
    const text = verbHelp(verb);
    for (const spec of OPTIONS) {
      const isShown = new RegExp(`(?:^|[ ,])--${spec.name}(?: |$)`, "m").test(text);
      const status = statusWith(spec, verb.name);
      const isDue = spec.verbs.includes(verb.name) && status !== "later" && !spec.isHidden;
      if (isDue) assert(isShown, `${verb.name} --${spec.name}`);
      if (status === "later") assert(!isShown, `${verb.name} --${spec.name}`);
    }
  }
});

Deno.test("programHelp() names every verb and every exit code", () => {
  const text = programHelp();
  for (const { name } of VERBS) assert(text.includes(name), name);
  for (const code of [0, 1, 2, 3, 4, 5, 6, 7]) assert(text.includes(`\n  ${code}  `), String(code));
});

Deno.test("help has examples that are accepted when typed", () => {
  for (const { examples } of VERBS) {
    for (const { command } of examples) {
      const words = command.slice(command.indexOf("starling ") + "starling ".length)
        .replace(/ \|.*/, "").split(" ").map((word) => word.replaceAll("'", ""));
      parseCommandLine(words, () => undefined);
    }
  }
});

Deno.test("help is plain text of at most 100 columns that ends in one line break", () => {
  for (const text of [...EVERY, shortHelp("program"), shortHelp("get")]) {
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f]/.test(text), text);
    assert(/[^\n]\n$/.test(text), text);
    for (const line of text.split("\n")) {
      assert(line.length <= 100, line);
      assertEquals(line, line.trimEnd());
    }
  }
});

Deno.test("help fits a narrower terminal, all but commands that are longer", () => {
  for (const columns of [80, 60, 40]) {
    for (const text of [programHelp(columns), ...VERBS.map((verb) => verbHelp(verb, columns))]) {
      for (const line of text.split("\n")) {
        const isCommand = /^ {2}\S/.test(line);
        assert(line.length <= columns || isCommand && columns < 80, `${columns}: ${line}`);
        assertEquals(line, line.trimEnd());
      }
    }
  }
});

Deno.test("help takes the width of the terminal, up to 100 columns", async () => {
  const widest = async (size?: { columns: number; rows: number }) => {
    const { shell } = await run(
      "get --help",
      size === undefined ? {} : { size, stdoutIsTerminal: true },
    );
    return Math.max(...shell.stdout.lines.map((line) => line.length));
  };
  assertLess(await widest({ columns: 72, rows: 24 }), 73);
  const piped = await widest();
  assertLess(80, piped);
  assertEquals(await widest({ columns: 200, rows: 24 }), piped);
});

Deno.test("shortHelp() is a few lines", () => {
  assert(shortHelp("program").split("\n").length <= 6);
  assert(shortHelp("info").startsWith("usage: starling info SOURCE [OPTIONS]\n"));
});
