/**
 * `starling doctor [SOURCE]`: why is it stalled? Looks at this machine, at what of the torrent is there already
 * and, for a while, at the swarm; says what it found and whether a download could work. Nothing is downloaded.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import { DiskError, NetworkError } from "../../base/errors.ts";
import type { Millis } from "../../base/units.ts";
import type { Metainfo } from "../../metainfo/torrent_file.ts";
import type { Clock } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import type { SwarmLook } from "../../session/look.ts";
import { readKept } from "../../session/metadata_cache.ts";
import type { SessionOptions } from "../../session/options.ts";
import { Session } from "../../session/session.ts";
import {
  dataFinding,
  dhtFinding,
  diskFinding,
  type Finding,
  findingLine,
  peersFinding,
  piecesFinding,
  portFinding,
  proxyFindings,
  trackerFindings,
  udpFinding,
} from "../checkup.ts";
import type { Context, Ending } from "../context.ts";
import { forTerminal } from "../escape.ts";
import { failureOf, OutOfTime } from "../exit.ts";
import { openLog } from "../log.ts";
import { DiskLook } from "../on_disk.ts";
import { hashWorkers } from "../hash_progress.ts";
import { asGuest, type Plan, planOf } from "../plan.ts";
import { openTracked, type Tracked } from "../tracked.ts";
import { formatSeconds } from "../units.ts";

/** How long it looks where `--timeout` does not say: a dead UDP tracker and a slow dial show by then. */
const LOOK_MS = 15_000;
/** How often it looks whether everything is known already. */
const STEP_MS = 250;

/** Looks, and tells. */
export async function runDoctor(context: Context): Promise<Ending> {
  const { shell, parts, invocation, screen } = context;
  const { options, operands: [source] } = invocation;
  const plan = asGuest(planOf(options, shell));
  const target = source === undefined ? undefined : await openTracked(context, source);
  const room = await shell.roomAt(plan.torrent.output);
  const log = openLog(context);
  const workers = hashWorkers(target?.metainfo?.pieceMap.totalBytes ?? 0);
  await using world = await parts.openWorld({ log, workers });
  const { session, taken } = await openSession(world, plan.session);
  await using open = session;
  await using owned = new AsyncDisposableStack();
  const timeMs = options.number("timeout") || LOOK_MS;
  const what = target === undefined ? "this machine" : forTerminal(target.name);
  screen.note(`looking at ${what} for up to ${formatSeconds(timeMs / 1000)}`);
  const noDht = plan.torrent.noDht === true;
  const look = target && open.look(await lookOptions(target, plan, world));
  if (look === undefined && !noDht) await open.startDht();
  const openDisk = (metainfo: Metainfo) => {
    const { files } = world;
    return owned.use(new DiskLook(metainfo, { folder: plan.torrent.output, shell, files }));
  };
  const { clock } = world;
  const disk = await watch({ session: open, look, disk: undefined }, {
    ...{ noDht, openDisk, clock },
    end: clock.now() + timeMs,
    signal: context.interrupts.signal,
  });
  const metainfo = look?.report().metainfo;
  const why = noDht
    ? "switched off by --no-dht"
    : metainfo?.isPrivate === true
    ? "this torrent is private (BEP 27)"
    : undefined;
  const checkup: Checkup = { session: open, look, disk, target, taken, noDht: why };
  const bytes = metainfo?.pieceMap.totalBytes;
  const found = disk?.report();
  const findings = [
    diskFinding(room, bytes, found),
    ...found === undefined ? [] : [dataFinding(found, bytes!)],
    portFinding(open.port, taken?.message, look?.report().incoming ?? 0),
    ...proxyFindings(shell.env),
    ...swarmFindings(checkup),
  ];
  tell(context, findings, target);
  return endingOf(checkup, findings);
}

/** What is looked at. */
interface Looks {
  readonly session: Session;
  readonly look: SwarmLook | undefined;
  /** From when it is known what the torrent is. */
  readonly disk: DiskLook | undefined;
}

/** What was seen. */
interface Checkup extends Looks {
  readonly target: Tracked | undefined;
  /** Why the port that was asked for could not be had. */
  readonly taken: NetworkError | undefined;
  /** Why the DHT is not used, where it is not. */
  readonly noDht: string | undefined;
}

/** Opens a session; one port that is taken is a finding, not the end. */
async function openSession(
  world: World,
  options: SessionOptions,
): Promise<{ session: Session; taken: NetworkError | undefined }> {
  try {
    return { session: await Session.open(world, options), taken: undefined };
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    return { session: await Session.open(world, { ...options, ports: [0] }), taken: error };
  }
}

/** What is looked at; the metadata of a link may be there from an earlier run. */
async function lookOptions(
  target: Tracked,
  { torrent }: Plan,
  world: World,
): Promise<Parameters<Session["look"]>[0]> {
  const { infoHash, tiers, peers } = target;
  const metainfo = target.metainfo ?? (await readKept(world, infoHash))?.metainfo;
  return {
    ...torrent,
    ...{ infoHash, tiers, metainfo },
    peers: [...torrent.peers ?? [], ...peers],
  };
}

/** Waits until all is known or the time is up. Gives the look at the disk, begun when it is known what to look for. */
async function watch(looks: Looks, how: {
  readonly noDht: boolean;
  readonly openDisk: (metainfo: Metainfo) => DiskLook;
  readonly clock: Clock;
  readonly end: Millis;
  readonly signal: AbortSignal;
}): Promise<DiskLook | undefined> {
  const { noDht, openDisk, clock, end, signal } = how;
  const { session, look } = looks;
  let disk: DiskLook | undefined;
  while (clock.now() < end) {
    const metainfo = look?.report().metainfo;
    if (look !== undefined && metainfo !== undefined && disk === undefined) {
      disk = openDisk(metainfo);
      look.hasAlready(disk.report().have);
    }
    if (isSettled({ session, look, disk }, noDht)) break;
    await clock.sleep(Math.min(STEP_MS, end - clock.now()), { signal });
  }
  return disk;
}

/** Whether nothing is left to wait for. */
function isSettled({ session, look, disk }: Looks, noDht: boolean): boolean {
  const report = look?.report();
  const dht = session.dhtReport();
  const isPrivate = report?.metainfo?.isPrivate === true;
  if (!noDht && !isPrivate && !dht.isReachable && dht.state !== "failed") return false;
  if (report === undefined || report.error !== undefined) return true;
  const { trackers, peers, serving, missing } = report;
  const found = disk?.report();
  if (found?.isDone !== true) return false;
  const isOpen = trackers.filter(({ isWorking, failure }) => !isWorking && failure === null);
  // Others of a private torrent are not asked while one answers.
  const isEnough = isPrivate && trackers.some(({ isWorking }) => isWorking);
  if (isOpen.length > 0 && !isEnough) return false;
  if (found.have.isFull) return true;
  return peers > 0 && missing?.length === 0 && serving > 0;
}

function swarmFindings({ session, look, disk, noDht }: Checkup): Finding[] {
  const dht = session.dhtReport();
  const report = look?.report();
  const trackers = report?.trackers ?? [];
  const isComplete = disk?.report().have.isFull === true;
  return [
    ...trackerFindings(trackers, report?.metainfo?.isPrivate === true),
    udpFinding(trackers, dht),
    noDht === undefined ? dhtFinding(dht) : { check: "dht", state: "off", message: noDht } as const,
    ...report === undefined
      ? []
      : [peersFinding(report, isComplete), piecesFinding(report, isComplete)],
  ];
}

function tell(
  { shell, json }: Context,
  findings: readonly Finding[],
  target: Tracked | undefined,
): void {
  if (json === undefined) {
    shell.stdout.write(findings.map((finding) => `${findingLine(finding)}\n`).join(""));
    return;
  }
  json.write({
    v: 1,
    type: "doctor",
    at: shell.clock.epochMs(),
    ...(target === undefined ? {} : { infoHash: hex(target.infoHash), name: target.name }),
    findings,
  });
}

/** Whether a download could work, and if not, why. */
function endingOf({ look, disk, target, taken }: Checkup, findings: readonly Finding[]): Ending {
  const facts = target === undefined ? {} : { infoHash: hex(target.infoHash) };
  const fail = (error: Error): Ending => {
    const failure = failureOf(error);
    return { exitCode: failure.exitCode, failure, facts };
  };
  const obstacle = findings.find(({ check, state }) => check === "disk" && state === "bad");
  if (obstacle !== undefined) {
    const about = { path: "", operation: "write", kind: "other" } as const;
    return fail(new DiskError(`Cannot download: ${obstacle.message}`, about));
  }
  if (taken !== undefined) return fail(taken);
  if (look === undefined || target === undefined) return { exitCode: 0, facts };
  const { peers, missing, reason, error } = look.report();
  if (error !== undefined) return fail(error);
  if (disk?.report().have.isFull) return { exitCode: 0, facts };
  const message = `Cannot download ${target.name}: ${reason}`;
  if (peers === 0) return fail(new NetworkError("other", message));
  if (missing?.length !== 0) return fail(new OutOfTime("stalled", message));
  return { exitCode: 0, facts };
}
