/**
 * Starling beside other clients on this machine: `deno task bench`.
 *
 * The clients take turns (A B C, A B C, …); each run is measured from the start of its process to its
 * completion, and what came of it is compared afterwards, untimed. A download has one tuned libtorrent seed
 * on loopback, fresh for every run, and an empty folder; a check and the making of a torrent have their data in
 * the page cache. Prints a table in Markdown.
 *
 * @module
 */

import { join } from "@std/path";
import { parseArgs } from "node:util";
import { assertSame, type Dataset, makeDataset, MIB } from "../interop/support/dataset.ts";
import { output } from "../interop/support/process.ts";
import { startLibtorrent } from "../interop/support/seeds.ts";
import { makeTorrent, type TorrentFile } from "../interop/support/torrent.ts";
import { startScriptedTracker } from "../interop/support/tracker.ts";
import { freePort } from "../interop/support/wait.ts";
import { type Client, CLIENTS, type Command, MEASURE, type Scenario } from "./clients.ts";
import { type Cost, table } from "./table.ts";

const HELP =
  `deno task bench [--scenario S] [--mib N] [--files N] [--piece KIB] [--rounds N] [--clients A,B] [--scratch DIR]

  --scenario S   get, verify or create (get)
  --mib N        size of the data in MiB (1024; 4096 to verify or create)
  --files N      spread it over this many files (one file)
  --piece KIB    piece length in KiB (1024)
  --rounds N     runs of each client, interleaved (3)
  --clients A,B  of ${Object.keys(CLIENTS).join(", ")} (all)
  --scratch DIR  where data and downloads go (the system's folder for temporary files)

STARLING names the program to measure, else it is deno run -A main.ts.`;

const SETTING: Readonly<Record<Scenario, string>> = {
  get: "one seed on loopback",
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
  const text = { type: "string" } as const;
  const { values: options } = parseArgs({
    args: [...args],
    options: {
      ...{ scenario: text, mib: text, files: text, piece: text, rounds: text, clients: text },
      scratch: text,
      help: { type: "boolean" },
    },
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
  const scenario = String(options.scenario ?? "get");
  if (scenario !== "get" && scenario !== "verify" && scenario !== "create") {
    throw new TypeError(`Cannot take --scenario ${scenario}: not get, verify or create`);
  }
  return {
    scenario,
    mib: positive("mib", scenario === "get" ? 1024 : 4096),
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
  const costs = new Map<string, Cost[]>([...clients.keys()].map((name) => [name, []]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, client] of clients) {
      await using seed = plan.scenario === "get"
        ? await startLibtorrent(torrent, { unchecked: true, fast: true })
        : undefined;
      seedPort = Number(seed?.address.split(":")[1] ?? 0);
      const cost = await MEASURES[plan.scenario](client, torrent, plan.scratch);
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

type Measurement = (client: Client, torrent: TorrentFile, scratch: string) => Promise<Cost>;

const MEASURES: Readonly<Record<Scenario, Measurement>> = {
  get: async (client, torrent, scratch) => {
    const folder = join(scratch, "out");
    await Deno.mkdir(folder);
    const job = { torrent: torrent.path, output: folder, hook: join(scratch, "hook") };
    const cost = await measure(client.get!({ ...job, port: freePort() }), scratch);
    await assertSame(torrent.dataset, folder, { alone: false });
    await Deno.remove(folder, { recursive: true });
    return cost;
  },
  verify: async (client, torrent, scratch) => {
    await warm(torrent.dataset);
    const job = { torrent: torrent.path, output: torrent.dataset.root, hook: "" };
    return await measure(client.verify!({ ...job, port: freePort() }), scratch);
  },
  create: async (client, { dataset, pieceBytes, path }, scratch) => {
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

async function measure({ until, argv }: Command, scratch: string): Promise<Cost> {
  const hook = join(scratch, "hook");
  const cost = await output([...MEASURE, "--until", until, "--hook", hook, "--", ...argv]);
  return JSON.parse(cost) as Cost;
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
