/**
 * Real clients that have one way to find peers and no other, on hosts of their own (hosts.ts) or on this machine.
 *
 * @module
 */

import { join } from "@std/path";
import { aria2Node, startAria2Client } from "./aria2.ts";
import { assertSame } from "./dataset.ts";
import type { Host } from "./hosts.ts";
import type { Lab } from "./lab.ts";
import { Child, output } from "./process.ts";
import { type Need, PYTHON } from "./programs.ts";
import { Run, STARLING } from "./starling.ts";
import { magnetOf, scriptPath, type TorrentFile } from "./torrent.ts";
import { startTransmissionDaemon } from "./transmission.ts";
import { freePort, until } from "./wait.ts";

/** Where every client accepts peers that has a host of its own. */
export const PORT = 6881;

/** A way to find peers; "peer" is to be dialled, and none to find any. */
export type Way = "peer" | "tracker" | "dht" | "pex" | "lsd";

/** What a client is to do. */
export interface Neighbour {
  readonly host: Host;
  readonly torrent: TorrentFile;
  /** Where its data is, or goes; made when it is not there. */
  readonly output: string;
  /** How it finds peers. */
  readonly by: Way;
  /** Where it accepts peers ({@link PORT}). */
  readonly port?: number;
  /** Peers to dial (none), `IP:PORT` each. */
  readonly peers?: readonly string[];
  /** Nodes to start from, `IP:PORT` each. */
  readonly nodes?: readonly string[];
  /** Announce URLs of the magnet link. */
  readonly trackers?: readonly string[];
  /** Bytes per second down. */
  readonly downLimit?: number;
  /** Is given a magnet link instead of the torrent: the bare infohash and `trackers`. */
  readonly isMagnet?: boolean;
  /** Listens on IPv6 instead of IPv4. */
  readonly isV6?: boolean;
  /** Uses local discovery besides. */
  readonly hasLsd?: boolean;
}

/** Starts a client. */
export type StartNeighbour = (lab: Lab, job: Neighbour) => Promise<Child>;

/** A client. */
export interface NeighbourKind {
  readonly need: Need;
  readonly start: StartNeighbour;
}

/** The three whose ways to find peers are tried. */
export const NEIGHBOURS: readonly NeighbourKind[] = [
  { need: "aria2c", start: startAria2 },
  { need: "transmission-daemon", start: startTransmission },
  { need: "libtorrent", start: startLibtorrent },
];

/** libtorrent, but for its DHT (dht.ts). */
export async function startLibtorrent(lab: Lab, job: Neighbour): Promise<Child> {
  await Deno.mkdir(job.output, { recursive: true });
  const { by, port = PORT, host } = job;
  const argv = [...host.prefix, PYTHON, "-W", "ignore", scriptPath("lt_peer.py")];
  argv.push(job.isMagnet ? "--magnet" : "--torrent", sourceOf(job));
  argv.push("--dir", job.output, "--listen", `${job.isV6 ? `[${host.ip6}]` : host.ip}:${port}`);
  if (by === "lsd" || job.hasLsd) argv.push("--lsd");
  if (by === "pex") argv.push("--pex");
  for (const peer of job.peers ?? []) argv.push("--peer", peer);
  if (job.downLimit) argv.push("--down-limit", String(job.downLimit));
  const child = lab.use(Child.start(argv, { stdin: true, endWith: "SIGKILL" }));
  await child.line(/ready/);
  return child;
}

/** aria2. By PEX it tells only of peers that it has dialled itself in the last minute. */
export async function startAria2(lab: Lab, job: Neighbour): Promise<Child> {
  await Deno.mkdir(job.output, { recursive: true });
  const { by, host, port = PORT } = job;
  const options: string[] = [];
  if (by === "dht" || by === "tracker") {
    options.push(...aria2Node(await folderFor(lab, job), port, job.nodes));
  }
  if (by === "lsd" || job.hasLsd) options.push("--bt-enable-lpd", `--bt-lpd-interface=${host.ip}`);
  if (by === "pex") options.push("--enable-peer-exchange");
  if (job.downLimit) options.push(`--max-download-limit=${job.downLimit}`);
  const { prefix } = host;
  const plan = { source: sourceOf(job), output: job.output, port, prefix, options };
  const child = lab.use(startAria2Client(plan));
  await child.line(/IPv4 BitTorrent: listening on TCP port/);
  return child;
}

/**
 * transmission. It dials nobody on loopback and takes nobody there for a node, and wants more than eight nodes to
 * find anybody.
 */
export async function startTransmission(lab: Lab, job: Neighbour): Promise<Child> {
  const { by, host, port = PORT } = job;
  const home = await folderFor(lab, job);
  await Deno.mkdir(job.output, { recursive: true });
  const nodes = (job.nodes ?? []).map((node) => `${node.replace(":", " ")}\n`).join("");
  await Deno.writeTextFile(join(home, "dht.bootstrap"), nodes);
  const rpcPort = freePort();
  const settings = {
    "bind-address-ipv4": host.ip,
    "dht-enabled": by === "dht",
    "download-dir": job.output,
    "lpd-enabled": by === "lsd" || job.hasLsd === true,
    "peer-port": port,
    "pex-enabled": by === "pex",
    "rpc-port": rpcPort,
    "speed-limit-down": (job.downLimit ?? 0) >> 10,
    "speed-limit-down-enabled": job.downLimit !== undefined,
  };
  const child = lab.use(await startTransmissionDaemon(home, settings, host.prefix));
  const add = [...host.prefix, "transmission-remote", `127.0.0.1:${rpcPort}`, "--add"];
  add.push(sourceOf(job));
  await until(() => output(add).then(() => true, () => false), { what: "transmission's RPC" });
  return child;
}

/** starling, with a verb and its arguments. */
export function startStarling(
  lab: Lab,
  job: Pick<Neighbour, "host" | "by" | "peers" | "nodes" | "port"> & {
    /** The name of its cache folder. */
    readonly cache?: string;
  },
  args: readonly string[],
): Run {
  const { host, by, peers = [], nodes = [], port = PORT, cache = `cache-${host.ip}` } = job;
  const all = [...args, "-p", String(port), "--json"];
  if (by !== "tracker") all.push("--no-trackers");
  for (const way of ["dht", "pex", "lsd"]) if (way !== by) all.push(`--no-${way}`);
  for (const peer of peers) all.push("--peer", peer);
  for (const node of nodes) all.push("--dht-node", node);
  return lab.use(
    new Run(all, {
      cache: lab.path(cache),
      command: [...host.prefix, ...STARLING],
      env: { STARLING_NO_LSD: String(by !== "lsd"), STARLING_NO_DHT: String(by !== "dht") },
    }),
  );
}

/** Waits until a client has written all of a torrent; files of its own may lie beside it. */
export async function arrives({ dataset }: TorrentFile, output: string, who: Child): Promise<void> {
  const isThere = () => assertSame(dataset, output, { alone: false }).then(() => true, () => false);
  try {
    await until(isThere, { what: "the download", timeoutMs: 240_000, everyMs: 500 });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${who.tail()}`);
  }
}

/** A folder for what a client keeps. */
async function folderFor(lab: Lab, { host, port = PORT }: Neighbour): Promise<string> {
  const folder = lab.path(`home-${host.ip}-${port}`);
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}

function sourceOf({ torrent, isMagnet, trackers }: Neighbour): string {
  return isMagnet ? magnetOf(torrent, trackers) : torrent.path;
}
