/**
 * Several runs in one folder.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { errorLines } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";

/** Six seconds for a download, so that the others find it at work. */
const SLOWLY = ["--down-limit", "4M"];

interopTest(
  "get refuses a second run of one torrent in one folder",
  ["libtorrent"],
  async (lab) => {
    const torrent = await make(lab, "same.bin", 1);
    const seed = await lab.libtorrent(torrent);
    const first = lab.start(torrent, { peers: [seed.address], args: SLOWLY });
    await first.event((event) => event.type === "progress" && Number(event.bytesDone) > 0);

    const second = await lab.get(torrent, { peers: [seed.address], timeoutMs: 20_000 });
    assertEquals(second.code, 4, second.tail);
    assertEquals(errorLines(second).length, 1, second.tail);
    assertEquals(second.events.at(-1)?.type, "error");
    assertEquals(second.events.at(-1)?.exitCode, 4);

    const result = await first.result();
    assertEquals(result.code, 0, result.tail);
    await assertSame(torrent.dataset, lab.output);
  },
);

interopTest("get takes over when the run before it was killed", ["libtorrent"], async (lab) => {
  const torrent = await make(lab, "orphaned.bin", 2);
  const seed = await lab.libtorrent(torrent);
  const first = lab.start(torrent, { peers: [seed.address], args: SLOWLY });
  await first.event((event) => event.type === "progress" && Number(event.bytesDone) > 0);
  first.kill("SIGKILL");
  await first.result();
  const second = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(second.code, 0, second.tail);
  await assertSame(torrent.dataset, lab.output);
});

interopTest("get lets different torrents share a folder", ["libtorrent"], async (lab) => {
  const torrents = await Promise.all([3, 4, 5].map((seed) => make(lab, `file ${seed}.bin`, seed)));
  const runs = await Promise.all(torrents.map(async (torrent) => {
    const seed = await lab.libtorrent(torrent);
    return lab.start(torrent, { peers: [seed.address], args: SLOWLY });
  }));
  for (const run of runs) {
    const result = await run.result();
    assertEquals(result.code, 0, result.tail);
  }
  for (const { dataset } of torrents) await assertSame(dataset, lab.output, { alone: false });
});

function make(lab: Lab, name: string, seed: number): Promise<TorrentFile> {
  return lab.make({ name, bytes: 24 * MIB + seed, seed }, { pieceBytes: MIB });
}
