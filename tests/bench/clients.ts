/**
 * The clients that are measured: how each is started, and how it shows that it is done.
 *
 * All of them find the seed through the tracker in the torrent, talk to nobody else, and use no
 * encryption, no UDP transport and no preallocation.
 *
 * @module
 */

import { PYTHON, skipReason } from "../interop/support/programs.ts";
import { STARLING } from "../interop/support/starling.ts";
import { scriptPath } from "../interop/support/torrent.ts";

/** How {@link Client.argv}'s process shows completion; see measure.py. */
export type Completion = "exit" | "line" | "hook";

/** What a client is given. */
export interface Job {
  readonly torrent: string;
  /** An empty folder for the download. */
  readonly output: string;
  /** The program to start when done, for {@link Client.until} "hook". */
  readonly hook: string;
  /** A port that was free a moment ago. */
  readonly port: number;
}

/** A client. */
export interface Client {
  readonly until: Completion;
  argv(job: Job): string[];
  /** Prints the version somewhere in its first line. */
  readonly version: readonly string[];
  /** Why it cannot be measured here. */
  missing(): string | undefined;
}

const LT_VERSION = "import libtorrent; print('libtorrent', libtorrent.__version__)";

/** Every client by its name. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  starling: {
    until: "exit",
    version: [...STARLING, "--version"],
    missing: () => undefined,
    argv: (job) => [
      ...STARLING,
      "get",
      job.torrent,
      "-o",
      job.output,
      "-p",
      "0",
      "--no-dht",
      "--no-pex",
      "--no-lsd",
      "--progress",
      "none",
    ],
  },
  libtorrent: {
    until: "line",
    version: [PYTHON, "-c", LT_VERSION],
    missing: () => skipReason(["libtorrent"]),
    argv: (job) => [PYTHON, benchPath("lt_get.py"), job.torrent, job.output],
  },
  aria2: {
    // Its exit comes a whole second after it is done.
    until: "hook",
    version: ["aria2c", "--version"],
    missing: () => skipReason(["aria2c"]),
    argv: (job) => [
      "aria2c",
      "--no-conf",
      "--quiet",
      "--disable-ipv6",
      "--enable-dht=false",
      "--enable-dht6=false",
      "--bt-enable-lpd=false",
      "--enable-peer-exchange=false",
      "--async-dns=false",
      "--file-allocation=none",
      "--disk-cache=64M",
      "--bt-max-peers=0",
      "--bt-max-open-files=6000",
      "--seed-ratio=0.0",
      `--listen-port=${job.port}`,
      `--on-bt-download-complete=${job.hook}`,
      `--dir=${job.output}`,
      job.torrent,
    ],
  },
};

/** The path of the script that measures a command. */
export const MEASURE: readonly string[] = [PYTHON, benchPath("measure.py")];

/** The path of a script beside this file. */
function benchPath(name: string): string {
  return scriptPath(`../../bench/${name}`);
}
