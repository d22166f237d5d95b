/**
 * What a person sees: the live block in real terminals of several sizes, and the cursor after all of it.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { widthOf } from "../../src/cli/text_width.ts";
import { MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { Child, output } from "./support/process.ts";
import { STARLING } from "./support/starling.ts";
import { Terminal } from "./support/terminal.ts";
import { until } from "./support/wait.ts";

const MOVING = /^ *[1-9]\d*\.\d % [█▓▒░]/;
const BAR = /^ *\d+\.\d % [█▓▒░]+$/;

/** A torrent and a starling that seeds it; returns the words of a `get` that takes some seconds. */
async function slow(lab: Lab, name: string, bytes = 6 * MIB): Promise<string> {
  const dataset = await lab.dataset({ name, files: [{ path: "data.bin", bytes }] });
  const torrent = lab.path(`${name.length}.torrent`);
  await output([...STARLING, "create", `${dataset.root}/${name}`, "-o", torrent, "-q"]);
  const args = ["seed", torrent, dataset.root, "-p", "0", "--no-dht", "--no-lsd", "--json"];
  const seed = lab.use(Child.start([...STARLING, ...args]));
  const [, port] = await seed.line(/"listening","port":(\d+)/);
  const words = [...STARLING, "get", torrent, "-o", lab.path("out"), "-p", "0", "--no-dht"];
  return [...words, "--no-lsd", "--peer", `127.0.0.1:${port}`, "--down-limit", "1M"].join(" ");
}

for (const columns of [40, 80, 200]) {
  interopTest(`the live block fits a terminal of ${columns} columns`, ["tmux"], async (lab) => {
    const command = await slow(lab, "データ・日本語の名前-" + "長い".repeat(30));
    const terminal = lab.use(await Terminal.open(lab.folder, { columns, rows: 24 }));
    await terminal.type(`clear; ${command}; echo code=$?`);
    const screen = await terminal.shows(MOVING);
    assertEquals(await terminal.isCursorShown(), false);
    assertEquals(screen.filter((line) => BAR.test(line)).length, 1, screen.join("\n"));
    const at = screen.findIndex((line) => BAR.test(line));
    assert(screen[at - 1]!.startsWith("データ"), screen.join("\n"));
    assert(/B\/s down/.test(screen[at + 1]!), screen.join("\n"));
    assertEquals(screen[at + 2]!.startsWith("1 peer: 1 named"), true, screen.join("\n"));
    for (const line of screen.slice(at - 1, at + 3)) assertLessOrEqual(widthOf(line), columns);
    const end = await terminal.shows(/^code=0/);
    assertEquals(end.filter((line) => BAR.test(line)), [], end.join("\n"));
    assertEquals(end.some((line) => line.startsWith("done: データ")), true, end.join("\n"));
    assertEquals(await terminal.isCursorShown(), true);
  });
}

interopTest(
  "the live block leaves nothing behind when the terminal is resized",
  ["tmux"],
  async (lab) => {
    const command = await slow(lab, "resized");
    const terminal = lab.use(await Terminal.open(lab.folder, { columns: 100, rows: 20 }));
    await terminal.type(`clear; ${command}; echo code=$?`);
    await terminal.shows(MOVING);
    const wide = [60, 120, 45, 90];
    for (const columns of wide) {
      await terminal.resize({ columns, rows: 20 });
      const bar = new RegExp(`^ *\\d+\\.\\d % [█▓▒░]{${columns - 8}}$`);
      await terminal.shows(columns > 108 ? /^ *\d+\.\d % [█▓▒░]{100}$/ : bar);
    }
    const screen = await terminal.screen();
    assertEquals(screen.filter((line) => BAR.test(line)).length, 1, screen.join("\n"));
    await terminal.shows(/^code=0/);
    assertEquals(await terminal.isCursorShown(), true);
  },
);

interopTest(
  "the cursor comes back when a download is interrupted or fails",
  ["tmux"],
  async (lab) => {
    const command = await slow(lab, "cut", 60 * MIB);
    const terminal = lab.use(await Terminal.open(lab.folder, { columns: 80, rows: 24 }));
    await terminal.type(`clear; ${command}; echo code=$?`);
    await terminal.shows(MOVING);
    await terminal.press("C-c");
    const stopped = await terminal.shows(/^code=130/);
    assertEquals(stopped.some((line) => line.startsWith("stopped: cut at ")), true);
    assertEquals(stopped.filter((line) => line.startsWith("error:")), []);
    assertEquals(await terminal.isCursorShown(), true);
    await terminal.type(`clear; ${command} --timeout 2s; echo code=$?`);
    const late = await terminal.shows(/^code=3/);
    assertEquals(late.filter((line) => line.startsWith("error:")).length, 1, late.join("\n"));
    assertEquals(await terminal.isCursorShown(), true);
    await terminal.type(`clear; ${command}; echo code=$?`);
    await terminal.shows(MOVING);
    await terminal.press("C-\\");
    await terminal.shows(/^code=143/);
    assertEquals(await terminal.isCursorShown(), true);
  },
);

interopTest("a download stops cleanly when its terminal is closed", ["tmux"], async (lab) => {
  const command = await slow(lab, "closed", 60 * MIB);
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 80, rows: 24 }));
  await terminal.type(`clear; ${command} --log-file '${lab.path("log")}'`);
  await terminal.shows(MOVING);
  await terminal[Symbol.asyncDispose]();
  const ended = async () => {
    const text = await Deno.readTextFile(lab.path("log"));
    return text.includes(" info: stopped: closed at ") ? text : undefined;
  };
  await until(ended, { what: "the end of the log", timeoutMs: 20_000, everyMs: 50 });
});

interopTest("several torrents share the screen, with a total", ["tmux"], async (lab) => {
  const words = (await Promise.all(["one", "seven77"].map((name) => slow(lab, name))))
    .map((line) => line.split(" "));
  const peers = words.map((line) => line[line.indexOf("--peer") + 1]!);
  const [first] = words;
  const torrents = words.map((line) => line[line.indexOf("get") + 1]!);
  const command = [...first!.map((word) => word === torrents[0] ? torrents.join(" ") : word)];
  command.push("--peer", peers[1]!);
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 80, rows: 24 }));
  await terminal.type(`clear; ${command.join(" ")}; echo code=$?`);
  const screen = await terminal.shows(/^2 torrents [1-9]\d*\.\d % /);
  for (const name of ["one", "seven77"]) {
    assert(
      screen.some((line) => new RegExp(`^${name} +\\d+\\.\\d % [█▓▒░]+ `).test(line)),
      screen.join("\n"),
    );
  }
  const end = await terminal.shows(/^code=0/);
  assert(end.some((line) => line.startsWith("done: 2 torrents: 12.0 MiB in ")), end.join("\n"));
});

interopTest("the live block is drawn at most ten times a second", ["script"], async (lab) => {
  const command = await slow(lab, "frames", 3 * MIB);
  const started = performance.now();
  const stdout = await output(["script", "-qec", command, "/dev/null"]);
  const seconds = (performance.now() - started) / 1000;
  // deno-lint-ignore no-control-regex
  const frames = [...stdout.matchAll(/\x1b\[J/g)].length;
  assert(frames > 3, stdout);
  assertLessOrEqual(frames, 10 * seconds);
});

interopTest("Ctrl-Z gives the terminal back and fg goes on", ["tmux"], async (lab) => {
  const command = await slow(lab, "paused", 60 * MIB);
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 80, rows: 24 }));
  await terminal.type("exec bash --norc");
  await terminal.type(`clear; ${command}; echo code=$?`);
  await terminal.shows(MOVING);
  await terminal.press("C-z");
  const stopped = await terminal.shows(/^\[1\]\+ +Stopped/);
  assertEquals(stopped.filter((line) => BAR.test(line)), [], stopped.join("\n"));
  assertEquals(await terminal.isCursorShown(), true);
  await terminal.type("clear; fg; echo code=$?");
  const again = await terminal.shows(MOVING);
  assertEquals(again.filter((line) => BAR.test(line)).length, 1, again.join("\n"));
  assertEquals(await terminal.isCursorShown(), false);
  await terminal.press("C-c");
  await terminal.shows(/^code=130/);
  assertEquals(await terminal.isCursorShown(), true);
});

interopTest("cat shows a text on a terminal and nothing beside it", ["tmux"], async (lab) => {
  await Deno.mkdir(lab.path("texts"));
  await Deno.writeTextFile(lab.path("texts/a.txt"), "one\x1b[31m\ntwo \u202e日本語");
  await output([
    ...[...STARLING, "create", lab.path("texts"), "-o", lab.path("texts.torrent"), "-q"],
  ]);
  const args = ["seed", lab.path("texts.torrent"), lab.folder, "-p", "0", "--no-dht", "--no-lsd"];
  const seed = lab.use(Child.start([...STARLING, ...args, "--json"]));
  const [, port] = await seed.line(/"listening","port":(\d+)/);
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 100, rows: 24 }));
  const words = ["cat", "texts.torrent", "--no-dht", "--no-lsd", "-p", "0"];
  const command = [...STARLING, ...words, "--peer", `127.0.0.1:${port}`].join(" ");
  await terminal.type(`clear; ${command}; echo code=$?`);
  const screen = await terminal.shows(/^code=/);
  const at = screen.findIndex((line) => line.startsWith("reading texts.torrent"));
  assertEquals(screen.slice(at + 1, at + 3), ["one\\u{1b}[31m", "two \\u{202e}日本語"]);
  assert(screen[at + 3]!.startsWith("done: texts: "), screen.join("\n"));
  // A torrent file is no text.
  await terminal.type(`clear; ${STARLING.join(" ")} create texts -o -; echo code=$?`);
  const refused = await terminal.shows(/^code=2/);
  assert(refused.some((line) => line.startsWith("error: Cannot write a torrent file to a ter")));
});

interopTest("verify and doctor say how it ended below what they found", ["tmux"], async (lab) => {
  const { root } = await lab.dataset({
    name: "many",
    files: Array.from({ length: 300 }, (_, i) => ({ path: `f${i}`, bytes: 5 })),
  });
  const torrent = lab.path("many.torrent");
  await output([...STARLING, "create", `${root}/many`, "-o", torrent, "-q"]);
  const terminal = lab.use(await Terminal.open(lab.folder, { columns: 120, rows: 24 }));
  const starling = STARLING.map((word) => `'${word}'`).join(" ");
  await terminal.type(`clear; ${starling} verify '${torrent}' '${root}'; echo code=$?`);
  const sum = (await terminal.shows(/^code=0/)).slice(-4);
  assertEquals(sum.slice(0, 2).map((line) => line.split(" ")[0]), ["ok", "done:"], sum.join("\n"));
  const alone = "--no-dht --no-lsd --timeout 1s";
  await terminal.type(`clear; ${starling} doctor '${torrent}' ${alone}; echo code=$?`);
  const found = await terminal.shows(/^code=7/);
  const pieces = found.findIndex((line) => line.startsWith("bad      pieces"));
  assertEquals(found[pieces + 1]!.startsWith("error: "), true, found.join("\n"));
});

interopTest(
  "share prints what to type above its block, and leaves neither block nor hidden cursor",
  ["tmux"],
  async (lab) => {
    await Deno.mkdir(lab.path("mine"));
    await Deno.writeFile(lab.path("mine/a.bin"), new Uint8Array(MIB).fill(3));
    const terminal = lab.use(await Terminal.open(lab.folder, { columns: 80, rows: 30 }));
    const words = ["share", "mine", "--tracker-port", "0", "-p", "0", "--no-dht", "--no-lsd"];
    const command = [...STARLING, ...words, "--seed-time", "4s"].join(" ");
    await terminal.type(`clear; ${command}; echo code=$?`);
    const whole = /^ 100 % █+$/;
    const shown = await terminal.shows(whole);
    const url = shown.findIndex((line) => line.startsWith("starling get http"));
    assert(url >= 0 && url < shown.findIndex((line) => whole.test(line)), shown.join("\n"));
    assert(shown[url + 1]!.startsWith("magnet:?xt=urn:btih:"), shown.join("\n"));
    const end = await terminal.shows(/^code=0/);
    assertEquals(end.filter((line) => whole.test(line)), [], end.join("\n"));
    assert(end.some((line) => line.startsWith("starling get http")), end.join("\n"));
    assertEquals(await terminal.isCursorShown(), true);
  },
);
