/**
 * Magnet links beside real clients: from each of them alone as the only seed, through a UDP tracker, and to
 * each of them from us.
 *
 * @module
 */

import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import { LEECHES, type LeechKind } from "./support/leeches.ts";
import type { Child } from "./support/process.ts";
import type { Need } from "./support/programs.ts";
import type { Seed } from "./support/seeds.ts";
import { Run } from "./support/starling.ts";
import type { TorrentFile } from "./support/torrent.ts";
import { until } from "./support/wait.ts";

/** Small pieces, so that the info dictionary has several parts. */
const SMALL_PIECES = 16 * KIB;
const SINGLE: DatasetSpec = { name: "single file.bin", bytes: 24 * MIB + 12_345, seed: 41 };
const FOLDER: DatasetSpec = {
  name: "folder",
  seed: 42,
  files: [{ path: "a.bin", bytes: 3 * MIB + 1 }, { path: "b/c.txt", bytes: 17 }],
};

const CLIENTS: readonly {
  readonly need: Need;
  readonly start: (lab: Lab, torrent: TorrentFile) => Promise<Seed>;
}[] = [
  { need: "aria2c", start: (lab, torrent) => lab.aria2(torrent) },
  { need: "transmission-daemon", start: (lab, torrent) => lab.transmission(torrent) },
  { need: "libtorrent", start: (lab, torrent) => lab.libtorrent(torrent) },
];

for (const { need, start } of CLIENTS) {
  interopTest(
    `get downloads a magnet from ${need} by --peer alone`,
    [need, "libtorrent"],
    async (lab) => {
      const torrent = await lab.make(SINGLE, { pieceBytes: SMALL_PIECES });
      const seed = await start(lab, torrent);
      const result = await lab.get(linkTo(torrent), { peers: [seed.address] });
      assertEquals(result.code, 0, result.tail);
      await assertSame(torrent.dataset, lab.output);
      const metadata = result.events.find((event) => event.type === "metadata");
      assertEquals([metadata?.name, metadata?.bytesTotal], [
        SINGLE.name,
        torrent.dataset.totalBytes,
      ]);
      const again = await lab.get(linkTo(torrent));
      assertEquals(again.code, 0, again.tail);
    },
  );

  interopTest(
    `get downloads a magnet from ${need} found through a UDP tracker alone`,
    [need, "libtorrent", "opentracker"],
    async (lab) => {
      const [torrent, tracker] = await lab.tracked(FOLDER, { pieceBytes: SMALL_PIECES });
      await start(lab, torrent);
      await tracker.seeds(torrent.infoHash, 1);
      const udp = tracker.url.replace("http:", "udp:");
      const result = await lab.get(linkTo(torrent, [udp]));
      assertEquals(result.code, 0, result.tail);
      await assertSame(torrent.dataset, lab.output);
    },
  );
}

interopTest("meta and info read a magnet from libtorrent", ["libtorrent"], async (lab) => {
  const torrent = await lab.make(FOLDER, { pieceBytes: SMALL_PIECES });
  const seed = await lab.libtorrent(torrent);
  const file = lab.path("got.torrent");
  const args = [linkTo(torrent).path, "--peer", seed.address, "--no-dht", "--no-lsd", "-p", "0"];
  const options = { cache: lab.path("cache"), json: false };
  const meta = await lab.use(new Run(["meta", ...args, "-o", file], options)).result();
  assertEquals(meta.code, 0, meta.tail);
  const result = await lab.get({ ...torrent, path: file }, { peers: [seed.address] });
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
  const info = await lab.use(new Run(["info", ...args], options)).result();
  assertEquals(info.code, 0, info.tail);
  assertStringIncludes(info.stdout, torrent.infoHash);
});

for (const kind of LEECHES.slice(0, 3)) {
  interopTest(
    `${kind.need} downloads a magnet from starling alone`,
    [kind.need, "libtorrent", "opentracker"],
    (lab) => gives(lab, kind),
  );
}

/** We are the only seed, and the only one who has the metadata. */
async function gives(lab: Lab, kind: LeechKind): Promise<void> {
  const cache = lab.path("cache");
  const [torrent, tracker] = await lab.tracked(FOLDER, { pieceBytes: SMALL_PIECES });
  const link = linkTo(torrent, [tracker.url]);
  const startLeech = async () => {
    const home = lab.path("leech");
    await Deno.mkdir(home);
    await Deno.mkdir(lab.output);
    return lab.use(await kind.start(link, home, lab.output));
  };
  let client: Child | undefined;
  if (kind.mustBeDialled) {
    client = await startLeech();
    await until(() => isKnown(tracker.url, torrent.infoHash), { what: kind.need });
  }
  const args = ["seed", torrent.path, torrent.dataset.root, "-p", "0", "--json"];
  const quiet = ["--no-dht", "--no-lsd", "--no-pex"];
  const seed = lab.use(new Run([...args, ...quiet], { cache }));
  // A client that does not know the size may have said that nothing is left, as a seed does.
  await seed.event((event) => event.type === "progress");
  await tracker.seeds(torrent.infoHash, 1);
  client ??= await startLeech();
  await until(async () => {
    try {
      await assertSame(torrent.dataset, lab.output, { alone: false });
      return true;
    } catch {
      return false;
    }
  }, { what: `the download of ${kind.need}\n${client.tail()}`, timeoutMs: 90_000, everyMs: 300 });
  seed.kill("SIGINT");
  const result = await seed.result();
  const uploaded = result.events.findLast((event) => event.type === "progress")?.bytesUploaded;
  assertGreater(Number(uploaded), torrent.dataset.totalBytes - 1, result.tail);
}

/** Whether opentracker has heard of anybody. */
async function isKnown(announceUrl: string, infoHash: string): Promise<boolean> {
  const query = infoHash.replace(/../g, "%$&");
  const url = announceUrl.replace("/announce", `/scrape?info_hash=${query}`);
  const text = new TextDecoder("latin1").decode(await (await fetch(url)).bytes());
  return /complete(?:i[1-9]\d*e)/.test(text);
}

/** The torrent with a magnet link in the place of its file. */
function linkTo(torrent: TorrentFile, trackers: readonly string[] = []): TorrentFile {
  const more = trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join("");
  return { ...torrent, path: `magnet:?xt=urn:btih:${torrent.infoHash}${more}` };
}
