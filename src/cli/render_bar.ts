/**
 * The pieces of a torrent as a bar of characters, pure.
 *
 * `█` all there, `▓` most, `▒` some, `░` missing, `·` not wanted, `─` not looked at yet while what is on the
 * disk is checked.
 *
 * @module
 */

import type { TorrentStats } from "../session/stats.ts";

/** What a bar is drawn from. */
export type BarStats = Pick<TorrentStats, "pieceMap" | "piecesChecked" | "state">;

/** One byte a piece of the map. */
const HAVE = 1;
const NOT_WANTED = 2;

/** The pieces in `cells` characters. */
export function renderBar(stats: BarStats, cells: number): string {
  const { pieceMap, state, piecesChecked } = stats;
  if (cells <= 0) return "";
  if (pieceMap.length === 0) return "░".repeat(cells);
  // Pieces are checked in order, more or less: what lies behind the count is not known yet.
  const settled = state === "checking" ? piecesChecked : pieceMap.length;
  let bar = "";
  for (let cell = 0; cell < cells; cell++) {
    const first = Math.floor((cell * pieceMap.length) / cells);
    const end = Math.max(first + 1, Math.floor(((cell + 1) * pieceMap.length) / cells));
    bar += end > settled ? "─" : renderCell(pieceMap, first, end);
  }
  return bar;
}

function renderCell(pieceMap: Uint8Array, first: number, end: number): string {
  let [have, wanted] = [0, 0];
  for (let piece = first; piece < end; piece++) {
    if (pieceMap[piece] === HAVE) have++;
    if (pieceMap[piece] !== NOT_WANTED) wanted++;
  }
  if (wanted === 0) return "·";
  if (have === wanted) return "█";
  if (have === 0) return "░";
  return have * 2 >= wanted ? "▓" : "▒";
}

/** The bar with what is there in green and the rest dim. */
export function colored(bar: string): string {
  return bar.replace(/[█▓▒]+/g, "\x1b[32m$&\x1b[0m").replace(/[░·─]+/g, "\x1b[2m$&\x1b[0m");
}
