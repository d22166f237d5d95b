/**
 * The completion scripts: bash in earnest, the others by what they say; and the manual page. zsh and fish run
 * theirs in tests/interop.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { completedVerbs } from "../../src/cli/completion_model.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { withFolder } from "../support/folder.ts";
import { run } from "./support/disk_run.ts";
import { torrentBytes } from "./support/torrents.ts";

const HAS_BASH = Deno.build.os !== "windows" && has("bash");

function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** A folder with some files, the script, and a `starling` that is this checkout. */
async function prepare(folder: string): Promise<void> {
  const files = { "a b.csv": 10, "sub/c.csv": 10, "$(touch owned).bin": 10 };
  await Deno.writeFile(`${folder}/set.torrent`, torrentBytes({ name: "set", files }));
  await Deno.writeFile(`${folder}/list.txt`, new Uint8Array(1));
  await Deno.mkdir(`${folder}/down`);
  await Deno.writeTextFile(`${folder}/script`, (await run(["completions", "bash"])).stdout);
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const command = `#!/bin/sh\nexec '${Deno.execPath()}' run -A --no-check '${main}' "$@"\n`;
  await Deno.writeTextFile(`${folder}/starling`, command, { mode: 0o755 });
}

/** What bash offers for the words, the last of which is being typed. */
async function complete(folder: string, ...words: string[]): Promise<string[]> {
  const quoted = ["./starling", ...words].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const script = `source ./script
    COMP_WORDS=(${quoted.join(" ")}); COMP_CWORD=${words.length}
    _starling
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script],
    cwd: folder,
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

const bashTest = (name: string, fn: (folder: string) => Promise<void>) =>
  Deno.test({
    name: HAS_BASH ? name : `${name} [skipped: bash is not installed]`,
    ignore: !HAS_BASH,
    fn: () =>
      withFolder(async (folder) => {
        await prepare(folder);
        await fn(folder);
      }),
  });

bashTest("bash completes commands, options, and the values that are known", async (folder) => {
  assertEquals(await complete(folder, "cr"), ["create"]);
  const words = await complete(folder, "s");
  assertEquals(words.sort(), ["scrape", "seed", "set.torrent", "share"]);
  assertEquals(await complete(folder, "create", "--pie"), ["--piece-length"]);
  assertEquals(await complete(folder, "set.torrent", "--stall"), ["--stall-timeout"]);
  assertEquals(await complete(folder, "get", "--allocate", "s"), ["sparse"]);
  assertEquals(await complete(folder, "get", "--allocate", "=", "f"), ["full"]);
  assertEquals(await complete(folder, "get", "--allocate", "="), ["sparse", "full", "none"]);
  assertEquals(await complete(folder, "completions", ""), ["bash", "zsh", "fish"]);
  assertEquals(await complete(folder, "help", "ver"), ["verify", "version"]);
});

bashTest("bash completes files, folders and torrents where they belong", async (folder) => {
  assertEquals(await complete(folder, "get", "s"), ["set.torrent"]);
  assertEquals((await complete(folder, "get", "")).sort(), ["down", "set.torrent"]);
  assertEquals(await complete(folder, "get", "-o", ""), ["down"]);
  assertEquals(await complete(folder, "get", "-i", "li"), ["list.txt"]);
  assertEquals(await complete(folder, "create", "li"), ["list.txt"]);
});

bashTest(
  "bash completes files inside the torrent, and runs none of their names",
  async (folder) => {
    // As they are put on the line: of what is no file on the disk bash itself would leave the $.
    const inside = ["a\\ b.csv", "sub/c.csv", "\\$\\(touch\\ owned\\).bin"];
    const offered = await complete(folder, "get", "set.torrent", "--include", "");
    assertEquals(offered.sort(), inside.sort());
    assertEquals(await complete(folder, "get", "set.torrent", "--include", '"$'), [
      "\\$(touch owned).bin",
    ]);
    assertEquals(await complete(folder, "get", "set.torrent", "--include", "a\\ b"), ["a\\ b.csv"]);
    assertEquals(await complete(folder, "get", "set.torrent", "--include", "su"), ["sub/c.csv"]);
    assertEquals(await complete(folder, "get", "--include", ""), []);
    assertEquals(await complete(folder, "get", "'set.torrent'", "--include", "su"), ["sub/c.csv"]);
    assertEquals(await complete(folder, "cat", "set.torrent", "su"), ["sub/c.csv"]);
    assertEquals(await complete(folder, "cat", "set.torr"), ["set.torrent"]);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assert(!names.includes("owned"), names.join(" "));
  },
);

Deno.test("completions names every command and option in every shell, and nothing that is not there", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout, stderr } = await run(["completions", shell]);
    assertEquals([code, stderr], [0, ""]);
    for (const verb of completedVerbs()) {
      for (const name of verb.names) assert(new RegExp(`\\b${name}\\b`).test(stdout), name);
      for (const { long } of verb.options) {
        const spelled = shell === "fish" ? `-l ${long.slice(2)} ` : long;
        assert(stdout.includes(spelled), `${shell} ${long}`);
      }
    }
    for (const { name, isBuilt } of VERBS) {
      if (!isBuilt) assert(!new RegExp(`^ +'?${name}[:|)]`, "m").test(stdout), `${shell} ${name}`);
    }
  }
});

Deno.test("completions ends with 2 for a shell that it does not know", async () => {
  for (const shell of ["tcsh", "constructor", "files"]) {
    const { code, stderr } = await run(["completions", shell]);
    assertEquals([code, stderr.startsWith("error: Cannot make completions for")], [2, true]);
  }
});

Deno.test("completions files lists what --include sees, a line each", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const { code, stdout } = await run(["completions", "files", `${folder}/set.torrent`]);
    assertEquals([code, stdout], [0, "a b.csv\nsub/c.csv\n$(touch owned).bin\n"]);
  });
});

Deno.test("man has every command, every option and every exit code", async () => {
  const { code, stdout } = await run(["man"]);
  assertEquals(code, 0);
  assert(!/[^\n\x20-\x7e]/.test(stdout), "plain ASCII");
  for (const { name, isBuilt } of VERBS) if (isBuilt) assert(stdout.includes(`.B ${name}`), name);
  for (const spec of OPTIONS) {
    const isThere = stdout.includes(`\\-\\-${spec.name.replaceAll("-", "\\-")}`);
    const isDue = completedVerbs().some(({ options }) =>
      options.some(({ long }) => long === `--${spec.name}`)
    );
    if (isDue) assert(isThere, spec.name);
  }
  for (const exit of ["0", "7", "130, 143"]) assert(stdout.includes(`.B ${exit}\n`), exit);
  for (const line of stdout.split("\n")) {
    assert(!line.startsWith("'"), line);
    assert(!line.startsWith(".") || /^\.(?:TH|SH|SS|TP|IP|PP|B|I|br)\b/.test(line), line);
    assert(!/(?<!\\)-/.test(line.replace(/^\.TH.*/, "")), line);
  }
});
