/**
 * Real clients that download a torrent into a folder: aria2, transmission, libtorrent, rtorrent and
 * qBittorrent. They find the seed through the tracker that the torrent names, and nowhere else.
 *
 * Each is at work when its function returns; what it has done is seen by its files. Disposing ends it.
 *
 * @module
 */

import { join } from "@std/path";
import { aria2Node, startAria2Client } from "./aria2.ts";
import { Child } from "./process.ts";
import { type Need, PYTHON } from "./programs.ts";
import { scriptPath, type TorrentFile } from "./torrent.ts";
import { startTransmissionDaemon } from "./transmission.ts";
import { freePort } from "./wait.ts";

/** A client and what it needs to be told. */
export interface LeechKind {
  /** The program. */
  readonly need: Need;
  /** Announces over these. */
  readonly schemes: readonly ("http" | "udp")[];
  /** It never dials an address of loopback, so it must be there before the seed, who then dials it. */
  readonly mustBeDialled: boolean;
  /** Starts it; `home` is an empty folder for its settings, `output` where the files go. */
  readonly start: (torrent: TorrentFile, home: string, output: string) => Promise<Child>;
}

/** All of them. */
export const LEECHES: readonly LeechKind[] = [
  { need: "aria2c", schemes: ["http", "udp"], mustBeDialled: false, start: startAria2 },
  {
    need: "transmission-daemon",
    schemes: ["http", "udp"],
    mustBeDialled: true,
    start: startTransmission,
  },
  { need: "libtorrent", schemes: ["http", "udp"], mustBeDialled: false, start: startLibtorrent },
  { need: "rtorrent", schemes: ["http", "udp"], mustBeDialled: false, start: startRtorrent },
  {
    need: "qbittorrent-nox",
    schemes: ["http", "udp"],
    mustBeDialled: false,
    start: startQbittorrent,
  },
];

function startAria2({ path }: TorrentFile, home: string, output: string): Promise<Child> {
  const port = freePort();
  const options = aria2Node(home, port);
  return Promise.resolve(startAria2Client({ source: path, output, port, options }));
}

async function startTransmission(
  torrent: TorrentFile,
  home: string,
  output: string,
): Promise<Child> {
  const watched = join(home, "watched");
  await Deno.mkdir(watched);
  await Deno.copyFile(torrent.path, join(watched, "t.torrent"));
  return await startTransmissionDaemon(home, {
    "bind-address-ipv4": "127.0.0.1",
    "download-dir": output,
    "peer-port": freePort(),
    "rpc-enabled": false,
    "watch-dir": watched,
    "watch-dir-enabled": true,
  });
}

async function startLibtorrent(
  torrent: TorrentFile,
  _home: string,
  output: string,
): Promise<Child> {
  const argv = [PYTHON, scriptPath("lt_peer.py"), "--torrent", torrent.path, "--dir", output];
  argv.push("--listen", "127.0.0.1:0", "--pex");
  const child = Child.start(argv, { stdin: true, endWith: "SIGKILL" });
  await child.line(/ready/);
  return child;
}

async function startRtorrent(torrent: TorrentFile, home: string, output: string): Promise<Child> {
  const session = join(home, "session");
  await Deno.mkdir(session);
  const port = freePort();
  const rules = [
    "system.daemon.set = true",
    "network.bind_address.set = 127.0.0.1",
    `network.port_range.set = ${port}-${port}`,
    "network.port_random.set = no",
    "dht.mode.set = disable",
    "protocol.pex.set = no",
    `directory.default.set = ${output}`,
    `session.path.set = ${session}`,
    `schedule2 = load,0,0,((load.start,"${torrent.path}"))`,
    "",
  ];
  const file = join(home, "rc");
  await Deno.writeTextFile(file, rules.join("\n"));
  return Child.start(["rtorrent", "-n", "-o", `import=${file}`], {
    env: { ...Deno.env.toObject(), HOME: home, TERM: "xterm" },
    endWith: "SIGKILL",
  });
}

async function startQbittorrent(
  torrent: TorrentFile,
  home: string,
  output: string,
): Promise<Child> {
  const folder = join(home, "qBittorrent", "config");
  await Deno.mkdir(folder, { recursive: true });
  const session = {
    DHTEnabled: false,
    LSDEnabled: false,
    PeXEnabled: false,
    BTProtocol: "TCP",
    Port: freePort(),
    Interface: "lo",
    InterfaceName: "lo",
    InterfaceAddress: "127.0.0.1",
    // The tracker is on loopback.
    SSRFMitigation: false,
    DefaultSavePath: output,
    QueueingSystemEnabled: false,
  };
  const rules = [
    "[LegalNotice]",
    "Accepted=true",
    "[Network]",
    "PortForwardingEnabled=false",
    "[BitTorrent]",
    ...Object.entries(session).map(([name, value]) => `Session\\${name}=${value}`),
    "[Preferences]",
    "WebUI\\Address=127.0.0.1",
    `WebUI\\Port=${freePort()}`,
    "WebUI\\UseUPnP=false",
    "",
  ];
  await Deno.writeTextFile(join(folder, "qBittorrent.conf"), rules.join("\n"));
  const argv = ["qbittorrent-nox", `--profile=${home}`, "--skip-dialog=true"];
  return Child.start([...argv, `--save-path=${output}`, torrent.path], {
    env: { ...Deno.env.toObject(), HOME: home },
    endWith: "SIGKILL",
  });
}
