/**
 * `starling get` as a job of GitHub Actions runs it: processes, loopback, no terminal.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { fill } from "./support/disk_run.ts";
import { spawnStarling, starling } from "./support/process.ts";
import { end, hear } from "./support/process_lab.ts";
import { torrentBytes } from "./support/torrents.ts";

const CI = { CI: "true", GITHUB_ACTIONS: "true" };
const ALONE = ["--no-dht", "--no-lsd"];

Deno.test("get in a CI job prints few lines, no control character, and a summary", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a.bin": 600_000, "data/b.csv": 400_000 });
    const torrent = `${folder}/data.torrent`;
    await starling(["create", `${folder}/data`, "-o", torrent, "-q"]);
    const seed = spawnStarling(["seed", torrent, folder, "-p", "0", "--json", ...ALONE]);
    const [, port] = await hear(seed, /"listening","port":(\d+)/);
    const args = ["get", torrent, "-o", `${folder}/out`, "-p", "0", ...ALONE];
    args.push("--peer", `127.0.0.1:${port}`, "--down-limit", "400K");
    const env = { ...CI, GITHUB_STEP_SUMMARY: `${folder}/summary.md` };
    const { code, stdout, stderr } = await starling(args, { env });
    await end(seed, "SIGTERM");
    assertEquals([code, stdout], [0, ""], stderr);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stderr), stderr);
    const lines = stderr.trimEnd().split("\n");
    assert(lines.at(-1)!.startsWith("done: data: 977 KiB in "), stderr);
    assertLess(lines.filter((line) => line.startsWith("progress: ")).length, 2);
    const summary = await Deno.readTextFile(`${folder}/summary.md`);
    assert(summary.startsWith("* starling: done, 977 KiB in "), summary);
    assertEquals(
      await Deno.readFile(`${folder}/out/data/a.bin`),
      await Deno.readFile(`${folder}/data/a.bin`),
    );
  });
});

Deno.test("get in a CI job says in an annotation and in the summary why it failed", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.torrent`, torrentBytes());
    const env = { ...CI, GITHUB_STEP_SUMMARY: `${folder}/summary.md` };
    const args = ["get", `${folder}/a.torrent`, "-o", folder, "-p", "0", "--timeout", "1s"];
    const { code, stderr } = await starling([...args, ...ALONE], { env });
    const lines = stderr.trimEnd().split("\n");
    assertEquals(code, 3, stderr);
    assertEquals(lines.filter((line) => line.startsWith("error: ")).length, 1);
    assertEquals(lines.filter((line) => line.startsWith("::error::")).length, 1);
    const summary = await Deno.readTextFile(`${folder}/summary.md`);
    assert(summary.startsWith("* starling: exit 3, `"), summary);
  });
});
