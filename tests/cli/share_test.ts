/**
 * `starling share`: how it ends. What it gives to other machines is seen in tests/interop.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { NetworkError } from "../../src/base/errors.ts";
import type { Parts } from "../../src/cli/context.ts";
import { runCli } from "../../src/cli/run.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { withFolder } from "../support/folder.ts";
import { type DiskRun, DiskShell, fill, run } from "./support/disk_run.ts";
import { start } from "./support/fake_run.ts";
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

Deno.test("share and tracker say that 127.0.0.1 is good on this machine alone", async () => {
  const warning =
    "warning: no address of this machine is known (--allow-sys=networkInterfaces lets " +
    "it ask): 127.0.0.1 is good on this machine alone";
  const { shell, running } = await share("", { addresses: [] });
  while (!shell.stdout.text.includes("magnet:")) await turn();
  assertEquals(shell.stdout.lines[0], "starling get http://127.0.0.1:6969/data.torrent");
  assertEquals(shell.stderr.lines.includes(warning), true, shell.stderr.text);
  shell.kill("SIGINT");
  assertEquals(await running, 130);
  const tracker = start("tracker", { addresses: [] });
  while (!tracker.shell.stdout.text.includes("udp://127.0.0.1")) await turn();
  assertEquals(tracker.shell.stderr.lines.includes(warning), true);
  tracker.shell.kill("SIGINT");
  assertEquals(await tracker.exitCode, 130);
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

/** Shares paths until every torrent has reached its goal. */
async function shareWith(
  args: readonly string[],
  session: FakeSession = new FakeSession(),
): Promise<DiskRun & { session: FakeSession }> {
  const { openSession, startTracker } = session.parts(new FakeShell());
  const { clock } = new FakeShell();
  const all: Partial<Parts> = {
    openWorld: async ({ log }) => ({
      ...await openWorld({ log, workers: 0 }),
      clock,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
    openSession,
    startTracker,
  };
  return { ...await run(["share", ...args], { parts: all }), session };
}

Deno.test("share gives files under their own names when those are not safe", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (folder) => {
    const names = ["dev\\x2ddisk.swap", "a\u202egpj.exe", "b\u0001/c\\d", "plain"];
    await fill(folder, Object.fromEntries(names.map((name) => [`odd\\name/${name}`, 3000])));
    await fill(folder, { "one\\file": 3000 });
    const { code, stderr, session } = await shareWith([
      `${folder}/odd\\name`,
      `${folder}/one\\file`,
    ]);
    assertEquals(code, 0, stderr);
    const [many, one] = session.torrents.map(({ options }) => options);
    const paths = many!.metainfo.files.map(({ path }) => path.slice(1).join("/"));
    assertEquals(paths.toSorted(), names.toSorted());
    assertEquals(one!.metainfo.files[0]!.path, ["one\\file"]);
    for (const { output, metainfo } of [many!, one!]) {
      for (const { path } of metainfo.files) await Deno.stat([output, ...path].join("/"));
    }
    assertStringIncludes(stderr, "will be downloaded as");
  });
});

Deno.test("share ends with 4 when a part is not as it was hashed", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a": 40_000 });
    const session = new FakeSession();
    session.onAdd = (torrent) => {
      torrent.bytesDone = 39_000;
      torrent.beginSeeding();
    };
    const { code, stdout, stderr } = await shareWith([`${folder}/data`], session);
    assertEquals([code, stdout], [4, ""]);
    assertStringIncludes(stderr, "only 38.1 KiB of 39.1 KiB is still as it was hashed");
  });
});

Deno.test("share shares once what it is given twice", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "x/f": "the same", "y/f": "the same" });
    const same = await shareWith([`${folder}/x/f`, `${folder}/x/../x/f`]);
    assertEquals([same.code, same.session.torrents.length], [0, 1], same.stderr);
    const equal = await shareWith([`${folder}/x/f`, `${folder}/y/f`]);
    assertEquals([equal.code, equal.session.torrents.length], [0, 1], equal.stderr);
    assertStringIncludes(equal.stderr, "/y/f is the same torrent as ");
    assertEquals(equal.stdout.match(/starling get/g)?.length, 1);
  });
});

Deno.test("share tells that its port is taken before anything is hashed", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a": 40_000 });
    const session = new FakeSession();
    session.failure = new NetworkError("in-use", "Cannot listen on port 7: it is in use");
    const { code, stderr } = await shareWith([`${folder}/data`], session);
    assertEquals([code, stderr.includes("hash")], [1, false], stderr);
  });
});

Deno.test("share ends with 3 when its time is over while it hashes", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a": 40_000 });
    const shell = new DiskShell({ args: ["share", `${folder}/data`, "--timeout", "5s"] });
    const { list } = shell.folders;
    // Time passes while the folder is listed.
    shell.folders = {
      ...shell.folders,
      list: async (path, options) => {
        await shell.clock.advance(5000);
        return await list(path, options);
      },
    };
    const session = new FakeSession();
    const code = await runCli(shell, {
      ...session.parts(shell),
      openWorld: ({ log }) => Promise.resolve(openWorld({ log, workers: 0 })),
    });
    assertEquals([code, session.torrents.length], [3, 0], shell.stderr.text);
    assertStringIncludes(shell.stderr.text, "--timeout of 5s is over");
  });
});
