/**
 * How downloads ended, and what is told of it: to people a line each, to scripts an event each.
 *
 * @module
 */

import type { TorrentStats } from "../session/stats.ts";
import type { Context } from "./context.ts";
import { forTerminal } from "./escape.ts";
import { errorFields, type Failure } from "./exit.ts";
import { renderStopped } from "./render.ts";
import { bytesBySourceOf, renderDone, renderDoneAll } from "./render_end.ts";
import { nameOfSource } from "./source_kind.ts";

/** How one SOURCE ended. */
export interface Downloaded {
  readonly source: string;
  /** In hex, once it was known. */
  readonly infoHash?: string;
  /** The last stats, where it got as far as to have some. */
  readonly stats?: TorrentStats;
  /** The folder that its file or folder is in; none where it went to standard output. */
  readonly folder?: string;
  /** Its file or folder on the disk. */
  readonly path?: string;
  /** Why it is not complete, where it is not. */
  readonly failure?: Failure;
  /** Whoever read the stream, or the events, has gone, and nothing is to be said. */
  readonly isLeft?: boolean;
  /** It is the torrent of a SOURCE before it, which tells how that ends. */
  readonly isRepeated?: boolean;
}

/** The torrent of this SOURCE is that of another one, which is at work on it. */
export class Repeated extends Error {
  override name = "Repeated";
  /** In hex. */
  readonly infoHash: string;
  /** Takes both sources and what they have in common. */
  constructor(source: string, first: string, infoHash: string) {
    super(`${source} is the same torrent as ${first}: it is downloaded once`);
    this.infoHash = infoHash;
  }
}

/** Who tells. */
export interface Telling extends Pick<Context, "screen" | "json"> {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Whether there is one SOURCE, of which the end of the run tells the failure. */
  readonly isOnly: boolean;
  /** Whether what was downloaded stays where it is. */
  readonly isKept: boolean;
}

/** Tells of one that ended. */
export function tellEnd(result: Downloaded, telling: Telling): void {
  const { screen, isOnly, isKept } = telling;
  const { source, stats, folder, failure, isLeft, isRepeated } = result;
  if (isLeft || isRepeated) return;
  if (failure === undefined) screen.note(renderDone(stats!, folder));
  else if (failure.reason === "interrupted" || failure.reason === "terminated") {
    if (stats !== undefined) screen.note(renderStopped(stats, isKept && folder !== undefined));
  } else if (!isOnly) {
    const label = stats?.name ?? nameOfSource(source);
    const why = failure.message.replace(`Cannot finish ${label}: `, "");
    screen.note(`failed: ${forTerminal(`${label}: ${why}`)}`);
  }
  if (!isOnly) tellScript(result, telling);
}

/** Tells, in a last line, of several that all ended well. */
export function tellAll(results: readonly Downloaded[], { screen }: Telling): void {
  if (results.length < 2 || results.some(({ failure, isLeft }) => failure || isLeft)) return;
  screen.note(renderDoneAll(results.flatMap(({ stats }) => stats ?? [])));
}

/** The event of one download among several; the last line of all is the run's. */
function tellScript(
  { source, infoHash, stats, path, failure }: Downloaded,
  { json, at }: Telling,
): void {
  const base = { at, source, ...(infoHash === undefined ? {} : { infoHash }) };
  if (failure !== undefined) {
    json?.write({ v: 1, type: "error", ...base, ...errorFields(failure) });
    return;
  }
  const { bytesTotal, bytesDownloaded, bytesUploaded } = stats!;
  const seconds = Math.round(stats!.seconds * 1000) / 1000;
  const bytesBySource = bytesBySourceOf([stats!]);
  const totals = { bytesTotal, bytesDownloaded, bytesUploaded, bytesBySource, seconds };
  const end = { exitCode: 0, ...(path === undefined ? {} : { path }) };
  json?.write({ v: 1, type: "done", ...base, ...end, ...totals });
}
