/**
 * `starling seed` and the seeding options of `get`, with a session that does what the test says.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseEvents } from "../support/events.ts";
import { FILES, run, start } from "./support/fake_run.ts";
import type { FakeTorrent } from "./support/fake_session.ts";
import { turn } from "./support/fake_shell.ts";

/** A folder that has the file of a torrent. */
const DOWN = { folders: ["down"], files: { ...FILES, "down/a": new Uint8Array(1) } };

const stay = (torrent: FakeTorrent) => torrent.beginSeeding();

Deno.test("seed gives what PATH holds and downloads nothing", async () => {
  const { session, code } = await run("seed a.torrent down", DOWN);
  const { options } = session.torrents[0]!;
  assertEquals(code, 0);
  assertEquals([options.output, options.isUploadOnly, options.metainfo.name], ["down", true, "a"]);
});

Deno.test("seed takes the file or the folder itself for PATH, whatever its name", async () => {
  const file = await run("seed a.torrent other.bin", {
    files: { ...FILES, "other.bin": new Uint8Array(1) },
  });
  assertEquals(file.session.torrents[0]!.options.metainfo.files[0]!.path, ["other.bin"]);
  const folder = await run("seed set.torrent elsewhere", { folders: ["elsewhere"] });
  const { options } = folder.session.torrents[0]!;
  assertEquals(options.metainfo.files[1]!.path, ["elsewhere", "y.txt"]);
  assert(options.output.startsWith("/"), options.output);
});

Deno.test("seed ends with 4 when there is nothing at PATH", async () => {
  for (
    const line of ["seed a.torrent nowhere", "seed a.torrent down", "seed set.torrent a.torrent"]
  ) {
    const { shell, session, code } = await run(line, { folders: ["down"] });
    assertEquals([line, code, session.torrents.length], [line, 4, 0]);
    assertStringIncludes(shell.stderr.text, "error: Cannot find the data at");
  }
});

Deno.test("seed tells of a part that it was one, and where it lies", async () => {
  const { shell, code } = await run("seed a.torrent down", {
    ...DOWN,
    onAdd: (torrent) => {
      torrent.bytesDone = 10_000;
      torrent.end({ kind: "complete" });
    },
  });
  assertEquals(code, 0);
  const done = shell.stderr.lines.find((line) => line.startsWith("done: "))!;
  assert(done.endsWith(", in down"), done);
  assert(done.startsWith("done: a: 9.77 KiB of 39.1 KiB in "), done);
});

Deno.test("get seeds when a goal asks for it, and not when the goal is nothing", async () => {
  const options = async (line: string) => (await run(line)).session.torrents[0]!.options;
  assertEquals((await options("get a.torrent")).seed, false);
  assertEquals((await options("get a.torrent --seed-time=0 --seed-ratio=0.0")).seed, false);
  // As with aria2: no time is over at once, and a ratio of nothing is no goal.
  assertEquals((await options("get a.torrent --seed-ratio=1 --seed-time=0")).seed, false);
  assertEquals((await options("get a.torrent --seed-ratio=0 --seed-time=5m")).seed, true);
  assertEquals((await options("get a.torrent --seed")).seed, true);
  const both = await options("get a.torrent --seed-ratio 1.5 --seed-time 2m");
  assertEquals([both.seed, both.seedRatio, both.seedTimeMs], [true, 1.5, 120_000]);
});

Deno.test("a verb that stays takes part in the DHT, and one that ends is a guest in it", async () => {
  const isGuest = async (line: string) =>
    (await run(line, DOWN)).session.options!.isShortLived === true;
  assertEquals(await isGuest("get a.torrent"), true);
  for (
    const line of ["get a.torrent --seed", "get a.torrent --seed-time 1m", "seed a.torrent down"]
  ) {
    assertEquals([line, await isGuest(line)], [line, false]);
  }
});

Deno.test("get says when it begins to seed and is interrupted with 130", async () => {
  const { shell, exitCode } = start("get a.torrent --seed", { onAdd: stay });
  while (!shell.stderr.text.includes("seeding: a")) await turn();
  shell.kill("SIGINT");
  assertEquals(await exitCode, 130);
});

Deno.test("seed ends with 3 when the time of the run is over", async () => {
  const { shell, exitCode } = start("seed a.torrent down --timeout 5s", { ...DOWN, onAdd: stay });
  while (!shell.stderr.text.includes("seeding: a")) await turn();
  await shell.clock.advance(5000);
  assertEquals(await exitCode, 3);
  assertStringIncludes(shell.stderr.text, "error: Cannot finish in time: --timeout of 5s is over");
});

Deno.test("--seed-while runs the command when all is there and ends with its code", async () => {
  const line = "get a.torrent set.torrent --seed-while -- train --fast data";
  const { shell, code } = await run(line, { commandCode: 7, onAdd: stay });
  assertEquals(code, 7);
  assertEquals(shell.commands, [["train", "--fast", "data"]]);
  assert(shell.stderr.text.includes("verified; until train ends, Ctrl-C stops it"));
  // The code may look like one of ours.
  assertEquals(shell.stderr.lines.filter((text) => text.startsWith("error: ")), [
    'error: Cannot finish --seed-while: "train" ended with status 7',
  ]);
  const good = await run(line, { onAdd: stay });
  assertEquals([good.code, good.shell.stderr.text.includes("error:")], [0, false]);
});

Deno.test("--seed-while ends the run when one of several failed, and says that nothing was run", async () => {
  for (const line of ["get bad.torrent a.torrent", "get a.torrent bad.torrent"]) {
    const { shell, session, code } = await run(`${line} --seed-while --json -- train`, {
      onAdd: stay,
    });
    assertEquals([code, shell.commands.length, session.torrents.length], [5, 0, 1], line);
    const warning = "--seed-while runs nothing: not everything is there";
    assert(shell.stderr.lines.includes(`warning: ${warning}`), shell.stderr.text);
    assert(
      parseEvents(shell.stdout.lines).some((event) =>
        event.type === "warning" && event.message === warning
      ),
    );
    assert(shell.stderr.lines.some((text) => text.startsWith("done: a: ")), shell.stderr.text);
  }
});

Deno.test("--seed-while runs nothing when a download failed, and needs a command", async () => {
  const failed = await run("get a.torrent --seed-while -- train", {
    onAdd: (torrent) => torrent.end({ kind: "failed", reason: "stalled", message: "no peers" }),
  });
  assertEquals([failed.code, failed.shell.commands.length], [3, 0]);
  assertEquals((await run("get a.torrent --seed-while")).code, 2);
});
