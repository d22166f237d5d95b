/**
 * Magnet links beside real clients: from each of them alone as the only seed, through a UDP tracker, and to
 * each of them from us.
 *
 * @module
 */

import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { LOOPBACK } from "./support/hosts.ts";
import { interopGroup, interopTest, type Lab, SEEDS } from "./support/lab.ts";
import {
  arrives,
  type Neighbour,
  NEIGHBOURS,
  startStarling,
  type Way,
} from "./support/neighbours.ts";
import type { Child } from "./support/process.ts";
import { lastNumber, Run } from "./support/starling.ts";
import { magnetOf, type TorrentFile } from "./support/torrent.ts";
import type { Opentracker } from "./support/tracker.ts";
import { freePort, until } from "./support/wait.ts";

/** Small pieces, so that the info dictionary has several parts. */
const SMALL_PIECES = 16 * KIB;
const SINGLE: DatasetSpec = { name: "single file.bin", bytes: 24 * MIB + 12_345, seed: 41 };
const FOLDER: DatasetSpec = {
  name: "folder",
  seed: 42,
  files: [{ path: "a.bin", bytes: 3 * MIB + 1 }, { path: "b/c.txt", bytes: 17 }],
};

interopGroup(
  "a magnet from others alone",
  SEEDS.flatMap(({ need, start }) => [
    {
      name: `get downloads a magnet from ${need} by --peer alone`,
      needs: [need, "libtorrent"],
      fn: async (lab) => {
        const torrent = await lab.make(SINGLE, { pieceBytes: SMALL_PIECES });
        const seed = await start(lab, torrent);
        const result = await lab.get(linkTo(torrent), { peers: [seed.address] });
        assertEquals(result.code, 0, result.tail);
        await assertSame(torrent.dataset, lab.output);
        const metadata = result.events.find((event) => event.type === "metadata");
        const { totalBytes } = torrent.dataset;
        assertEquals([metadata?.name, metadata?.bytesTotal], [SINGLE.name, totalBytes]);
        const again = await lab.get(linkTo(torrent));
        assertEquals(again.code, 0, again.tail);
      },
    },
    {
      name: `get downloads a magnet from ${need} found through a UDP tracker alone`,
      needs: [need, "libtorrent", "opentracker"],
      fn: async (lab) => {
        const [torrent, tracker] = await lab.tracked(FOLDER, { pieceBytes: SMALL_PIECES });
        await start(lab, torrent);
        await tracker.seeds(torrent.infoHash, 1);
        const result = await lab.get(linkTo(torrent, [udpOf(tracker)]));
        assertEquals(result.code, 0, result.tail);
        await assertSame(torrent.dataset, lab.output);
      },
    },
  ]),
);

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

interopGroup(
  "a magnet from starling alone",
  NEIGHBOURS.flatMap(({ need, start }) => [
    {
      name: `${need} downloads a magnet from a seed of ours that dials it by --peer`,
      needs: [need, "libtorrent"],
      fn: async (lab) => {
        const torrent = await lab.make(FOLDER, { pieceBytes: SMALL_PIECES });
        const job = leech(lab, torrent, "peer");
        const client = await start(lab, job);
        const seed = seeds(lab, { ...job, peers: [`${job.host.ip}:${job.port}`] });
        await gives(lab, torrent, { seed, client });
      },
    },
    {
      name: `${need} downloads a magnet from a seed of ours through a UDP tracker alone`,
      needs: [need, "libtorrent", "opentracker"],
      fn: async (lab) => {
        const [plain, tracker] = await lab.tracked(FOLDER, { pieceBytes: SMALL_PIECES });
        const trackers = [udpOf(tracker)];
        const torrent = await lab.torrent(plain.dataset, { pieceBytes: SMALL_PIECES, trackers });
        const job = { ...leech(lab, torrent, "tracker"), trackers };
        // It dials nobody on loopback, so the seed is told of it.
        const isDialled = need === "transmission-daemon";
        const before = isDialled ? await start(lab, job) : undefined;
        if (isDialled) await until(() => isKnown(tracker.url, torrent.infoHash), { what: need });
        const seed = seeds(lab, job);
        await tracker.seeds(torrent.infoHash, 1);
        await gives(lab, torrent, { seed, client: before ?? await start(lab, job) });
      },
    },
  ]),
);

function leech(lab: Lab, torrent: TorrentFile, by: Way): Neighbour {
  const [host, output, port] = [LOOPBACK, lab.output, freePort()];
  return { host, torrent, output, by, port, isMagnet: true };
}

function seeds(lab: Lab, { host, torrent, by, peers = [] }: Neighbour): Run {
  const args = ["seed", torrent.path, torrent.dataset.root];
  return startStarling(lab, { host, port: 0, by, peers }, args);
}

/** We are the only seed, and the only one who has the metadata. */
async function gives(
  lab: Lab,
  torrent: TorrentFile,
  { seed, client }: { seed: Run; client: Child },
): Promise<void> {
  await arrives(torrent, lab.output, client);
  seed.kill("SIGINT");
  const result = await seed.result();
  assertEquals(result.code, 130, result.tail);
  const uploaded = lastNumber(result.events, "progress", "bytesUploaded");
  assertGreater(uploaded, torrent.dataset.totalBytes - 1, result.tail);
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
  return { ...torrent, path: magnetOf(torrent, trackers) };
}

function udpOf({ url }: Opentracker): string {
  return url.replace("http:", "udp:");
}
