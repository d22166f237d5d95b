/**
 * What a tracker costs: UDP announces a second beside opentracker, and memory for a million peers.
 *
 * `deno run -A tests/bench/tracker_bench.ts`. All servers run at once and take turns under the same load
 * generator (`udp_load.c`, built with cc): leeches of 1,000 torrents with 100 peers each that want 50 peers,
 * all known before the first round. Starling runs twice, with `Deno.listenDatagram` and, without the unstable
 * flag, with `node:dgram`. Prints tables in Markdown.
 *
 * @module
 */

import { join } from "@std/path";
import { parseArgs } from "@std/cli/parse-args";
import { Child, output } from "../interop/support/process.ts";
import { ROOT } from "../interop/support/starling.ts";
import { freePort, until } from "../interop/support/wait.ts";
import { refuseUnknown } from "./bench_options.ts";

const HELP = `deno run -A tests/bench/tracker_bench.ts [--rounds N] [--seconds N] [--no-memory]

  --rounds N     runs of each server, interleaved (5)
  --seconds N    length of a run (2)
  --no-memory    leave out the million peers`;

const TORRENTS = 1000;
const PEERS = 100;
const WANT = 50;

/** A server under load. */
interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

/** One run. */
interface Cost {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly bytes: number;
}

interface Load {
  readonly answers: number;
  readonly seconds: number;
  readonly errors: number;
  readonly bytes: number;
}

async function main(): Promise<void> {
  const options = parseArgs(Deno.args, {
    string: ["rounds", "seconds"],
    boolean: ["memory", "help"],
    negatable: ["memory"],
    default: { rounds: "5", seconds: "2", memory: true },
    unknown: refuseUnknown,
  });
  if (options.help) return console.log(HELP);
  const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)];
  await using stack = new AsyncDisposableStack();
  const scratch = await Deno.makeTempDir({ prefix: "starling-bench-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  const load = join(scratch, "udp_load");
  await output(["cc", "-O2", "-o", load, join(ROOT, "tests/bench/udp_load.c")]);
  {
    await using servers = new AsyncDisposableStack();
    const running = [
      await startOpentracker(servers, scratch),
      await startStarling(servers, "starling, Deno.listenDatagram"),
      await startStarling(servers, "starling, node:dgram", await configWithoutUnstable(scratch)),
    ];
    console.log(speedTable(await measureAll(load, running, { rounds, seconds })));
  }
  if (options.memory) console.log(await measureMemory(load));
}

/** Each server in turn, after it knows all peers and its code is warm. */
async function measureAll(
  load: string,
  servers: readonly Server[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Map<string, Cost[]>> {
  const costs = new Map(servers.map(({ name }): [string, Cost[]] => [name, []]));
  for (const server of servers) await run(load, server, { announces: 2 * TORRENTS * PEERS });
  for (let round = 1; round <= rounds; round++) {
    for (const server of servers) {
      const before = cpuSeconds(server.pid);
      const { answers, seconds: took, bytes } = await run(load, server, { seconds });
      const cpu = cpuSeconds(server.pid) - before;
      const cost = {
        perSecond: answers / took,
        cpuMicros: (cpu / answers) * 1e6,
        bytes: bytes / answers,
      };
      costs.get(server.name)!.push(cost);
      console.error(
        `round ${round}  ${server.name.padEnd(30)} ${Math.round(cost.perSecond)} a second, ` +
          `${cost.cpuMicros.toFixed(1)} us CPU each`,
      );
    }
  }
  return costs;
}

async function run(
  load: string,
  server: Server,
  { announces = 1e9, seconds = 120, torrents = TORRENTS, peers = PEERS, want = WANT },
): Promise<Load> {
  const numbers = [server.port, announces, seconds, torrents, peers, want].map(String);
  const result: Load = JSON.parse(await output([load, ...numbers]));
  if (result.errors > 0) throw new Error(`Cannot measure ${server.name}: it answers with errors`);
  return result;
}

function speedTable(costs: ReadonlyMap<string, readonly Cost[]>): string {
  const [reference = []] = costs.values();
  const base = median(reference.map((cost) => cost.perSecond));
  const baseCpu = median(reference.map((cost) => cost.cpuMicros));
  const lines = [
    "| tracker | announces/s (min–max) | × opentracker | CPU µs each | × opentracker | answer |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  for (const [name, runs] of costs) {
    const rates = runs.map((cost) => cost.perSecond);
    const [rate, cpu] = [median(rates), median(runs.map((cost) => cost.cpuMicros))];
    const span = `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))}`;
    lines.push(
      `| ${name} | ${Math.round(rate)} (${span}) | ${(rate / base).toFixed(2)} | ${
        cpu.toFixed(1)
      } | ${(cpu / baseCpu).toFixed(2)} | ${Math.round(median(runs.map((c) => c.bytes)))} B |`,
    );
  }
  return lines.join("\n");
}

/** A million peers of 100,000 torrents, announced over UDP to a tracker of their own. */
async function measureMemory(load: string): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const server = await startStarling(stack, "starling");
  const empty = residentBytes(server.pid);
  const shape = { torrents: 100_000, peers: 10, want: 0 };
  // Lost packets leave gaps: go round until everybody is there.
  let stats = await statsOf(server);
  for (let tries = 0; stats.peers! < 1_000_000 && tries < 5; tries++) {
    await run(load, server, { ...shape, announces: 1_000_000, seconds: 300 });
    stats = await statsOf(server);
  }
  const full = residentBytes(server.pid);
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return `\n${stats.peers} peers of ${stats.torrents} torrents: ${mb(full)} resident, ` +
    `${mb(empty)} when empty, ${Math.round((full - empty) / stats.peers!)} bytes a peer`;
}

async function statsOf(server: Server): Promise<Record<string, number>> {
  return await (await fetch(`http://127.0.0.1:${server.port}/stats`)).json();
}

async function startOpentracker(stack: AsyncDisposableStack, scratch: string): Promise<Server> {
  const folder = join(scratch, "opentracker");
  await Deno.mkdir(folder);
  // As root it goes into the folder by chroot and gives up its rights, so others must be let in.
  for (const path of [scratch, folder]) await Deno.chmod(path, 0o755);
  const tail = new TextEncoder().encode("sixteen bytes of").toHex();
  const hashes = Array.from(
    { length: TORRENTS },
    (_, i) => `${i.toString(16).padStart(8, "0")}${tail}\n`,
  );
  await Deno.writeTextFile(join(folder, "whitelist"), hashes.join(""));
  const port = freePort();
  const ports = ["-p", String(port), "-P", String(port)];
  const argv = ["opentracker", "-i", "127.0.0.1", ...ports, "-d", folder, "-w", "whitelist"];
  const child = stack.use(Child.start(argv, { cwd: folder, endWith: "SIGKILL" }));
  await until(async () => {
    try {
      await (await fetch(`http://127.0.0.1:${port}/scrape`)).body?.cancel();
      return true;
    } catch {
      return false;
    }
  }, { what: "an answer of opentracker" });
  return { name: "opentracker", pid: child.pid, port };
}

async function startStarling(
  stack: AsyncDisposableStack,
  name: string,
  config: string = join(ROOT, "deno.json"),
): Promise<Server> {
  const argv = [Deno.execPath(), "run", "-A", "--no-lock", "--config", config];
  argv.push(join(ROOT, "main.ts"), "tracker", "-p", "0", "--json");
  const child = stack.use(Child.start(argv, { endWith: "SIGKILL" }));
  const listening = await child.line(/"port":(\d+)/);
  return { name, pid: child.pid, port: Number(listening[1]) };
}

/** The project's configuration less the flag that gives `Deno.listenDatagram`. */
async function configWithoutUnstable(scratch: string): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const path = join(scratch, "deno.json");
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  return path;
}

function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  // utime and stime, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentBytes(pid: number): number {
  const match = Deno.readTextFileSync(`/proc/${pid}/status`).match(/VmRSS:\s*(\d+) kB/);
  return Number(match?.[1]) * 1024;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

if (import.meta.main) await main();
