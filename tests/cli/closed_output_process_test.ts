/**
 * A closed standard output ends any verb quietly, while it runs and not only when it is done.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { fill } from "./support/disk_run.ts";
import { spawnStarling } from "./support/process.ts";

const ALONE = ["--no-dht", "--no-lsd", "-p", "0"];

/** Reads the first words of standard output, goes away, and gives how it ended. */
async function leave(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const child = spawnStarling(args);
  const said = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return { code: (await child.status).code, stderr: await said };
}

Deno.test("a closed standard output ends share, meta and get while they run", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a.bin": 60_000 });
    const hash = "0123456789abcdef0123456789abcdef01234567";
    const lines = [
      ["share", `${folder}/data`, "--json", "--tracker-port", "0", ...ALONE],
      ["meta", hash, "-o", `${folder}/x.torrent`, "--json", ...ALONE],
      ["get", hash, "-o", folder, "--json", ...ALONE],
    ];
    for (const { code, stderr } of await Promise.all(lines.map(leave))) {
      assertEquals(code, 0, stderr);
      assert(!/error:|stopped:|failed:/.test(stderr), stderr);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["data"]);
  });
});
