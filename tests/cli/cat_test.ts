/**
 * `starling cat` and `get -o -` from arguments to exit code, with a session that does what the test says.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { type FakeRunOptions, start as startWith } from "./support/fake_run.ts";
import type { FakeTorrent } from "./support/fake_session.ts";
import { type FakeShell, turn } from "./support/fake_shell.ts";
import { torrentBytes } from "./support/torrents.ts";

const FILES = {
  "one.torrent": torrentBytes({ name: "one" }),
  "set.torrent": torrentBytes({
    name: "set",
    files: { "4": 7, "x.csv": 1000, "y.txt": 2000, "z/y.csv": 5 },
  }),
};

/** Every torrent streams a few bytes unless told otherwise. */
function start(line: string, options: FakeRunOptions = {}) {
  const onAdd = (torrent: FakeTorrent) => void (torrent.chunks = ["some ", "bytes"]);
  return startWith(line, { files: FILES, onAdd, ...options });
}

const poured = (shell: FakeShell) =>
  shell.stdout.text + new TextDecoder().decode(shell.stdout.bytes);

async function run(...args: Parameters<typeof start>) {
  const setup = start(...args);
  return { ...setup, code: await setup.exitCode };
}

Deno.test("cat writes the only file to standard output and everything else to standard error", async () => {
  const { shell, session, code } = await run("cat one.torrent");
  assertEquals([code, poured(shell)], [0, "some bytes"]);
  assert(/^done: one: .*, to standard output$/.test(shell.stderr.lines.at(-1)!), shell.stderr.text);
  const { isInMemory, selection, seed } = session.torrents[0]!.options;
  assertEquals([isInMemory, selection, seed], [true, [0], false]);
  assertEquals(session.options?.bufferBytes, 32 << 20);
});

Deno.test("cat shows text to a terminal without letting it move the cursor, and draws no block there", async () => {
  const terminal = { stdoutIsTerminal: true, stderrIsTerminal: true };
  const chunks = ["a\tb\n\x1b[2J", "é", "\u202ex\x9b", "end"];
  const onAdd = (torrent: FakeTorrent) => void (torrent.chunks = chunks);
  const { shell, code } = await run("cat one.torrent", { ...terminal, onAdd });
  assertEquals(code, 0, shell.stderr.text);
  assertEquals(shell.stdout.text, "a\tb\n\\u{1b}[2Jé\\u{202e}x\\u{9b}end\n");
  assertEquals(shell.stdout.bytes.length, 0);
  assert(!shell.stderr.text.includes("\x1b"), shell.stderr.text);
  // Where the two are apart, each gets its own.
  const apart = await run("get one.torrent -o -", { stderrIsTerminal: true, onAdd });
  assertEquals(poured(apart.shell), chunks.join(""));
  assert(apart.shell.stderr.text.includes("\x1b[?25l"));
});

Deno.test("cat takes FILE by its path, with or without the top folder, or by its number", async () => {
  const cases = [["x.csv", 1], ["z/y.csv", 3], ["set/y.txt", 2], ["2", 1], ["4", 0]] as const;
  for (const [name, file] of cases) {
    const { session, code } = await run(`cat set.torrent ${name} --buffer 1M`);
    assertEquals([code, session.torrents[0]!.streamed], [0, file], name);
    assertEquals(session.torrents[0]!.options.selection, [file]);
    assertEquals(session.options?.bufferBytes, 1 << 20);
  }
});

Deno.test("cat names close files where there is none, or more than one", async () => {
  const of = async (line: string) => {
    const { shell, code } = await run(line);
    assertEquals([code, poured(shell)], [2, ""], line);
    return shell.stderr.lines.slice(-2);
  };
  assertEquals(await of("cat set.torrent x.cvs"), [
    'error: Cannot stream "x.cvs": there is no such file',
    "hint: close are x.csv, z/y.csv",
  ]);
  assertEquals(await of("cat set.torrent 987654"), [
    'error: Cannot stream "987654": there is no such file',
    "hint: the torrent has 4; starling info shows their numbers",
  ]);
  assertEquals(await of("cat set.torrent"), [
    "error: Cannot stream: one file goes to standard output, and 4 are here",
    "hint: name one, as starling info lists them: 4, x.csv, y.txt, …",
  ]);
});

Deno.test("get -o - streams the only selected file", async () => {
  const { shell, session, code } = await run("get set.torrent -o - --include y.txt");
  assertEquals([code, poured(shell), session.torrents[0]!.streamed], [0, "some bytes", 2]);
  const two = await run("get set.torrent -o - --include *.csv");
  assertEquals([two.code, two.shell.stderr.lines.at(-1)], [
    2,
    "hint: --include or --select-file takes one of them: x.csv, z/y.csv",
  ]);
});

Deno.test("a stream goes with no option that is about files or events", async () => {
  const lines = [
    "get one.torrent -o - --json",
    "get one.torrent -o - --seed",
    "get one.torrent -o - --seed-ratio 1",
    "get one.torrent -o - -i list",
    "get one.torrent set.torrent -o -",
    "cat one.torrent --json",
    "cat one.torrent --fsync",
  ];
  for (const line of lines) {
    const { shell, session, code } = await run(line);
    assertEquals([code, session.torrents.length], [2, 0], line);
    assert(shell.stderr.lines.some((text) => text.startsWith("error: Cannot use -")), line);
  }
  const { code, shell } = await run("cat one.torrent", { env: { STARLING_JSON: "1" } });
  assertEquals([code, poured(shell)], [0, "some bytes"]);
});

Deno.test("cat ends with 0 and no word when its reader goes away", async () => {
  const { shell, exitCode } = start("cat one.torrent", {
    onAdd: (torrent) => {
      torrent.chunks = (function* () {
        yield "some ";
        shell.stdout.close();
        for (;;) yield "more ";
      })();
    },
  });
  assertEquals(await exitCode, 0);
  assertEquals(shell.stderr.lines, ["reading one.torrent"]);
});

Deno.test("cat fails where its output cannot be written", async () => {
  const { shell, exitCode } = start("cat one.torrent");
  shell.stdout.failure = new DiskError("Cannot write standard output: the disk is full", {
    path: "standard output",
    operation: "write",
    kind: "full",
  });
  assertEquals(await exitCode, 4);
  assertEquals(
    shell.stderr.lines.at(-1),
    "error: Cannot write standard output: the disk is full",
  );
});

Deno.test("cat ends as its torrent does when the data breaks off", async () => {
  const { shell, code } = await run("cat one.torrent", {
    onAdd: (torrent) => {
      torrent.chunks = (function* () {
        yield "some ";
        torrent.end({ kind: "failed", reason: "stalled", message: "no peers", hint: "wait" });
        yield "never ";
      })();
    },
  });
  assertEquals(code, 3);
  assertEquals(shell.stderr.lines.slice(1), [
    "error: Cannot finish one: no peers",
    "hint: wait",
  ]);
});

Deno.test("cat is interrupted while its reader takes nothing", async () => {
  const { shell, exitCode } = start("cat one.torrent");
  shell.stdout.isStuck = true;
  await turn();
  shell.kill("SIGINT");
  await turn();
  await shell.clock.advance(2_000);
  assertEquals(await exitCode, 130);
  assert(/^stopped: one at [\d.]+ %$/.test(shell.stderr.lines.at(-1)!), shell.stderr.text);
});
