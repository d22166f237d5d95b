/**
 * `starling share PATH...`: make torrents, run a tracker and seed, in one process; the other machine needs
 * one URL.
 *
 * @module
 */

import { resolve } from "@std/path/resolve";
import { hex } from "../../base/bytes.ts";
import { DiskError, NetworkError } from "../../base/errors.ts";
import { USER_AGENT } from "../../base/version.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import type { World } from "../../ports/world.ts";
import type {
  Context,
  Ending,
  RunningSession,
  RunningTorrent,
  RunningTracker,
} from "../context.ts";
import { createFrom, type Creation } from "../creation.ts";
import { type Deadline, deadline } from "../deadline.ts";
import { forTerminal } from "../escape.ts";
import { type Failure, failureOfOutcome, Interrupted } from "../exit.ts";
import { openLog } from "../log.ts";
import { type Plan, planOf, withCommand } from "../plan.ts";
import { Progress } from "../progress.ts";
import { ownHosts } from "../own_hosts.ts";
import { endedWith, runCommand } from "../seed_command.ts";
import { formatBytes, formatCount } from "../units.ts";

/** Where the tracker listens when nothing else is said and it is free. */
const TRACKER_PORT = 6969;

/** Something that is shared. */
interface Shared {
  readonly path: string;
  readonly creation: Creation;
  /** Its place on the tracker: `data.torrent`. */
  readonly file: string;
}

/** Shares until told to stop, until a goal of seeding is reached, or while a command runs. */
export async function runShare(context: Context): Promise<Ending> {
  const { parts, invocation, interrupts, shell } = context;
  const plan = withCommand(planOf(invocation.options, shell), invocation);
  using limit = deadline(shell.clock, plan.timeoutMs, interrupts.signal);
  const log = openLog(context);
  await using world = await parts.openWorld({ log });
  const torrents = new Map<string, Uint8Array>();
  await using tracker = await startTracker(context, world, torrents);
  const hosts = ownHosts(context);
  // A port that is taken is told of before hours of hashing.
  await using session = await parts.openSession(world, plan.session);
  const { port } = tracker;
  const shared = await shareAll(context, { hosts, port, torrents, signal: limit.signal });
  const running = await seed(context, world, { session, shared, plan, limit });
  for (const one of shared) await announce(context, one, hosts[0]!, tracker.port);
  const exitCode = await sharingEnds(context, { running, command: plan.command, limit });
  const ending = await endingOf(running, exitCode);
  const { command } = plan;
  if (command === undefined || ending.failure !== undefined) return ending;
  return endedWith(ending, command, exitCode);
}

/**
 * Waits for the end of all of it; gives the code of the command, if there is one.
 *
 * @throws the reason of the limit, when that ends it.
 */
async function sharingEnds(
  { shell, interrupts }: Context,
  { running, command, limit }: {
    readonly running: readonly RunningTorrent[];
    readonly command: readonly string[] | undefined;
    readonly limit: Deadline;
  },
): Promise<number> {
  const { signal } = limit;
  if (command !== undefined) {
    const code = await runCommand(command, { shell, interrupts, signal });
    signal.throwIfAborted();
    return code ?? 0;
  }
  await Promise.race([Promise.all(running.map(({ finished }) => finished)), asked(limit)]);
  signal.throwIfAborted();
  return 0;
}

/** How it ended: what was given, and what went wrong. */
async function endingOf(running: readonly RunningTorrent[], exitCode: number): Promise<Ending> {
  let failure: Failure | undefined;
  for (const torrent of running) {
    const isOver = torrent.stats().state === "failed";
    if (!isOver) continue;
    const { name } = torrent.stats();
    failure ??= failureOfOutcome(await torrent.finished, {
      name,
      interrupted: new Interrupted(143),
    });
  }
  const all = running.map((torrent) => torrent.stats());
  const facts = {
    bytesTotal: all.reduce((sum, { bytesTotal }) => sum + bytesTotal, 0),
    bytesUploaded: all.reduce((sum, { bytesUploaded }) => sum + bytesUploaded, 0),
    seconds: Math.round(Math.max(0, ...all.map(({ seconds }) => seconds)) * 1000) / 1000,
  };
  return failure === undefined
    ? { exitCode, facts }
    : { exitCode: failure.exitCode, failure, facts };
}

async function startTracker(
  context: Context,
  world: World,
  torrents: ReadonlyMap<string, Uint8Array>,
): Promise<RunningTracker> {
  const asked = context.invocation.options.number("tracker-port");
  try {
    return await context.parts.startTracker(world, { port: asked ?? TRACKER_PORT, torrents });
  } catch (error) {
    const isTaken = error instanceof NetworkError && error.kind === "in-use";
    if (!isTaken || asked !== undefined) throw error;
    return await context.parts.startTracker(world, { port: 0, torrents });
  }
}

/** What sharing needs besides a path. */
interface Sharing {
  readonly hosts: readonly string[];
  /** The tracker's. */
  readonly port: number;
  /** What the tracker gives out, by its name there. */
  readonly torrents: Map<string, Uint8Array>;
  readonly signal: AbortSignal;
}

/** Makes a torrent of every PATH; what is named twice, or is the same under two names, is shared once. */
async function shareAll(context: Context, sharing: Sharing): Promise<Shared[]> {
  const byPath = new Map(context.invocation.operands.map((path) => [resolve(path), path]));
  const shared = new Map<string, Shared>();
  for (const path of byPath.values()) {
    const creation = await create(context, path, sharing);
    const key = hex(creation.metainfo.infoHash);
    const twin = shared.get(key);
    if (twin === undefined) {
      shared.set(key, { path, creation, file: publish(creation, sharing.torrents) });
    } else {
      context.screen.warn(`${path} is the same torrent as ${twin.path}: it is shared once`);
    }
  }
  return [...shared.values()];
}

/** Has the tracker give out the torrent; gives its name there. Two of one name must not hide each other. */
function publish({ metainfo, bytes }: Creation, torrents: Map<string, Uint8Array>): string {
  const { name, infoHash } = metainfo;
  const file = torrents.has(`${name}.torrent`)
    ? `${name}.${hex(infoHash).slice(0, 8)}.torrent`
    : `${name}.torrent`;
  torrents.set(file, bytes);
  return file;
}

function create(
  context: Context,
  path: string,
  { hosts, port, signal }: Sharing,
): Promise<Creation> {
  const { shell, invocation } = context;
  const pieceLength = invocation.options.number("piece-length");
  return createFrom(context, {
    path,
    name: undefined,
    wish: { include: [], exclude: [], numbers: [] },
    layout: pieceLength === undefined ? {} : { pieceLength },
    extras: {
      trackers: hosts.flatMap((host) => [
        [`http://${host}:${port}/announce`],
        [`udp://${host}:${port}`],
      ]),
      createdBy: USER_AGENT,
      createdAt: Math.floor(shell.clock.epochMs() / 1000),
    },
  }, { signal });
}

/** Seeds everything; resolves, with what runs, when all of it is verified. @throws the limit's reason. */
async function seed(
  { screen, shell, interrupts, json }: Context,
  world: World,
  { session, shared, plan, limit }: {
    session: RunningSession;
    shared: readonly Shared[];
    plan: Plan;
    limit: Deadline;
  },
): Promise<RunningTorrent[]> {
  const running: RunningTorrent[] = [];
  const progress = new Progress(screen, shell.stderr, world.clock);
  progress.run(interrupts.signal).catch(() => {});
  const events = session.events({ signal: interrupts.signal });
  (async () => {
    for await (const event of events) {
      json?.write(event);
      if (event.type === "warning") screen.warn(event.message);
    }
  })();
  for (const { path, creation } of shared) {
    const { metainfo } = creation.place;
    const { output: _output, stallTimeoutMs: _stall, ...options } = plan.torrent;
    const torrent = session.add({
      ...options,
      ...creation.place,
      isUploadOnly: true,
    });
    running.push(torrent);
    progress.add(metainfo.name).follow(() => torrent.stats());
    await Promise.race([torrent.downloaded, asked(limit)]);
    limit.signal.throwIfAborted();
    refusePart(path, torrent);
  }
  return running;
}

/** What others could never complete is not shared. */
function refusePart(path: string, torrent: RunningTorrent): void {
  const { state, bytesDone, bytesTotal } = torrent.stats();
  if (state === "failed" || bytesDone >= bytesTotal) return;
  const part = `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`;
  throw new DiskError(`Cannot share "${path}": only ${part} is still as it was hashed`, {
    path,
    operation: "read",
    kind: "changed",
    hint: "run the same command again once nothing writes to it",
  });
}

function asked({ signal }: Deadline): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** What a person types on the other machine. */
async function announce(
  { screen, shell, json }: Context,
  shared: Shared,
  host: string,
  port: number,
): Promise<void> {
  const { metainfo, bytesTotal, files } = shared.creation;
  const url = `http://${host}:${port}/${encodeURIComponent(shared.file)}`;
  const magnet = formatMagnet(metainfo);
  if (json !== undefined) {
    const infoHash = hex(metainfo.infoHash);
    const { name } = metainfo;
    json.write({ v: 1, type: "shared", at: shell.clock.epochMs(), infoHash, name, url, magnet });
    return;
  }
  const size = `${formatBytes(bytesTotal)} in ${formatCount(files)} file${files === 1 ? "" : "s"}`;
  screen.note(`sharing: ${forTerminal(metainfo.name)}: ${size}; on the other machine type`);
  // On one terminal the two must not mix: the block goes before they come, and is drawn again below them.
  screen.clear();
  await shell.stderr.flush().catch(() => {});
  shell.stdout.write(`starling get ${url}\n${magnet}\n`);
  await shell.stdout.flush();
}
