/**
 * Drives what is seen of the downloads: the live block a few times a second, plain lines now and then.
 *
 * Pulls stats, never participates. A frame that the terminal is too slow for is left out.
 *
 * @module
 */

import type { Clock } from "../ports/clock.ts";
import type { Output } from "../ports/shell.ts";
import type { TorrentStats } from "../session/stats.ts";
import { renderBlock, renderPlain, renderPlainAll, type Row } from "./render.ts";
import type { Screen } from "./screen.ts";
import { widthOf } from "./text_width.ts";

/** Five frames a second: smooth enough to read, and no load. */
const FRAME_MS = 200;
/** How often plain mode looks whether a line is due. */
const LOOK_MS = 500;
/** A backlog of this many characters means the terminal is not keeping up. */
const SLOW_CHARS = 65_536;

/** One download on the screen. */
export interface ProgressRow {
  /** Gives its stats from now on; before, it is shown as being read. */
  follow(stats: () => TorrentStats): void;
  /** Takes it off the screen. */
  remove(): void;
}

interface Followed {
  label: string;
  stats: (() => TorrentStats) | undefined;
  printedAt: number;
  printedTenth: number;
}

/** The progress of any number of downloads. */
export class Progress {
  readonly #screen: Screen;
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #rows = new Set<Followed>();
  #printedAt: number;

  constructor(screen: Screen, output: Output, clock: Clock) {
    this.#screen = screen;
    this.#output = output;
    this.#clock = clock;
    this.#printedAt = clock.now();
  }

  /** Puts a download on the screen, at once. */
  add(label: string): ProgressRow {
    const row: Followed = {
      label,
      stats: undefined,
      printedAt: this.#clock.now(),
      printedTenth: 0,
    };
    this.#rows.add(row);
    if (this.#screen.look.progress === "bar") this.#drawFrame();
    return {
      follow: (stats) => {
        row.stats = stats;
      },
      remove: () => {
        this.#rows.delete(row);
        if (this.#rows.size === 0) this.#screen.clear();
      },
    };
  }

  /** Shows progress until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { progress } = this.#screen.look;
    if (progress === "none") return;
    try {
      while (!signal.aborted) {
        await this.#clock.sleep(progress === "bar" ? FRAME_MS : LOOK_MS, { signal });
        if (progress === "bar") this.#drawFrame();
        else this.#printDue();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#screen.clear();
    }
  }

  #drawFrame(): void {
    if (this.#rows.size === 0 || this.#output.backlog > SLOW_CHARS) return;
    const { canvas } = this.#screen;
    const rows = [...this.#rows].map((row): Row => ({ label: row.label, stats: row.stats?.() }));
    const lines = renderBlock(rows, canvas);
    // deno-lint-ignore no-control-regex
    this.#screen.draw(lines, lines.map((line) => widthOf(line.replace(/\x1b\[\d*m/g, ""))));
  }

  #printDue(): void {
    const now = this.#clock.now();
    const { ms, isByPercent } = this.#screen.look.plainEvery;
    if (!isByPercent && this.#rows.size > 1) return this.#printTogether(now, ms);
    for (const row of this.#rows) {
      const stats = row.stats?.();
      if (stats === undefined || stats.state === "complete") continue;
      const tenth = Math.floor((stats.bytesDone / Math.max(1, stats.bytesTotal)) * 10);
      const isFurther = isByPercent && stats.state !== "checking" && tenth > row.printedTenth;
      if (now - row.printedAt < ms && !isFurther) continue;
      row.printedAt = this.#printedAt = now;
      row.printedTenth = tenth;
      this.#screen.note(renderPlain(stats));
    }
  }

  /** One line for all: a log that is kept has a line in ten seconds, however many torrents there are. */
  #printTogether(now: number, ms: number): void {
    const all = [...this.#rows].flatMap((row) => row.stats?.() ?? []);
    if (all.length === 0 || now - this.#printedAt < ms) return;
    this.#printedAt = now;
    for (const row of this.#rows) row.printedAt = now;
    this.#screen.note(renderPlainAll(all));
  }
}
