/**
 * What one torrent tells while it lives: events made from facts, no more often than they are worth.
 *
 * @module
 */

import type { FileIndex, Millis } from "../base/units.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Clock } from "../ports/clock.ts";
import type { SessionEvent } from "./events.ts";
import type { TorrentStats } from "./stats.ts";

type WithoutBase<E> = E extends SessionEvent ? Omit<E, "v" | "at"> : never;
/** An event before the session stamps it. */
export type EventBody = WithoutBase<SessionEvent>;

/** Progress and check events come at most this often. */
const REPORT_EVERY_MS = 1000;

/** What a reporter needs of its torrent. */
export interface ReporterParts {
  readonly infoHash: string;
  readonly clock: Clock;
  readonly stats: () => TorrentStats;
  readonly publish: (event: EventBody) => void;
}

/** Publishes the events of one torrent. */
export class Reporter {
  readonly #parts: ReporterParts;
  #metainfo: Metainfo | undefined;
  #selection: ReadonlySet<number> | undefined;
  readonly #reported = new Set<number>();
  readonly #warned = new Set<string>();
  #at: Millis = -Infinity;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  /** The torrent was added. */
  start(name: string): void {
    this.#publish({ type: "start", name });
  }

  /** What is to be downloaded is known; `selection` are the wanted files, `undefined` for all. */
  metadata(metainfo: Metainfo, selection: readonly number[] | undefined): void {
    this.#metainfo = metainfo;
    this.#selection = selection && new Set(selection);
    const { bytesTotal, piecesTotal } = this.#parts.stats();
    const files = selection?.length ?? metainfo.files.filter((file) => !file.isPad).length;
    this.#publish({ type: "metadata", name: metainfo.name, bytesTotal, piecesTotal, files });
  }

  /** Existing data is being checked; the last call is always told. */
  check(checked: number, good: number): void {
    const piecesTotal = this.#metainfo?.pieceMap.pieceCount ?? 0;
    if (checked < piecesTotal && !this.#isDue()) return;
    this.#publish({ type: "check", piecesChecked: checked, piecesTotal, piecesGood: good });
  }

  /** A file is complete; told once, of selected files that have bytes. */
  file(file: FileIndex): void {
    const entry = this.#metainfo?.files[file];
    if (entry === undefined || entry.isPad || entry.length === 0) return;
    if (this.#selection?.has(file) === false || this.#reported.has(file)) return;
    this.#reported.add(file);
    this.#publish({ type: "file", path: entry.displayPath, bytes: entry.length });
  }

  /** Files are complete no more: it is told again when they are. */
  reopen(files: readonly number[]): void {
    for (const file of files) this.#reported.delete(file);
  }

  /** Something a person should know; the same words once. */
  warning(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#publish({ type: "warning", message });
  }

  /** What an older copy had. */
  reuse(folder: string, { bytes, pieces }: { bytes: number; pieces: number }): void {
    this.#publish({ type: "reuse", folder, bytes, pieces });
  }

  /** How it stands, if it was not told within the last second or `isLast`. */
  progress(isLast: boolean = false): void {
    if (!this.#isDue() && !isLast) return;
    const s = this.#parts.stats();
    this.#publish({
      type: "progress",
      bytesDone: s.bytesDone,
      bytesTotal: s.bytesTotal,
      bytesDownloaded: s.bytesDownloaded,
      bytesUploaded: s.bytesUploaded,
      downRate: Math.round(s.downRate),
      upRate: Math.round(s.upRate),
      peers: s.peers,
      piecesDone: s.piecesDone,
      piecesTotal: s.piecesTotal,
      etaSeconds: s.etaSeconds,
    });
  }

  #isDue(): boolean {
    const now = this.#parts.clock.now();
    if (now - this.#at < REPORT_EVERY_MS) return false;
    this.#at = now;
    return true;
  }

  #publish(event: EventBody): void {
    this.#parts.publish({ ...event, infoHash: this.#parts.infoHash });
  }
}
