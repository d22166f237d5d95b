/**
 * Local service discovery (BEP 14) beside that of aria2, transmission and libtorrent, between hosts that are told of
 * nothing else: found by its announce, and finding by ours. Whoever looks has a bare infohash.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { assertSame, type DatasetSpec, KIB, MIB } from "./support/dataset.ts";
import { type Host, Hosts } from "./support/hosts.ts";
import { interopGroup, interopTest, type Lab } from "./support/lab.ts";
import { arrives, NEIGHBOURS, startStarling } from "./support/neighbours.ts";
import { output } from "./support/process.ts";
import type { Run, RunEvent } from "./support/starling.ts";
import { magnetOf, type TorrentFile } from "./support/torrent.ts";
import { until } from "./support/wait.ts";

const DATA: DatasetSpec = { name: "data.bin", bytes: 3 * MIB + 77, seed: 14 };
const by = "lsd";
/** Where we accept peers, since both can be on one host. */
const OURS = 6882;

/** transmission takes nobody on loopback for a peer, and only libtorrent's can be switched to IPv6. */
const CASES = NEIGHBOURS.flatMap((kind) => {
  const networks = ["IPv4"];
  if (kind.need !== "transmission-daemon") networks.push("IPv4 on loopback");
  if (kind.need === "libtorrent") networks.push("IPv6");
  return networks.map((network) => ({ ...kind, network }));
});

async function setup(lab: Lab, network: string): Promise<[TorrentFile, readonly Host[]]> {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  const isCable = network !== "IPv4 on loopback";
  const { all } = lab.use(isCable ? await Hosts.make(3) : await Hosts.alone());
  return [torrent, isCable ? all : [all[0]!, all[0]!]];
}

function startGet(lab: Lab, torrent: TorrentFile, host: Host): Run {
  return startStarling(lab, { host, by, port: OURS }, ["get", magnetOf(torrent), "-o", lab.output]);
}

async function downloads(lab: Lab, { dataset }: TorrentFile, getting: Run): Promise<void> {
  const result = await getting.result();
  assertEquals(result.code, 0, result.tail);
  await assertSame(dataset, lab.output);
}

/**
 * Waits until a program of ours hears the group of IPv4. One whose runtime cannot, that of older executables, says
 * so once and goes on: then it is not to be found that others are heard.
 */
async function hears(run: Run, host: Host): Promise<boolean> {
  const isOfIt = ({ type, message }: RunEvent) =>
    type === "warning" && String(message).endsWith("but it does not hear of them");
  await until(async () => {
    if (run.events.some(isOfIt)) return true;
    // 239.192.152.143 as Linux writes it.
    return (await output([...host.prefix, "cat", "/proc/net/igmp"])).includes("8F98C0EF");
  }, { what: `a member of the group at ${host.ip}` });
  const told = run.events.filter(isOfIt).length;
  assert(told <= 1, `${told} warnings`);
  return told === 0;
}

interopGroup(
  "local service discovery",
  CASES.flatMap(({ need, start, network }) => {
    const isV6 = network === "IPv6";
    return [{
      name: `get finds ${need} on the local network, ${network}`,
      needs: [need, "netns"],
      fn: async (lab) => {
        const [torrent, [theirs, ours]] = await setup(lab, network);
        const job = { host: theirs!, torrent, output: torrent.dataset.root, by, isV6 } as const;
        // As a seed it dials nobody, and it announces itself once in five minutes.
        const isShy = need === "aria2c";
        if (!isShy) await start(lab, job);
        const getting = startGet(lab, torrent, ours!);
        if (isShy && !await hears(getting, ours!)) return;
        if (isShy) await start(lab, job);
        await downloads(lab, torrent, getting);
      },
    }, {
      name: `${need} finds a seed of ours on the local network, ${network}`,
      needs: [need, "netns"],
      fn: async (lab) => {
        const [torrent, [theirs, ours]] = await setup(lab, network);
        const output = lab.output;
        const job = { host: theirs!, torrent, output, by, isV6, isMagnet: true } as const;
        const client = await start(lab, job);
        const seed = ["seed", torrent.path, torrent.dataset.root];
        startStarling(lab, { host: ours!, by, port: OURS }, seed);
        await arrives(torrent, output, client);
      },
    }];
  }),
);

interopTest("three hosts of ours, and nobody else, find each other", ["netns"], async (lab) => {
  const [torrent, [first, second, third]] = await setup(lab, "IPv4");
  const seed = ["seed", torrent.path, torrent.dataset.root];
  if (!await hears(startStarling(lab, { host: first!, by }, seed), first!)) return;
  const output = lab.path("second");
  const get = ["get", magnetOf(torrent), "-o", output, "--seed"];
  const getting = startStarling(lab, { host: second!, by }, get);
  await getting.event((event) =>
    event.type === "progress" && event.piecesDone === event.piecesTotal
  );
  await assertSame(torrent.dataset, output);
  await downloads(lab, torrent, startGet(lab, torrent, third!));
});

interopTest("--lsd-interface finds who is there, and nobody else", ["netns"], async (lab) => {
  const torrent = await lab.make(DATA, { pieceBytes: 64 * KIB });
  const hosts = lab.use(await Hosts.make(3));
  const [ours, other, near] = hosts.all as [Host, Host, Host];
  const [here, there] = await hosts.connect(ours, near);
  const log = lab.path("log");
  const getting = startStarling(lab, { host: ours, by, port: OURS }, [
    ...["get", magnetOf(torrent), "-o", lab.output, "--log-file", log, "--lsd-interface", here],
  ]);
  if (!await hears(getting, ours)) return;
  const groups = await output([...ours.prefix, "cat", "/proc/net/igmp"]);
  const members = groups.split(/^(?=\d)/m).filter((text) => text.includes("8F98C0EF"));
  assertEquals(members.map((text) => text.split(/\s+/)[1]), ["eth1"]);

  const seed = ["seed", torrent.path, torrent.dataset.root];
  await hears(startStarling(lab, { host: other, by }, seed), other);
  startStarling(lab, { host: near, by }, [...seed, "--lsd-interface", "eth1"]);
  await downloads(lab, torrent, getting);
  const said = await Deno.readTextFile(log);
  assert(said.includes(`${there}:`) && !said.includes(`${other.ip}:`), said);
});
