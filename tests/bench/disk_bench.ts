/**
 * What hashing and writing pieces costs: `deno run -A tests/bench/disk_bench.ts`.
 *
 * The calling thread copies every piece block by block into its buffer, as a download does; the disk
 * does the rest. Written, then checked where it lies, and the folder is deleted. CPU seconds are those
 * of the whole process. `--one` runs a single configuration in this process, so that each is measured
 * with a fresh heap.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { concat, equalBytes } from "../../src/base/bytes.ts";
import { BLOCK_BYTES, KIB, MIB } from "../../src/base/units.ts";
import { openWorld } from "../../src/platform/mod.ts";
import type { FileSpan, FileStore, PieceDigests } from "../../src/ports/disk.ts";
import type { World } from "../../src/ports/world.ts";
import { refuseUnknown } from "./bench_options.ts";

const HELP =
  `deno run -A tests/bench/disk_bench.ts [--mib N] [--piece KIB] [--files N] [--scratch DIR]

  --mib N        bytes in all, in MiB (1024)
  --piece KIB    piece length in KiB (1024)
  --files N      spread them over this many files of equal length (1)
  --scratch DIR  where to write (the system's folder for temporary files)`;

interface Plan {
  readonly mib: number;
  readonly piece: number;
  readonly files: number;
  readonly workers: number;
  readonly scratch: string | undefined;
}

// Different contents, so that no cache of anything makes the pieces cheaper than they are.
const CONTENTS = 8;

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["mib", "piece", "files", "scratch", "workers"],
    boolean: ["help", "one"],
    unknown: refuseUnknown,
  });
  if (args.help) console.log(HELP);
  else if (args.one) await measure(planOf(args, Number(args.workers)));
  else for (const workers of [0, 1, 2]) await runInChild(workers);
}

function planOf(args: Record<string, unknown>, workers: number): Plan {
  return {
    mib: Number(args.mib ?? 1024),
    piece: Number(args.piece ?? 1024) * KIB,
    files: Number(args.files ?? 1),
    workers,
    scratch: args.scratch === undefined ? undefined : String(args.scratch),
  };
}

async function runInChild(workers: number): Promise<void> {
  const args = ["run", "-A", import.meta.url, "--one", "--workers", String(workers), ...Deno.args];
  await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).output();
}

async function measure(plan: Plan): Promise<void> {
  await using world = openWorld({ workers: plan.workers });
  const folder = await Deno.makeTempDir({ ...(plan.scratch && { dir: plan.scratch }) });
  try {
    const bytes = plan.mib * MIB;
    const fileBytes = Math.ceil(bytes / plan.files);
    const files = Array.from({ length: plan.files }, (_, i) => ({
      path: ["bench", `folder ${i >> 8}`, `file ${i}`],
      length: Math.min(fileBytes, bytes - i * fileBytes),
    }));
    const store = await world.files.openStore({
      root: folder,
      files,
      pieceBytes: plan.piece,
      bufferBytes: 32 * MIB,
      allocation: "sparse",
    });
    const pieces = Math.ceil(bytes / plan.piece);
    const spans = Array.from({ length: pieces }, (_, i) => spansOf(i, plan.piece, fileBytes));
    const write = await timed(() => writeAll(world, store, spans, plan.piece));
    const check = await timed(() => checkAll(store, spans, write.value));
    await store[Symbol.asyncDispose]();
    const rss = Math.round(peakRss() / 1e6);
    const rate = (run: { wall: number }) => Math.round(bytes / 1e6 / run.wall);
    console.log(
      `workers ${plan.workers}: write ${rate(write)} MB/s, ${write.cpu.toFixed(2)} CPU-s; ` +
        `check ${rate(check)} MB/s, ${check.cpu.toFixed(2)} CPU-s; peak RSS ${rss} MB`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function spansOf(piece: number, pieceBytes: number, fileBytes: number): FileSpan[] {
  const out: FileSpan[] = [];
  const begin = piece * pieceBytes;
  for (let at = begin; at < begin + pieceBytes;) {
    const file = Math.floor(at / fileBytes);
    const end = Math.min(begin + pieceBytes, (file + 1) * fileBytes);
    out.push({ file, offset: at - file * fileBytes, start: at - begin, length: end - at });
    at = end;
  }
  return out;
}

async function writeAll(
  world: World,
  store: FileStore,
  spans: readonly FileSpan[][],
  pieceBytes: number,
): Promise<Uint8Array> {
  const contents = Array.from({ length: CONTENTS }, () => world.random.bytes(pieceBytes));
  const hashes = contents.map((content) => world.hasher.sha1(content));
  const expected = new Uint8Array(spans.length * 20);
  let waiting: (() => void) | undefined;
  let left = spans.length;
  const done = Promise.withResolvers<void>();
  for (let piece = 0; piece < spans.length; piece++) {
    let buffer = store.allocate();
    while (!buffer) {
      await new Promise<void>((resolve) => waiting = resolve);
      buffer = store.allocate();
    }
    const content = contents[piece % CONTENTS]!;
    for (let at = 0; at < pieceBytes; at += BLOCK_BYTES) {
      buffer.bytes.set(content.subarray(at, at + BLOCK_BYTES), at);
    }
    const hash = hashes[piece % CONTENTS]!;
    expected.set(hash, piece * 20);
    const job = { buffer, length: pieceBytes, expected: hash, spans: spans[piece]! };
    const held = buffer;
    store.hashThenWrite(job).then(({ isGood }) => {
      if (!isGood) throw new Error(`piece ${piece} is bad`);
      held.release();
      waiting?.();
      if (--left === 0) done.resolve();
    }).catch(done.reject);
  }
  await done.promise;
  return expected;
}

async function checkAll(
  store: FileStore,
  spans: readonly FileSpan[][],
  expected: Uint8Array,
): Promise<void> {
  const step = Math.max(1, Math.floor(8 * MIB / (spans[0]![0]!.length)));
  const jobs: Promise<PieceDigests>[] = [];
  for (let at = 0; at < spans.length; at += step) {
    jobs.push(store.digest(spans.slice(at, at + step)));
  }
  const found = concat((await Promise.all(jobs)).map(({ digests }) => digests));
  if (!equalBytes(found, expected)) throw new Error("a piece is bad");
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ value: T; wall: number; cpu: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const spent = process.cpuUsage(cpu);
  return {
    value,
    wall: (performance.now() - start) / 1000,
    cpu: (spent.user + spent.system) / 1e6,
  };
}

function peakRss(): number {
  const text = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
}
