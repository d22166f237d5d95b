/**
 * Local service discovery (BEP 14) beside libtorrent's and transmission's, between hosts that are told of
 * nothing else: found by its announce, and finding by ours. Whoever looks has a bare infohash.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { type Host, Hosts } from "./support/hosts.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import {
  arrives,
  magnetOf,
  startLibtorrent,
  type StartNeighbour,
  startStarling,
  startTransmission,
} from "./support/neighbours.ts";
import type { Need } from "./support/programs.ts";
import type { TorrentFile } from "./support/torrent.ts";

const DATA: DatasetSpec = { name: "data.bin", bytes: 3 * MIB + 77, seed: 14 };
const by = "lsd";

const CLIENTS: readonly { need: Need; start: StartNeighbour; isV6?: boolean }[] = [
  { need: "libtorrent", start: startLibtorrent },
  { need: "libtorrent", start: startLibtorrent, isV6: true },
  { need: "transmission-daemon", start: startTransmission },
];

async function setup(lab: Lab, hosts: number): Promise<[TorrentFile, readonly Host[]]> {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  return [torrent, lab.use(await Hosts.make(hosts)).all];
}

async function downloads(lab: Lab, torrent: TorrentFile, host: Host): Promise<void> {
  const get = ["get", magnetOf(torrent), "-o", lab.output];
  const result = await startStarling(lab, { host, by }, get).result(120_000);
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
}

for (const { need, start, isV6 = false } of CLIENTS) {
  const family = isV6 ? "IPv6" : "IPv4";
  interopTest(`get finds ${need} on the local network, ${family}`, [need, "netns"], async (lab) => {
    const [torrent, [theirs, ours]] = await setup(lab, 2);
    await start(lab, { host: theirs!, torrent, output: torrent.dataset.root, by, isV6 });
    await downloads(lab, torrent, ours!);
  });

  interopTest(
    `${need} finds a seed of ours on the local network, ${family}`,
    [need, "netns"],
    async (lab) => {
      const [torrent, [theirs, ours]] = await setup(lab, 2);
      const output = lab.output;
      const job = { host: theirs!, torrent, output, by, isV6, isMagnet: true } as const;
      const client = await start(lab, job);
      const seed = ["seed", torrent.path, torrent.dataset.root];
      startStarling(lab, { host: ours!, by }, seed);
      await arrives(torrent, output, client);
    },
  );
}

interopTest("three hosts of ours, and nobody else, find each other", ["netns"], async (lab) => {
  const [torrent, [first, second, third]] = await setup(lab, 3);
  startStarling(lab, { host: first!, by }, ["seed", torrent.path, torrent.dataset.root]);
  const output = lab.path("second");
  const get = ["get", magnetOf(torrent), "-o", output, "--seed"];
  const getting = startStarling(lab, { host: second!, by }, get);
  await getting.event((event) =>
    event.type === "progress" && event.piecesDone === event.piecesTotal
  );
  await assertSame(torrent.dataset, output);
  await downloads(lab, torrent, third!);
});
