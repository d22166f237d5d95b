/**
 * Torrents of every shape from a real seed: piece lengths, sizes that do not divide, empty files, names
 * in UTF-8, pad files, selections.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, type DatasetSpec, filesBelow, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import type { TorrentFile, TorrentSpec } from "./support/torrent.ts";

/** A folder whose files end in the middle of blocks and pieces, and at their edges. */
const ODD: DatasetSpec = {
  name: "odd sizes",
  seed: 21,
  files: [
    { path: "one.bin", bytes: 1 },
    { path: "a block.bin", bytes: 16 * KIB },
    { path: "a block and one.bin", bytes: 16 * KIB + 1 },
    { path: "almost two.bin", bytes: 32 * KIB - 1 },
    { path: "deep/er/and deeper/large.bin", bytes: 3 * MIB + 333 },
    { path: "prime.bin", bytes: 1_000_003 },
  ],
};

const PIECES: readonly number[] = [16 * KIB, 48 * KIB, 50_000, 100_003, 256 * KIB, MIB, 16 * MIB];

for (const pieceBytes of PIECES) {
  interopTest(`get downloads pieces of ${pieceBytes} bytes`, ["libtorrent"], async (lab) => {
    await downloads(lab, await lab.make(ODD, { pieceBytes }));
  });
}

for (const bytes of [1, 16 * KIB, 256 * KIB, 256 * KIB + 1, 256 * KIB - 1, 5 * MIB + 16 * KIB]) {
  interopTest(`get downloads a single file of ${bytes} bytes`, ["libtorrent"], async (lab) => {
    const torrent = await lab.make({ name: "one.bin", bytes, seed: bytes }, {
      pieceBytes: 256 * KIB,
    });
    await downloads(lab, torrent);
  });
}

interopTest("get makes empty files, wherever they stand", ["libtorrent"], async (lab) => {
  const files = [
    { path: "0 first", bytes: 0 },
    { path: "1 data", bytes: 100_000 },
    { path: "2 middle", bytes: 0 },
    { path: "empty/alone/in a folder", bytes: 0 },
    { path: "3 data", bytes: 65_536 - 100_000 % 65_536 },
    { path: "4 at a piece boundary", bytes: 0 },
    { path: "5 data", bytes: 7 },
    { path: "6 last", bytes: 0 },
  ];
  await downloads(lab, await lab.make({ name: "empties", files }, { pieceBytes: 64 * KIB }));
});

interopTest("get keeps names in UTF-8", ["libtorrent"], async (lab) => {
  const files = [
    { path: "Übergrößen/straße.txt", bytes: 40_000 },
    { path: "日本語/ファイル 名.bin", bytes: 70_001 },
    { path: "смешанные/Ё — «кавычки».txt", bytes: 3 },
    { path: "emoji/🐦‍⬛ starling.txt", bytes: 11 },
    { path: "decomposed/e\u0301.txt", bytes: 12 },
    { path: "composed/\u00e9.txt", bytes: 13 },
    { path: "percent/%2e%2e%2f.txt", bytes: 14 },
    { path: "odd/ leading and: <strange> | signs?.txt", bytes: 15 },
  ];
  await downloads(lab, await lab.make({ name: "Имя 名前 ñ", files }, { pieceBytes: 32 * KIB }));
});

interopTest(
  "get keeps names in UTF-8 of torrents made by mktorrent",
  ["libtorrent", "mktorrent"],
  async (lab) => {
    const files = [{ path: "Çok/güzel.bin", bytes: 90_001 }, { path: "ünlü", bytes: 5 }];
    const spec: TorrentSpec = { tool: "mktorrent", pieceBytes: 32 * KIB };
    await downloads(lab, await lab.make({ name: "ağaç", files }, spec));
  },
);

interopTest("get leaves pad files out", ["libtorrent"], async (lab) => {
  await downloads(lab, await lab.make(ODD, { pieceBytes: 64 * KIB, pad: true }));
});

interopTest("get downloads many small pieces", ["libtorrent"], async (lab) => {
  const data: DatasetSpec = { name: "small pieces.bin", bytes: 64 * MIB + 1, seed: 22 };
  await downloads(lab, await lab.make(data, { pieceBytes: 16 * KIB }));
});

interopTest("get writes selected files and no others", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(ODD, { pieceBytes: 256 * KIB });
  const seed = await lab.libtorrent(torrent);
  const include = ["--include", "prime.bin", "--include", "a block.bin"];
  const result = await lab.get(torrent, { peers: [seed.address], args: include });
  assertEquals(result.code, 0, result.tail);
  assertEquals(await visible(lab.output), ["odd sizes/a block.bin", "odd sizes/prime.bin"]);
  const picked = ODD.files!.filter((file) => ["prime.bin", "a block.bin"].includes(file.path));
  await assertSame({ ...torrent.dataset, files: picked }, lab.output, { alone: false });

  const rest = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(rest.code, 0, rest.tail);
  await assertSame(torrent.dataset, lab.output);
});

/** Downloads from libtorrent; the result is the same and alone. */
async function downloads(lab: Lab, torrent: TorrentFile): Promise<void> {
  const seed = await lab.libtorrent(torrent);
  const result = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
}

/** Files of a folder but for hidden ones at its top, sorted. */
async function visible(folder: string): Promise<string[]> {
  const paths = await Array.fromAsync(filesBelow(folder));
  return paths.filter((path) => !path.startsWith(".")).sort();
}
