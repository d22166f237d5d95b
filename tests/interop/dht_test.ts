/**
 * The DHT beside that of libtorrent, transmission and aria2: peers found in it and nowhere else, both ways.
 *
 * libtorrent's nodes are many on one address of loopback. transmission takes nobody there for a node and wants more
 * than eight of them, so it runs on a host of its own beside theirs.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { LtDht } from "./support/dht.ts";
import { type Host, Hosts, LOOPBACK } from "./support/hosts.ts";
import { interopGroup, interopTest, type Lab } from "./support/lab.ts";
import {
  arrives,
  PORT,
  startAria2,
  startStarling,
  startTransmission,
} from "./support/neighbours.ts";
import type { Run } from "./support/starling.ts";
import { magnetOf, type TorrentFile } from "./support/torrent.ts";
import { freePort, until } from "./support/wait.ts";

const DATA: DatasetSpec = { name: "data.bin", bytes: 6 * MIB + 1234, seed: 91 };
const by = "dht";

/** How starling is run: what it is to start from, and where. */
interface Where {
  readonly nodes: readonly string[];
  readonly host?: Host;
  readonly port?: number;
  /** The name of its cache folder. */
  readonly cache?: string;
}

function starling(lab: Lab, args: readonly string[], where: Where): Run {
  return startStarling(lab, { host: LOOPBACK, port: 0, cache: "cache", by, ...where }, args);
}

async function downloads(
  lab: Lab,
  torrent: TorrentFile,
  where: Where & { readonly source?: string },
): Promise<void> {
  const { source = torrent.path } = where;
  const result = await starling(lab, ["get", source, "-o", lab.output], where).result();
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
}

function seeds(lab: Lab, { path, dataset }: TorrentFile, where: Where): Run {
  return starling(lab, ["seed", path, dataset.root], where);
}

/** The port that a run listens on. */
async function portOf(run: Run): Promise<number> {
  return Number((await run.event((event) => event.type === "listening")).port);
}

function make(lab: Lab): Promise<TorrentFile> {
  return lab.make(DATA, { pieceBytes: 64 * KIB });
}

const FAMILIES = [
  { family: "IPv4", ip: "127.0.0.1", host: "127.0.0.1" },
  { family: "IPv6", ip: "::1", host: "[::1]" },
];

interopGroup(
  "the DHT with libtorrent",
  FAMILIES.flatMap(({ family, ip, host }) => [{
    name: `get finds libtorrent in the DHT of ${family}, by a bare infohash as well`,
    needs: ["libtorrent"],
    fn: async (lab) => {
      const torrent = await make(lab);
      const dht = lab.use(await LtDht.start([ip, ip, ip, ip]));
      await dht.add(torrent.path, torrent.dataset.root);
      await downloads(lab, torrent, { nodes: dht.nodes.slice(0, 1) });
      await Deno.remove(lab.output, { recursive: true });
      const source = magnetOf(torrent);
      await downloads(lab, torrent, { nodes: dht.nodes.slice(0, 1), source, cache: "other" });
    },
  }, {
    name: `libtorrent finds a seed in the DHT of ${family}`,
    needs: ["libtorrent"],
    fn: async (lab) => {
      const torrent = await make(lab);
      const dht = lab.use(await LtDht.start([ip, ip, ip, ip]));
      const seed = seeds(lab, torrent, { nodes: dht.nodes.slice(0, 1) });
      const port = await portOf(seed);
      assertEquals(await dht.find(torrent.infoHash), [`${host}:${port}`]);
      await Deno.mkdir(lab.output);
      await dht.add(torrent.path, lab.output);
      await dht.complete();
      await assertSame(torrent.dataset, lab.output);
    },
  }]),
);

interopTest(
  "libtorrent finds a seed in the DHT, by a magnet link alone",
  ["libtorrent"],
  async (lab) => {
    const torrent = await make(lab);
    const dht = lab.use(await LtDht.start(["127.0.0.1", "127.0.0.1", "127.0.0.1"]));
    await portOf(seeds(lab, torrent, { nodes: dht.nodes.slice(0, 1) }));
    await Deno.mkdir(lab.output);
    await dht.add(magnetOf(torrent), lab.output);
    await dht.complete();
    await assertSame(torrent.dataset, lab.output);
  },
);

interopTest("a node of ours is one of libtorrent's DHT, and leads others into it", [
  "libtorrent",
], async (lab) => {
  const torrent = await make(lab);
  const other = await lab.make({ ...DATA, name: "other", seed: 92 }, { pieceBytes: 64 * KIB });
  const dht = lab.use(await LtDht.start(["127.0.0.1", "127.0.0.1"]));
  const port = await portOf(seeds(lab, other, { nodes: dht.nodes.slice(0, 1) }));
  await dht.add(torrent.path, torrent.dataset.root);
  await until(async () => (await dht.stats()).known.every((count) => count >= 2), {
    what: "our node in libtorrent's tables",
    timeoutMs: 60_000,
  });
  await downloads(lab, torrent, { nodes: [`127.0.0.1:${port}`], cache: "other" });
});

interopTest("a second start asks nobody for a start", ["libtorrent"], async (lab) => {
  const torrent = await make(lab);
  const dht = lab.use(await LtDht.start(["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]));
  await dht.add(torrent.path, torrent.dataset.root);
  await downloads(lab, torrent, { nodes: dht.nodes.slice(0, 1) });
  await Deno.remove(lab.output, { recursive: true });
  const since = performance.now();
  await downloads(lab, torrent, { nodes: [] });
  assertLess(performance.now() - since, 20_000);
});

/** Where another client is, and who is there to start from. */
interface Place {
  readonly dht: LtDht;
  readonly theirs: Host;
  readonly port: number;
  readonly ours: Host;
}

/** A host full of libtorrent's nodes, one for transmission, one for starling. */
async function ofThreeHosts(lab: Lab): Promise<Place> {
  const hosts = lab.use(await Hosts.make(3));
  const [first, theirs, ours] = hosts.all;
  const ips: string[] = [];
  for (let i = 0; i < 12; i++) ips.push(await hosts.addAddress(first!, `10.213.7.${100 + i}`));
  const dht = lab.use(await LtDht.start(ips, first!.prefix));
  return { dht, theirs: theirs!, port: PORT, ours: ours! };
}

/** All of them on loopback. */
async function ofOneHost(lab: Lab): Promise<Place> {
  const { ip } = LOOPBACK;
  const dht = lab.use(await LtDht.start([ip, ip, ip, ip]));
  return { dht, theirs: LOOPBACK, port: freePort(), ours: LOOPBACK };
}

const OTHERS = [
  { need: "transmission-daemon", start: startTransmission, place: ofThreeHosts, where: "netns" },
  { need: "aria2c", start: startAria2, place: ofOneHost, where: "aria2c" },
] as const;

interopGroup(
  "the DHT with others than libtorrent",
  OTHERS.flatMap(({ need, start, place, where }) => [{
    name: `get finds ${need} in the DHT, by a bare infohash as well`,
    needs: [need, "libtorrent", where],
    fn: async (lab) => {
      const torrent = await make(lab);
      const { dht, theirs: host, port, ours } = await place(lab);
      const { nodes } = dht;
      await start(lab, { host, port, torrent, output: torrent.dataset.root, by, nodes });
      await until(
        async () => (await dht.find(torrent.infoHash)).includes(`${host.ip}:${port}`),
        { what: `the announce of ${need}`, timeoutMs: 120_000 },
      );
      const from = { nodes: nodes.slice(0, 1), host: ours };
      await downloads(lab, torrent, from);
      await Deno.remove(lab.output, { recursive: true });
      await downloads(lab, torrent, { ...from, source: magnetOf(torrent), cache: "other" });
    },
  }, {
    name: `${need} finds a seed in the DHT, by a magnet link alone`,
    needs: [need, "libtorrent", where],
    fn: async (lab) => {
      const torrent = await make(lab);
      const { dht, theirs: host, port, ours } = await place(lab);
      const seed = seeds(lab, torrent, { nodes: dht.nodes.slice(0, 1), host: ours });
      const address = `${ours.ip}:${await portOf(seed)}`;
      assertEquals(await dht.find(torrent.infoHash), [address]);
      const output = lab.output;
      // Our own node is among those that it starts from.
      const nodes = [...dht.nodes.slice(0, 8), address];
      const job = { host, port, torrent, output, by, nodes, isMagnet: true } as const;
      await arrives(torrent, output, await start(lab, job));
    },
  }]),
);

interopTest("three hosts of ours, and nobody else, find each other in the DHT", ["netns"], async (
  lab,
) => {
  const torrent = await make(lab);
  const [first, second, third] = lab.use(await Hosts.make(3)).all;
  const port = 6881;
  const nodes = [`${first!.ip}:${port}`];
  seeds(lab, torrent, { nodes: [], host: first!, port, cache: "first" });
  const output = lab.path("second");
  const get = ["get", torrent.path, "-o", output, "--seed"];
  const getting = starling(lab, get, { nodes, host: second!, cache: "second" });
  await getting.event((event) =>
    event.type === "progress" && event.piecesDone === event.piecesTotal
  );
  await assertSame(torrent.dataset, output);
  await downloads(lab, torrent, {
    nodes: [`${second!.ip}:${await portOf(getting)}`],
    host: third!,
  });
});
