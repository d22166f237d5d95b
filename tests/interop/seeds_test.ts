/**
 * Downloads from real seeds: each client alone, all at once, by `--peer` and through a real tracker.
 *
 * @module
 */

import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { assertSame, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab, SEEDS } from "./support/lab.ts";
import type { Need } from "./support/programs.ts";
import { payloadOf, RawSwarm } from "./support/raw_swarm.ts";
import type { Seed } from "./support/seeds.ts";
import type { TorrentFile, TorrentSpec } from "./support/torrent.ts";

const SINGLE = { name: "single file.bin", bytes: 24 * MIB + 12_345, seed: 11 };

const FOLDER = {
  name: "folder",
  seed: 12,
  files: [
    { path: "a.bin", bytes: 3 * MIB + 1 },
    { path: "b/c.txt", bytes: 17 },
    { path: "b/d/e.dat", bytes: 5 * MIB - 7 },
    { path: "z", bytes: 1 },
  ],
};

const MKTORRENT: TorrentSpec = { tool: "mktorrent", pieceBytes: 256 * KIB };
const TRANSMISSION: TorrentSpec = { tool: "transmission-create", pieceBytes: 64 * KIB };

for (const { need, start } of SEEDS) {
  interopTest(
    `get downloads a single file from ${need} by --peer`,
    [need, "mktorrent"],
    async (lab) => {
      const torrent = await lab.make(SINGLE, MKTORRENT);
      await downloads(lab, torrent, [await start(lab, torrent)]);
    },
  );

  interopTest(
    `get downloads a folder from ${need} by --peer`,
    [need, "transmission-create"],
    async (lab) => {
      const torrent = await lab.make(FOLDER, TRANSMISSION);
      await downloads(lab, torrent, [await start(lab, torrent)]);
    },
  );

  interopTest(
    `get downloads a folder from ${need} found through opentracker`,
    [need, "mktorrent", "opentracker"],
    async (lab) => {
      const [torrent, tracker] = await lab.tracked(FOLDER, MKTORRENT);
      await start(lab, torrent);
      await tracker.seeds(torrent.infoHash, 1);
      await downloads(lab, torrent, []);
    },
  );
}

const ALL: readonly Need[] = SEEDS.map((client) => client.need);

interopTest(
  "get downloads from all three clients at once, by --peer",
  [...ALL, "mktorrent"],
  async (lab) => {
    const torrent = await lab.make(SINGLE, MKTORRENT);
    const seeds = await Promise.all(SEEDS.map(({ start }) => start(lab, torrent)));
    await downloads(lab, torrent, seeds);
  },
);

interopTest(
  "get downloads from all three clients at once, through opentracker",
  [...ALL, "mktorrent", "opentracker"],
  async (lab) => {
    const [torrent, tracker] = await lab.tracked(SINGLE, MKTORRENT);
    await Promise.all(SEEDS.map(({ start }) => start(lab, torrent)));
    await tracker.seeds(torrent.infoHash, SEEDS.length);
    await downloads(lab, torrent, []);
  },
);

interopTest(
  "get finds a seed through a tracker given by --tracker",
  ["aria2c", "mktorrent", "opentracker"],
  async (lab) => {
    const [torrent, tracker] = await lab.tracked(FOLDER, MKTORRENT);
    await lab.aria2(torrent);
    await tracker.seeds(torrent.infoHash, 1);
    const bare = await lab.torrent(torrent.dataset, { tool: "mktorrent", pieceBytes: 256 * KIB });
    assertEquals(bare.infoHash, torrent.infoHash);
    const result = await lab.get(bare, { args: ["--tracker", tracker.url] });
    assertEquals(result.code, 0, result.tail);
    await assertSame(torrent.dataset, lab.output);
  },
);

interopTest(
  "get ends within a second of its last piece though no tracker ever answers",
  ["libtorrent"],
  async (lab) => {
    const torrent = await lab.make(SINGLE, { pieceBytes: 256 * KIB });
    const seed = await lab.libtorrent(torrent);
    const mute = lab.use(new RawSwarm(await payloadOf(torrent), { manners: ["mute"] }));
    const run = lab.start(torrent, {
      peers: [seed.address],
      args: ["--tracker", `http://${mute.addresses[0]}/announce`],
    });
    await run.event((event) => event.type === "file");
    const since = performance.now();
    const result = await run.result();
    assertLess(performance.now() - since, 1_000, result.tail);
    assertEquals(result.code, 0, result.tail);
    assertEquals(mute.accepted > 0, true, "the tracker was never asked");
  },
);

interopTest("get says plainly how it ends without --json", ["aria2c", "mktorrent"], async (lab) => {
  const torrent = await lab.make(FOLDER, MKTORRENT);
  const seed = await lab.aria2(torrent);
  const result = await lab.get(torrent, { peers: [seed.address], json: false });
  assertEquals(result.code, 0, result.tail);
  assertEquals(result.stdout, "");
  assertStringIncludes(result.stderr, FOLDER.name);
  for (const forbidden of ["\r", "\x1b"]) assertEquals(result.stderr.includes(forbidden), false);
  await assertSame(torrent.dataset, lab.output);
});

/** A whole download: exit 0, the same bytes, and events that tell the truth about it. */
async function downloads(
  lab: Lab,
  torrent: TorrentFile,
  seeds: readonly Seed[],
): Promise<void> {
  const { dataset } = torrent;
  const result = await lab.get(torrent, { peers: seeds.map((seed) => seed.address) });
  assertEquals(result.code, 0, result.tail);
  await assertSame(dataset, lab.output);
  const last = result.events.at(-1);
  assertEquals(last?.type, "done", result.tail);
  assertEquals(last?.exitCode, 0);
  assertEquals(last?.bytesTotal, dataset.totalBytes);
  assertEquals(last?.infoHash, torrent.infoHash);
  const finished = result.events.filter((event) => event.type === "file").length;
  assertEquals(finished, Math.max(1, dataset.files.length));
}
