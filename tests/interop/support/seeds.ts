/**
 * Real clients that seed a torrent on 127.0.0.1: aria2, transmission and libtorrent.
 *
 * Each is ready when its function returns: its data is checked and its port is open. They talk to
 * nobody but the tracker in the torrent and the peers that dial them. Disposing ends them.
 *
 * @module
 */

import { join } from "@std/path";
import { startAria2Client } from "./aria2.ts";
import { Child } from "./process.ts";
import { PYTHON } from "./programs.ts";
import { scriptPath, type TorrentFile } from "./torrent.ts";
import { startTransmissionDaemon } from "./transmission.ts";
import { onFreePort, until } from "./wait.ts";

/** A running seed. */
export interface Seed extends AsyncDisposable {
  /** Where it accepts peers, as `HOST:PORT`. */
  readonly address: string;
}

/** A seed that counts what it sent. */
export interface CountingSeed extends Seed {
  /** Payload bytes sent so far. */
  uploaded(): Promise<number>;
}

/** Seeds with aria2c. */
export function startAria2(torrent: TorrentFile): Promise<Seed> {
  return onFreePort(async (port) => {
    const { path: source, dataset } = torrent;
    const child = startAria2Client({ source, output: dataset.root, port });
    return await readyOrGone(child, port, async () => {
      await child.line(/Verification finished successfully/);
      await child.line(/IPv4 BitTorrent: listening on TCP port/);
    });
  });
}

/** Seeds with libtorrent. */
export async function startLibtorrent(
  torrent: TorrentFile,
  options: { unchecked?: boolean; fast?: boolean; upLimit?: number } = {},
): Promise<CountingSeed> {
  const argv = [PYTHON, scriptPath("lt_seed.py")];
  argv.push("--torrent", torrent.path, "--dir", torrent.dataset.root);
  if (options.unchecked) argv.push("--unchecked");
  if (options.fast) argv.push("--fast");
  if (options.upLimit !== undefined) argv.push("--up-limit", String(options.upLimit));
  const child = Child.start(argv, { stdin: true, endWith: "SIGKILL" });
  const { port } = await readyOrGone(child, 0, async () => {
    const ready = await child.line(/"ready": true, "port": (\d+)/, { timeoutMs: 120_000 });
    return { port: Number(ready[1]) };
  });
  return {
    address: `127.0.0.1:${port}`,
    async uploaded() {
      const seen = child.stdout.lines.length;
      await child.send("?");
      return await until(() => {
        const answer = child.stdout.lines[seen]?.match(/"uploaded": (\d+)/);
        return answer ? Number(answer[1]) : undefined;
      }, { what: "the counters of libtorrent" });
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Seeds with transmission-daemon; `home` is an empty folder for its settings. */
export async function startTransmission(torrent: TorrentFile, home: string): Promise<Seed> {
  let tries = 0;
  return await onFreePort((port) => {
    const folder = join(home, String(tries++));
    return onFreePort((rpcPort) => transmissionOn({ torrent, folder, port, rpcPort }));
  });
}

interface TransmissionPlan {
  readonly torrent: TorrentFile;
  readonly folder: string;
  readonly port: number;
  readonly rpcPort: number;
}

async function transmissionOn(plan: TransmissionPlan): Promise<Seed> {
  const { torrent, folder, port, rpcPort } = plan;
  const child = await startTransmissionDaemon(folder, {
    "peer-port": port,
    "bind-address-ipv4": "127.0.0.1",
    "rpc-port": rpcPort,
    "download-dir": torrent.dataset.root,
  });
  return await readyOrGone(child, port, async () => {
    const rpc = new TransmissionRpc(`http://127.0.0.1:${rpcPort}/transmission/rpc`);
    await until(() => child.ended ? undefined : rpc.isUp(), { what: "transmission's RPC" });
    const metainfo = (await Deno.readFile(torrent.path)).toBase64();
    await rpc.call("torrent-add", { metainfo, "download-dir": torrent.dataset.root });
    await until(async () => {
      const answer = await rpc.call("torrent-get", { fields: ["status", "percentDone"] });
      const [state] = answer.torrents as { status: number; percentDone: number }[];
      return state?.status === SEEDING && state.percentDone === 1;
    }, { what: "transmission seeding", timeoutMs: 60_000 });
    await until(() => isOpen(port), { what: "transmission's peer port" });
  });
}

/** `TR_STATUS_SEED`. */
const SEEDING = 6;

class TransmissionRpc {
  readonly #url: string;
  #session = "";

  constructor(url: string) {
    this.#url = url;
  }

  async isUp(): Promise<boolean> {
    try {
      await this.call("session-get", {});
      return true;
    } catch (error) {
      if (error instanceof TypeError) return false;
      throw error;
    }
  }

  async call(method: string, args: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(this.#url, {
      method: "POST",
      headers: { "X-Transmission-Session-Id": this.#session },
      body: JSON.stringify({ method, arguments: args }),
    });
    const text = await response.text();
    if (response.status === 409) {
      this.#session = response.headers.get("X-Transmission-Session-Id") ?? "";
      return await this.call(method, args);
    }
    const answer = JSON.parse(text);
    if (answer.result !== "success") throw new Error(`Cannot ${method}: ${answer.result}`);
    return answer.arguments;
  }
}

async function isOpen(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}

/** Waits until a child is ready; ends it when it does not get there. */
async function readyOrGone<T extends object>(
  child: Child,
  port: number,
  ready: () => Promise<T | void>,
): Promise<Seed & T> {
  try {
    const extra = await ready();
    return {
      address: `127.0.0.1:${port}`,
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
      ...extra,
    } as Seed & T;
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
