/**
 * Data that other programs have made or downloaded, compared with their torrents, and repaired.
 *
 * @module
 */

import { join } from "@std/path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { Run, type RunResult } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";

const DATA: DatasetSpec = {
  name: "data",
  seed: 51,
  files: [
    { path: "a.bin", bytes: 3 * MIB + 1 },
    { path: "b/c.bin", bytes: 100_000 },
    { path: "b/empty", bytes: 0 },
    { path: "d.bin", bytes: 2 * MIB },
  ],
};

async function verify(lab: Lab, torrent: TorrentFile, more: readonly string[]): Promise<RunResult> {
  const cache = lab.path("cache");
  await using run = new Run(["verify", torrent.path, ...more], { cache, json: false });
  return await run.result();
}

interopTest("verify finds good what libtorrent describes", ["libtorrent"], async (lab) => {
  for (const spec of [{ pieceBytes: 50_000 }, { pieceBytes: 64 * KIB, pad: true }]) {
    const torrent = await lab.make(DATA, spec);
    const { code, stdout, tail } = await verify(lab, torrent, [torrent.dataset.root]);
    assertEquals([code, stdout], [
      0,
      "ok       a.bin\nok       b/c.bin\nok       b/empty\nok       d.bin",
    ], tail);
  }
});

interopTest("verify --repair fetches what is bad or missing", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  const seed = await lab.libtorrent(torrent);
  const whole = await lab.get(torrent, { peers: [seed.address] });
  assertEquals(whole.code, 0, whole.tail);
  const before = await seed.uploaded();
  const folder = join(lab.output, "data");
  await Deno.remove(join(folder, "b/c.bin"));
  using file = await Deno.open(join(folder, "a.bin"), { write: true });
  await file.seek(1_000_000, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode("something else"));
  const broken = await verify(lab, torrent, [lab.output]);
  assertEquals(broken.code, 6, broken.tail);
  assertStringIncludes(broken.stdout, "missing  b/c.bin\n");
  const off = ["--no-dht", "--no-pex", "--no-lsd", "-p", "0"];
  const more = [folder, "--repair", "--peer", seed.address, ...off];
  const repaired = await verify(lab, torrent, more);
  assertEquals(repaired.code, 0, repaired.tail);
  await assertSame(torrent.dataset, lab.output);
  const fetched = await seed.uploaded() - before;
  assertEquals(fetched < 8 * 64 * KIB, true, `${fetched} bytes`);
});
