/**
 * How hashing is shown: a block on a terminal, lines elsewhere, a call a second for scripts.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { MIB } from "../../src/base/units.ts";
import { HashProgress } from "../../src/cli/hash_progress.ts";
import { lookOf } from "../../src/cli/look.ts";
import { Screen } from "../../src/cli/screen.ts";
import { FakeShell, type FakeShellOptions } from "./support/fake_shell.ts";

const NONE = { flag: () => false, text: () => undefined, number: () => undefined };

function setup(options: FakeShellOptions = {}) {
  const shell = new FakeShell(options);
  const seconds: number[] = [];
  const progress = new HashProgress({
    screen: new Screen(shell, lookOf(shell, NONE)),
    output: shell.stderr,
    clock: shell.clock,
    label: "x\u001b日",
    bytesTotal: 100 * MIB,
    onSecond: () => seconds.push(shell.clock.now()),
  });
  const over = Promise.withResolvers<string>();
  return { shell, progress, seconds, over, showing: progress.during(over.promise) };
}

Deno.test("HashProgress prints a line for every ten percent off a terminal", async () => {
  const { shell, progress, over, showing } = setup();
  for (let i = 0; i < 4; i++) {
    progress.add(6 * MIB);
    await shell.clock.advance(500);
  }
  over.resolve("done");
  assertEquals(await showing, "done");
  assertEquals(shell.stderr.lines, [
    "progress: x\\u{1b}日 hashed 12.0 %, 12.0 MiB/s, 7.3s left, 12.0 MiB of 100 MiB",
    "progress: x\\u{1b}日 hashed 24.0 %, 12.0 MiB/s, 6.3s left, 24.0 MiB of 100 MiB",
  ]);
  assertEquals(progress.summary, "24.0 MiB hashed in 2s, 12.0 MiB/s");
});

Deno.test("HashProgress prints a line every ten seconds where nothing moves", async () => {
  const { shell, over, showing } = setup({ env: { CI: "true" } });
  await shell.clock.advance(21_000);
  over.resolve("");
  await showing;
  assertEquals(shell.stderr.lines.length, 2);
});

Deno.test("HashProgress draws a block that fits on a terminal, and takes it away", async () => {
  const size = { columns: 30, rows: 10 };
  const { shell, progress, over, showing } = setup({ stderrIsTerminal: true, size });
  progress.add(50 * MIB);
  await shell.clock.advance(1000);
  const frame = shell.stderr.text.split("\x1b[J").at(-2)!;
  // deno-lint-ignore no-control-regex
  const lines = frame.replace(/\x1b\[[\d?]*\w|\r/g, "").split("\n");
  assertEquals(lines, [
    "x\\u{1b}日: hashing",
    "50.0 % ███████████░░░░░░░░░░░",
    "50.0 MiB/s  1s left  50.0 MiB…",
  ]);
  over.resolve("");
  await showing;
  assert(shell.stderr.text.endsWith("\x1b[J\x1b[?25h"));
});

Deno.test("HashProgress calls once a second, and passes on what goes wrong", async () => {
  const { shell, over, seconds, showing } = setup();
  await shell.clock.advance(3200);
  over.reject(new Error("boom"));
  await assertRejects(() => showing, Error, "boom");
  assertEquals(seconds, [1000, 2000, 3000]);
});
