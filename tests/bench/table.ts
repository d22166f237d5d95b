/**
 * From runs to a table in Markdown: medians, spans, and ratios to the other clients of the same rounds.
 *
 * @module
 */

/** What one run cost, as measure.py says it. */
export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of CPU time in the program. */
  readonly user: number;
  /** Seconds of CPU time in the kernel. */
  readonly sys: number;
  /** Bytes of resident memory at the peak. */
  readonly rss: number;
  /** The anonymous part of that, sampled. */
  readonly anon: number;
}

/** The table of all clients; ratios are to libtorrent's wall time and the CPU time of `cpuOf`, where they ran. */
export function table(
  costs: ReadonlyMap<string, readonly Cost[]>,
  { bytes, cpuOf }: { readonly bytes: number; readonly cpuOf: string },
): string {
  const base = (name: string, of: (cost: Cost) => number) => {
    const runs = costs.get(name);
    return runs && runs.length > 0 ? median(runs.map(of)) : undefined;
  };
  const wallBase = base("libtorrent", (cost) => cost.wall);
  const cpuBase = base(cpuOf, cpu);
  const lines = [
    `| client | wall s (min–max) | MB/s | CPU s (user + sys) | peak RSS MB (anonymous) | wall × libtorrent | CPU × ${cpuOf} |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const [name, runs] of costs) {
    if (runs.length > 0) lines.push(row(name, runs, { bytes, wallBase, cpuBase }));
  }
  return lines.join("\n");
}

interface Bases {
  readonly bytes: number;
  readonly wallBase: number | undefined;
  readonly cpuBase: number | undefined;
}

function row(name: string, runs: readonly Cost[], bases: Bases): string {
  const walls = runs.map((cost) => cost.wall);
  const wall = median(walls);
  const cpus = median(runs.map(cpu));
  const [user, sys] = [median(runs.map((cost) => cost.user)), median(runs.map((cost) => cost.sys))];
  const megabytes = (of: (cost: Cost) => number) => Math.round(median(runs.map(of)) / 1e6);
  const cells = [
    name,
    `${wall.toFixed(2)} (${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})`,
    (bases.bytes / 1e6 / wall).toFixed(0),
    `${cpus.toFixed(2)} (${user.toFixed(2)} + ${sys.toFixed(2)})`,
    `${megabytes((cost) => cost.rss)} (${megabytes((cost) => cost.anon)})`,
    bases.wallBase === undefined ? "" : (wall / bases.wallBase).toFixed(2),
    bases.cpuBase === undefined ? "" : (cpus / bases.cpuBase).toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

function cpu(cost: Cost): number {
  return cost.user + cost.sys;
}

/** The middle value; the mean of the middle two. @throws RangeError when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) {
    throw new RangeError("Cannot take a median: no values");
  }
  return (low + high) / 2;
}
