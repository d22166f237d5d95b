/**
 * Starting aria2 with every way to find peers off but those that are asked for.
 *
 * @module
 */

import { join } from "@std/path";
import { Child } from "./process.ts";
import { freePort } from "./wait.ts";

/** What aria2 is to do. */
export interface Aria2Job {
  /** A torrent file or a magnet link. */
  readonly source: string;
  /** Where the data is, or goes. */
  readonly output: string;
  /** Where it accepts peers, and has its node (any port that is free). */
  readonly port?: number;
  /** Put before the command. */
  readonly prefix?: readonly string[];
  /** More options; they win. */
  readonly options?: readonly string[];
}

/** Starts aria2 over IPv4. It writes what arrives at once, and its `.aria2` file beside it. */
export function startAria2Client(job: Aria2Job): Child {
  const { source, output, port = freePort(), prefix = [], options = [] } = job;
  const argv = [...prefix, "aria2c", "--no-conf", "--enable-color=false", "--disable-ipv6"];
  argv.push("--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false");
  argv.push("--enable-peer-exchange=false", "--bt-max-peers=0", "--seed-ratio=0.0");
  argv.push("--file-allocation=none", "--disk-cache=0", "--check-integrity=true");
  argv.push(`--listen-port=${port}`, `--dir=${output}`, ...options, source);
  return Child.start(argv, { endWith: "SIGKILL" });
}

/**
 * Options by which aria2 has a node of the DHT, which its UDP trackers need as well. Without nodes to start from
 * it knows nobody.
 *
 * @param home a folder for its table.
 */
export function aria2Node(home: string, port: number, nodes: readonly string[] = []): string[] {
  const options = ["--enable-dht=true", `--dht-listen-port=${port}`];
  options.push(`--dht-file-path=${join(home, "dht.dat")}`);
  // It takes one.
  if (nodes.length > 0) options.push(`--dht-entry-point=${nodes[0]}`);
  return options;
}
