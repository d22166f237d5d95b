/**
 * Real clients on hosts of their own (hosts.ts) that find peers by PEX or local discovery alone.
 *
 * @module
 */

import { join } from "@std/path";
import type { Host } from "./hosts.ts";
import type { Lab } from "./lab.ts";
import { assertSame } from "./dataset.ts";
import { Child, output } from "./process.ts";
import { PYTHON } from "./programs.ts";
import { Run, STARLING } from "./starling.ts";
import { scriptPath, type TorrentFile } from "./torrent.ts";
import { until } from "./wait.ts";

/** Where every client of these tests accepts peers. */
export const PORT = 6881;

/** What a client is to do. */
export interface Neighbour {
  readonly host: Host;
  readonly torrent: TorrentFile;
  /** Where its data is, or goes; made when it is not there. */
  readonly output: string;
  /** The one way to find peers. */
  readonly by: "lsd" | "pex";
  /** Peers to dial (none), `IP:PORT` each. */
  readonly peers?: readonly string[];
  /** Bytes per second down. */
  readonly downLimit?: number;
  /** Is given the bare infohash instead of the torrent. */
  readonly isMagnet?: boolean;
  /** Listens on IPv6 instead of IPv4. */
  readonly isV6?: boolean;
}

/** Starts a client. */
export type StartNeighbour = (lab: Lab, job: Neighbour) => Promise<Child>;

/** libtorrent. */
export async function startLibtorrent(lab: Lab, job: Neighbour): Promise<Child> {
  await Deno.mkdir(job.output, { recursive: true });
  const ip = job.isV6 ? `[${job.host.ip6}]` : job.host.ip;
  const argv = [...job.host.prefix, PYTHON, scriptPath("lt_peer.py")];
  if (job.isMagnet) argv.push("--magnet", magnetOf(job.torrent));
  else argv.push("--torrent", job.torrent.path);
  argv.push("--dir", job.output, "--listen", `${ip}:${PORT}`);
  argv.push(`--${job.by}`);
  for (const peer of job.peers ?? []) argv.push("--peer", peer);
  if (job.downLimit) argv.push("--down-limit", String(job.downLimit));
  const child = lab.use(Child.start(argv, { stdin: true, endWith: "SIGKILL" }));
  await child.line(/ready/);
  return child;
}

/** transmission; it dials nobody whom it is not told of by its one source. */
export async function startTransmission(lab: Lab, job: Neighbour): Promise<Child> {
  const home = lab.path(`transmission-${job.host.ip}`);
  await Deno.mkdir(home, { recursive: true });
  await Deno.mkdir(job.output, { recursive: true });
  const settings = {
    "bind-address-ipv4": job.host.ip,
    "blocklist-enabled": false,
    "dht-enabled": false,
    "download-dir": job.output,
    "lpd-enabled": job.by === "lsd",
    "message-level": 3,
    "peer-port": PORT,
    "pex-enabled": job.by === "pex",
    "port-forwarding-enabled": false,
    "rpc-authentication-required": false,
    "rpc-bind-address": "127.0.0.1",
    "rpc-whitelist-enabled": false,
    "speed-limit-down": (job.downLimit ?? 0) >> 10,
    "speed-limit-down-enabled": job.downLimit !== undefined,
    "utp-enabled": false,
    "watch-dir-enabled": false,
  };
  await Deno.writeTextFile(join(home, "settings.json"), JSON.stringify(settings));
  const argv = [...job.host.prefix, "transmission-daemon", "--foreground", "--config-dir", home];
  const child = lab.use(Child.start(argv, { endWith: "SIGKILL" }));
  // Its port is on the loopback of that host, where nobody else has one.
  const add = [...job.host.prefix, "transmission-remote", "127.0.0.1:9091", "--add"];
  add.push(job.isMagnet ? magnetOf(job.torrent) : job.torrent.path);
  await until(() => output(add).then(() => true, () => false), { what: "transmission's RPC" });
  return child;
}

/** starling, with a verb and its arguments. */
export function startStarling(
  lab: Lab,
  job: Pick<Neighbour, "host" | "by" | "peers">,
  args: readonly string[],
): Run {
  const { host, by, peers = [] } = job;
  const all = [...args, "-p", String(PORT), "--no-trackers", "--no-dht", "--json"];
  all.push(by === "lsd" ? "--no-pex" : "--no-lsd");
  for (const peer of peers) all.push("--peer", peer);
  return lab.use(
    new Run(all, {
      cache: lab.path(`cache-${host.ip}`),
      command: [...host.prefix, ...STARLING],
      env: { STARLING_NO_LSD: "false" },
    }),
  );
}

/** The bare infohash as a link. */
export function magnetOf({ infoHash }: TorrentFile): string {
  return `magnet:?xt=urn:btih:${infoHash}`;
}

/** Waits until a client has written all of a torrent. */
export async function arrives({ dataset }: TorrentFile, output: string, who: Child): Promise<void> {
  const isThere = () => assertSame(dataset, output).then(() => true, () => false);
  try {
    await until(isThere, { what: "the download", timeoutMs: 240_000, everyMs: 500 });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${who.tail()}`);
  }
}
