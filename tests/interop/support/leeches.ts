/**
 * Real clients that download a torrent into a folder: aria2, transmission, libtorrent, rtorrent and
 * qBittorrent. They find the seed through the tracker that the torrent names, and nowhere else.
 *
 * Each is at work when its function returns; what it has done is seen by its files. Disposing ends it.
 *
 * @module
 */

import { join } from "@std/path";
import { Child } from "./process.ts";
import { type Need, PYTHON } from "./programs.ts";
import { scriptPath, type TorrentFile } from "./torrent.ts";
import { freePort, until } from "./wait.ts";

/** A client and what it needs to be told. */
export interface LeechKind {
  /** The program. */
  readonly need: Need;
  /** Announces over these. */
  readonly schemes: readonly ("http" | "udp")[];
  /** It never dials an address of loopback, so it must be there before the seed, who then dials it. */
  readonly mustBeDialled: boolean;
  /** Starts it, from a torrent file or from a magnet link in the place of its path; `home` is an empty folder for its settings, `output` where the files go. */
  readonly start: (torrent: TorrentFile, home: string, output: string) => Promise<Child>;
}

/** All of them. */
export const LEECHES: readonly LeechKind[] = [
  // Its UDP trackers need its DHT, which would look for peers elsewhere.
  { need: "aria2c", schemes: ["http"], mustBeDialled: false, start: startAria2 },
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

function startAria2(torrent: TorrentFile, _home: string, output: string): Promise<Child> {
  const options = [
    "--no-conf",
    "--enable-color=false",
    "--disable-ipv6",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--enable-peer-exchange=false",
    "--file-allocation=none",
    "--seed-ratio=0.0",
    `--listen-port=${freePort()}`,
    `--dir=${output}`,
  ];
  return Promise.resolve(Child.start(["aria2c", ...options, torrent.path], { endWith: "SIGKILL" }));
}

async function startTransmission(
  torrent: TorrentFile,
  home: string,
  output: string,
): Promise<Child> {
  const watched = join(home, "watched");
  await Deno.mkdir(watched);
  const rpcPort = freePort();
  const settings = {
    "bind-address-ipv4": "127.0.0.1",
    "blocklist-enabled": false,
    "dht-enabled": false,
    "download-dir": output,
    "lpd-enabled": false,
    "peer-port": freePort(),
    "pex-enabled": false,
    "port-forwarding-enabled": false,
    "rpc-enabled": isMagnet(torrent),
    "rpc-port": rpcPort,
    "rpc-bind-address": "127.0.0.1",
    "rpc-authentication-required": false,
    "utp-enabled": false,
    "watch-dir": watched,
    "watch-dir-enabled": true,
  };
  await Deno.writeTextFile(join(home, "settings.json"), JSON.stringify(settings));
  if (!isMagnet(torrent)) await Deno.copyFile(torrent.path, join(watched, "t.torrent"));
  const child = Child.start(["transmission-daemon", "--foreground", "--config-dir", home], {
    endWith: "SIGKILL",
  });
  // Its watched folder takes files only.
  if (isMagnet(torrent)) await addByRpc(rpcPort, torrent.path);
  return child;
}

async function addByRpc(port: number, filename: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/transmission/rpc`;
  const body = JSON.stringify({ method: "torrent-add", arguments: { filename } });
  let id = "";
  await until(async () => {
    const headers = { "X-Transmission-Session-Id": id };
    const response = await fetch(url, { method: "POST", headers, body }).catch(() => undefined);
    id = response?.headers.get("X-Transmission-Session-Id") ?? id;
    await response?.body?.cancel();
    return response?.status === 200;
  }, { what: "the RPC of transmission" });
}

/** Whether a magnet link stands in the place of the path. */
function isMagnet({ path }: TorrentFile): boolean {
  return path.startsWith("magnet:");
}

async function startLibtorrent(
  torrent: TorrentFile,
  _home: string,
  output: string,
): Promise<Child> {
  const argv = [PYTHON, scriptPath("lt_get.py"), "--torrent", torrent.path, "--dir", output];
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
