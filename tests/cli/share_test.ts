/**
 * `starling share`: how it ends. What it gives to other machines is seen in tests/interop.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Parts } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/run.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { DiskShell, fill, withFolder } from "./support/disk_run.ts";
import { FakeSession, type FakeTorrent } from "./support/fake_session.ts";
import { FakeShell, type FakeShellOptions, turn } from "./support/fake_shell.ts";

/** Shares a small folder; the session does what `onAdd` says. */
async function share(
  line: string,
  { onAdd, ...options }: FakeShellOptions & { onAdd?: (torrent: FakeTorrent) => void } = {},
) {
  const session = new FakeSession();
  session.onAdd = onAdd ?? ((torrent) => torrent.beginSeeding());
  const fakes = session.parts(new FakeShell());
  let ended = false;
  let shell!: DiskShell;
  const running = withFolderOf(async (folder) => {
    const args = ["share", `${folder}/data`, ...line.split(" ").filter(Boolean)];
    shell = new DiskShell({ ...options, args });
    const parts: Parts = {
      openWorld: async ({ log }) => ({
        ...await openWorld({ log, workers: 0 }),
        clock: shell.clock,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
      openSession: fakes.openSession,
      startTracker: fakes.startTracker,
    };
    return await runCli(shell, parts);
  }).finally(() => ended = true);
  while (!ended && !shell?.stdout.text.includes("magnet:") && session.torrents.length === 0) {
    await turn();
  }
  return { session, shell, running };
}

async function withFolderOf(body: (folder: string) => Promise<number>): Promise<number> {
  let code = -1;
  await withFolder(async (folder) => {
    await fill(folder, { "data/a.bin": 40_000, "data/b.bin": 5 });
    code = await body(folder);
  });
  return code;
}

Deno.test("share runs until it is interrupted, and prints what to type elsewhere", async () => {
  const { shell, session, running } = await share("");
  while (!shell.stdout.text.includes("magnet:")) await turn();
  const [line, magnet] = shell.stdout.lines;
  assertEquals(line, "starling get http://192.0.2.7:6969/data.torrent");
  assertEquals(magnet!.startsWith("magnet:?xt=urn:btih:"), true);
  assertEquals(session.torrents[0]!.options.isUploadOnly, true);
  shell.kill("SIGINT");
  assertEquals(await running, 130);
});

Deno.test("share ends with 0 when its torrents have reached their goals", async () => {
  const { shell, session, running } = await share("--seed-time 5s --json");
  while (!shell.stdout.text.includes('"shared"')) await turn();
  assertEquals(session.torrents[0]!.options.seedTimeMs, 5000);
  session.torrents[0]!.end({ kind: "complete" });
  assertEquals(await running, 0);
  const { type, exitCode } = JSON.parse(shell.stdout.lines.at(-1)!);
  assertEquals([type, exitCode], ["done", 0]);
});

Deno.test("share ends with the code of its command", async () => {
  const { shell, running } = await share("--seed-while -- train --fast", { commandCode: 7 });
  assertEquals(await running, 7);
  assertEquals(shell.commands, [["train", "--fast"]]);
  assertEquals(await (await share("--seed-while")).running, 2);
});

Deno.test("share ends with 3 when its time is over", async () => {
  const { shell, running } = await share("--timeout 5s");
  while (!shell.stdout.text.includes("magnet:")) await turn();
  await shell.clock.advance(5000);
  assertEquals(await running, 3);
});

Deno.test("share runs its tracker where it is told to", async () => {
  const { shell, running } = await share("--tracker-port 7777");
  while (!shell.stdout.text.includes("magnet:")) await turn();
  assertEquals(shell.stdout.lines[0], "starling get http://192.0.2.7:7777/data.torrent");
  shell.kill("SIGTERM");
  assertEquals(await running, 143);
});
