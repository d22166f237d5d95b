/**
 * `starling verify TORRENT [PATH]`: per file ok, bad, missing or extra. Nothing is ever written, unless
 * `--repair` asks for the download of what is not right.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import type { Metainfo } from "../../metainfo/torrent_file.ts";
import type { Context, EndFacts, Ending } from "../context.ts";
import { deadline } from "../deadline.ts";
import { forTerminal } from "../escape.ts";
import type { Failure } from "../exit.ts";
import type { FileState } from "../local_events.ts";
import { placeOf } from "../place.ts";
import { asGuest, planOf, wishOf } from "../plan.ts";
import { chooseFiles, noMatch } from "../select.ts";
import { openTorrent } from "../torrent_source.ts";
import { formatCount } from "../units.ts";
import { UsageError } from "../usage_error.ts";
import { type Verification, verifyPlace } from "../verification.ts";
import { runDownloads } from "./get.ts";

/** Compares, tells, and repairs if asked to. */
export async function runVerify(context: Context): Promise<Ending> {
  const { shell, invocation, interrupts } = context;
  const { options } = invocation;
  const [source, path = "."] = invocation.operands;
  const isRepair = options.flag("repair");
  if (isRepair && source === "-") {
    throw new UsageError("Cannot repair by a torrent from standard input: it is read twice");
  }
  const { metainfo } = await openTorrent(context, source!);
  const { selection, idle } = chooseFiles(metainfo.files, wishOf(options));
  for (const glob of idle) throw noMatch("--exclude", glob, metainfo.files);
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const where = { path, shell };
  const place = await placeOf(metainfo, where);
  const found = await verifyPlace(context, { ...place, selection }, { signal: limit.signal });
  await tell(context, found);
  const isGood = found.counts.bad === 0 && found.counts.missing === 0;
  if (!isGood && isRepair) {
    const plan = asGuest(planOf(options, shell));
    return await runDownloads(context, [source!], {
      ...plan,
      torrent: { ...plan.torrent, output: place.output },
      place: (torrent) => placeOf(torrent, where),
    });
  }
  return endingOf(found, metainfo, path);
}

async function tell(context: Context, found: Verification): Promise<void> {
  const { shell, screen, json, interrupts } = context;
  const { metainfo, verdicts, counts, progress } = found;
  const infoHash = hex(metainfo.infoHash);
  const at = shell.clock.epochMs();
  for (const { path, bytes, state, reason } of verdicts) {
    if (json !== undefined) {
      const why = reason === undefined ? {} : { reason };
      json.write({ v: 1, type: "file", at, infoHash, path, bytes, state, ...why });
    } else if (state !== "ok" || !screen.look.isQuiet) {
      const why = reason === undefined ? "" : ` (${reason})`;
      shell.stdout.write(`${state.padEnd(8)} ${forTerminal(`${path}${why}`)}\n`);
    }
  }
  // On one terminal the sum comes below the list.
  if (shell.stdout.isTerminal) await Promise.race([shell.stdout.flush(), interrupts.asked]);
  const parts = (["ok", "bad", "missing", "extra"] as const)
    .filter((state) => state === "ok" || counts[state] > 0)
    .map((state) => `${formatCount(counts[state])} ${state}`);
  const word = counts.bad + counts.missing > 0 ? "failed" : "done";
  const name = forTerminal(metainfo.name);
  screen.note(`${word}: ${name}: ${parts.join(", ")}, ${progress.summary}`);
}

function endingOf(
  { metainfo, counts, progress }: Verification,
  { name }: Metainfo,
  path: string,
): Ending {
  const facts: EndFacts = {
    infoHash: hex(metainfo.infoHash),
    bytesTotal: progress.bytesDone,
    seconds: progress.seconds,
    files: counts,
  };
  if (counts.bad === 0 && counts.missing === 0) return { exitCode: 0, facts };
  const failure: Failure = {
    exitCode: 6,
    reason: "bad-data",
    message: `Cannot verify ${metainfo.name}: ${complaint(counts)}`,
    hint: hintFor(name, counts, path),
  };
  return { exitCode: 6, failure, facts };
}

function complaint({ ok, bad, missing }: Readonly<Record<FileState, number>>): string {
  const of = formatCount(ok + bad + missing);
  if (bad === 0) return `${formatCount(missing)} of ${of} files missing`;
  if (missing === 0) return `${formatCount(bad)} of ${of} files bad`;
  return `${formatCount(bad)} of ${of} files bad, ${formatCount(missing)} missing`;
}

/** Nothing there at all means that it is another place. */
function hintFor(
  name: string,
  { ok, bad }: Readonly<Record<FileState, number>>,
  path: string,
): string {
  if (ok + bad > 0) return "--repair downloads what is not right";
  return `nothing of it is at ${path}: PATH is the folder that holds "${name}", or "${name}" itself`;
}
