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

import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { LtDht } from "./support/dht.ts";
import { Hosts } from "./support/hosts.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { startLibtorrent } from "./support/neighbours.ts";
import { Child, output } from "./support/process.ts";
import { skipReason } from "./support/programs.ts";
import type { Seed } from "./support/seeds.ts";
import { lastNumber, ROOT, Run } from "./support/starling.ts";
import { magnetOf, type TorrentFile } from "./support/torrent.ts";
import { within } from "./support/wait.ts";

const COMPILE = (Deno.env.get("STARLING_COMPILE") ?? "deno compile").trim().split(/\s+/);
// As `deno task compile` does it.
const FLAGS = Deno.build.target.startsWith("x86_64-unknown-linux")
  ? ["--v8-flags=--experimental-wasm-revectorize"]
  : [];

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
  const how = ["-A", ...FLAGS, "--config", `${ROOT}deno.json`, "-o", executable];
  if (!await compiles([...COMPILE, ...how, await bundled(lab)])) return;
  const [torrent, seed] = await prepare(lab);
  await downloads(lab, torrent, { seed, command: [executable] });
  await findsInDht(lab, torrent, [executable]);
  if (skipReason(["netns"]) === undefined) await findsNearBy(lab, torrent, [executable]);
});

interopTest("an executable compiled from the sources downloads", ["libtorrent"], async (lab) => {
  const executable = lab.path("starling");
  if (!await compiles([...COMPILE, "-A", "-o", executable, `${ROOT}main.ts`])) return;
  const [torrent, seed] = await prepare(lab);
  await downloads(lab, torrent, { seed, command: [executable] });
});

interopTest("the bundle downloads from a URL with few permissions", ["libtorrent"], async (lab) => {
  const url = await served(lab);
  const [torrent, seed] = await prepare(lab);
  const command = [Deno.execPath(), "run", "-N", "-R", "-W", "--no-prompt", url];
  await downloads(lab, torrent, { seed, command });
  await findsInDht(lab, torrent, command);
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

/** The program in one file; its path. */
async function bundled(lab: Lab): Promise<string> {
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
  return file;
}

/** Bundles the program and serves the file; gives its URL. */
async function served(lab: Lab): Promise<string> {
  const code = await Deno.readTextFile(await bundled(lab));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(code, { headers: { "content-type": "text/javascript" } }),
  );
  lab.defer(() => server.shutdown());
  return `http://127.0.0.1:${server.addr.port}/starling.js`;
}

/** A magnet link by the DHT alone, without the runtime's unstable datagrams. */
async function findsInDht(lab: Lab, torrent: TorrentFile, command: readonly string[]) {
  const dht = lab.use(await LtDht.start(["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]));
  await dht.add(torrent.path, torrent.dataset.root);
  const output = lab.path("by-dht");
  const args = ["get", magnetOf(torrent), "-o", output, "-p", "0", "--json"];
  args.push("--no-lsd", "--dht-node", dht.nodes[0]!);
  const env = { DENO_DIR: lab.path("deno"), STARLING_NO_DHT: "false" };
  const run = lab.use(new Run(args, { command, cache: lab.path("cache-dht"), env }));
  const result = await run.result();
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, output);
  assertEquals(result.events.filter(({ type }) => type === "warning"), []);
}

/** A magnet link by local discovery alone; a runtime that cannot hear of others tells once and is found. */
async function findsNearBy(lab: Lab, torrent: TorrentFile, command: readonly string[]) {
  const [host] = lab.use(await Hosts.alone()).all;
  const root = torrent.dataset.root;
  await startLibtorrent(lab, { host: host!, torrent, output: root, by: "lsd" });
  const output = lab.path("near-by");
  const args = ["get", magnetOf(torrent), "-o", output, "-p", "0", "--json", "--no-dht"];
  const run = new Run(args, {
    command: [...host!.prefix, ...command],
    cache: lab.path("cache-lsd"),
    env: { STARLING_NO_LSD: "false" },
  });
  const result = await lab.use(run).result();
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, output);
  const warnings = result.events.filter(({ type }) => type === "warning");
  assert(warnings.length <= 1, result.tail);
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
