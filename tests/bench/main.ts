/**
 * Starling beside other clients on this machine: `deno task bench`.
 *
 * One tuned libtorrent seed on loopback, fresh for every run; the clients take turns (A B C, A B C, …);
 * each run has an empty folder, is measured from the start of its process to its completion, and is
 * compared with the data afterwards, untimed. Prints a table in Markdown.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { assertSame, type Dataset, makeDataset, MIB } from "../interop/support/dataset.ts";
import { output } from "../interop/support/process.ts";
import { startLibtorrent } from "../interop/support/seeds.ts";
import { makeTorrent, type TorrentFile } from "../interop/support/torrent.ts";
import { startScriptedTracker } from "../interop/support/tracker.ts";
import { freePort } from "../interop/support/wait.ts";
import { type Client, CLIENTS, MEASURE } from "./clients.ts";
import { type Cost, table } from "./table.ts";

const HELP =
  `deno task bench [--mib N] [--files N] [--piece KIB] [--rounds N] [--clients A,B] [--scratch DIR]

  --mib N        size of the download in MiB (1024)
  --files N      spread it over this many files (one file)
  --piece KIB    piece length in KiB (1024)
  --rounds N     runs of each client, interleaved (3)
  --clients A,B  of ${Object.keys(CLIENTS).join(", ")} (all)
  --scratch DIR  where data and downloads go (the system's folder for temporary files)

STARLING names the program to measure, else it is deno run -A main.ts.`;

interface Plan {
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
  console.log(`\n${await heading(plan, clients)}\n\n${table(costs, plan.mib * MIB)}`);
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
  const names = ["mib", "files", "piece", "rounds", "clients", "scratch"];
  const options = parseArgs(args, {
    string: names,
    boolean: ["help"],
    unknown: (name) => {
      throw new TypeError(`Cannot understand ${name} (--help tells the options)`);
    },
  });
  if (options.help) return undefined;
  const positive = (name: string, otherwise: number) => {
    const value = Number(options[name] ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`Cannot take --${name} ${options[name]}: not a positive integer`);
    }
    return value;
  };
  const dir = options.scratch === undefined ? {} : { dir: String(options.scratch) };
  return {
    mib: positive("mib", 1024),
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
    const reason = client === undefined ? "no such client" : client.missing();
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
  const costs = new Map<string, Cost[]>([...clients.keys()].map((name) => [name, []]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, client] of clients) {
      await using seed = await startLibtorrent(torrent, { unchecked: true, fast: true });
      seedPort = Number(seed.address.split(":")[1]);
      const cost = await measure(client, torrent, plan.scratch);
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

async function measure(client: Client, torrent: TorrentFile, scratch: string): Promise<Cost> {
  const folder = join(scratch, "out");
  await Deno.mkdir(folder);
  const hook = join(scratch, "hook");
  const argv = client.argv({ torrent: torrent.path, output: folder, hook, port: freePort() });
  const cost = await output([...MEASURE, "--until", client.until, "--hook", hook, "--", ...argv]);
  await assertSame(torrent.dataset, folder, { alone: false });
  await Deno.remove(folder, { recursive: true });
  return JSON.parse(cost) as Cost;
}

async function heading(plan: Plan, clients: ReadonlyMap<string, Client>): Promise<string> {
  const versions: string[] = [];
  for (const [name, client] of clients) {
    const [line = ""] = (await output(client.version)).split("\n");
    versions.push(`${name} ${line.match(/\d+(\.\d+)+\S*/)?.[0] ?? "?"}`);
  }
  const shape = plan.files === 1 ? "one file" : `${plan.files} files`;
  return `${plan.mib} MiB in ${shape}, pieces of ${plan.pieceKib} KiB, one seed on loopback, medians of ${plan.rounds} runs (${
    versions.join(", ")
  }; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores)`;
}

if (import.meta.main) await main();
