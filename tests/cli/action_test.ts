/**
 * `action.yml`: its run steps in bash as a runner runs them, against a release host and a swarm on loopback.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { fill } from "./support/disk_run.ts";
import { spawnStarling, starling } from "./support/process.ts";
import { end, hear } from "./support/process_lab.ts";
import {
  ASSET,
  NO_SHELL,
  runScript,
  type ScriptRun,
  serveRelease,
  wrapper,
} from "./support/release.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TEXT = await Deno.readTextFile(`${ROOT}action.yml`);

/** A step of the action. */
interface Step {
  readonly id: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly run: string | undefined;
}

/** The steps, by the layout that this one file has. */
function steps(): Step[] {
  const body = TEXT.slice(TEXT.indexOf("\n  steps:\n") + "\n  steps:\n".length);
  return body.split(/^ {4}- /m).slice(1).map((text) => {
    const env = /^ {6}env:\n((?: {8}.*\n)+)/m.exec(text)?.[1] ?? "";
    const run = /^ {6}run: \|\n((?: {8}.*\n|\n)+)/m.exec(text)?.[1];
    return {
      id: /^id: (\w+)$/m.exec(text)?.[1],
      env: Object.fromEntries(
        [...env.matchAll(/^ {8}(\w+): (.*)$/gm)].map(([, name, value]) => [name!, value!]),
      ),
      run: run?.replace(/^ {8}/gm, ""),
    };
  });
}

/** The defaults of the inputs. */
function defaults(): Record<string, string> {
  const inputs = TEXT.slice(TEXT.indexOf("\ninputs:\n"), TEXT.indexOf("\noutputs:\n"));
  const found = inputs.matchAll(/^ {2}([\w-]+):\n((?: {4}.*\n?)+)/gm);
  return Object.fromEntries([...found].map(([, name, body]) => {
    const value = /^ {4}default: (.*)$/m.exec(body!)?.[1] ?? "";
    return [name!, value.replace(/^"(.*)"$/, "$1")];
  }));
}

/** Runs a step as a runner does: expressions are put into its environment, bash reads a file. */
async function runStep(
  id: string,
  folder: string,
  facts: Readonly<Record<string, string>>,
): Promise<ScriptRun & { outputs: Record<string, string>; summary: string }> {
  const step = steps().find((one) => one.id === id)!;
  const evaluate = (text: string) =>
    text.replace(/\$\{\{ ([\w.-]+) \}\}/g, (_, name: string) => {
      const value = facts[name];
      if (value === undefined) throw new Error(`Cannot evaluate ${name}`);
      return value;
    });
  const env = Object.fromEntries(Object.entries(step.env).map(([k, v]) => [k, evaluate(v)]));
  assert(!step.run!.includes("${{"), "no expression is pasted into a script");
  const [output, summary] = [`${folder}/output-${id}`, `${folder}/summary`];
  await Deno.writeTextFile(output, "");
  await Deno.writeTextFile(`${folder}/${id}.sh`, step.run!);
  const run = await runScript([
    "bash",
    "--noprofile",
    "--norc",
    "-e",
    "-o",
    "pipefail",
    `${folder}/${id}.sh`,
  ], {
    ...env,
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    STARLING_NO_DHT: "1",
    STARLING_NO_LSD: "1",
    STARLING_PORT: "0",
  }, folder);
  const lines = (await Deno.readTextFile(output)).split("\n").filter((line) => line !== "");
  const outputs = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  return { ...run, outputs, summary: await Deno.readTextFile(summary).catch(() => "") };
}

function actionTest(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name: NO_SHELL === undefined ? name : `${name} [skipped: ${NO_SHELL}]`,
    ignore: NO_SHELL !== undefined,
    fn: () => withFolder(fn),
  });
}

function factsOf(folder: string, releases: string, inputs: Record<string, string>) {
  const all = Object.entries({ ...defaults(), releases, ...inputs });
  return {
    ...Object.fromEntries(all.map(([name, value]) => [`inputs.${name}`, value])),
    "github.action_repository": "someone/starling",
    "github.server_url": "https://github.invalid",
    "github.action_path": ROOT,
    "runner.temp": `${folder}/temp`,
  };
}

Deno.test("action.yml has the inputs and outputs that it promises, and no secret default", () => {
  const names = "source output include exclude timeout stall-timeout version cache releases";
  assertEquals(Object.keys(defaults()), names.split(" "));
  for (const name of ["path", "infohash", "bytes"]) {
    assertStringIncludes(TEXT, `  ${name}:\n    description: `);
    assertStringIncludes(TEXT, `value: \${{ steps.get.outputs.${name} }}`);
  }
  assertEquals(steps().map(({ id }) => id), ["install", "restore", "get", undefined]);
});

actionTest("the action installs, downloads, and tells path, infohash and bytes", async (folder) => {
  await using host = await serveRelease(wrapper());
  await fill(folder, { 'data/sub "q"/a.bin': 60_000, "data/b.csv": 7 });
  const tracker = spawnStarling(["tracker", "-p", "0", "--json"]);
  const [, trackerPort] = await hear(tracker, /"port":(\d+)/);
  const torrent = `${folder}/data.torrent`;
  const announce = `http://127.0.0.1:${trackerPort}/announce`;
  await starling(["create", `${folder}/data`, "-o", torrent, "-q", "-t", announce]);
  const seed = spawnStarling([
    "seed",
    torrent,
    folder,
    "-p",
    "0",
    "--json",
    "--no-dht",
    "--no-lsd",
  ]);
  await hear(seed, /"progress"/);
  const facts = factsOf(folder, host.url, {
    source: torrent,
    output: `${folder}/a "b"`,
    include: "*.bin\nno*such*\n".split("\n")[0]!,
    version: "1.2.3",
  });
  const install = await runStep("install", folder, facts);
  assertEquals(install.code, 0, install.stderr);
  assert(/^starling-[0-9a-f]{40}$/.test(install.outputs["key"]!), install.outputs["key"]);
  assertEquals(host.asked[1], `/releases/download/v1.2.3/${ASSET}`);
  const get = await runStep("get", folder, facts);
  for (const child of [seed, tracker]) await end(child, "SIGTERM");
  assertEquals(get.code, 0, get.stderr);
  const { path, infohash, bytes, fetched } = get.outputs;
  assertEquals([path, bytes], [`${folder}/a "b"/data`, "60000"]);
  assert(/^[0-9a-f]{40}$/.test(infohash!) && Number(fetched) >= 60_000, `${infohash} ${fetched}`);
  assertEquals((await Deno.stat(`${path}/sub "q"/a.bin`)).size, 60_000);
  assert(get.summary.startsWith("* starling: done, 58.6 KiB in "), get.summary);
});

actionTest("the action fails as starling does, and says why", async (folder) => {
  await using host = await serveRelease(wrapper());
  const facts = factsOf(folder, host.url, { source: `${folder}/nothing.torrent` });
  assertEquals((await runStep("install", folder, facts)).code, 0);
  const get = await runStep("get", folder, facts);
  assertEquals(get.code, 4);
  assertStringIncludes(get.stderr, "::error::Cannot read");
  assertEquals(get.outputs["path"], "");
  assert(get.summary.startsWith("* starling: exit 4, `"), get.summary);
});

actionTest("the action runs nothing whose checksum is wrong", async (folder) => {
  await using host = await serveRelease(wrapper(), { sum: "0".repeat(64) });
  const facts = factsOf(folder, host.url, { source: "x.torrent" });
  const { code, stderr } = await runStep("install", folder, facts);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "::error::Cannot install starling: the SHA-256 of");
  assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "temp"), false);
});
