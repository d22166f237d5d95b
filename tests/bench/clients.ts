/**
 * The clients that are measured: how each is started, and how it shows that it is done.
 *
 * When they download or give, all of them know the tracker in the torrent alone, talk to nobody else, and use
 * no encryption, no UDP transport and no preallocation. When they check or make a torrent they use both cores.
 *
 * @module
 */

import { PYTHON, skipReason } from "../interop/support/programs.ts";
import { ROOT, STARLING } from "../interop/support/starling.ts";
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

/** What is measured: a download, giving to one, a check of data that is there, making a torrent of it. */
export type Scenario = "get" | "seed" | "verify" | "create";

/** A torrent to be made. */
export interface CreateJob {
  /** The file or folder. */
  readonly data: string;
  /** Where the torrent goes. */
  readonly torrent: string;
  readonly pieceBytes: number;
}

/** A command and how it shows that it is done. */
export interface Command {
  readonly until: Completion;
  readonly argv: readonly string[];
}

/** A client; what it cannot do it has no method for. */
export interface Client {
  get?(job: Job): Command;
  /** Seeds the data in {@link Job.output} until it is ended, and announces itself once it does. */
  seed?(job: Job): readonly string[];
  /** Checks the data in {@link Job.output}. */
  verify?(job: Job): Command;
  create?(job: CreateJob): Command;
  /** Prints the version somewhere in its first line. */
  readonly version: readonly string[];
  /** Why it cannot be measured here. */
  missing(): string | undefined;
}

const LT_VERSION = "import libtorrent; print('libtorrent', libtorrent.__version__)";

/** What `deno task compile` makes. */
const EXECUTABLE = `${ROOT}dist/starling${Deno.build.os === "windows" ? ".exe" : ""}`;

/** Every client by its name. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  starling: starling(STARLING, () => undefined),
  executable: starling(
    [EXECUTABLE],
    () => isThere(EXECUTABLE) ? undefined : "there is no dist/starling, see deno task compile",
  ),
  libtorrent: {
    version: [PYTHON, "-c", LT_VERSION],
    missing: () => skipReason(["libtorrent"]),
    get: download,
    seed: ({ torrent, output }) => {
      const script = [PYTHON, scriptPath("lt_seed.py"), "--fast"];
      return [...script, "--torrent", torrent, "--dir", output];
    },
    verify: (job) => prints([PYTHON, benchPath("lt_get.py"), job.torrent, job.output]),
    create: ({ data, torrent, pieceBytes }) =>
      exits([PYTHON, benchPath("lt_create.py"), data, torrent, `${pieceBytes}`]),
  },
  aria2: {
    version: ["aria2c", "--version"],
    missing: () => skipReason(["aria2c"]),
    // Its exit comes a whole second after it is done.
    get: (job) => ({
      until: "hook",
      argv: aria2(job, ["--seed-ratio=0.0", `--on-bt-download-complete=${job.hook}`]),
    }),
    seed: (job) => aria2(job, ["--check-integrity=true", "--seed-ratio=0.0"]),
    verify: (job) =>
      exits(aria2(job, ["--check-integrity=true", "--hash-check-only=true", "--seed-time=0"])),
  },
  mktorrent: {
    version: ["mktorrent", "-h"],
    missing: () => skipReason(["mktorrent"]),
    create: ({ data, torrent, pieceBytes }) => {
      const argv = ["mktorrent", "-t", "2", "-l", `${Math.log2(pieceBytes)}`];
      return exits([...argv, "-a", "http://127.0.0.1:2/announce", "-o", torrent, data]);
    },
  },
};

function starling(command: readonly string[], missing: () => string | undefined): Client {
  const alone = ["--no-dht", "--no-pex", "--no-lsd", "--progress", "none"];
  return {
    version: [...command, "--version"],
    missing,
    get: ({ torrent, output }) =>
      exits([...command, "get", torrent, "-o", output, "-p", "0", ...alone]),
    seed: ({ torrent, output, port }) => {
      return [...command, "seed", torrent, output, "-p", `${port}`, ...alone];
    },
    verify: (job) => exits([...command, "verify", job.torrent, job.output, "--progress", "none"]),
    create: ({ data, torrent, pieceBytes }) => {
      const argv = [...command, "create", data, "-o", torrent, "--progress", "none"];
      return exits([...argv, "--piece-length", `${pieceBytes}`]);
    },
  };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The download of libtorrent, tuned for one fast seed. */
export function download({ torrent, output }: Pick<Job, "torrent" | "output">): Command {
  return prints([PYTHON, benchPath("lt_get.py"), torrent, output]);
}

function exits(argv: readonly string[]): Command {
  return { until: "exit", argv };
}

function prints(argv: readonly string[]): Command {
  return { until: "line", argv };
}

function aria2({ torrent, output, port }: Job, more: readonly string[]): string[] {
  const off = ["--disable-ipv6", "--enable-dht=false", "--enable-dht6=false"];
  off.push("--bt-enable-lpd=false", "--enable-peer-exchange=false", "--async-dns=false");
  const tuned = ["--file-allocation=none", "--disk-cache=64M", "--bt-max-peers=0"];
  tuned.push("--bt-max-open-files=6000", `--listen-port=${port}`, `--dir=${output}`);
  return ["aria2c", "--no-conf", "--quiet", ...off, ...tuned, ...more, torrent];
}

/** The path of the script that measures a command. */
export const MEASURE: readonly string[] = [PYTHON, benchPath("measure.py")];

/** The path of a script beside this file. */
function benchPath(name: string): string {
  return scriptPath(`../../bench/${name}`);
}
