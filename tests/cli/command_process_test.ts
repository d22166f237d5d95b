/**
 * `--seed-while` in processes: the command's exit code, its signals, and commands that cannot be run.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { spawnStarling, starling } from "./support/process.ts";

/** Arguments of `get` for data that is all there, and a folder of its own. */
async function withData(
  body: (get: readonly string[], folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/data`, new Uint8Array(100_000).fill(1));
    const torrent = `${folder}/t.torrent`;
    assertEquals((await starling(["create", `${folder}/data`, "-o", torrent])).code, 0);
    const alone = ["--no-dht", "--no-lsd", "--no-trackers", "-p", "0"];
    await body(["get", torrent, "-o", folder, ...alone, "--seed-while", "--"], folder);
  });
}

const UNIX = { ignore: Deno.build.os === "windows" };

Deno.test(
  "--seed-while ends with the code of its command, whose output is its own",
  UNIX,
  async () => {
    await withData(async (get) => {
      const run = await starling([...get, "sh", "-c", "echo out; echo err >&2; exit 7"]);
      assertEquals([run.code, run.stdout], [7, "out\n"]);
      assert(run.stderr.split("\n").includes("err"), run.stderr);
      assertEquals((await starling([...get, "true"])).code, 0);
      assertEquals((await starling([...get, "sh", "-c", "kill -9 $$"])).code, 137);
    });
  },
);

Deno.test("--seed-while runs its command as it is typed, and no shell", UNIX, async () => {
  await withData(async (get) => {
    const run = await starling([...get, "printf", "%s|", "$HOME `id`; true", "*"]);
    assertEquals([run.code, run.stdout], [0, "$HOME `id`; true|*|"]);
  });
});

Deno.test("--seed-while refuses what cannot be run before it downloads", UNIX, async () => {
  await withData(async (get, folder) => {
    await Deno.writeTextFile(`${folder}/plain`, "no program");
    for (const program of ["no-such-program-here", "./nope", folder, `${folder}/plain`]) {
      const { code, stderr } = await starling([...get, program]);
      const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
      assertEquals([code, errors], [
        2,
        [`error: Cannot run ${JSON.stringify(program)}: there is no such program`],
      ]);
      assert(!stderr.includes("done:"), stderr);
    }
    const permissions = ["-N", "-R", "-W", "--no-prompt"];
    const { code, stderr } = await starling([...get, "true"], { permissions });
    assertEquals(code, 2, stderr);
    assert(stderr.includes('Cannot run "true": starling was started without the permission'));
  });
});

Deno.test("--seed-while hands signals on to its command", UNIX, async () => {
  await withData(async (get, folder) => {
    const share = ["share", `${folder}/data`, "--tracker-port", "0", "-p", "0", "--json"];
    share.push("--seed-while", "--");
    const cases = [["SIGINT", 130, get], ["SIGTERM", 143, get], ["SIGINT", 130, share]] as const;
    for (const [signal, code, start] of cases) {
      const script = 'trap "echo got INT; exit 5" INT; trap "echo got TERM; exit 5" TERM; ' +
        "echo ready; while :; do sleep 0.05; done";
      const child = spawnStarling([...start, "sh", "-c", script]);
      let said = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        if (!said.includes("ready") && text.includes("ready")) child.kill(signal);
        said += text;
      }
      const stderr = await new Response(child.stderr).text();
      // It had its time: what it says last is heard before the program ends.
      const own = said.split("\n").filter((line) => !line.startsWith("{"));
      assertEquals((await child.status).code, code, stderr);
      assertEquals(said.includes('"type":"shared"'), start === share);
      assertEquals(own, ["ready", `got ${signal.slice(3)}`, ""]);
      assert(!stderr.includes("error:"), stderr);
    }
  });
});
