/**
 * `starling demo`: a whole swarm on this machine, without the internet. A tracker, three seeds, and a download
 * to watch; everything it makes is gone when it ends.
 *
 * The seeds are sessions of their own with real sockets on loopback, and their rate is limited so that there
 * is something to see.
 *
 * @module
 */

import { join } from "@std/path/join";
import { MIB } from "../../base/units.ts";
import { USER_AGENT } from "../../base/version.ts";
import { parseTorrent } from "../../metainfo/torrent_file.ts";
import type { Scratch } from "../../ports/shell.ts";
import type { World } from "../../ports/world.ts";
import type { Context, Ending } from "../context.ts";
import { createFrom } from "../creation.ts";
import { openLog } from "../log.ts";
import { planOf } from "../plan.ts";
import { formatBytes } from "../units.ts";
import { runDownloads } from "./get.ts";

/** The dataset: a few files of different sizes. */
const FILES: readonly (readonly [name: string, bytes: number])[] = [
  ["images.bin", 24 * MIB],
  ["labels.csv", 6 * MIB + 12_345],
  ["README.txt", 321],
];
const SEEDS = 3;
/** What each seed gives in a second: the download takes a few of them. */
const SEED_RATE: number = 3 * MIB;
/** Everything is over by then, or something is wrong. */
const TIMEOUT_MS = 55_000;

/** Runs the demonstration. */
export async function runDemo(context: Context): Promise<Ending> {
  const { parts, shell, screen, invocation } = context;
  const log = openLog(context);
  await using world = await parts.openWorld({ log });
  await using scratch = await shell.makeScratch();
  const data = join(scratch.path, "seed", "dataset");
  await makeDataset(context, world, scratch);
  const torrents = new Map<string, Uint8Array>();
  await using tracker = await parts.startTracker(world, { port: 0, torrents, host: "127.0.0.1" });
  const announce = `http://127.0.0.1:${tracker.port}/announce`;
  const { bytes } = await createFrom(context, {
    path: data,
    name: undefined,
    wish: { include: [], exclude: [], numbers: [] },
    layout: {},
    extras: { trackers: [[announce]], createdBy: USER_AGENT },
  }, { signal: context.interrupts.signal });
  torrents.set("dataset.torrent", bytes);
  await using seeds = new AsyncDisposableStack();
  await startSeeds(context, world, { bytes, output: join(scratch.path, "seed"), seeds });
  screen.note(`demo: a tracker and ${SEEDS} seeds run on 127.0.0.1; now a download finds them`);
  const plan = planOf(invocation.options, shell);
  const output = join(scratch.path, "download");
  const ending = await runDownloads(
    context,
    [`http://127.0.0.1:${tracker.port}/dataset.torrent`],
    {
      ...plan,
      timeoutMs: TIMEOUT_MS,
      isScratch: true,
      session: { ...plan.session, ports: [0] },
      torrent: { ...plan.torrent, output, noDht: true, noLsd: true },
    },
  );
  if (ending.failure === undefined) await compare(context, data, join(output, "dataset"));
  return ending;
}

/** Bytes that look random and are the same every time. */
async function makeDataset({ screen }: Context, world: World, scratch: Scratch): Promise<void> {
  const total = FILES.reduce((sum, [, bytes]) => sum + bytes, 0);
  screen.note(`demo: making a dataset of ${formatBytes(total)} in ${FILES.length} files`);
  for (const [name, bytes] of FILES) {
    const content = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += MIB) {
      content.set(world.random.bytes(Math.min(MIB, bytes - at)), at);
    }
    await scratch.put(join("seed", "dataset", name), content);
  }
}

async function startSeeds(
  { parts, shell }: Context,
  world: World,
  { bytes, output, seeds }: { bytes: Uint8Array; output: string; seeds: AsyncDisposableStack },
): Promise<void> {
  const metainfo = parseTorrent(bytes, { hasher: world.hasher, system: shell.system });
  for (let i = 0; i < SEEDS; i++) {
    const session = seeds.use(await parts.openSession(world, { ports: [0], upLimit: SEED_RATE }));
    await session.add({ metainfo, output, isUploadOnly: true, noDht: true, noLsd: true })
      .downloaded;
  }
}

/** Every piece was verified; this looks once more, file by file, as a person would. */
async function compare({ shell, screen }: Context, data: string, copy: string): Promise<void> {
  for (const [name, bytes] of FILES) {
    const options = { maxBytes: bytes };
    const [a, b] = await Promise.all([
      shell.readSource(join(data, name), options),
      shell.readSource(join(copy, name), options),
    ]);
    if (!a.every((byte, i) => byte === b[i])) throw new Error(`${name} differs`);
  }
  screen.note(
    `demo: ${FILES.length} files came from ${SEEDS} seeds through a tracker, every piece verified, every byte ` +
      "compared; all of it is deleted again",
  );
}
