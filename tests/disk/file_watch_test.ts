/**
 * Files of the real disk that somebody else changes under an open torrent: what is lost, what is written
 * anew, what is remembered.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/base/errors.ts";
import { TorrentDisk } from "../../src/disk/torrent_disk.ts";
import { openWorld } from "../../src/platform/mod.ts";
import { fill, type KnownTorrent, makeTorrent } from "./support/torrent.ts";

const PIECE = 16_384;
const { signal } = new AbortController();

interface Setup {
  readonly torrent: KnownTorrent;
  /** Where the files are. */
  readonly out: string;
  /** Lost pieces and the file that is to blame, in order. */
  readonly lost: string[];
  readonly open: (options?: { selection?: number[] }) => Promise<TorrentDisk>;
}

async function withFolder(workers: number, body: (setup: Setup) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling-" });
  const torrent = makeTorrent(["t/a 40000", "t/d/b 50000", "t/c 5000"], { pieceLength: PIECE });
  const lost: string[] = [];
  await using world = openWorld({ workers });
  try {
    const open = async (options: { selection?: number[] } = {}) => {
      const disk = await TorrentDisk.open(world.files, {
        ...{ metainfo: torrent.metainfo, output: `${folder}/out`, hasher: world.hasher },
        ...{ allocate: "sparse", bufferBytes: 4 * PIECE, now: () => world.clock.epochMs() },
        onLost: (piece, file) => void lost.push(`${piece} by ${file}`),
        ...options,
      });
      await disk.check({ signal });
      return disk;
    };
    await body({ torrent, out: `${folder}/out/t`, lost, open });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeMissing(disk: TorrentDisk, torrent: KnownTorrent): Promise<void> {
  for (const piece of torrent.pieces) {
    if (disk.have.has(piece) || !disk.wanted.has(piece)) continue;
    const buffer = fill(disk.allocate(), torrent.piece(piece));
    assert((await disk.writePiece(piece, buffer)).isGood);
    buffer.release();
  }
}

async function assertWhole({ torrent, out }: Setup): Promise<void> {
  for (const [file, path] of ["a", "d/b", "c"].entries()) {
    assertEquals(await Deno.readFile(`${out}/${path}`), torrent.file(file).slice(), path);
  }
}

/** What somebody does in the folder of the files, and what is lost by it. */
const DEEDS: Readonly<Record<string, readonly [(out: string) => Promise<void>, string[]]>> = {
  "a file is deleted": [(out) => Deno.remove(`${out}/a`), ["0 by 0", "1 by 0", "2 by 0"]],
  "a folder is deleted": [
    (out) => Deno.remove(`${out}/d`, { recursive: true }),
    ["2 by 1", "3 by 1", "4 by 1", "5 by 1"],
  ],
  "a file is cut": [(out) => Deno.truncate(`${out}/d/b`, 10_000), ["3 by 1", "4 by 1", "5 by 1"]],
  "another file is moved over one": [
    async (out) => {
      await Deno.writeFile(`${out}/new`, new Uint8Array(40_000));
      await Deno.utime(`${out}/new`, 1_000, 1_000);
      await Deno.rename(`${out}/new`, `${out}/a`);
    },
    ["0 by 0", "1 by 0", "2 by 0"],
  ],
  "bytes are written over": [
    async (out) => {
      using file = await Deno.open(`${out}/a`, { write: true });
      await file.seek(20_000, Deno.SeekMode.Start);
      await file.write(new Uint8Array(100));
      // As if it were later: file systems cannot tell writes of one moment apart.
      await file.utime(Date.now() / 1000 + 5, Date.now() / 1000 + 5);
    },
    ["1 by 0"],
  ],
};

for (const workers of [0, 2]) {
  for (const [what, [deed, expected]] of Object.entries(DEEDS)) {
    Deno.test(`settle() finds what is lost when ${what} (${workers} workers)`, async () => {
      await withFolder(workers, async (setup) => {
        const { torrent, out, lost, open } = setup;
        await using disk = await open();
        await writeMissing(disk, torrent);
        await disk.settle();
        assertEquals([lost, disk.isComplete], [[], true]);
        await deed(out);
        await disk.settle();
        assertEquals([lost.sort(), disk.losses, disk.isComplete], [
          expected,
          expected.length,
          false,
        ]);
        await writeMissing(disk, torrent);
        await disk.settle();
        assertEquals([lost.length, disk.isComplete], [expected.length, true]);
        await assertWhole(setup);
        await disk.finish({ fsync: false });
      });
    });
  }
}

Deno.test("save() remembers nothing that is gone", async () => {
  await withFolder(0, async ({ torrent, out, open }) => {
    const disk = await open();
    await writeMissing(disk, torrent);
    await disk.settle();
    await Deno.remove(`${out}/a`);
    await disk.settle();
    await disk[Symbol.asyncDispose]();
    await using again = await open();
    assertEquals([...torrent.pieces].filter((piece) => again.have.has(piece)), [3, 4, 5]);
  });
});

Deno.test("settle() hashes pieces whose neighbours are in the side file", async () => {
  await withFolder(0, async ({ torrent, out, lost, open }) => {
    await using disk = await open({ selection: [1] });
    await writeMissing(disk, torrent);
    const now = Date.now() / 1000 + 5;
    await Deno.utime(`${out}/d/b`, now, now);
    await disk.settle();
    assertEquals([lost, disk.isComplete], [[], true]);
    await Deno.remove(`${out}/d/b`);
    await disk.settle();
    assertEquals(lost.length, 4);
    await writeMissing(disk, torrent);
    await disk.settle();
    assertEquals(await Deno.readFile(`${out}/d/b`), torrent.file(1).slice());
  });
});

Deno.test("settle() refuses a file that has become longer than it may be", async () => {
  await withFolder(0, async ({ torrent, out, open }) => {
    await using disk = await open();
    await writeMissing(disk, torrent);
    await Deno.truncate(`${out}/c`, 5001);
    const error = await assertRejects(() => disk.settle(), DiskError);
    assertEquals([error.kind, error.hint !== undefined], ["in-the-way", true]);
  });
});
