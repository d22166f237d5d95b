/**
 * Streams from real seeds into real programs.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import type { Need } from "./support/programs.ts";
import { output } from "./support/process.ts";
import type { Seed } from "./support/seeds.ts";
import { STARLING } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";

const FOLDER = {
  name: "folder",
  seed: 31,
  files: [
    { path: "a.bin", bytes: 9 * MIB + 1 },
    { path: "b/c.txt", bytes: 17 },
    { path: "b/d/e.dat", bytes: 5 * MIB - 7 },
  ],
};

const CLIENTS: readonly {
  readonly need: Need;
  readonly start: (lab: Lab, torrent: TorrentFile) => Promise<Seed>;
}[] = [
  { need: "aria2c", start: (lab, torrent) => lab.aria2(torrent) },
  { need: "libtorrent", start: (lab, torrent) => lab.libtorrent(torrent) },
];

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** `starling cat` of a file, as a shell types it. */
function cat(torrent: TorrentFile, file: string, peers: readonly string[]): string {
  const alone = ["--no-dht", "--no-pex", "--no-lsd", "-p", "0", "-q", "--buffer", "2M"];
  const words = [...STARLING, "cat", torrent.path, file, ...alone];
  return [...words, ...peers.flatMap((peer) => ["--peer", peer])].map(quote).join(" ");
}

for (const { need, start } of CLIENTS) {
  interopTest(`cat feeds tar from ${need} while it downloads`, [need, "mktorrent"], async (lab) => {
    const data = await lab.dataset(FOLDER);
    const tarred = lab.path("tarred");
    await Deno.mkdir(tarred);
    await output(["tar", "-C", data.root, "-cf", `${tarred}/all.tar`, data.name]);
    const bytes = (await Deno.stat(`${tarred}/all.tar`)).size;
    const archive = { root: tarred, name: "all.tar", files: [], totalBytes: bytes };
    const torrent = await lab.torrent(archive, { tool: "mktorrent", pieceBytes: 256 * 1024 });
    const { address } = await start(lab, torrent);
    await Deno.mkdir(lab.output);
    const line = `set -o pipefail; ${cat(torrent, "1", [address])} | tar -C ${
      quote(lab.output)
    } -x`;
    await output(["bash", "-c", line]);
    await assertSame(data, lab.output);
    const head = `${
      cat(torrent, "all.tar", [address])
    } | head -c 1000 | wc -c; echo \${PIPESTATUS[0]}`;
    assertEquals((await output(["bash", "-c", head])).trim().split(/\s+/), ["1000", "0"]);
  });
}
