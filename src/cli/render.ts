/**
 * Stats → lines, pure: the live block of a terminal, the plain lines of a log, the last line.
 *
 * No line is ever wider than the terminal, and names are escaped here, so that nothing a torrent says can
 * move the cursor.
 *
 * @module
 */

import type { TorrentStats } from "../session/stats.ts";
import { forTerminal } from "./escape.ts";
import { KINDS } from "./render_end.ts";
import { colored, renderBar } from "./render_bar.ts";
import { cut, pad, widthOf } from "./text_width.ts";
import { formatBytes, formatPercent, formatRate, formatSeconds } from "./units.ts";

/** A torrent on the screen: its stats, or what it is called while there are none. */
export interface Row {
  readonly label: string;
  readonly stats: TorrentStats | undefined;
}

/** Longer bars say no more. */
const MAX_BAR = 100;
/** Shorter ones say nothing. */
const MIN_BAR = 8;
/** Between columns. */
const GAP = 2;
/** Room for a rate and the time left, so that bars end where the others do. */
const TAIL = 22;
/** What a line for one of several has besides its name, where there is no room for a bar. */
const BESIDE_NAME = 32;

/** Where lines are drawn. */
export interface Canvas {
  readonly columns: number;
  /** Lines there is room for. */
  readonly rows: number;
  readonly isColored: boolean;
}

/** The live block: some lines for one torrent, a few each and a total for several. */
export function renderBlock(rows: readonly Row[], canvas: Canvas): string[] {
  if (rows.length === 0) return [];
  if (rows.length === 1) return renderOne(rows[0]!, canvas);
  // The last line of the screen stays free, so that a block never scrolls.
  const room = Math.max(1, canvas.rows - 2);
  const each = rows.length * 2 <= room ? 2 : 1;
  const shown = rows.slice(0, room);
  const names = nameColumns(shown, canvas.columns);
  const lines = shown.flatMap((row) => renderOneOfMany(row, names, canvas).slice(0, each));
  if (rows.length > room) lines.push(cut(`… and ${rows.length - room} more`, canvas.columns));
  lines.push(renderTotal(rows, canvas));
  return lines;
}

/** A plain line: `progress: NAME 45.2 % of 1.95 GiB, 35.1 MiB/s down, 0 B/s up, 12 peers, 31s left`. */
export function renderPlain(stats: TorrentStats): string {
  const name = forTerminal(stats.name);
  if (stats.state === "checking") return `progress: ${name} ${checking(stats)}`;
  if (stats.state === "fetching-metadata") {
    return `progress: ${name} fetching the metadata, ${peersOf(stats)}`;
  }
  if (stats.state === "seeding") {
    const given = `${formatBytes(stats.bytesUploaded)} given`;
    return `progress: ${name} seeding, ${formatRate(stats.upRate)} up, ${peersOf(stats)}, ${given}`;
  }
  const parts = [
    `${formatPercent(stats.bytesDone, stats.bytesTotal)} of ${formatBytes(stats.bytesTotal)}`,
    `${formatRate(stats.downRate)} down`,
    `${formatRate(stats.upRate)} up`,
    peersOf(stats),
  ];
  if (stats.etaSeconds !== null) parts.push(`${formatSeconds(stats.etaSeconds)} left`);
  return `progress: ${name} ${parts.join(", ")}`;
}

/** A plain line for several: `progress: 3 torrents 45.2 % of 1.95 GiB, …`. */
export function renderPlainAll(all: readonly TorrentStats[]): string {
  const sum = (of: (stats: TorrentStats) => number) => all.reduce((n, stats) => n + of(stats), 0);
  const [done, total] = [sum((stats) => stats.bytesDone), sum((stats) => stats.bytesTotal)];
  const parts = [
    `${total === 0 ? formatPercent(0, 1) : formatPercent(done, total)} of ${formatBytes(total)}`,
    `${formatRate(sum((stats) => stats.downRate))} down`,
    `${formatRate(sum((stats) => stats.upRate))} up`,
    count(sum((stats) => stats.peers), "peer"),
  ];
  return `progress: ${count(all.length, "torrent")} ${parts.join(", ")}`;
}

/** Said when seeding begins; with a command, its end is the end of it. */
export function renderSeeding(stats: TorrentStats, command?: readonly string[]): string {
  const there = `${formatBytes(stats.bytesDone)} verified`;
  const end = command === undefined ? "" : `until ${forTerminal(command[0]!)} ends, `;
  return `seeding: ${forTerminal(stats.name)}: ${there}; ${end}Ctrl-C stops it`;
}

/** The last line of an interrupted download, or of one of which nothing is kept. */
export function renderStopped(stats: TorrentStats, isKept: boolean = true): string {
  const where = stats.pieceMap.length === 0
    ? "before its metadata was there"
    : `at ${formatPercent(stats.bytesDone, stats.bytesTotal)}`;
  return `stopped: ${forTerminal(stats.name)} ${where}${
    isKept ? "; the same command continues" : ""
  }`;
}

function renderOne(row: Row, canvas: Canvas): string[] {
  const { columns } = canvas;
  const { stats } = row;
  if (stats === undefined) return [cut(`${forTerminal(row.label)}: reading`, columns)];
  const lines = [
    bold(cut(forTerminal(stats.name), columns), canvas),
    barLine(stats, columns, canvas),
    cut(fit(details(stats), columns), columns),
  ];
  // A line that comes and goes would make the block jump.
  if (stats.state !== "checking") lines.push(cut(fit(peerFacts(stats), columns), columns));
  return lines;
}

/** `45.2 % ████▓░░░···` */
function barLine(stats: TorrentStats, columns: number, canvas: Canvas): string {
  const head = percentOf(stats).padStart(6);
  const bar = renderBar(stats, Math.min(columns - head.length - 2, MAX_BAR));
  return `${head} ${canvas.isColored ? colored(bar) : bar}`;
}

function percentOf(stats: TorrentStats): string {
  return stats.state === "checking"
    ? formatPercent(stats.piecesChecked, stats.pieceMap.length)
    : stats.bytesTotal === 0
    ? formatPercent(0, 1)
    : formatPercent(stats.bytesDone, stats.bytesTotal);
}

/** The facts under the bar, the most wanted first; those that do not fit are left out. */
function details(stats: TorrentStats): string[] {
  if (stats.state === "checking") return [checking(stats)];
  const size = `${formatBytes(stats.bytesDone)} of ${formatBytes(stats.bytesTotal)}`;
  if (stats.state === "fetching-metadata") return ["fetching the metadata"];
  const isSeeding = stats.state === "seeding";
  const facts = [isSeeding ? "seeding" : `${formatRate(stats.downRate)} down`];
  if (stats.etaSeconds !== null) facts.push(`${formatSeconds(stats.etaSeconds)} left`);
  facts.push(`${formatRate(stats.upRate)} up`, size);
  if (stats.bytesUploaded > 0) facts.push(`${formatBytes(stats.bytesUploaded)} given`);
  return facts;
}

/** `12 peers: 8 tracker, 4 pex  2 choke us  1 seed  3 dialling` */
function peerFacts(stats: TorrentStats): string[] {
  const kinds = stats.sources.filter(({ peers }) => peers > 0)
    .toSorted((a, b) => b.peers - a.peers)
    .map(({ source, peers }) => `${peers} ${KINDS[source]}`);
  const facts = [count(stats.peers, "peer") + (kinds.length > 0 ? `: ${kinds.join(", ")}` : "")];
  if (stats.peersChoking > 0) facts.push(`${stats.peersChoking} choke us`);
  if (stats.seeds > 0) facts.push(count(stats.seeds, "seed"));
  if (stats.dialling > 0) facts.push(`${stats.dialling} dialling`);
  if (stats.peersBanned > 0) facts.push(`${stats.peersBanned} banned`);
  return facts;
}

function fit(facts: readonly string[], columns: number): string {
  let line = "";
  for (const fact of facts) {
    const longer = line === "" ? fact : `${line}  ${fact}`;
    if (widthOf(longer) > columns && line !== "") break;
    line = longer;
  }
  return line;
}

function checking(stats: Pick<TorrentStats, "piecesChecked" | "pieceMap">): string {
  return `checking what is there, piece ${stats.piecesChecked} of ${stats.pieceMap.length}`;
}

function peersOf(stats: TorrentStats): string {
  if (stats.peers === 0) return stats.dialling > 0 ? `dialling ${stats.dialling}` : "no peers";
  return count(stats.peers, "peer");
}

function count(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`;
}

/** Columns for the names of several: as the longest needs, up to a third, less where there are few. */
function nameColumns(rows: readonly Row[], columns: number): number {
  const widest = Math.max(...rows.map((row) => widthOf(nameOf(row))));
  const most = Math.min(Math.floor(columns / 3), Math.max(10, columns - BESIDE_NAME));
  return Math.max(4, Math.min(most, Math.max(8, widest)));
}

function nameOf({ label, stats }: Row): string {
  return forTerminal(stats?.name ?? label);
}

/** `name   45.2 % ████░░░  35.1 MiB/s  31s left`, and below it what there is to say of its peers. */
function renderOneOfMany(row: Row, room: number, canvas: Canvas): string[] {
  const { columns } = canvas;
  const { stats } = row;
  const name = nameOf(row);
  const head = pad(cut(name, room), room);
  if (stats === undefined) return [cut(`${head}  reading`, columns), ""];
  const isChecking = stats.state === "checking";
  const facts = isChecking
    ? ["checking"]
    : stats.state === "fetching-metadata"
    ? ["fetching metadata"]
    : [formatRate(stats.downRate).padStart(10)];
  if (!isChecking && stats.etaSeconds !== null) {
    facts.push(`${formatSeconds(stats.etaSeconds)} left`);
  }
  const tail = fit(facts, Math.max(0, columns - room - 10));
  const percent = percentOf(stats).padStart(6);
  const cells = columns - room - percent.length - 2 * GAP - 1 - Math.max(TAIL, widthOf(tail));
  const bar = cells < MIN_BAR ? "" : ` ${renderBar(stats, Math.min(cells, MAX_BAR))}`;
  const plain = `${head}  ${percent}${bar}  ${tail}`;
  const isFitting = widthOf(plain) <= columns;
  const line = isFitting && canvas.isColored
    ? `${head}  ${percent}${colored(bar)}  ${tail}`
    : cut(plain, columns);
  const below = isChecking
    ? [checking(stats)]
    : [...peerFacts(stats), `${formatRate(stats.upRate)} up`];
  return [line, cut(`  ${fit(below, columns - GAP)}`, columns)];
}

function renderTotal(rows: readonly Row[], canvas: Canvas): string {
  let [done, total, down, up, peers] = [0, 0, 0, 0, 0];
  for (const { stats } of rows) {
    if (stats === undefined) continue;
    done += stats.bytesDone;
    total += stats.bytesTotal;
    down += stats.downRate;
    up += stats.upRate;
    peers += stats.peers;
  }
  const facts = [
    total === 0
      ? `${rows.length} torrents`
      : `${rows.length} torrents ${formatPercent(done, total)}`,
    `${formatRate(down)} down`,
    count(peers, "peer"),
    `${formatRate(up)} up`,
    `${formatBytes(done)} of ${formatBytes(total)}`,
  ];
  return bold(cut(fit(facts, canvas.columns), canvas.columns), canvas);
}

function bold(text: string, canvas: Canvas): string {
  return canvas.isColored ? `\x1b[1m${text}\x1b[0m` : text;
}
