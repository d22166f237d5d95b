/**
 * `starling create` on the real disk: what is in the torrent, where it goes, what is said, and what stops it.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hex } from "../../src/base/bytes.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/torrent_file.ts";
import { systemHasher } from "../../src/platform/hasher.ts";
import { withFolder } from "../support/folder.ts";
import { type DiskRun, type DiskShell, fill, run } from "./support/disk_run.ts";

const isWindows = Deno.build.os === "windows";

async function read(path: string): Promise<Metainfo> {
  return parseTorrent(await Deno.readFile(path), { hasher: systemHasher });
}

function pathsOf({ files }: Metainfo): string[] {
  return files.map(({ displayPath }) => displayPath);
}

function errorsOf({ stderr }: DiskRun): string[] {
  return stderr.split("\n").filter((line) => line.startsWith("error: "));
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

Deno.test("create makes a torrent of a folder and prints its infohash and magnet", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/b/c": 20_000, "top/a b": 5, "top/.h": 0, "top/a.txt": 7 });
    const out = `${folder}/out.torrent`;
    const line = [
      "create",
      `${folder}/top/`,
      "-o",
      out,
      "-t",
      "http://a.example/x,udp://b.example:1",
    ];
    const made = await run([...line, "-t", "http://c.example/", "--comment", "c", "--source", "S"]);
    assertEquals(made.code, 0, made.stderr);
    const metainfo = await read(out);
    assertEquals(pathsOf(metainfo), [".h", "a b", "a.txt", "b/c"]);
    assertEquals([metainfo.name, metainfo.isPrivate], ["top", false]);
    assertEquals(metainfo.trackers, [
      ["http://a.example/x", "udp://b.example:1"],
      ["http://c.example/"],
    ]);
    assertEquals([metainfo.comment, metainfo.source], ["c", "S"]);
    assertEquals(metainfo.createdAt, 1_700_000_000);
    assert(metainfo.createdBy?.startsWith("starling/"));
    const infoHash = hex(metainfo.infoHash);
    const [first, second] = made.stdout.split("\n");
    assertEquals(first, `infohash      ${infoHash}`);
    assert(second!.startsWith(`magnet        magnet:?xt=urn:btih:${infoHash}&dn=top&tr=`));
    assert(/^done: \S+out\.torrent: 4 files in 2 pieces of 16\.0 KiB, /m.test(made.stderr));
    assertEquals(names(folder), ["out.torrent", "top"]);
  });
});

Deno.test("create hashes what is in the files", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "one.bin": 40_000 });
    const made = await run(["create", `${folder}/one.bin`, "-o", `${folder}/o`, "--no-date"]);
    assertEquals(made.code, 0);
    const metainfo = await read(`${folder}/o`);
    const data = await Deno.readFile(`${folder}/one.bin`);
    for (let piece = 0; piece < 3; piece++) {
      const bytes = data.subarray(piece * 16_384, (piece + 1) * 16_384);
      const given = metainfo.pieceHashes.subarray(piece * 20, piece * 20 + 20);
      assertEquals(given, systemHasher.sha1(bytes));
    }
    assertEquals([metainfo.isSingleFile, metainfo.createdAt], [true, null]);
  });
});

Deno.test("create takes a piece length, a name, padding and private", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 5, "top/b": 6 });
    const line =
      `create ${folder}/top -o ${folder} --piece-length 64K --pad-files --private --name x`;
    const made = await run([...line.split(" ")]);
    assertEquals(made.code, 0, made.stderr);
    assertStringIncludes(made.stderr, "warning: a private torrent without a tracker");
    const metainfo = await read(`${folder}/x.torrent`);
    assertEquals([metainfo.name, metainfo.isPrivate, metainfo.pieceMap.pieceLength], [
      "x",
      true,
      65_536,
    ]);
    assertEquals(metainfo.files.map(({ isPad }) => isPad), [false, true, false]);
  });
});

Deno.test("create chooses files by globs and never takes our own hidden ones", async () => {
  await withFolder(async (folder) => {
    const side = `.${"0".repeat(40)}.starling`;
    await fill(`${folder}/top`, { "a.csv": 1, "d/b.csv": 2, "c.txt": 3, ".x": 4, [side]: 5 });
    const of = async (...more: string[]) => {
      const out = `${folder}/o.torrent`;
      const made = await run(["create", `${folder}/top`, "-o", out, "--force", ...more]);
      assertEquals(made.code, 0, made.stderr);
      return { made, paths: pathsOf(await read(out)) };
    };
    assertEquals((await of()).paths, [".x", "a.csv", "c.txt", "d/b.csv"]);
    assertEquals((await of("--include", "*.csv")).paths, ["a.csv", "d/b.csv"]);
    assertEquals((await of("--exclude", ".*", "--exclude", "d/")).paths, ["a.csv", "c.txt"]);
    const idle = await of("--exclude", "*.tmp");
    assertStringIncludes(idle.made.stderr, 'warning: --exclude "*.tmp" matches no file');
  });
});

Deno.test("create writes the torrent to standard output and the rest to standard error", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 5 });
    const made = await run(["create", `${folder}/top`, "-o", "-"]);
    assertEquals([made.code, made.stdout], [0, ""]);
    const metainfo = parseTorrent(made.shell.stdout.bytes, { hasher: systemHasher });
    assertStringIncludes(
      made.stderr,
      `infohash      ${hex(metainfo.infoHash)}\nmagnet        magnet:`,
    );
    assertEquals(names(folder), ["top"]);
  });
});

Deno.test("create replaces no file unless told to, before it hashes anything", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 5, "top.torrent": "old" });
    const line = ["create", `${folder}/top`, "-o", `${folder}/top.torrent`];
    const refused = await run([...line], { meddle: (shell) => shell.folders = NOTHING });
    assertEquals([refused.code, await Deno.readTextFile(`${folder}/top.torrent`)], [4, "old"]);
    assertStringIncludes(refused.stderr, "hint: --force replaces it");
    assertEquals((await run([...line, "--force"])).code, 0);
    assertEquals(pathsOf(await read(`${folder}/top.torrent`)), ["a"]);
  });
});

const NOTHING = {
  list: () => Promise.reject(new Error("nothing is listed")),
  write: () => Promise.reject(new Error("nothing is written")),
};

Deno.test("create refuses to write over a file of the torrent", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 5, "top/o.torrent": "old" });
    const made = await run(["create", `${folder}/top`, "-o", `${folder}/top/o.torrent`, "--force"]);
    assertEquals([made.code, errorsOf(made).length], [2, 1]);
    assertEquals(await Deno.readTextFile(`${folder}/top/o.torrent`), "old");
  });
});

Deno.test("create refuses what makes no sense before it looks at anything", async () => {
  const lines = [
    ["--piece-length", "48K"],
    ["--piece-length", "8K"],
    ["--piece-length", "128M"],
    ["--name", "a/b"],
    ["--name", ".."],
    ["--name", "a\u001b"],
    ["--json", "-o", "-"],
  ];
  for (const more of lines) {
    const made = await run(["create", "/", ...more], {
      meddle: (shell) => shell.folders = NOTHING,
    });
    assertEquals(
      [made.code, errorsOf(made).length],
      [2, 1],
      `${more}`,
    );
  }
});

Deno.test("create ends with 2 where there is nothing to make a torrent of", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "empty/a": 0, "empty/b/c": 0, "top/a.txt": 1 });
    await Deno.mkdir(`${folder}/bare/folders`, { recursive: true });
    const out = ["-o", `${folder}/o`];
    for (
      const line of [
        [`${folder}/empty`],
        [`${folder}/bare`],
        [`${folder}/top`, "--include", "*.csv"],
        [`${folder}/top`, "--exclude", "*"],
      ]
    ) {
      const made = await run(["create", ...line, ...out]);
      assertEquals([made.code, errorsOf(made).length], [2, 1], made.stderr);
    }
    assertEquals(names(folder), ["bare", "empty", "top"]);
  });
});

Deno.test("create ends with 4 and writes nothing when something cannot be read", {
  ignore: isWindows,
}, async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 100, "top/d/b": 100 });
    await Deno.symlink("nowhere", `${folder}/top/d/link`);
    const line = ["create", `${folder}/top`, "-o", `${folder}/o`];
    const made = await run([...line]);
    assertEquals([made.code, errorsOf(made)], [
      4,
      [
        `error: Cannot read "${folder}/top/d/link": it is a link that leads nowhere, or has just ` +
        "been removed",
      ],
    ]);
    assertStringIncludes(made.stderr, "hint: --exclude leaves it out");
    assertEquals(names(folder), ["top"]);
    assertEquals((await run([...line, "--exclude", "link"])).code, 0);
    assertEquals((await run(["create", `${folder}/no`, "-o", `${folder}/p`])).code, 4);
    // A circle is a folder: what is in it is not known.
    await Deno.symlink("..", `${folder}/top/d/up`);
    const more = ["--force", "--include", "b", "--exclude", "link"];
    assertEquals((await run([...line, ...more])).code, 4);
    const last = await run([...line, ...more, "--exclude", "d/up/"]);
    assertEquals([last.code, last.stderr.includes("warning")], [0, false]);
    assertEquals(pathsOf(await read(`${folder}/o`)), ["d/b"]);
  });
});

Deno.test("create leaves out what is no file, with a warning", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 100 });
    await new Deno.Command("mkfifo", { args: [`${folder}/top/pipe`] }).output();
    const made = await run(["create", `${folder}/top`, "-o", `${folder}/o`]);
    assertEquals([made.code, pathsOf(await read(`${folder}/o`))], [0, ["a"]]);
    assertStringIncludes(made.stderr, "warning: left out pipe: neither a file nor a folder");
  });
});

/** What happens to the data between the listing and the hashing. */
const MISHAPS: Record<string, (folder: string) => Promise<void>> = {
  "it was removed": (folder) => Deno.remove(`${folder}/top/b`),
  "it changed": (folder) => Deno.truncate(`${folder}/top/b`, 50_000),
  "it changed while": (folder) => fill(folder, { "top/b": 100_001 }),
  "it changed while it": (folder) => Deno.utime(`${folder}/top/b`, 5, 5),
};

for (const [why, mishap] of Object.entries(MISHAPS)) {
  Deno.test(`create ends with 4 and writes nothing when of a file "${why}"`, async () => {
    await withFolder(async (folder) => {
      await fill(folder, { "top/a": 1000, "top/b": 100_000, "top/c": 1000 });
      const made = await run(["create", `${folder}/top`, "-o", `${folder}/o`], {
        meddle: (shell) => {
          const { list, write } = shell.folders;
          shell.folders = {
            write,
            list: async (path, options) => {
              const listing = await list(path, options);
              await mishap(folder);
              return listing;
            },
          };
        },
      });
      assertEquals([made.code, errorsOf(made).length, names(folder)], [4, 1, ["top"]]);
      assertStringIncludes(errorsOf(made)[0]!, `error: Cannot hash "${folder}/top/b": ${why}`);
    });
  });
}

Deno.test("create follows links", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 40_000, "other/x": 30_000 });
    await Deno.symlink("../other", `${folder}/top/link`);
    await Deno.symlink("other/x", `${folder}/single`);
    assertEquals((await run(["create", `${folder}/top`, "-o", `${folder}/o`])).code, 0);
    assertEquals(pathsOf(await read(`${folder}/o`)), ["a", "link/x"]);
    assertEquals((await run(["create", `${folder}/single`, "-o", `${folder}/p`])).code, 0);
    const metainfo = await read(`${folder}/p`);
    assertEquals([metainfo.name, metainfo.pieceMap.totalBytes], ["single", 30_000]);
  });
});

Deno.test("create warns of names that downloads change", { ignore: isWindows }, async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a\\b": 10, "top/c\u0007": 10, "top/d": 10 });
    const made = await run(["create", `${folder}/top`, "-o", `${folder}/o`]);
    assertEquals(made.code, 0);
    assertStringIncludes(
      made.stderr,
      "warning: a\\b will be downloaded as a_b, and 1 more like it",
    );
  });
});

Deno.test("create --json tells the torrent and then that it is done", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 10, "top/b": 20_000 });
    const made = await run(["create", `${folder}/top`, "-o", `${folder}/o`, "--json"]);
    const metainfo = await read(`${folder}/o`);
    const infoHash = hex(metainfo.infoHash);
    const [torrent, done] = made.events;
    assertEquals(made.events.map(({ type }) => type), ["torrent", "done"]);
    assertEquals({ ...torrent, magnet: 0 }, {
      v: 1,
      type: "torrent",
      at: 1_700_000_000_000,
      infoHash,
      infoHashV2: null,
      name: "top",
      path: `${folder}/o`,
      totalBytes: 20_010,
      pieceLength: 16_384,
      pieces: 2,
      files: 2,
      magnet: 0,
    });
    assertEquals([done!.exitCode, done!.infoHash, done!.bytesTotal], [0, infoHash, 20_010]);
    const failed = await run(["create", `${folder}/no`, "-o", `${folder}/p`, "--json"]);
    assertEquals(failed.events.map(({ type, exitCode }) => [type, exitCode]), [["error", 4]]);
  });
});

Deno.test("create makes the same bytes every time where it leaves out the date", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "top/a": 10, "top/b": 20_000 });
    const make = async (...more: string[]) => {
      const path = `${folder}/${more.length}`;
      const clock = (shell: DiskShell) => void shell.clock.advance(more.length * 5000);
      const args = ["create", `${folder}/top`, "-o", path, ...more];
      assertEquals((await run(args, { meddle: clock })).code, 0);
      return await Deno.readFile(path);
    };
    assertEquals(await make("--no-date"), await make("--no-date", "-q"));
    assertEquals((await read(`${folder}/1`)).createdAt, null);
  });
});

Deno.test("create tells that its output cannot be written before it hashes", async () => {
  await withFolder(async (folder) => {
    await fill(folder, { "data/a": 40_000, "file": 1 });
    const unlisted = async (output: string, trouble?: string) => {
      let isListed = false;
      const { code, stderr } = await run(["create", `${folder}/data`, "-o", output], {
        meddle: (shell) => {
          const { list } = shell.folders;
          shell.folders = {
            ...shell.folders,
            list: (path, options) => {
              isListed = true;
              return list(path, options);
            },
          };
          if (trouble === undefined) return;
          shell.roomAt = (path) => Promise.resolve({ path, trouble, freeBytes: undefined });
        },
      });
      assertEquals([code, isListed], [4, false], stderr);
      return stderr;
    };
    const missing = await unlisted(`${folder}/nodir/x.torrent`);
    assert(missing.includes(`there is no folder "${folder}/nodir"`), missing);
    await unlisted(`${folder}/file/x.torrent`);
    const closed = await unlisted(`${folder}/x.torrent`, "permission denied");
    assert(closed.includes(`Cannot write "${folder}/x.torrent": permission denied`), closed);
  });
});
