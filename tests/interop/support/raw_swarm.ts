/**
 * Many scripted peers, each on a port of its own, in this process; with a count of the sockets that
 * the program under test has open to them.
 *
 * @module
 */

import { type Manner, type Payload, playPeer } from "./raw_peer.ts";
import type { TorrentFile } from "./torrent.ts";

/** Who is in a swarm. */
export interface SwarmSpec {
  /** The manner of each peer. */
  readonly manners: readonly Manner[];
  /** Bytes a second each peer gives at the most (unlimited). */
  readonly bytesPerSecond?: number;
}

/** Scripted peers that are listening. */
export class RawSwarm implements AsyncDisposable {
  /** Most sockets that were open to the swarm at once. */
  peak = 0;
  /** Connections accepted in all. */
  accepted = 0;
  /** Payload bytes given in all. */
  served = 0;
  readonly #listeners: Deno.TcpListener[];
  readonly #ports: ReadonlySet<number>;
  readonly #open = new Set<Deno.Conn>();
  readonly #loops: Promise<void>[];

  /** @param payload what the peers give. */
  constructor(payload: Payload, spec: SwarmSpec) {
    const { bytesPerSecond } = spec;
    this.#listeners = spec.manners.map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    this.#ports = new Set(this.ports);
    this.#loops = this.#listeners.map((listener, at) =>
      this.#accept(listener, (connection) =>
        playPeer({
          connection,
          payload,
          manner: spec.manners[at]!,
          onBlock: (bytes) => this.served += bytes,
          ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
        }))
    );
  }

  /** The ports, in the order of the manners. */
  get ports(): number[] {
    return this.#listeners.map((listener) => listener.addr.port);
  }

  /** The addresses as `HOST:PORT`, in the order of the manners. */
  get addresses(): string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`);
  }

  /** Hangs up on everybody. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#loops);
  }

  async #accept(
    listener: Deno.TcpListener,
    play: (connection: Deno.Conn) => Promise<void>,
  ): Promise<void> {
    const playing = new Set<Promise<void>>();
    try {
      for (;;) {
        const connection = await listener.accept();
        this.accepted++;
        this.#open.add(connection);
        this.#count();
        const played: Promise<void> = play(connection).finally(() => {
          this.#open.delete(connection);
          close(connection);
          playing.delete(played);
        });
        playing.add(played);
      }
    } catch {
      // The listener was closed.
    }
    await Promise.all(playing);
  }

  /**
   * Our own count may lag: an end of stream can be waiting to be read when the next connection is
   * accepted already. So a new peak is believed only as far as the kernel confirms it.
   */
  #count(): void {
    if (this.#open.size > this.peak) {
      this.peak = Math.max(this.peak, Math.min(this.#open.size, socketsTo(this.#ports)));
    }
  }
}

/** Reads a torrent's content for scripted peers. */
export async function payloadOf(torrent: TorrentFile): Promise<Payload> {
  const { dataset } = torrent;
  const bytes = new Uint8Array(dataset.totalBytes);
  const paths = dataset.files.length === 0
    ? [`${dataset.root}/${dataset.name}`]
    : dataset.files.map((file) => `${dataset.root}/${dataset.name}/${file.path}`);
  let at = 0;
  for (const path of paths) {
    const content = await Deno.readFile(path);
    bytes.set(content, at);
    at += content.length;
  }
  return { bytes, pieceBytes: torrent.pieceBytes, infoHash: Uint8Array.fromHex(torrent.infoHash) };
}

/** States of a socket that its program has not closed yet: established, dialling, close-wait. */
const HELD = new Set(["01", "02", "08"]);

/** Sockets of this machine whose far end is one of these ports of 127.0.0.1; no bound without /proc. */
function socketsTo(ports: ReadonlySet<number>): number {
  let count = 0;
  let isKnown = false;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of linesOf(table)) {
      isKnown = true;
      const [, , remote, state] = line.trim().split(/\s+/);
      if (remote === undefined || state === undefined || !HELD.has(state)) continue;
      const [host, port] = remote.split(":");
      if (host?.endsWith("0100007F") && ports.has(parseInt(port ?? "", 16))) count++;
    }
  }
  return isKnown ? count : Infinity;
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(1);
  } catch {
    return [];
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed before.
  }
}
