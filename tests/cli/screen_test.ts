/**
 * Standard error: lines, the live block, the cursor.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { lookOf, type Options } from "../../src/cli/look.ts";
import { Progress } from "../../src/cli/progress.ts";
import { Screen } from "../../src/cli/screen.ts";
import { FakeShell, type FakeShellOptions } from "./support/fake_shell.ts";
import { stats } from "./support/torrents.ts";

function setup(
  options: FakeShellOptions & { flags?: string[]; progress?: string; verbose?: number } = {},
): { shell: FakeShell; screen: Screen; progress: Progress } {
  const shell = new FakeShell(options);
  const values: Options = {
    flag: (name) => options.flags?.includes(name) ?? false,
    text: (name) => name === "progress" ? options.progress : undefined,
    number: () => options.verbose,
  };
  const screen = new Screen(shell, lookOf(shell, values));
  return { shell, screen, progress: new Progress(screen, shell.stderr, shell.clock) };
}

const TTY = { stderrIsTerminal: true, size: { columns: 60, rows: 20 } };

/** What a terminal of `columns` shows after the bytes: enough of one for what we send. */
function terminal(bytes: string, columns: number): { lines: string[]; isCursorShown: boolean } {
  let lines: string[] = [""];
  let [row, isCursorShown, isAtStart] = [0, true, true];
  // deno-lint-ignore no-control-regex
  for (const [token] of bytes.matchAll(/\x1b\[\??\d*[a-zA-Z]|\r|\n|[^\x1b\r\n]+/g)) {
    if (token === "\r") isAtStart = true;
    else if (token === "\n") {
      row++;
      isAtStart = true;
      lines[row] ??= "";
    } else if (token === "\x1b[K") continue;
    else if (token === "\x1b[J") {
      lines = lines.slice(0, row + 1).with(row, isAtStart ? "" : lines[row]!);
    } else if (token.endsWith("A")) row -= Number(token.slice(2, -1));
    else if (token === "\x1b[?25l") isCursorShown = false;
    else if (token === "\x1b[?25h") isCursorShown = true;
    else if (token.startsWith("\x1b")) continue;
    else {
      assert(token.length <= columns, token);
      lines[row] = token;
      isAtStart = false;
    }
  }
  return { lines, isCursorShown };
}

Deno.test("lookOf() chooses how progress is shown", () => {
  const mode = (options: Parameters<typeof setup>[0]) => setup(options).screen.look.progress;
  assertEquals(mode({}), "plain");
  assertEquals(mode(TTY), "bar");
  assertEquals(mode({ ...TTY, env: { TERM: "dumb" } }), "plain");
  assertEquals(mode({ ...TTY, flags: ["quiet"] }), "none");
  assertEquals(mode({ flags: ["json"] }), "none");
  assertEquals(mode({ ...TTY, flags: ["json"] }), "bar");
  assertEquals(mode({ ...TTY, stdoutIsTerminal: true, flags: ["json"] }), "none");
  assertEquals(mode({ ...TTY, progress: "none" }), "none");
  assertEquals(mode({ progress: "bar" }), "bar");
  assertEquals(mode({ ...TTY, progress: "plain" }), "plain");
});

Deno.test("lookOf() chooses colours", () => {
  const colored = (options: Parameters<typeof setup>[0]) => setup(options).screen.look.isColored;
  assert(colored(TTY));
  assert(!colored({}));
  assert(!colored({ ...TTY, env: { NO_COLOR: "1" } }));
  assert(colored({ ...TTY, env: { NO_COLOR: "" } }));
  assert(colored({ env: { FORCE_COLOR: "1" } }));
  assert(!colored({ ...TTY, env: { FORCE_COLOR: "0" } }));
  assert(!colored({ ...TTY, flags: ["no-color"], env: { FORCE_COLOR: "1" } }));
  assert(!colored({ ...TTY, env: { TERM: "dumb" } }));
});

Deno.test("Screen.canvas honours COLUMNS", () => {
  assertEquals(setup({ ...TTY, env: { COLUMNS: "40" } }).screen.canvas.columns, 40);
  assertEquals(setup({ ...TTY, env: { COLUMNS: "x" } }).screen.canvas.columns, 60);
  assertEquals(setup().screen.canvas.columns, 80);
});

Deno.test("Screen.fail() is one error line and at most one hint", () => {
  const { shell, screen } = setup();
  const error = new Error("why");
  screen.fail({ exitCode: 4, reason: "storage", message: "Cannot x: \x1b\n", hint: "do y", error });
  assertEquals(shell.stderr.lines, ["error: Cannot x: \\u{1b}\\u{a}", "hint: do y"]);
});

Deno.test("Screen.fail() is silent when a signal ended it", () => {
  const { shell, screen } = setup();
  screen.fail({ exitCode: 130, reason: "interrupted", message: "Interrupted" });
  assertEquals(shell.stderr.text, "");
});

Deno.test("Screen.fail() adds a trace with -vv only", () => {
  const failure = { exitCode: 1, reason: "bug", message: "x", error: new Error("why") } as const;
  const loud = setup({ verbose: 2 });
  loud.screen.fail(failure);
  assert(loud.shell.stderr.lines.some((line) => /^ +at /.test(line)));
  const plain = setup({ verbose: 1 });
  plain.screen.fail(failure);
  assertEquals(plain.shell.stderr.lines, ["error: x"]);
});

Deno.test("Screen.fail() tells GitHub Actions, too", () => {
  const { shell, screen } = setup({ env: { GITHUB_ACTIONS: "true" } });
  screen.fail({ exitCode: 2, reason: "usage", message: "50 %\n::x" });
  assertEquals(shell.stderr.lines, ["error: 50 %\\u{a}::x", "::error::50 %25\\u{a}::x"]);
});

Deno.test("Screen prints lines above the block and gives the cursor back", () => {
  const { shell, screen } = setup(TTY);
  const draw = (...lines: string[]) => screen.draw(lines, lines.map((line) => line.length));
  draw("one 1", "two 1");
  screen.note("a note");
  screen.warn("odd\x07");
  draw("one 2", "two 2", "three 2");
  let shown = terminal(shell.stderr.text, 60);
  assertEquals(shown.lines, ["a note", "warning: odd\\u{7}", "one 2", "two 2", "three 2"]);
  assert(!shown.isCursorShown);
  screen.note("last");
  screen.clear();
  shown = terminal(shell.stderr.text, 60);
  assertEquals(shown.lines.slice(0, 3), ["a note", "warning: odd\\u{7}", "last"]);
  assert(shown.isCursorShown);
});

Deno.test("Screen.abandon() gives the cursor back past the queue", () => {
  const { shell, screen } = setup(TTY);
  screen.abandon();
  assertEquals(shell.stderr.text, "");
  screen.draw(["x"], [1]);
  screen.abandon();
  assert(terminal(shell.stderr.text, 60).isCursorShown);
});

Deno.test("Screen gives the terminal back while the process stands still", () => {
  const { shell, screen } = setup(TTY);
  screen.draw(["one", "two"], [3, 3]);
  screen.pause();
  let shown = terminal(shell.stderr.text, 60);
  assertEquals([shown.lines[0] ?? "", shown.isCursorShown], ["", true]);
  shell.stderr.write("$ fg\n");
  // A frame may come before the news that the process goes on.
  screen.draw(["one 2", "two 2"], [5, 5]);
  screen.resume();
  screen.draw(["one 3", "two 3"], [5, 5]);
  shown = terminal(shell.stderr.text, 60);
  assertEquals(shown.lines, ["$ fg", "one 3", "two 3"]);
  assert(!shown.isCursorShown);
});

Deno.test("Screen draws over nothing that came while it was stopped without notice", () => {
  const { shell, screen } = setup(TTY);
  screen.draw(["one"], [3]);
  shell.stderr.write("\n$ fg\n");
  screen.resume();
  screen.draw(["two"], [3]);
  assertEquals(terminal(shell.stderr.text, 60).lines, ["one", "$ fg", "two"]);
});

Deno.test("Screen leaves the cursor alone where nobody hears of a stop", () => {
  const { shell, screen } = setup({ ...TTY, canHearSuspend: false });
  screen.draw(["x"], [1]);
  assert(terminal(shell.stderr.text, 60).isCursorShown);
});

Deno.test("Screen folds long notes on a terminal and nowhere else", () => {
  const note = "done: x: 1 MiB in 2s, 1 MiB fetched at 2 MiB/s from tracker peers, in out";
  const { shell, screen } = setup(TTY);
  screen.note(note);
  assertEquals(shell.stderr.lines, [
    "done: x: 1 MiB in 2s,",
    "  1 MiB fetched at 2 MiB/s from tracker peers, in out",
  ]);
  const plain = setup({ size: { columns: 40, rows: 24 } });
  plain.screen.note(note);
  assertEquals(plain.shell.stderr.lines, [note]);
});

Deno.test("Screen.draw() goes up by the folded lines when the terminal was narrowed", () => {
  const size = { columns: 60, rows: 20 };
  const { shell, screen } = setup({ stderrIsTerminal: true, size });
  screen.draw(["x".repeat(60), "y"], [60, 1]);
  size.columns = 25;
  shell.stderr.text = "";
  screen.draw(["z"], [1]);
  assert(shell.stderr.text.startsWith("\r\x1b[3A"), JSON.stringify(shell.stderr.text));
});

Deno.test("Screen says nothing but errors when it is quiet", () => {
  const { shell, screen } = setup({ flags: ["quiet"] });
  screen.note("x");
  screen.warn("y");
  screen.fail({ exitCode: 5, reason: "invalid", message: "z" });
  assertEquals(shell.stderr.lines, ["error: z"]);
});

Deno.test("Progress draws at once and at most ten times a second on a terminal", async () => {
  const { shell, progress } = setup(TTY);
  const over = new AbortController();
  const running = progress.run(over.signal);
  const row = progress.add("x.torrent");
  assert(shell.stderr.text.includes("x.torrent: reading"));
  row.follow(() => stats());
  const before = shell.stderr.text.length;
  await shell.clock.advance(1000);
  const frames = shell.stderr.text.slice(before).split("45.2 %").length - 1;
  assert(frames >= 4 && frames <= 10, String(frames));
  row.remove();
  over.abort();
  await running;
  const { lines, isCursorShown } = terminal(shell.stderr.text, 60);
  assertEquals([lines[0], isCursorShown], ["", true]);
});

Deno.test("Progress leaves frames out when the terminal is slow", async () => {
  const { shell, progress } = setup(TTY);
  const over = new AbortController();
  const running = progress.run(over.signal);
  progress.add("x").follow(() => stats());
  shell.stderr.backlog = 1_000_000;
  const before = shell.stderr.text;
  await shell.clock.advance(1000);
  assertEquals(shell.stderr.text, before);
  over.abort();
  await running;
});

Deno.test("Progress prints a plain line every ten seconds or ten percent off a terminal", async () => {
  const { shell, progress } = setup();
  const over = new AbortController();
  const running = progress.run(over.signal);
  let bytesDone = 0;
  progress.add("x").follow(() => stats({ bytesDone, bytesTotal: 1000 }));
  await shell.clock.advance(9_000);
  assertEquals(shell.stderr.lines.length, 0);
  await shell.clock.advance(2_000);
  assertEquals(shell.stderr.lines.length, 1);
  bytesDone = 99;
  await shell.clock.advance(5_000);
  assertEquals(shell.stderr.lines.length, 1);
  bytesDone = 100;
  await shell.clock.advance(1_000);
  assertEquals(shell.stderr.lines.length, 2);
  await shell.clock.advance(30_000);
  assertEquals(shell.stderr.lines.length, 5);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f]/.test(shell.stderr.text));
  over.abort();
  await running;
});

Deno.test("Progress prints at most one line in ten seconds when a CI job reads it", async () => {
  const { shell, progress } = setup({ env: { CI: "true" } });
  const over = new AbortController();
  const running = progress.run(over.signal);
  let bytesDone = 0;
  progress.add("x").follow(() => stats({ bytesDone: bytesDone += 20, bytesTotal: 1000 }));
  await shell.clock.advance(35_000);
  assertEquals(shell.stderr.lines.length, 3);
  over.abort();
  await running;
});

Deno.test("Progress prints one line for all torrents when a CI job reads it", async () => {
  const { shell, progress } = setup({ env: { CI: "true" } });
  const rows = [progress.add("a"), progress.add("b")];
  for (const row of rows) row.follow(() => stats());
  const over = new AbortController();
  const running = progress.run(over.signal);
  await shell.clock.advance(25_000);
  const line = "progress: 2 torrents 45.2 % of 1.86 GiB, 70.2 MiB/s down, 0 B/s up, 24 peers";
  assertEquals(shell.stderr.lines, [line, line]);
  rows[0]!.remove();
  await shell.clock.advance(6_000);
  assertEquals(shell.stderr.lines.length, 3);
  over.abort();
  await running;
});
