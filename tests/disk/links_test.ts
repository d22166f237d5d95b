/**
 * Symbolic links on the real disk: followed where the user's own files are only read, in the way elsewhere.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { makeTorrent } from "./support/torrent.ts";

const PIECE = 16_384;

/** A torrent's folder whose first file is a link to a file and whose second lies behind one to a folder. */
async function withLinks(
  body: (open: (isReadOnly: boolean) => Promise<TorrentDisk>, data: Uint8Array) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling-" });
  const torrent = makeTorrent(["t/a 20000", "t/d/b 30000", "t/c 5000"], { pieceLength: PIECE });
  await using world = openWorld({ workers: 0 });
  try {
    await Deno.mkdir(`${folder}/out/t`, { recursive: true });
    await Deno.mkdir(`${folder}/else/d`, { recursive: true });
    await Deno.writeFile(`${folder}/else/a`, torrent.file(0).slice());
    await Deno.writeFile(`${folder}/else/d/b`, torrent.file(1).slice());
    await Deno.writeFile(`${folder}/out/t/c`, torrent.file(2).slice());
    await Deno.symlink(`${folder}/else/a`, `${folder}/out/t/a`);
    await Deno.symlink("../../else/d", `${folder}/out/t/d`);
    const open = (isReadOnly: boolean) =>
      TorrentDisk.open(world.files, {
        ...{ metainfo: torrent.metainfo, output: `${folder}/out`, hasher: world.hasher },
        ...{ allocate: "sparse", bufferBytes: 4 * PIECE, isReadOnly },
      });
    await body(open, torrent.data);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const { signal } = new AbortController();
// There a link needs a privilege.
const ignore = Deno.build.os === "windows";

Deno.test("a disk that only reads gives what is behind links", { ignore }, async () => {
  await withLinks(async (open, data) => {
    await using disk = await open(true);
    await disk.check({ signal });
    assertEquals([disk.have.count, disk.isComplete], [4, true]);
    const bytes = new Uint8Array(PIECE);
    await disk.read(1 as Parameters<typeof disk.read>[0], 0, bytes);
    assertEquals(bytes, data.slice(PIECE, 2 * PIECE));
  });
});

Deno.test("a disk that writes has links in its way", { ignore }, async () => {
  await withLinks(async (open) => {
    await using disk = await open(false);
    const error = await assertRejects(() => disk.check({ signal }), DiskError);
    assertEquals(error.kind, "in-the-way");
  });
});
