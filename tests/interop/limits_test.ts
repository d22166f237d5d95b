/**
 * The limits of the machine: open files, the size of a disk, rights.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { assertSame, type FileSpec, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { output } from "./support/process.ts";
import { errorLines, type RunResult } from "./support/starling.ts";

/** Files of the large torrent; 100,000 where there is time. */
const FILES = Number(Deno.env.get("STARLING_INTEROP_FILES") ?? 20_000);

interopTest(`get downloads ${FILES} files under ulimit -n 256`, ["libtorrent"], async (lab) => {
  const files: FileSpec[] = Array.from({ length: FILES }, (_, at) => ({
    path: `d${Math.floor(at / 500)}/f${at}.bin`,
    bytes: at % 97 === 0 ? 0 : 1 + (at * 37) % 900,
  }));
  const torrent = await lab.make({ name: "many", seed: 71, files }, { pieceBytes: 64 * KIB });
  const seed = await lab.libtorrent(torrent, { unchecked: true });
  const result = await lab.get(torrent, {
    peers: [seed.address],
    ulimit: "-n 256",
    timeoutMs: 240_000,
  });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  assertLess(result.peakRssBytes, 400 * MIB);
});

interopTest("get ends with 4 on a full disk and goes on with more room", [
  "libtorrent",
  "tmpfs",
], async (lab) => {
  const torrent = await lab.make({ name: "full.bin", bytes: 24 * MIB, seed: 72 }, {
    pieceBytes: MIB,
  });
  const seed = await lab.libtorrent(torrent);
  const disk = await tmpfs(lab, "size=10m");
  const options = { peers: [seed.address], output: disk };
  const first = await lab.get(torrent, options);
  assertStorageError(first);
  await output(["mount", "-o", "remount,size=64m", disk]);
  const second = await lab.get(torrent, options);
  assertEquals(second.code, 0, second.tail);
  await assertSame(torrent.dataset, disk);
});

interopTest("get ends with 4 on a read-only disk", ["libtorrent", "tmpfs"], async (lab) => {
  const torrent = await lab.make({ name: "ro.bin", bytes: MIB, seed: 73 }, { pieceBytes: MIB });
  const seed = await lab.libtorrent(torrent);
  const disk = await tmpfs(lab, "size=10m,ro");
  assertStorageError(await lab.get(torrent, { peers: [seed.address], output: disk }));
});

interopTest("get ends with 4 when a folder is in the way", ["libtorrent"], async (lab) => {
  const torrent = await lab.make({ name: "way.bin", bytes: MIB, seed: 74 }, { pieceBytes: MIB });
  const seed = await lab.libtorrent(torrent);
  await Deno.mkdir(`${lab.output}/way.bin`, { recursive: true });
  assertStorageError(await lab.get(torrent, { peers: [seed.address] }));
});

interopTest(
  "get ends with 4 when the file is longer than it should be",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make({ name: "long.bin", bytes: MIB, seed: 75 }, { pieceBytes: MIB });
    const seed = await lab.libtorrent(torrent);
    await Deno.mkdir(lab.output);
    const mine = new Uint8Array(MIB + 1).fill(7);
    await Deno.writeFile(`${lab.output}/long.bin`, mine);
    assertStorageError(await lab.get(torrent, { peers: [seed.address] }));
    assertEquals(await Deno.readFile(`${lab.output}/long.bin`), mine);
  },
);

interopTest("get ends with 4 when a file may not be so large", ["libtorrent"], async (lab) => {
  const torrent = await lab.make({ name: "large.bin", bytes: 4 * MIB, seed: 76 }, {
    pieceBytes: 256 * KIB,
  });
  const seed = await lab.libtorrent(torrent);
  const options = { peers: [seed.address] };
  assertStorageError(await lab.get(torrent, { ...options, ulimit: "-f 1024" }));
  const second = await lab.get(torrent, options);
  assertEquals(second.code, 0, second.tail);
  await assertSame(torrent.dataset, lab.output);
});

interopTest("get ends with 4 when the disk becomes full meanwhile", [
  "libtorrent",
  "tmpfs",
], async (lab) => {
  const torrent = await lab.make({ name: "full.bin", bytes: 24 * MIB, seed: 77 }, {
    pieceBytes: 256 * KIB,
  });
  const seed = await lab.libtorrent(torrent, { upLimit: 6 * MIB });
  const disk = await tmpfs(lab, "size=40m");
  const options = { peers: [seed.address], output: disk };
  const first = lab.start(torrent, options);
  await first.event(({ type, bytesDone }) => type === "progress" && Number(bytesDone) > 2 * MIB);
  await Deno.writeFile(`${disk}/filler`, new Uint8Array(64 * MIB)).catch(() => {});
  assertStorageError(await first.result());
  await Deno.remove(`${disk}/filler`);
  const second = await lab.get(torrent, options);
  assertEquals(second.code, 0, second.tail);
  await assertSame(torrent.dataset, disk);
});

/** Exit 4 with one line, and the same in the last event. */
function assertStorageError(result: RunResult): void {
  assertEquals(result.code, 4, result.tail);
  assertEquals(errorLines(result).length, 1, result.tail);
  const last = result.events.at(-1);
  assertEquals([last?.type, last?.exitCode, last?.reason], ["error", 4, "storage"], result.tail);
}

/** A tmpfs of its own, unmounted at the end. */
async function tmpfs(lab: Lab, options: string): Promise<string> {
  const folder = lab.path("disk");
  await Deno.mkdir(folder);
  await output(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]);
  lab.defer(async () => {
    await output(["umount", folder]);
  });
  return folder;
}
