/**
 * `starling get SOURCE...`: download torrents, one or many.
 *
 * This file reads the list of sources and sums up how they ended; `download.ts` does one of them.
 *
 * @module
 */

import type { Context, EndFacts, Ending } from "../context.ts";
import { type Deadline, deadline } from "../deadline.ts";
import { Downloads } from "../download.ts";
import type { Downloaded } from "../downloaded.ts";
import { type Failure, Interrupted } from "../exit.ts";
import { openLog } from "../log.ts";
import { asGuest, type Plan, planOf, pouring, withCommand } from "../plan.ts";
import { bytesBySourceOf } from "../render_end.ts";
import { endedWith } from "../seed_command.ts";
import { checkSource, readList } from "../source.ts";
import { UsageError } from "../usage_error.ts";

/** Downloads every SOURCE. The highest exit code wins. */
export async function runGet(context: Context): Promise<Ending> {
  const { shell, invocation, interrupts } = context;
  const { options } = invocation;
  const base = asGuest(withCommand(planOf(options, shell), invocation));
  const isStream = options.text("output") === "-";
  if (isStream && invocation.operands.length > 1) {
    throw new UsageError(
      "Cannot use --output - with several sources: one file goes to standard output",
    );
  }
  const plan = isStream ? pouring(base, invocation) : base;
  const typed = invocation.operands;
  const list = options.text("input-file");
  // One of several that is no link fails alone, when its turn comes.
  if (list === undefined && typed.length === 1) checkSource(typed[0]!);
  using limit = deadline(shell.clock, plan.timeoutMs, interrupts.signal);
  const listed = list === undefined ? [] : await readList(list, shell, limit.signal);
  const sources = [...new Set([...typed, ...listed])];
  return await runWithin(context, { sources, plan, limit });
}

/** Works on sources that were checked, by a plan of its own: what `get` and `seed` share. */
export async function runDownloads(
  context: Context,
  sources: readonly string[],
  plan: Plan,
): Promise<Ending> {
  sources.forEach(checkSource);
  const { shell, interrupts } = context;
  using limit = deadline(shell.clock, plan.timeoutMs, interrupts.signal);
  return await runWithin(context, { sources, plan, limit });
}

async function runWithin(
  context: Context,
  { sources, plan, limit }: { sources: readonly string[]; plan: Plan; limit: Deadline },
): Promise<Ending> {
  const { shell, parts, interrupts } = context;
  if (plan.command !== undefined) await shell.checkProgram(plan.command[0]!);
  const log = openLog(context);
  await using world = await parts.openWorld({ log });
  const downloads = new Downloads({ context, plan, world, limit, isOnly: sources.length === 1 });
  const results = await downloads.run(sources);
  const ending = sources.length === 1 ? endingOf(results[0]!) : summary(results);
  const { commandCode } = downloads;
  const isCommands = ending.failure === undefined && !interrupts.isLeft;
  if (!isCommands || commandCode === undefined) return ending;
  return endedWith(ending, plan.command!, commandCode);
}

function endingOf({ source, infoHash, stats, path, failure }: Downloaded): Ending {
  const facts: EndFacts = {
    source,
    ...(path === undefined || failure !== undefined ? {} : { path }),
    ...(infoHash === undefined ? {} : { infoHash }),
    ...(stats === undefined ? {} : totals([stats])),
  };
  return failure === undefined
    ? { exitCode: 0, facts }
    : { exitCode: failure.exitCode, failure, facts };
}

/** How several ended, in one line: the worst of them speaks for all. */
function summary(results: readonly Downloaded[]): Ending {
  const facts = totals(results.flatMap(({ stats }) => stats === undefined ? [] : [stats]));
  const failed = results.filter((result) => result.failure !== undefined);
  if (failed.length === 0) return { exitCode: 0, facts };
  const worst = failed.map((result) => result.failure!)
    .reduce((a, b) => b.exitCode > a.exitCode ? b : a);
  const isInterrupted = worst.error instanceof Interrupted;
  const count = `${failed.length} of ${results.length} torrents`;
  const failure: Failure = isInterrupted
    ? worst
    : { ...worst, message: `Cannot finish ${count}: ${worst.message}` };
  return { exitCode: worst.exitCode, failure, facts };
}

function totals(
  all: readonly NonNullable<Downloaded["stats"]>[],
): EndFacts {
  const sum = (of: (stats: NonNullable<Downloaded["stats"]>) => number) =>
    all.reduce((total, stats) => total + of(stats), 0);
  return {
    bytesTotal: sum((stats) => stats.bytesTotal),
    bytesDownloaded: sum((stats) => stats.bytesDownloaded),
    bytesUploaded: sum((stats) => stats.bytesUploaded),
    bytesBySource: bytesBySourceOf(all),
    seconds: Math.round(Math.max(0, ...all.map((stats) => stats.seconds)) * 1000) / 1000,
  };
}
