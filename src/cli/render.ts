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
import { cut, pad, widthOf } from "./text_width.ts";
import { formatBytes, formatPercent, formatRate, formatSeconds } from "./units.ts";

/** A torrent on the screen: its stats, or what it is called while there are none. */
export interface Row {
  readonly label: string;
  readonly stats: TorrentStats | undefined;
}

/** Where lines are drawn. */
export interface Canvas {
  readonly columns: number;
  /** Lines there is room for. */
  readonly rows: number;
  readonly isColored: boolean;
}

/** The live block: three lines for one torrent, a line each and a total for several. */
export function renderBlock(rows: readonly Row[], canvas: Canvas): string[] {
  if (rows.length === 0) return [];
  if (rows.length === 1) return renderOne(rows[0]!, canvas);
  const room = Math.max(1, canvas.rows - 2);
  const lines = rows.slice(0, room).map((row) => renderCompact(row, canvas));
  if (rows.length > room) lines.push(cut(`… and ${rows.length - room} more`, canvas.columns));
  lines.push(renderTotal(rows, canvas));
  return lines;
}

/** A plain line: `progress: NAME 45.2 % of 1.95 GiB, 35.1 MiB/s down, 0 B/s up, 12 peers, 31s left`. */
export function renderPlain(stats: TorrentStats): string {
  const name = forTerminal(stats.name);
  if (stats.state === "checking") return `progress: ${name} ${checking(stats)}`;
  const parts = [
    `${formatPercent(stats.bytesDone, stats.bytesTotal)} of ${formatBytes(stats.bytesTotal)}`,
    `${formatRate(stats.downRate)} down`,
    `${formatRate(stats.upRate)} up`,
    peersOf(stats),
  ];
  if (stats.etaSeconds !== null) parts.push(`${formatSeconds(stats.etaSeconds)} left`);
  return `progress: ${name} ${parts.join(", ")}`;
}

/** The last line of a good end, to be grepped for `^done: `. */
export function renderDone(stats: TorrentStats, output: string): string {
  const parts = [`${formatBytes(stats.bytesTotal)} in ${formatSeconds(stats.seconds)}`];
  if (stats.bytesDownloaded === 0) parts.push("all of it was there");
  else {
    const rate = stats.bytesDownloaded / Math.max(stats.seconds, 0.001);
    parts.push(`${formatBytes(stats.bytesDownloaded)} fetched at ${formatRate(rate)}`);
  }
  if (stats.bytesUploaded > 0) parts.push(`${formatBytes(stats.bytesUploaded)} given`);
  return `done: ${forTerminal(stats.name)}: ${parts.join(", ")}, in ${forTerminal(output)}`;
}

/** Said when seeding begins. */
export function renderSeeding(stats: TorrentStats): string {
  const there = `${formatBytes(stats.bytesDone)} verified`;
  return `seeding: ${forTerminal(stats.name)}: ${there}; Ctrl-C stops it`;
}

/** The last line of an interrupted download. */
export function renderStopped(stats: TorrentStats): string {
  const percent = formatPercent(stats.bytesDone, stats.bytesTotal);
  return `stopped: ${forTerminal(stats.name)} at ${percent}; the same command continues`;
}

function renderOne(row: Row, canvas: Canvas): string[] {
  const { columns } = canvas;
  const { stats } = row;
  if (stats === undefined) return [cut(`${forTerminal(row.label)}: reading`, columns)];
  const percent = stats.state === "checking"
    ? formatPercent(stats.piecesChecked, stats.pieceMap.length)
    : formatPercent(stats.bytesDone, stats.bytesTotal);
  const head = percent.padStart(6);
  const bar = renderBar(stats, Math.min(columns - head.length - 2, 100));
  return [
    bold(cut(forTerminal(stats.name), columns), canvas),
    `${head} ${green(bar, canvas)}`,
    cut(fit(details(stats), columns), columns),
  ];
}

/** The facts under the bar, the most wanted first; those that do not fit are left out. */
function details(stats: TorrentStats): string[] {
  if (stats.state === "checking") return [checking(stats)];
  const size = `${formatBytes(stats.bytesDone)} of ${formatBytes(stats.bytesTotal)}`;
  const facts = [`${formatRate(stats.downRate)} down`];
  if (stats.etaSeconds !== null) facts.push(`${formatSeconds(stats.etaSeconds)} left`);
  facts.push(peersOf(stats));
  facts.push(`${formatRate(stats.upRate)} up`);
  facts.push(size);
  if (stats.seeds > 0) facts.push(count(stats.seeds, "seed"));
  if (stats.peersChoking > 0) facts.push(`${stats.peersChoking} choke us`);
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

function checking(stats: TorrentStats): string {
  return `checking what is there, piece ${stats.piecesChecked} of ${stats.pieceMap.length}`;
}

function peersOf(stats: TorrentStats): string {
  if (stats.peers === 0) return stats.dialling > 0 ? `dialling ${stats.dialling}` : "no peers";
  return count(stats.peers, "peer");
}

function count(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`;
}

/** `name            45.2 %  35.1 MiB/s  31s` */
function renderCompact({ label, stats }: Row, canvas: Canvas): string {
  const { columns } = canvas;
  const facts = stats === undefined ? "reading" : compactFacts(stats);
  const room = columns - widthOf(facts) - 2;
  if (room < 4) return cut(`${forTerminal(label)}  ${facts}`, columns);
  return `${pad(cut(forTerminal(stats?.name ?? label), room), room)}  ${facts}`;
}

function compactFacts(stats: TorrentStats): string {
  if (stats.state === "checking") {
    return `checking ${formatPercent(stats.piecesChecked, stats.pieceMap.length).padStart(6)}`;
  }
  const percent = formatPercent(stats.bytesDone, stats.bytesTotal).padStart(6);
  return `${percent} ${formatRate(stats.downRate).padStart(12)}`;
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

/**
 * The pieces in `cells` characters: `█` all there, `▓` most, `▒` some, `░` none, `·` not wanted. While data
 * is checked, `▒` is what was looked at.
 */
export function renderBar(stats: TorrentStats, cells: number): string {
  const { pieceMap } = stats;
  if (cells <= 0) return "";
  if (pieceMap.length === 0) return "░".repeat(cells);
  if (stats.state === "checking") {
    const seen = Math.floor((stats.piecesChecked / pieceMap.length) * cells);
    return "▒".repeat(Math.min(cells, seen)) + "░".repeat(Math.max(0, cells - seen));
  }
  let bar = "";
  for (let cell = 0; cell < cells; cell++) {
    const first = Math.floor((cell * pieceMap.length) / cells);
    const end = Math.max(first + 1, Math.floor(((cell + 1) * pieceMap.length) / cells));
    bar += renderCell(pieceMap, first, end);
  }
  return bar;
}

function renderCell(pieceMap: Uint8Array, first: number, end: number): string {
  let [have, wanted] = [0, 0];
  for (let piece = first; piece < end; piece++) {
    if (pieceMap[piece] === 1) have++;
    if (pieceMap[piece] !== 2) wanted++;
  }
  if (wanted === 0) return "·";
  if (have === wanted) return "█";
  if (have === 0) return "░";
  return have * 2 >= wanted ? "▓" : "▒";
}

function bold(text: string, canvas: Canvas): string {
  return canvas.isColored ? `\x1b[1m${text}\x1b[0m` : text;
}

function green(text: string, canvas: Canvas): string {
  return canvas.isColored ? `\x1b[32m${text}\x1b[0m` : text;
}
