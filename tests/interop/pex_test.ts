/**
 * Peer exchange (BEP 11) beside that of aria2, transmission and libtorrent: a seed that only the one in the middle
 * knows is learned of, and ours in the middle tells the others of it.
 *
 * Whoever is in the middle loads slowly, so that what arrives has come from the seed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { type Host, Hosts } from "./support/hosts.ts";
import { interopGroup, interopTest, type Lab } from "./support/lab.ts";
import {
  arrives,
  type NeighbourKind,
  NEIGHBOURS,
  PORT,
  startLibtorrent,
  startStarling,
} from "./support/neighbours.ts";
import { magnetOf, type TorrentFile } from "./support/torrent.ts";
import { until } from "./support/wait.ts";

const DATA: DatasetSpec = { name: "data.bin", bytes: 8 * MIB + 99, seed: 11 };
const by = "pex";
const SLOW = 20 * KIB;

async function setup(lab: Lab): Promise<[TorrentFile, readonly Host[]]> {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  return [torrent, lab.use(await Hosts.make(4)).all];
}

const at = (host: Host) => `${host.ip}:${PORT}`;

interopGroup(
  "peer exchange",
  NEIGHBOURS.flatMap((kind) => [
    {
      name: `get learns of a seed from ${kind.need}`,
      needs: [kind.need, "libtorrent", "netns"],
      fn: (lab) => learns(lab, kind),
    },
    {
      name: `${kind.need} learns of a seed from ours`,
      needs: [kind.need, "libtorrent", "netns"],
      fn: (lab) => tells(lab, kind),
    },
  ]),
);

/** They are in the middle. */
async function learns(lab: Lab, { need, start }: NeighbourKind): Promise<void> {
  const [torrent, [seed, middle, ours, spare]] = await setup(lab);
  // aria2 tells of nobody who has dialled it, but dials whom it hears of.
  const hasLsd = need === "aria2c";
  const output = lab.path("middle");
  await start(lab, { host: middle!, torrent, output, by, downLimit: SLOW, hasLsd });
  const peers = [at(middle!)];
  const get = ["get", magnetOf(torrent), "-o", lab.output];
  const getting = startStarling(lab, { host: ours!, by, peers }, get);
  if (hasLsd) await getting.event((event) => Number(event.peers) > 0);
  const root = torrent.dataset.root;
  const job = { host: seed!, torrent, output: root, by, hasLsd } as const;
  await startLibtorrent(lab, hasLsd ? job : { ...job, peers });
  // Once a minute it tells of those it dialled in the last one, and it may just miss somebody.
  const isDone = () => getting.events.some(({ type }) => type === "done");
  if (hasLsd) {
    await until(isDone, { what: "the end of the download", timeoutMs: 100_000 })
      .catch(() => startLibtorrent(lab, { ...job, host: spare! }));
  }
  const result = await getting.result(200_000);
  assertEquals(result.code, 0, result.tail);
  await assertSame(torrent.dataset, lab.output);
}

/** We are in the middle. */
async function tells(lab: Lab, { start }: NeighbourKind): Promise<void> {
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
