/**
 * The other two shapes of the program: the self-contained executable, and the one-file bundle run from
 * a URL with few permissions, also inside a terminal where a prompt could appear. The demonstration in all
 * three, a fresh clone among them.
 *
 * `STARLING_COMPILE` names the command to compile with (`deno compile`), for machines that cannot
 * download its runtime. Where compiling fails, the test says why and passes over the rest.
 *
 * @module
 */

import { assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { Child, output } from "./support/process.ts";
import type { Seed } from "./support/seeds.ts";
import { lastNumber, ROOT, Run } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";
import { within } from "./support/wait.ts";

const COMPILE = (Deno.env.get("STARLING_COMPILE") ?? "deno compile").trim().split(/\s+/);
// As `deno task compile` does it.
const FLAGS = Deno.build.arch === "x86_64" ? ["--v8-flags=--experimental-wasm-revectorize"] : [];

const FOLDER = {
  name: "packaged",
  seed: 61,
  files: [
    { path: "large.bin", bytes: 40 * MIB + 9 },
    { path: "small.txt", bytes: 9 },
    { path: "nothing", bytes: 0 },
  ],
};

interopTest("the compiled executable downloads", ["libtorrent"], async (lab) => {
  const executable = lab.path("starling");
  if (!await compiles([...COMPILE, "-A", ...FLAGS, "-o", executable, `${ROOT}main.ts`])) return;
  const [torrent, seed] = await prepare(lab);
  await downloads(lab, torrent, { seed, command: [executable] });
});

interopTest("the bundle downloads from a URL with few permissions", ["libtorrent"], async (lab) => {
  const url = await served(lab);
  const [torrent, seed] = await prepare(lab);
  await downloads(lab, torrent, {
    seed,
    command: [Deno.execPath(), "run", "-N", "-R", "-W", "--no-prompt", url],
  });
});

interopTest(
  "the bundle asks for nothing in a terminal",
  ["libtorrent", "script"],
  async (lab) => {
    const url = await served(lab);
    const [torrent, seed] = await prepare(lab);
    const command = [Deno.execPath(), "run", "-N", "-R", "-W", url, "get", torrent.path];
    command.push("-o", lab.output, "-p", "0", "--no-dht", "--no-pex", "--no-lsd");
    command.push("--peer", seed.address);
    const quoted = command.map((word) => `'${word}'`).join(" ");
    await using terminal = Child.start(["script", "-qec", quoted, "/dev/null"], {
      env: {
        ...Deno.env.toObject(),
        DENO_DIR: lab.path("deno"),
        HOME: lab.folder,
        XDG_CACHE_HOME: lab.path("cache"),
        TERM: "xterm",
      },
      endWith: "SIGKILL",
    });
    // A prompt would wait for an answer for ever, since nobody types.
    const status = await within(terminal.status, 60_000, "the end in a terminal");
    assertEquals(status.code, 0, terminal.tail());
    assertNotMatch(terminal.stdout.text, /Allow\?|Deno requests/, terminal.tail());
    assertStringIncludes(terminal.stdout.text, "\x1b[", "it did not see a terminal");
    await assertSame(torrent.dataset, lab.output);
  },
);

interopTest("demo works from a fresh clone", ["git"], async (lab) => {
  const clone = lab.path("clone");
  await output(["git", "clone", "--quiet", "--depth", "1", `file://${ROOT}`, clone]);
  await demonstrates(lab, [Deno.execPath(), "task", "--quiet", "--cwd", clone, "demo"]);
});

interopTest("demo works from the bundle at a URL", [], async (lab) => {
  const url = await served(lab);
  await demonstrates(lab, [Deno.execPath(), "run", "-N", "-R", "-W", "--no-prompt", url, "demo"]);
});

interopTest("demo works from the compiled executable", [], async (lab) => {
  const executable = lab.path("starling");
  if (!await compiles([...COMPILE, "-A", "-o", executable, `${ROOT}main.ts`])) return;
  await demonstrates(lab, [executable, "demo"]);
});

/** Runs the demonstration: it says what happened, and nothing of it stays. */
async function demonstrates(lab: Lab, command: readonly string[]): Promise<void> {
  const scratch = lab.path("tmp");
  await Deno.mkdir(scratch);
  const run = new Run([], {
    command,
    cache: lab.path("cache"),
    json: false,
    env: { TMPDIR: scratch, DENO_NO_UPDATE_CHECK: "1" },
  });
  const { code, stderr, tail } = await lab.use(run).result();
  assertEquals(code, 0, tail);
  assertStringIncludes(stderr, "every byte compared; all of it is deleted again", tail);
  // The runtime of an executable keeps a cache of its own there.
  const left = [...Deno.readDirSync(scratch)].filter(({ name }) => name.startsWith("starling-"));
  assertEquals(left, [], tail);
}

/** Whether compiling worked; only a command that was not chosen on purpose may fail. */
async function compiles(argv: readonly string[]): Promise<boolean> {
  try {
    await output(argv, { cwd: ROOT });
    return true;
  } catch (error) {
    if (Deno.env.get("STARLING_COMPILE")) throw error;
    console.log(`passed over, cannot compile here (see STARLING_COMPILE): ${error}`);
    return false;
  }
}

async function prepare(lab: Lab): Promise<[TorrentFile, Seed]> {
  const torrent = await lab.make(FOLDER, { pieceBytes: 256 * KIB });
  return [torrent, await lab.libtorrent(torrent)];
}

/** Bundles the program and serves the file; gives its URL. */
async function served(lab: Lab): Promise<string> {
  const file = lab.path("starling.js");
  await output([
    Deno.execPath(),
    "bundle",
    "--platform",
    "deno",
    "--output",
    file,
    `${ROOT}main.ts`,
  ], {
    cwd: ROOT,
  });
  const code = await Deno.readTextFile(file);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(code, { headers: { "content-type": "text/javascript" } }),
  );
  lab.defer(() => server.shutdown());
  return `http://127.0.0.1:${server.addr.port}/starling.js`;
}

/** A download, and a second run that finds everything there. */
async function downloads(
  lab: Lab,
  torrent: TorrentFile,
  how: { seed: Seed; command: readonly string[] },
): Promise<void> {
  const env = { DENO_DIR: lab.path("deno") };
  const options = { command: how.command, peers: [how.seed.address], env };
  const first = await lab.get(torrent, options);
  assertEquals(first.code, 0, first.tail);
  await assertSame(torrent.dataset, lab.output);
  const again = await lab.get(torrent, { ...options, peers: [] });
  assertEquals(again.code, 0, again.tail);
  assertEquals(lastNumber(again.events, "done", "bytesDownloaded"), 0);
}
