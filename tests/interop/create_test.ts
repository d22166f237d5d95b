/**
 * Torrents that starling makes: the infohash that mktorrent, transmission-create and libtorrent give for
 * the same files and piece length, and that libtorrent, transmission and aria2 read them.
 *
 * @module
 */

import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Dataset, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { PYTHON } from "./support/programs.ts";
import { Run } from "./support/starling.ts";
import { infoHashOf, scriptPath, type TorrentTool } from "./support/torrent.ts";

const SINGLE: DatasetSpec = { name: "one file.bin", bytes: 3 * MIB + 17, seed: 31 };

/** Names that all programs put in the same order and none leaves out. */
const PLAIN: DatasetSpec = {
  name: "plain",
  seed: 32,
  files: [
    { path: "a.bin", bytes: 100_000 },
    { path: "b/c/d.bin", bytes: 300_001 },
    { path: "b/e.bin", bytes: 1 },
    { path: "f.bin", bytes: 65_536 },
  ],
};

/** Names in the order of nobody's locale, hidden files, empty files, a folder beside its own name. */
const ODD: DatasetSpec = {
  name: "Ödd näme",
  seed: 33,
  files: [
    { path: "a/z", bytes: 70_000 },
    { path: "a b", bytes: 3 },
    { path: "a.txt", bytes: 4 },
    { path: "B", bytes: 50_000 },
    { path: "b", bytes: 0 },
    { path: "é", bytes: 9 },
    { path: "e\u0301", bytes: 10 },
    { path: "日本/ファイル 名", bytes: 40_000 },
    { path: "🐦‍⬛", bytes: 11 },
    { path: "\uff5e", bytes: 12 },
    { path: ".hidden", bytes: 5 },
    { path: ".folder/x", bytes: 6 },
    { path: "sub/10", bytes: 7 },
    { path: "sub/2", bytes: 8 },
    { path: "sub-x/q", bytes: 0 },
    { path: "%2e%2e", bytes: 13 },
  ],
};

async function create(lab: Lab, dataset: Dataset, more: readonly string[]): Promise<string> {
  const path = lab.path("ours.torrent");
  const args = ["create", join(dataset.root, dataset.name), "-o", path, "--force", ...more];
  await using run = new Run(args, { cache: lab.path("cache"), json: false });
  const { code, stdout, tail } = await run.result();
  assertEquals(code, 0, tail);
  const infoHash = await infoHashOf(await Deno.readFile(path));
  assertStringIncludes(stdout, `infohash      ${infoHash}\n`);
  return infoHash;
}

function pieceFlag(bytes: number): string[] {
  return ["--piece-length", `${bytes / KIB}K`];
}

async function theirs(
  lab: Lab,
  dataset: Dataset,
  { tool, pieceBytes, more = [] }: { tool: TorrentTool; pieceBytes: number; more?: string[] },
): Promise<string> {
  const path = lab.path(`${tool}-${pieceBytes}.torrent`);
  const data = join(dataset.root, dataset.name);
  const url = "http://127.0.0.1:2/announce";
  if (tool === "libtorrent") {
    return (await output([PYTHON, scriptPath("lt_create.py"), data, `${pieceBytes}`])).trim();
  }
  await output(
    tool === "mktorrent"
      ? ["mktorrent", "-l", `${Math.log2(pieceBytes)}`, "-a", url, "-o", path, ...more, data]
      : ["transmission-create", "-s", `${pieceBytes / KIB}`, "-t", url, "-o", path, ...more, data],
  );
  return await infoHashOf(await Deno.readFile(path));
}

for (const spec of [SINGLE, PLAIN, ODD]) {
  for (const pieceBytes of [32 * KIB, 256 * KIB, 16 * MIB]) {
    const what = `${spec.name} in pieces of ${pieceBytes / KIB} KiB`;

    interopTest(`create gives mktorrent's infohash to ${what}`, ["mktorrent"], async (lab) => {
      const dataset = await lab.dataset(spec);
      const ours = await create(lab, dataset, pieceFlag(pieceBytes));
      assertEquals(ours, await theirs(lab, dataset, { tool: "mktorrent", pieceBytes }));
    });

    interopTest(`create gives libtorrent's infohash to ${what}`, ["libtorrent"], async (lab) => {
      const dataset = await lab.dataset(spec);
      const ours = await create(lab, dataset, pieceFlag(pieceBytes));
      assertEquals(ours, await theirs(lab, dataset, { tool: "libtorrent", pieceBytes }));
    });
  }
}

// Version 3 writes `private: 0` into the info dictionary of a public torrent, which nobody else does.
for (const spec of [SINGLE, PLAIN]) {
  interopTest(
    `create --private gives transmission-create's infohash to ${spec.name}`,
    ["transmission-create"],
    async (lab) => {
      const dataset = await lab.dataset(spec);
      const pieceBytes = 64 * KIB;
      const ours = await create(lab, dataset, ["--private", ...pieceFlag(pieceBytes)]);
      const tool = "transmission-create";
      assertEquals(ours, await theirs(lab, dataset, { tool, pieceBytes, more: ["-p"] }));
    },
  );
}

interopTest(
  "create gives mktorrent's infohash to a source and private",
  ["mktorrent"],
  async (lab) => {
    const dataset = await lab.dataset(PLAIN);
    const pieceBytes = 32 * KIB;
    const ours = await create(lab, dataset, [
      "--private",
      "--source",
      "Ä",
      ...pieceFlag(pieceBytes),
    ]);
    const more = ["-p", "-s", "Ä"];
    assertEquals(ours, await theirs(lab, dataset, { tool: "mktorrent", pieceBytes, more }));
  },
);

interopTest("create follows links as mktorrent does", ["mktorrent"], async (lab) => {
  const dataset = await lab.dataset(PLAIN);
  const top = join(dataset.root, dataset.name);
  await Deno.symlink("a.bin", join(top, "link"));
  await Deno.symlink("b", join(top, "folder"));
  const ours = await create(lab, dataset, pieceFlag(32 * KIB));
  assertEquals(ours, await theirs(lab, dataset, { tool: "mktorrent", pieceBytes: 32 * KIB }));
});

const FULL = [
  ...["-t", "http://127.0.0.1:2/a,udp://127.0.0.1:3/b", "-t", "http://127.0.0.1:4/c"],
  ...["--webseed", "http://127.0.0.1:5/", "--webseed", "http://127.0.0.1:6/", "--comment", "Ünï"],
  "--pad-files",
];

interopTest("create makes what libtorrent reads, padding included", ["libtorrent"], async (lab) => {
  const infoHash = await create(lab, await lab.dataset(ODD), FULL);
  const script = scriptPath("lt_create.py");
  const text = await output([PYTHON, script, "--load", lab.path("ours.torrent")]);
  const { hash, files } = JSON.parse(text) as { hash: string; files: [string, number, boolean][] };
  assertEquals(hash, infoHash);
  assertEquals(files.filter(([, , isPad]) => !isPad).length, ODD.files!.length);
  assert(files.some(([, , isPad]) => isPad));
});

interopTest("create makes what transmission reads", ["transmission-create"], async (lab) => {
  const infoHash = await create(lab, await lab.dataset(ODD), FULL);
  const shown = await output(["transmission-show", lab.path("ours.torrent")]);
  assertStringIncludes(shown, `Hash: ${infoHash}`);
  assertStringIncludes(shown, "Comment: Ünï");
});

interopTest("create makes what aria2 reads", ["aria2c"], async (lab) => {
  const infoHash = await create(lab, await lab.dataset(ODD), FULL);
  const shown = await output(["aria2c", "-S", lab.path("ours.torrent")]);
  assertStringIncludes(shown, `Info Hash: ${infoHash}`);
  assertStringIncludes(shown, " http://127.0.0.1:2/a udp://127.0.0.1:3/b\n http://127.0.0.1:4/c\n");
});
