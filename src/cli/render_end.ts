/**
 * How downloads ended, in one line: bytes, time, average rate, where the data came from, what was given.
 *
 * Pure, and safe to print: names are escaped here.
 *
 * @module
 */

import type { TorrentStats } from "../session/stats.ts";
import { forTerminal } from "./escape.ts";
import { formatBytes, formatPercent, formatRate, formatSeconds } from "./units.ts";

/** What the kinds of source are called. */
export const KINDS: Readonly<Record<string, string>> = {
  user: "named",
  tracker: "tracker",
  dht: "DHT",
  pex: "PEX",
  lsd: "LAN",
  incoming: "incoming",
};

/**
 * The last line of a good end, to be grepped for `^done: `: bytes, time, average rate, where the data came
 * from, what was given. Without a folder the data went to standard output.
 */
export function renderDone(stats: TorrentStats, output: string | undefined): string {
  const { bytesDone, bytesTotal, seconds } = stats;
  const part = isPart([stats]) ? `${formatBytes(bytesDone)} of ` : "";
  const parts = [`${part}${formatBytes(bytesTotal)} in ${formatSeconds(seconds)}`];
  parts.push(...renderTransfer([stats]));
  const place = output === undefined ? "to standard output" : `in ${forTerminal(output)}`;
  return `done: ${forTerminal(stats.name)}: ${parts.join(", ")}, ${place}`;
}

/** What older copies had: `reused 1.2 GiB from DIR`. */
export function renderReuse({ bytes, folder }: { bytes: number; folder: string }): string {
  const what = bytes === 0 ? "nothing" : formatBytes(bytes);
  return `reused ${what} from ${forTerminal(folder)}`;
}

/** The last line of all when there were several: `done: 3 torrents: …`. */
export function renderDoneAll(all: readonly TorrentStats[]): string {
  const bytesTotal = all.reduce((sum, stats) => sum + stats.bytesTotal, 0);
  const seconds = Math.max(0, ...all.map((stats) => stats.seconds));
  const parts = [`${formatBytes(bytesTotal)} in ${formatSeconds(seconds)}`, ...renderTransfer(all)];
  return `done: ${all.length} torrents: ${parts.join(", ")}`;
}

/** Whether seeding of what was there ended, and that was not all. */
function isPart(all: readonly TorrentStats[]): boolean {
  return all.some(({ bytesDownloaded, bytesDone, bytesTotal }) =>
    bytesDownloaded === 0 && bytesDone < bytesTotal
  );
}

/** What was fetched, from where, and what was given. */
function renderTransfer(all: readonly TorrentStats[]): string[] {
  const fetched = all.reduce((sum, stats) => sum + stats.bytesDownloaded, 0);
  const given = all.reduce((sum, stats) => sum + stats.bytesUploaded, 0);
  const total = all.reduce((sum, stats) => sum + stats.bytesTotal, 0);
  const seconds = Math.max(0.001, ...all.map((stats) => stats.seconds));
  const parts: string[] = [];
  if (fetched === 0) parts.push(isPart(all) ? "the rest was not there" : "all of it was there");
  else {
    const from = renderOrigins(all);
    parts.push(`${formatBytes(fetched)} fetched at ${formatRate(fetched / seconds)}${from}`);
  }
  if (given > 0) {
    const ratio = (given / Math.max(1, total)).toFixed(2);
    parts.push(`${formatBytes(given)} given (ratio ${ratio})`);
  }
  return parts;
}

/** Bytes that were fetched, by the kind of source they came from, the largest first. */
export function bytesBySourceOf(all: readonly TorrentStats[]): Readonly<Record<string, number>> {
  const bytes = new Map<string, number>();
  for (const { source, bytes: n } of all.flatMap(({ sources }) => sources)) {
    if (n > 0) bytes.set(source, (bytes.get(source) ?? 0) + n);
  }
  return Object.fromEntries([...bytes].sort(([, a], [, b]) => b - a));
}

/** ` from tracker 80 %, pex 20 %`: the kinds of source that the bytes came from. */
function renderOrigins(all: readonly TorrentStats[]): string {
  const kinds = Object.entries(bytesBySourceOf(all));
  const sum = kinds.reduce((total, [, n]) => total + n, 0);
  if (kinds.length === 0) return "";
  if (kinds.length === 1) return ` from ${KINDS[kinds[0]![0]] ?? kinds[0]![0]} peers`;
  const shares = kinds.map(([kind, n]) => `${KINDS[kind] ?? kind} ${formatPercent(n, sum)}`);
  return ` from ${shares.join(", ")}`;
}
