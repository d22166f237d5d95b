/**
 * Peer exchange (BEP 11) beside libtorrent's and transmission's: a seed that only the one in the middle
 * knows is learned of, and ours in the middle tells the others of it.
 *
 * Whoever is in the middle loads slowly, so that what arrives has come from the seed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { type Host, Hosts } from "./support/hosts.ts";
import { interopTest, type Lab } from "./support/lab.ts";
import {
  arrives,
  magnetOf,
  PORT,
  startLibtorrent,
  type StartNeighbour,
  startStarling,
  startTransmission,
} from "./support/neighbours.ts";
import type { Need } from "./support/programs.ts";
import type { TorrentFile } from "./support/torrent.ts";

const DATA: DatasetSpec = { name: "data.bin", bytes: 8 * MIB + 99, seed: 11 };
const by = "pex";
const SLOW = 20 * KIB;

const CLIENTS: readonly { need: Need; start: StartNeighbour }[] = [
  { need: "libtorrent", start: startLibtorrent },
  { need: "transmission-daemon", start: startTransmission },
];

async function setup(lab: Lab): Promise<[TorrentFile, readonly Host[]]> {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  return [torrent, lab.use(await Hosts.make(3)).all];
}

const at = (host: Host) => `${host.ip}:${PORT}`;

for (const { need, start } of CLIENTS) {
  interopTest(
    `get learns of a seed from ${need}`,
    [need, "libtorrent", "netns"],
    async (lab) => {
      const [torrent, [seed, middle, ours]] = await setup(lab);
      const output = lab.path("middle");
      await start(lab, { host: middle!, torrent, output, by, downLimit: SLOW });
      const peers = [at(middle!)];
      const root = torrent.dataset.root;
      await startLibtorrent(lab, { host: seed!, torrent, output: root, by, peers });
      const get = ["get", magnetOf(torrent), "-o", lab.output];
      const result = await startStarling(lab, { host: ours!, by, peers }, get).result(200_000);
      assertEquals(result.code, 0, result.tail);
      await assertSame(torrent.dataset, lab.output);
    },
  );

  interopTest(
    `${need} learns of a seed from ours`,
    [need, "libtorrent", "netns"],
    async (lab) => {
      const [torrent, [seed, middle, theirs]] = await setup(lab);
      const root = torrent.dataset.root;
      await startLibtorrent(lab, { host: seed!, torrent, output: root, by });
      const output = lab.output;
      const isMagnet = true;
      const client = await start(lab, { host: theirs!, torrent, output, by, isMagnet });
      const peers = [at(seed!), at(theirs!)];
      const get = ["get", torrent.path, "-o", lab.path("middle")];
      get.push("--down-limit", String(SLOW), "--up-limit", "10K");
      const getting = startStarling(lab, { host: middle!, by, peers }, get);
      await arrives(torrent, output, client);
      const last = getting.events.findLast((event) => event.type === "progress");
      assert(Number(last?.bytesUploaded) < MIB, `${last?.bytesUploaded} from the middle`);
    },
  );
}

interopTest("a third of ours learns of a seed from a second", ["netns"], async (lab) => {
  const [torrent, [seed, middle, last]] = await setup(lab);
  startStarling(lab, { host: seed!, by }, ["seed", torrent.path, torrent.dataset.root]);
  const slow = ["get", torrent.path, "-o", lab.path("middle"), "--down-limit", String(SLOW)];
  startStarling(lab, { host: middle!, by, peers: [at(seed!)] }, slow);
  const get = ["get", magnetOf(torrent), "-o", lab.output];
  const peers = [at(middle!)];
  const result = await startStarling(lab, { host: last!, by, peers }, get).result(120_000);
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
});
