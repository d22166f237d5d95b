/**
 * Starling beside other clients on this machine: `deno task bench`.
 *
 * The clients take turns (A B C, B C A, …); each run is measured from the start of its process to its
 * completion, and what came of it is compared afterwards, untimed. A download has one tuned libtorrent seed
 * on loopback, fresh for every run, and an empty folder. A seed has its data checked when one tuned libtorrent
 * starts to download from it: the wall time is that download's, CPU time and memory are the seed's. A check and
 * the making of a torrent have their data in the page cache. Prints a table in Markdown.
 *
 * @module
 */

import { join } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import { assertSame, type Dataset, makeDataset, MIB } from "../interop/support/dataset.ts";
import { Child, output } from "../interop/support/process.ts";
import { startLibtorrent } from "../interop/support/seeds.ts";
import { makeTorrent, type TorrentFile } from "../interop/support/torrent.ts";
import { type ScriptedTracker, startScriptedTracker } from "../interop/support/tracker.ts";
import { freePort, until } from "../interop/support/wait.ts";
import { type Client, CLIENTS, type Command, download, MEASURE, type Scenario } from "./clients.ts";
import { type Cost, table } from "./table.ts";
import { refuseUnknown } from "./bench_options.ts";

const HELP =
  `deno task bench [--scenario S] [--mib N] [--files N] [--piece KIB] [--rounds N] [--clients A,B] [--scratch DIR]

  --scenario S   get, seed, verify or create (get)
  --mib N        size of the data in MiB (1024; 4096 to verify or create)
  --files N      spread it over this many files (one file)
  --piece KIB    piece length in KiB (1024)
  --rounds N     runs of each client, interleaved (3)
  --clients A,B  of ${Object.keys(CLIENTS).join(", ")} (all)
  --scratch DIR  where data and downloads go (the system's folder for temporary files)

STARLING names the program to measure, else it is deno run -A main.ts.`;

const SCENARIOS: readonly Scenario[] = ["get", "seed", "verify", "create"];

const SETTING: Readonly<Record<Scenario, string>> = {
  get: "one seed on loopback",
  seed: "given to one libtorrent on loopback",
  verify: "checked where it lies",
  create: "made into a torrent",
};

interface Plan {
  readonly scenario: Scenario;
  readonly mib: number;
  readonly files: number;
  readonly pieceKib: number;
  readonly rounds: number;
  readonly clients: readonly string[];
  readonly scratch: string;
}

async function main(): Promise<void> {
  const plan = planOrUsage();
  if (plan === undefined) return console.log(HELP);
  // The harness of the interop tests asks for it; whoever starts a bench wants the clients.
  Deno.env.set("STARLING_INTEROP", "1");
  const clients = available(plan);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(plan.scratch, { recursive: true }));
  const costs = await measureAll(plan, clients);
  const cpuOf = plan.scenario === "seed" || plan.scenario === "create" ? "libtorrent" : "aria2";
  console.log(
    `\n${await heading(plan, clients)}\n\n${table(costs, { bytes: plan.mib * MIB, cpuOf })}`,
  );
}

function planOrUsage(): Plan | undefined {
  try {
    return planOf(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}

function planOf(args: readonly string[]): Plan | undefined {
  const options = parseArgs(args, {
    string: ["scenario", "mib", "files", "piece", "rounds", "clients", "scratch"],
    boolean: ["help"],
    unknown: refuseUnknown,
  });
  if (options.help) return undefined;
  const positive = (name: "mib" | "files" | "piece" | "rounds", otherwise: number) => {
    const value = Number(options[name] ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`Cannot take --${name} ${options[name]}: not a positive integer`);
    }
    return value;
  };
  const dir = options.scratch === undefined ? {} : { dir: String(options.scratch) };
  const scenario = SCENARIOS.find((name) => name === (options.scenario ?? "get"));
  if (scenario === undefined) {
    throw new TypeError(`Cannot take --scenario ${options.scenario}: not ${SCENARIOS.join(", ")}`);
  }
  return {
    scenario,
    mib: positive("mib", scenario === "get" || scenario === "seed" ? 1024 : 4096),
    files: positive("files", 1),
    pieceKib: positive("piece", 1024),
    rounds: positive("rounds", 3),
    clients: String(options.clients ?? Object.keys(CLIENTS).join(",")).split(","),
    scratch: Deno.makeTempDirSync({ ...dir, prefix: "starling-bench-" }),
  };
}

/** The clients that are there; the others are named. */
function available(plan: Plan): ReadonlyMap<string, Client> {
  const clients = new Map<string, Client>();
  for (const name of plan.clients) {
    const client = CLIENTS[name];
    const reason = client === undefined
      ? "no such client"
      : client[plan.scenario] === undefined
      ? `it cannot ${plan.scenario}`
      : client.missing();
    if (client === undefined || reason !== undefined) console.error(`${name}: left out, ${reason}`);
    else clients.set(name, client);
  }
  return clients;
}

async function measureAll(
  plan: Plan,
  clients: ReadonlyMap<string, Client>,
): Promise<Map<string, Cost[]>> {
  const dataset = await dataOf(plan);
  let seedPort = 0;
  await using tracker = startScriptedTracker(() => [seedPort]);
  const torrent = await makeTorrent(dataset, join(plan.scratch, "bench.torrent"), {
    pieceBytes: plan.pieceKib * 1024,
    trackers: [tracker.url],
  });
  const { scratch } = plan;
  const setting = { torrent, scratch, tracker, give: (port: number) => void (seedPort = port) };
  const costs = new Map<string, Cost[]>([...clients.keys()].map((name) => [name, []]));
  for (let round = 1; round <= plan.rounds; round++) {
    // Another one begins each time: what a client leaves to the system weighs on the one behind it.
    const order = [...clients];
    order.push(...order.splice(0, (round - 1) % order.length));
    for (const [name, client] of order) {
      const cost = await MEASURES[plan.scenario](client, setting);
      costs.get(name)!.push(cost);
      const figures = `${cost.wall.toFixed(2)} s, CPU ${(cost.user + cost.sys).toFixed(2)} s`;
      console.error(`round ${round}  ${name.padEnd(12)} ${figures}`);
    }
  }
  return costs;
}

async function dataOf(plan: Plan): Promise<Dataset> {
  const root = join(plan.scratch, "data");
  await Deno.mkdir(root);
  const bytes = plan.mib * MIB;
  if (plan.files === 1) return await makeDataset(root, { name: "bench.bin", bytes });
  const files = Array.from({ length: plan.files }, (_, at) => ({
    path: `d${Math.floor(at / 100)}/f${at}.bin`,
    bytes: Math.floor(bytes / plan.files) + (at < bytes % plan.files ? 1 : 0),
  }));
  return await makeDataset(root, { name: "bench", files });
}

/** What all measurements of a run have. */
interface Setting {
  readonly torrent: TorrentFile;
  readonly scratch: string;
  readonly tracker: ScriptedTracker;
  /** Makes the tracker name the seed on this port, or (0) none that answers. */
  readonly give: (port: number) => void;
}

type Measurement = (client: Client, setting: Setting) => Promise<Cost>;

const MEASURES: Readonly<Record<Scenario, Measurement>> = {
  get: async (client, { torrent, scratch, give }) => {
    await using seed = await startLibtorrent(torrent, { unchecked: true, fast: true });
    give(Number(seed.address.split(":")[1]));
    const hook = join(scratch, "hook");
    return await intoFolder(torrent, scratch, (output) => {
      return measure(
        client.get!({ torrent: torrent.path, output, hook, port: freePort() }),
        scratch,
      );
    });
  },
  seed: async (client, { torrent, scratch, tracker, give }) => {
    await warm(torrent.dataset);
    give(0);
    const past = tracker.announces.length;
    const job = { torrent: torrent.path, output: torrent.dataset.root, hook: "" };
    const argv = client.seed!({ ...job, port: freePort() });
    await using seed = Child.start(argv, { stdin: true, endWith: "SIGKILL" });
    const announce = await until(() => {
      if (seed.ended) throw new Error(`The seed ended\n${seed.tail()}`);
      return tracker.announces.slice(past).find((query) => query.get("left") === "0");
    }, { what: "the announce of a seed", timeoutMs: 300_000 });
    give(Number(announce.get("port")));
    return await intoFolder(torrent, scratch, (output) => {
      return measure(download({ torrent: torrent.path, output }), scratch, seed.pid);
    });
  },
  verify: async (client, { torrent, scratch }) => {
    await warm(torrent.dataset);
    const job = { torrent: torrent.path, output: torrent.dataset.root, hook: "" };
    return await measure(client.verify!({ ...job, port: freePort() }), scratch);
  },
  create: async (client, { torrent: { dataset, pieceBytes, path }, scratch }) => {
    await warm(dataset);
    const made = join(scratch, "made.torrent");
    const data = join(dataset.root, dataset.name);
    const cost = await measure(client.create!({ data, torrent: made, pieceBytes }), scratch);
    const [theirs, ours] = [await piecesOf(made), await piecesOf(path)];
    // Programs put the files of a folder in different orders.
    if (dataset.files.length === 0 && theirs !== ours) throw new Error("The hashes are wrong");
    await Deno.remove(made);
    return cost;
  },
};

/** Measures a download into an empty folder, and compares what came. */
async function intoFolder(
  torrent: TorrentFile,
  scratch: string,
  run: (folder: string) => Promise<Cost>,
): Promise<Cost> {
  const folder = join(scratch, "out");
  await Deno.mkdir(folder);
  const cost = await run(folder);
  await assertSame(torrent.dataset, folder, { alone: false });
  await Deno.remove(folder, { recursive: true });
  return cost;
}

/** What a command costs, or what process `of` spends while it runs. */
async function measure({ until, argv }: Command, scratch: string, of?: number): Promise<Cost> {
  const options = ["--until", until, "--hook", join(scratch, "hook")];
  if (of !== undefined) options.push("--of", `${of}`);
  return JSON.parse(await output([...MEASURE, ...options, "--", ...argv])) as Cost;
}

/** Reads the data, so that no client has to wait for the disk. */
async function warm({ root, name, files }: Dataset): Promise<void> {
  const paths = files.length === 0 ? [name] : files.map(({ path }) => `${name}/${path}`);
  for (const path of paths) {
    using file = await Deno.open(join(root, path));
    await file.readable.pipeTo(new WritableStream());
  }
}

/** The piece hashes of a well-made torrent. */
async function piecesOf(path: string): Promise<string> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(path));
  const at = text.indexOf("6:pieces");
  const [, length] = /^6:pieces(\d+):/.exec(text.slice(at, at + 30))!;
  const start = text.indexOf(":", at + 8) + 1;
  return text.slice(start, start + Number(length));
}

async function heading(plan: Plan, clients: ReadonlyMap<string, Client>): Promise<string> {
  const versions: string[] = [];
  for (const [name, client] of clients) {
    const [line = ""] = (await output(client.version)).split("\n");
    versions.push(`${name} ${line.match(/\d+(\.\d+)+\S*/)?.[0] ?? "?"}`);
  }
  const shape = plan.files === 1 ? "one file" : `${plan.files} files`;
  return `${plan.mib} MiB in ${shape}, pieces of ${plan.pieceKib} KiB, ${
    SETTING[plan.scenario]
  }, medians of ${plan.rounds} runs (${
    versions.join(", ")
  }; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores)`;
}

if (import.meta.main) await main();
