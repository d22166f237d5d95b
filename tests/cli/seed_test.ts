/**
 * `starling seed` and the seeding options of `get`, with a session that does what the test says.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../../src/cli/run.ts";
import { FakeSession, type FakeTorrent } from "./support/fake_session.ts";
import { FakeShell, type FakeShellOptions, turn } from "./support/fake_shell.ts";
import { torrentBytes } from "./support/torrents.ts";

const FILES = {
  "a.torrent": torrentBytes({ name: "a" }),
  "set.torrent": torrentBytes({ name: "set", files: { "x.csv": 1000, "y.txt": 2000 } }),
};

async function run(
  line: string,
  options: FakeShellOptions = {},
  onAdd: (torrent: FakeTorrent) => void = (torrent) => torrent.end({ kind: "complete" }),
): Promise<{ shell: FakeShell; session: FakeSession; code: number }> {
  const args = line.split(" ");
  const shell = new FakeShell({ ...options, files: { ...FILES, ...options.files }, args });
  const session = new FakeSession();
  session.onAdd = onAdd;
  return { shell, session, code: await runCli(shell, session.parts(shell)) };
}

Deno.test("seed gives what PATH holds and downloads nothing", async () => {
  const here = { folders: ["down"], files: { "down/a": new Uint8Array(1) } };
  const { session, code } = await run("seed a.torrent down", here);
  const { options } = session.torrents[0]!;
  assertEquals(code, 0);
  assertEquals([options.output, options.isUploadOnly, options.metainfo.name], ["down", true, "a"]);
});

Deno.test("seed takes the file or the folder itself for PATH, whatever its name", async () => {
  const file = await run("seed a.torrent other.bin", { files: { "other.bin": new Uint8Array(1) } });
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
  const here = { folders: ["down"], files: { "down/a": new Uint8Array(1) } };
  const { shell, code } = await run("seed a.torrent down", here, (torrent) => {
    torrent.bytesDone = 10_000;
    torrent.end({ kind: "complete" });
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
  assertEquals((await options("get a.torrent --seed")).seed, true);
  const both = await options("get a.torrent --seed-ratio 1.5 --seed-time 2m");
  assertEquals([both.seed, both.seedRatio, both.seedTimeMs], [true, 1.5, 120_000]);
});

Deno.test("a verb that stays takes part in the DHT, and one that ends is a guest in it", async () => {
  const isGuest = async (line: string) =>
    (await run(line, { folders: ["down"], files: { "down/a": new Uint8Array(1) } }))
      .session.options!.isShortLived === true;
  assertEquals(await isGuest("get a.torrent"), true);
  for (
    const line of ["get a.torrent --seed", "get a.torrent --seed-time 1m", "seed a.torrent down"]
  ) {
    assertEquals([line, await isGuest(line)], [line, false]);
  }
});

Deno.test("get says when it begins to seed and is interrupted with 130", async () => {
  const shell = new FakeShell({ files: FILES, args: ["get", "a.torrent", "--seed"] });
  const session = new FakeSession();
  session.onAdd = (torrent) => torrent.beginSeeding();
  const code = runCli(shell, session.parts(shell));
  while (!shell.stderr.text.includes("seeding: a")) await turn();
  shell.kill("SIGINT");
  assertEquals(await code, 130);
});

Deno.test("seed ends with 3 when the time of the run is over", async () => {
  const files = { ...FILES, "down/a": new Uint8Array(1) };
  const args = ["seed", "a.torrent", "down", "--timeout", "5s"];
  const shell = new FakeShell({ files, folders: ["down"], args });
  const session = new FakeSession();
  session.onAdd = (torrent) => torrent.beginSeeding();
  const code = runCli(shell, session.parts(shell));
  while (!shell.stderr.text.includes("seeding: a")) await turn();
  await shell.clock.advance(5000);
  assertEquals(await code, 3);
  assertStringIncludes(shell.stderr.text, "error: Cannot finish in time: --timeout of 5s is over");
});

Deno.test("--seed-while runs the command when all is there and ends with its code", async () => {
  const line = "get a.torrent set.torrent --seed-while -- train --fast data";
  const { shell, code } = await run(line, { commandCode: 7 }, (torrent) => torrent.beginSeeding());
  assertEquals(code, 7);
  assertEquals(shell.commands, [["train", "--fast", "data"]]);
});

Deno.test("--seed-while runs nothing when a download failed, and needs a command", async () => {
  const failed = await run(
    "get a.torrent --seed-while -- train",
    {},
    (torrent) => torrent.end({ kind: "failed", reason: "stalled", message: "no peers" }),
  );
  assertEquals([failed.code, failed.shell.commands.length], [3, 0]);
  assertEquals((await run("get a.torrent --seed-while")).code, 2);
});
