/**
 * `starling verify` on the real disk: what is told of each file, exit codes, and that nothing is written.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Parts } from "../../src/cli/context.ts";
import { withFolder } from "../support/folder.ts";
import { FakeSession } from "./support/fake_session.ts";
import { FakeShell } from "./support/fake_shell.ts";
import { type DiskRun, type DiskRunOptions, fill, run } from "./support/disk_run.ts";

const isWindows = Deno.build.os === "windows";

/** Four files of which the middle two share a piece. */
const FILES = { "a": 32_768, "d/b": 20_000, "d/c": 45_536, "e": 0 };

/** A folder with a torrent `t` and the data of it in `data/top`. */
async function prepare(folder: string, more: readonly string[] = []): Promise<void> {
  await fill(`${folder}/data/top`, FILES);
  const line = ["create", `${folder}/data/top`, "-o", `${folder}/t`, ...more];
  assertEquals((await run(line)).code, 0);
}

function verify(
  folder: string,
  more: readonly string[] = [],
  options?: DiskRunOptions,
): Promise<DiskRun> {
  const [path = "data", ...rest] = more;
  return run(["verify", `${folder}/t`, `${folder}/${path}`, ...rest], options);
}

/** Everything on the disk with its bytes and times. */
async function snapshot(folder: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      "find . -printf '%p %s %T@ %C@ %l\\n' | sort; find . -type f | sort | xargs cat | cksum",
    ],
    cwd: folder,
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("verify tells ok for every file and ends with 0", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    for (const path of ["data", "data/top", "data/top/"]) {
      const { code, stdout, stderr } = await verify(folder, [path]);
      assertEquals(
        [code, stdout],
        [0, "ok       a\nok       d/b\nok       d/c\nok       e\n"],
        stderr,
      );
      assert(/^done: top: 4 ok, 96\.0 KiB hashed in /m.test(stderr), stderr);
    }
    await Deno.rename(`${folder}/data/top`, `${folder}/data/renamed`);
    assertEquals((await verify(folder, ["data/renamed", "-q"])).stdout, "");
  });
});

Deno.test(
  "verify finds what is there under names that are not safe",
  { ignore: isWindows },
  async () => {
    await withFolder(async (folder) => {
      const names = ["dev\\x2ddisk", "b\u0001/c\\d", "plain"];
      await fill(`${folder}/data/odd\\name`, Object.fromEntries(names.map((name) => [name, 3000])));
      await fill(`${folder}/data`, { "one\\file": 3000 });
      for (const [name, files] of [["odd\\name", 3], ["one\\file", 1]] as const) {
        const torrent = `${folder}/${files}.torrent`;
        assertEquals((await run(["create", `${folder}/data/${name}`, "-o", torrent])).code, 0);
        for (const path of ["data", `data/${name}`]) {
          const { code, stdout } = await run(["verify", torrent, `${folder}/${path}`]);
          const words = stdout.trim().split("\n").map((line) => line.split(" ")[0]);
          assertEquals([path, code, words], [path, 0, Array(files).fill("ok")], stdout);
        }
      }
    });
  },
);

Deno.test("verify names the torrent where nothing of it is at PATH", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.mkdir(`${folder}/wrong`);
    const { code, stderr } = await verify(folder, ["wrong"]);
    assertEquals(code, 6);
    assertStringIncludes(stderr, `PATH is the folder that holds "top", or "top" itself`);
  });
});

Deno.test("verify tells what is bad, missing and extra, and ends with 6", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const top = `${folder}/data/top`;
    const bytes = await Deno.readFile(`${top}/a`);
    bytes[20_000]! ^= 1;
    await Deno.writeFile(`${top}/a`, bytes);
    await Deno.remove(`${top}/e`);
    await fill(top, { "x": 3, "d/y\u001b[2J": 4 });
    const { code, stdout, stderr } = await verify(folder);
    assertEquals(stdout.split("\n"), [
      "bad      a (1 of 2 pieces bad)",
      "ok       d/b",
      "ok       d/c",
      "missing  e",
      "extra    d/y\\u{1b}[2J",
      "extra    x",
      "",
    ]);
    assertEquals(code, 6);
    assertStringIncludes(stderr, "failed: top: 2 ok, 1 bad, 1 missing, 2 extra, ");
    assertStringIncludes(stderr, "error: Cannot verify top: 1 of 4 files bad, 1 missing\n");
    assertStringIncludes(stderr, "hint: --repair downloads what is not right\n");
  });
});

Deno.test("verify ends with 0 where files are extra alone, and keeps ok to itself when quiet", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await fill(`${folder}/data/top`, { "x": 3 });
    const { code, stdout, stderr } = await verify(folder, ["data", "-q"]);
    assertEquals([code, stdout, stderr], [0, "extra    x\n", ""]);
  });
});

Deno.test("verify explains a piece that is shared with a file that is not there", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.remove(`${folder}/data/top/d/b`);
    assertEquals((await verify(folder)).stdout.split("\n").slice(0, 3), [
      "ok       a",
      "missing  d/b",
      "bad      d/c (1 of 3 pieces shared with d/b, which is missing)",
    ]);
    await fill(`${folder}/data/top`, { "d/b": 7 });
    assertEquals((await verify(folder)).stdout.split("\n").slice(1, 3), [
      "bad      d/b (7 bytes where the torrent says 20,000)",
      "bad      d/c (1 of 3 pieces shared with d/b, which is bad)",
    ]);
    // With padding no piece is shared.
    await fill(`${folder}/data/top`, FILES);
    await Deno.remove(`${folder}/t`);
    await prepare(folder, ["--pad-files"]);
    await Deno.remove(`${folder}/data/top/d/b`);
    assertEquals(
      (await verify(folder)).stdout,
      "ok       a\nmissing  d/b\nok       d/c\nok       e\n",
    );
  });
});

Deno.test("verify takes only the files that are asked for", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.remove(`${folder}/data/top/e`);
    await fill(`${folder}/data/top`, { "x": 1 });
    const some = await verify(folder, ["data", "--select-file", "1"]);
    assertEquals([some.code, some.stdout], [0, "ok       a\nextra    x\n"]);
    assertEquals((await verify(folder, ["data", "--exclude", "e", "-q"])).code, 0);
    assertEquals((await verify(folder, ["data", "--include", "nothing"])).code, 2);
  });
});

Deno.test("verify ends with 4 for a missing PATH and hints at a wrong one", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await fill(folder, { "else/where/x": 1 });
    assertEquals((await verify(folder, ["no"])).code, 4);
    assertEquals((await verify(folder, ["t"])).code, 4);
    const { code, stdout, stderr } = await verify(folder, ["else"]);
    assertEquals([code, stdout.includes("extra")], [6, false]);
    assertStringIncludes(stderr, `hint: nothing of it is at ${folder}/else: PATH is the folder`);
  });
});

Deno.test("verify compares a single file by its folder and by its path", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/one.bin": 40_000 });
    await run(["create", `${folder}/data/one.bin`, "-o", `${folder}/t`]);
    for (const path of ["data", "data/one.bin"]) {
      const { code, stdout } = await verify(folder, [path]);
      assertEquals([code, stdout], [0, "ok       one.bin\n"]);
    }
    await Deno.truncate(`${folder}/data/one.bin`, 39_999);
    const { code, stdout } = await verify(folder);
    assertEquals([code, stdout], [
      6,
      "bad      one.bin (39,999 bytes where the torrent says 40,000)\n",
    ]);
  });
});

Deno.test("verify follows links and tells what cannot be read", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const top = `${folder}/data/top`;
    await Deno.rename(`${top}/a`, `${folder}/a`);
    await Deno.symlink(`${folder}/a`, `${top}/a`);
    await Deno.rename(`${top}/d`, `${folder}/d`);
    await Deno.symlink("../../d", `${top}/d`);
    await Deno.symlink("nowhere", `${top}/link`);
    const good = await verify(folder);
    assertEquals(
      good.stdout,
      "ok       a\nok       d/b\nok       d/c\nok       e\nextra    link\n",
    );
    await Deno.remove(`${folder}/a`);
    await Deno.mkdir(`${folder}/a`);
    const bad = await verify(folder);
    assertEquals(bad.code, 6);
    assertEquals(
      bad.stdout.split("\n")[0],
      `bad      a (Cannot stat "${top}/a": a folder is in the way)`,
    );
  });
});

Deno.test("verify writes nothing, whatever it finds", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.remove(`${folder}/data/top/d/c`);
    await fill(folder, { "data/top/x": 3 });
    const before = await snapshot(folder);
    assertEquals((await verify(folder)).code, 6);
    assertEquals((await verify(folder, ["data", "--include", "a"])).code, 0);
    assertEquals(await snapshot(folder), before);
  });
});

Deno.test("verify --json tells each file and the end", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.remove(`${folder}/data/top/e`);
    const { code, events } = await verify(folder, ["data", "--json"]);
    assertEquals(code, 6);
    assertEquals(
      events.slice(0, -1).map(({ type, path, bytes, state }) => [type, path, bytes, state]),
      [
        ["file", "a", 32_768, "ok"],
        ["file", "d/b", 20_000, "ok"],
        ["file", "d/c", 45_536, "ok"],
        ["file", "e", 0, "missing"],
      ],
    );
    const { type, exitCode, reason, files } = events.at(-1)!;
    assertEquals([type, exitCode, reason], ["error", 6, "bad-data"]);
    assertEquals(files, { ok: 3, bad: 0, missing: 1, extra: 0 });
    await fill(`${folder}/data/top`, { e: 0 });
    const good = await verify(folder, ["data", "--json"]);
    const end = good.events.at(-1)!;
    assertEquals([end.type, end.exitCode, end.bytesTotal], ["done", 0, 98_304]);
  });
});

Deno.test("verify --repair downloads to where it looked, and only where something is wrong", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const session = new FakeSession();
    const parts: Partial<Parts> = { openSession: session.parts(new FakeShell()).openSession };
    assertEquals((await verify(folder, ["data", "--repair"], { parts })).code, 0);
    assertEquals(session.torrents.length, 0);
    await Deno.remove(`${folder}/data/top/a`);
    const { code } = await verify(folder, ["data/top", "--repair", "--peer", "127.0.0.1:1"], {
      parts,
    });
    const { output, peers, metainfo, isUploadOnly } = session.torrents[0]!.options;
    assertEquals([code, output, peers, metainfo.name, isUploadOnly ?? false], [
      0,
      `${folder}/data`,
      ["127.0.0.1:1"],
      "top",
      false,
    ]);
  });
});

Deno.test(
  "verify --repair mends what is there under names that are not safe, and makes none of them",
  { ignore: isWindows },
  async () => {
    await withFolder(async (folder) => {
      const top = `${folder}/data/odd\\name`;
      const names = ["a\\b", "c\\d", "plain"];
      await fill(top, Object.fromEntries(names.map((name) => [name, 3000])));
      const torrent = `${folder}/t`;
      assertEquals((await run(["create", top, "-o", torrent])).code, 0);
      await Deno.truncate(`${top}/a\\b`, 1000);
      await Deno.remove(`${top}/c\\d`);
      const session = new FakeSession();
      const parts: Partial<Parts> = { openSession: session.parts(new FakeShell()).openSession };
      const { stdout } = await run(["verify", torrent, `${folder}/data`, "--repair"], { parts });
      const words = stdout.trim().split("\n").map((line) => line.split(" ")[0]);
      assertEquals(words, ["bad", "missing", "bad"]);
      const { output, metainfo } = session.torrents[0]!.options;
      const paths = metainfo.files.map(({ path }) => path.join("/"));
      assertEquals([output, paths[0], paths[2]], [
        `${folder}/data`,
        "odd\\name/a\\b",
        "odd\\name/plain",
      ]);
      assert(!paths[1]!.endsWith("c\\d"), paths[1]);
    });
  },
);

Deno.test("verify tells a job of GitHub Actions its result in the summary", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: "/summary" };
    const summary = async () =>
      (await verify(folder, ["data"], { env })).shell.logs.get("/summary");
    assert(/^\* starling: done, 96\.0 KiB in /.test((await summary())![0]!));
    await Deno.remove(`${folder}/data/top/a`);
    assert((await summary())![0]!.startsWith("* starling: exit 6, `Cannot verify top: "));
  });
});
