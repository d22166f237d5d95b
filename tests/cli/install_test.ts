/**
 * `install.sh` against a release host on loopback, and the names of assets in all that knows them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { ASSET, NO_SHELL, runScript, type ScriptRun, serveRelease } from "./support/release.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PROGRAM = new TextEncoder().encode("#!/bin/sh\necho installed\n");

function shellTest(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name: NO_SHELL === undefined ? name : `${name} [skipped: ${NO_SHELL}]`,
    ignore: NO_SHELL !== undefined,
    fn: () => withFolder(fn),
  });
}

function install(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ScriptRun> {
  return runScript(["sh", `${ROOT}install.sh`, ...args], env);
}

shellTest(
  "install.sh installs the asset of this machine when its checksum is right",
  async (folder) => {
    await using host = await serveRelease(PROGRAM);
    const { code, stdout, stderr } = await install(["--from", host.url, "--to", `${folder}/bin`]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `installed ${folder}/bin/starling (${ASSET}, SHA-256 `);
    assertStringIncludes(stdout, `hint: ${folder}/bin is not on your PATH`);
    assertEquals((await runScript([`${folder}/bin/starling`], {})).stdout, "installed\n");
    assertEquals(host.asked, ["SHA256SUMS", ASSET].map((n) => `/releases/latest/download/${n}`));
  },
);

shellTest("install.sh takes a version, and its words from the environment", async (folder) => {
  await using host = await serveRelease(PROGRAM);
  const env = {
    STARLING_RELEASES: `${host.url}/`,
    STARLING_INSTALL_VERSION: "v1.2.3",
    STARLING_INSTALL_DIR: folder,
  };
  assertEquals((await install([], env)).code, 0);
  assertEquals(host.asked[1], `/releases/download/v1.2.3/${ASSET}`);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["starling"]);
});

shellTest("install.sh installs nothing when something is wrong", async (folder) => {
  const wrong = { sum: "ab".repeat(32) };
  const other = { name: "starling-plan9" };
  const cases: [string, { sum?: string; name?: string }, string[], Record<string, string>][] = [
    [`the SHA-256 of ${ASSET} is`, wrong, [], {}],
    [`the release has no ${ASSET}`, other, [], {}],
    ["cannot be fetched", {}, ["--version", "9.9.9"], {}],
    ["is no version", {}, ["--version", "../x"], {}],
    ["there is no option --force", {}, ["--force", "x"], {}],
    ["--to needs a value", {}, ["--to"], {}],
  ];
  for (const [why, release, args, env] of cases) {
    await using host = await serveRelease(PROGRAM, release);
    const run = await install(["--from", host.url, "--to", `${folder}/bin`, ...args], env);
    assertEquals([run.code, run.stdout], [1, ""], why);
    assert(run.stderr.startsWith("error: Cannot install starling: "), run.stderr);
    assertStringIncludes(run.stderr, why);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  const { stderr } = await install([], { GITHUB_ACTIONS: "true" });
  assertStringIncludes(stderr, "\n::error::Cannot install starling: it is not said where");
});

shellTest("install.sh says what there is no executable for", async (folder) => {
  await Deno.writeTextFile(`${folder}/uname`, "#!/bin/sh\necho Plan9\n", { mode: 0o755 });
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
  const { code, stderr } = await install(["--from", "http://127.0.0.1:1"], env);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "there is no executable for Plan9");
});

shellTest("install.sh installs what .ci/release makes", async (folder) => {
  const fake = `#!/bin/sh
    while [ $# -gt 1 ]; do [ "$1" = --output ] && echo "#!/bin/sh
echo $2" >"$2"; shift; done`;
  await Deno.writeTextFile(`${folder}/deno`, fake, { mode: 0o755 });
  const out = `${folder}/releases/latest/download`;
  const made = await runScript([`${ROOT}.ci/release`, out], { DENO: `${folder}/deno` });
  assertEquals(made.code, 0, made.stderr);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      return new Response(await Deno.readFile(`${folder}${new URL(request.url).pathname}`));
    },
  );
  const from = `http://127.0.0.1:${server.addr.port}/releases`;
  const { code, stderr } = await install(["--from", from, "--to", `${folder}/bin`]);
  await server.shutdown();
  assertEquals([code, stderr], [0, ""]);
  const { stdout } = await runScript([`${folder}/bin/starling`], {});
  assertStringIncludes(stdout, ASSET);
  const sums = await Deno.readTextFile(`${out}/SHA256SUMS`);
  assertStringIncludes(sums, "  starling-windows-x64.exe\n");
  assertStringIncludes(await Deno.readTextFile(`${ROOT}install.ps1`), "'starling-windows-x64.exe'");
});
