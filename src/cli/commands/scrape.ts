/**
 * `starling scrape SOURCE`: seeds, leeches and completed downloads, as each tracker reports them.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import { NetworkError } from "../../base/errors.ts";
import { USER_AGENT } from "../../base/version.ts";
import { type ScrapeReport, scrapeTrackers } from "../../session/scraper.ts";
import { failureWords } from "../../tracker/announce.ts";
import type { Context, Ending } from "../context.ts";
import { deadline } from "../deadline.ts";
import { forTerminal } from "../escape.ts";
import { failureOf } from "../exit.ts";
import { openLog } from "../log.ts";
import { openTracked, type Tracked } from "../tracked.ts";
import { formatCount } from "../units.ts";
import { UsageError } from "../usage_error.ts";

/** Asks all trackers side by side and prints each answer as it comes. */
export async function runScrape(context: Context): Promise<Ending> {
  const { shell, parts, invocation, interrupts, screen, json } = context;
  const { options } = invocation;
  const startedAt = shell.clock.now();
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const tracked = await openTracked(context, invocation.operands[0]!);
  const userTrackers = options.texts("tracker");
  const total = userTrackers.length + tracked.tiers.flat().length;
  if (total === 0) throw noTracker(tracked);
  const name = forTerminal(tracked.name);
  screen.note(`asking ${total === 1 ? "1 tracker" : `${formatCount(total)} trackers`} of ${name}`);
  const log = openLog(context);
  await using world = await parts.openWorld({ log, workers: 0 });
  const infoHash = hex(tracked.infoHash);
  const errors: string[] = [];
  if (json === undefined) shell.stdout.write(`${HEAD}\n`);
  const onReport = (report: ScrapeReport) => {
    if (report.error !== null) errors.push(failureWords(report.error));
    tell(context, report, infoHash);
  };
  const answers = await scrapeTrackers({
    ...tracked,
    userTrackers,
    onReport,
    world,
    userAgent: USER_AGENT,
    allowPrivate: options.flag("allow-private"),
    signal: limit.signal,
  });
  const facts = { infoHash, seconds: Math.round(shell.clock.now() - startedAt) / 1000 };
  if (answers > 0) return { exitCode: 0, facts };
  const why = errors.length === 1 ? errors[0]! : `none of ${errors.length} trackers answered`;
  const failure = failureOf(new NetworkError("other", `Cannot scrape ${tracked.name}: ${why}`));
  return { exitCode: failure.exitCode, failure, facts };
}

const WIDTHS = [8, 8, 10] as const;
const HEAD = line(["seeds", "leeches", "completed"], "tracker");

function tell({ shell, json }: Context, report: ScrapeReport, infoHash: string): void {
  const { url, tier, counts, error } = report;
  const { seeds = null, leeches = null, completed = null } = counts ?? {};
  const trouble = error !== null
    ? failureWords(error)
    : counts === null
    ? "does not know this torrent"
    : null;
  if (json === undefined) {
    const numbers = [seeds, leeches, completed].map((n) => n === null ? "-" : formatCount(n));
    const text = trouble === null ? url : `${url}: ${trouble}`;
    shell.stdout.write(`${line(numbers, forTerminal(text))}\n`);
    return;
  }
  json.write({
    v: 1,
    type: "scrape",
    at: shell.clock.epochMs(),
    infoHash,
    tracker: url,
    tier,
    isAnswered: error === null,
    seeds,
    leeches,
    completed,
    trouble,
  });
}

function line(numbers: readonly string[], text: string): string {
  return `${numbers.map((n, i) => n.padStart(WIDTHS[i]!)).join("  ")}  ${text}`;
}

function noTracker({ name }: Tracked): UsageError {
  return new UsageError(`Cannot scrape ${name}: it names no tracker`, {
    hint: "--tracker URL names one",
  });
}
