/**
 * Real DHTs that nobody else is in: nodes of libtorrent.
 *
 * @module
 */

import { Child } from "./process.ts";
import { PYTHON } from "./programs.ts";
import { scriptPath } from "./torrent.ts";
import { until } from "./wait.ts";

/** How a {@link LtDht} stands. */
export interface LtStats {
  /** How many nodes each node knows. */
  readonly known: readonly number[];
  /** How much of the torrent is there, 0 to 1. */
  readonly done: number;
  /** Payload bytes given. */
  readonly uploaded: number;
}

/** Nodes of libtorrent that know each other. The last of them can look for peers, and give or fetch a torrent. */
export class LtDht implements AsyncDisposable {
  /** Where they are: `IP:PORT` each. */
  readonly nodes: readonly string[];
  readonly #child: Child;

  private constructor(child: Child, nodes: readonly string[]) {
    this.#child = child;
    this.nodes = nodes;
  }

  /** Starts one node at each address. */
  static async start(ips: readonly string[], prefix: readonly string[] = []): Promise<LtDht> {
    const argv = [...prefix, PYTHON, "-W", "ignore", scriptPath("lt_dht.py")];
    for (const ip of ips) argv.push("--host", ip);
    const child = Child.start(argv, { stdin: true, endWith: "SIGKILL" });
    try {
      const [line] = await child.line(/^.*"ready": true.*$/, { timeoutMs: 90_000 });
      return new LtDht(child, JSON.parse(line).nodes);
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Adds a torrent, found by the DHT alone; its data is in, or goes into, a folder. */
  async add(torrent: string, folder: string): Promise<void> {
    await this.#ask(`add\t${torrent}\t${folder}`);
  }

  /** The peers of a torrent (infohash in hex) that the last node finds, `IP:PORT` each. */
  async find(infoHash: string): Promise<string[]> {
    return (await this.#ask(`get ${infoHash}`)).peers as string[];
  }

  /** How they stand. */
  async stats(): Promise<LtStats> {
    return await this.#ask("stats") as unknown as LtStats;
  }

  /** Waits until the torrent is there. */
  async complete(): Promise<void> {
    const isThere = async () => (await this.stats()).done === 1;
    await until(isThere, { what: "libtorrent's download", timeoutMs: 60_000, everyMs: 200 });
  }

  /** Ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async #ask(question: string): Promise<Record<string, unknown>> {
    const seen = this.#child.stdout.lines.length;
    await this.#child.send(question);
    const answer = await until(() => this.#child.stdout.lines[seen], {
      what: `libtorrent's answer to ${question}`,
      timeoutMs: 40_000,
    });
    return JSON.parse(answer);
  }
}
