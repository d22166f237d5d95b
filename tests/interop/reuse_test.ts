/**
 * Older copies on file systems whose files can share their bytes: that they do, and take no room.
 *
 * @module
 */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { assertSame, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { IMAGE_BYTES } from "./support/programs.ts";

const DATA = {
  name: "shared",
  seed: 71,
  files: [
    { path: "large.bin", bytes: 60 * MIB + 5 },
    { path: "sub/other.bin", bytes: 30 * MIB + 7 },
    { path: "small.txt", bytes: 900 },
  ],
};

for (const type of ["btrfs", "xfs"] as const) {
  interopTest(`get --reuse shares the bytes of older copies on ${type}`, [
    "libtorrent",
    "filefrag",
    type,
  ], async (lab) => {
    const disk = await image(lab, type);
    const dataset = await lab.dataset(DATA);
    const torrent = await lab.torrent(dataset, { pieceBytes: MIB });
    await output(["cp", "-r", `${dataset.root}/shared`, `${disk}/old`]);
    await output(["sync", "-f", disk]);
    const before = await usedBytes(disk);
    const args = ["--reuse", `${disk}/old`, "--stall-timeout", "5s"];
    const run = await lab.get(torrent, { output: `${disk}/out`, args });
    assertEquals(run.code, 0, run.stderr);
    await assertSame(dataset, `${disk}/out`);
    await output(["sync", "-f", disk]);
    assertLess(await usedBytes(disk) - before, 5 * MIB);
    for (const { path, bytes } of DATA.files.slice(0, 2)) {
      // The piece that is shared with a small file may have been written.
      assertGreater(await sharedBytes(`${disk}/out/shared/${path}`), bytes - MIB);
    }
  });
}

interopTest("get --reuse needs no room for what is shared", [
  "libtorrent",
  "xfs",
], async (lab) => {
  const disk = await image(lab, "xfs");
  const dataset = await lab.dataset(DATA);
  const torrent = await lab.torrent(dataset, { pieceBytes: MIB });
  await output(["cp", "-r", `${dataset.root}/shared`, `${disk}/old`]);
  await fill(disk, 40 * MIB);
  const alone = await lab.get(torrent, {
    output: `${disk}/alone`,
    args: ["--stall-timeout", "5s"],
  });
  assertEquals(alone.code, 4, alone.stderr);
  const args = ["--reuse", `${disk}/old`, "--stall-timeout", "5s"];
  const run = await lab.get(torrent, { output: `${disk}/out`, args });
  assertEquals(run.code, 0, run.stderr);
  await assertSame(dataset, `${disk}/out`);
});

interopTest("get --reuse writes nothing where all cannot be shared and there is no room", [
  "libtorrent",
  "tmpfs",
], async (lab) => {
  const disk = lab.path("disk");
  await Deno.mkdir(disk);
  await output(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", disk]);
  lab.defer(async () => void await output(["umount", disk]));
  const dataset = await lab.dataset(DATA);
  const torrent = await lab.torrent(dataset, { pieceBytes: MIB });
  await output(["cp", "-r", `${dataset.root}/shared`, `${disk}/old`]);
  const run = await lab.get(torrent, { output: `${disk}/out`, args: ["--reuse", `${disk}/old`] });
  assertEquals(run.code, 4, run.stderr);
  assertEquals([...Deno.readDirSync(disk)].map(({ name }) => name), ["old"]);
});

/** Leaves so many bytes free. */
async function fill(folder: string, freeBytes: number): Promise<void> {
  const free = Number((await output(["df", "--output=avail", "-B1", folder])).split("\n")[1]);
  await output(["fallocate", "-l", `${free - freeBytes}`, `${folder}/filler`]);
}

/** A file system of its own in a file, unmounted at the end. */
async function image(lab: Lab, type: "btrfs" | "xfs"): Promise<string> {
  const file = lab.path("image");
  await Deno.writeFile(file, new Uint8Array(0));
  await Deno.truncate(file, IMAGE_BYTES);
  await output([`mkfs.${type}`, "-q", file]);
  const folder = lab.path("disk");
  await Deno.mkdir(folder);
  await output(["mount", "-o", "loop", file, folder]);
  lab.defer(async () => void await output(["umount", folder]));
  return folder;
}

async function usedBytes(folder: string): Promise<number> {
  return Number((await output(["df", "--output=used", "-B1", folder])).split("\n")[1]);
}

/** How much of a file lies where another file has it, too. */
async function sharedBytes(path: string): Promise<number> {
  // <extent>: <first block>.. <last>: <first on the disk>.. <last>: <blocks>: <flags>
  const extents = (await output(["filefrag", "-b1", "-v", path])).split("\n")
    .filter((line) => /^ +\d+: .*\bshared\b/.test(line));
  return extents.reduce((sum, line) => sum + Number(line.split(":")[3]), 0);
}
