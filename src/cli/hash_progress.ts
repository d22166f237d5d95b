/**
 * How hashing what is on the disk goes: a live block, plain lines, or events for a script.
 *
 * @module
 */

import { MIB } from "../base/units.ts";
import { Meter } from "../base/meter.ts";
import type { Clock } from "../ports/clock.ts";
import type { Output } from "../ports/shell.ts";
import { forTerminal } from "./escape.ts";
import type { Screen } from "./screen.ts";
import { cut, widthOf } from "./text_width.ts";
import { formatBytes, formatPercent, formatRate, formatSeconds } from "./units.ts";

/** Less than this is hashed sooner than Workers have started. */
const FEW_BYTES = 64 * MIB;

/** Disk Workers for so many bytes to hash. */
export function hashWorkers(bytes: number): 0 | "all" {
  return bytes <= FEW_BYTES ? 0 : "all";
}

const FRAME_MS = 200;
const LOOK_MS = 500;
const EVENT_MS = 1000;
/** A backlog of this many characters means the terminal is not keeping up. */
const SLOW_CHARS = 65_536;
const MAX_BAR = 100;

/** What is hashed and who is told. */
export interface HashProgressOptions {
  readonly screen: Screen;
  /** Where the screen is. */
  readonly output: Output;
  readonly clock: Clock;
  /** What is hashed, raw. */
  readonly label: string;
  readonly bytesTotal: number;
  /** Called once a second while hashing goes on. */
  readonly onSecond?: () => void;
}

/** The progress of hashing. */
export class HashProgress {
  readonly #options: HashProgressOptions;
  readonly #meter = new Meter();
  readonly #startedAt: number;
  #printedAt: number;
  #printedTenth = 0;
  #toldAt: number;

  constructor(options: HashProgressOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#printedAt = this.#startedAt;
    this.#toldAt = this.#startedAt;
  }

  /** Counts bytes that have been hashed. */
  add(bytes: number): void {
    this.#meter.add(bytes, this.#options.clock.now());
  }

  /** Bytes hashed so far. */
  get bytesDone(): number {
    return this.#meter.total;
  }

  /** Seconds since the beginning. */
  get seconds(): number {
    return Math.round(this.#options.clock.now() - this.#startedAt) / 1000;
  }

  /** `4.00 GiB hashed in 2.1s, 1.90 GiB/s`. */
  get summary(): string {
    const { bytesDone, seconds } = this;
    const rate = bytesDone / Math.max(seconds, 0.001);
    return `${formatBytes(bytesDone)} hashed in ${formatSeconds(seconds)}, ${formatRate(rate)}`;
  }

  /** Shows progress while `work` runs. */
  async during<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const showing = this.#run(over.signal);
    try {
      return await work;
    } finally {
      over.abort();
      await showing;
      this.#options.screen.clear();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { screen, clock, onSecond } = this.#options;
    const { progress } = screen.look;
    if (progress === "bar") this.#draw();
    try {
      while (!signal.aborted) {
        await clock.sleep(progress === "bar" ? FRAME_MS : LOOK_MS, { signal });
        if (progress === "bar") this.#draw();
        else if (progress === "plain") this.#printDue();
        if (clock.now() - this.#toldAt < EVENT_MS) continue;
        this.#toldAt = clock.now();
        onSecond?.();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #draw(): void {
    const { screen, output, label, bytesTotal } = this.#options;
    if (output.backlog > SLOW_CHARS) return;
    const { columns } = screen.canvas;
    const percent = formatPercent(this.bytesDone, bytesTotal).padStart(6);
    const cells = Math.max(0, Math.min(MAX_BAR, columns - percent.length - 2));
    const full = Math.floor(Math.min(1, this.bytesDone / Math.max(1, bytesTotal)) * cells);
    const lines = [
      `${forTerminal(label)}: hashing`,
      `${percent} ${"█".repeat(full)}${"░".repeat(cells - full)}`,
      this.#facts().join("  "),
    ].map((line) => cut(line, columns));
    screen.draw(lines, lines.map(widthOf));
  }

  #printDue(): void {
    const { screen, clock, label, bytesTotal } = this.#options;
    const { ms, isByPercent } = screen.look.plainEvery;
    const tenth = Math.floor((this.bytesDone / Math.max(1, bytesTotal)) * 10);
    const isFurther = isByPercent && tenth > this.#printedTenth;
    if (clock.now() - this.#printedAt < ms && !isFurther) return;
    this.#printedAt = clock.now();
    this.#printedTenth = tenth;
    const percent = formatPercent(this.bytesDone, bytesTotal);
    screen.note(`progress: ${forTerminal(label)} hashed ${percent}, ${this.#facts().join(", ")}`);
  }

  #facts(): string[] {
    const { clock, bytesTotal } = this.#options;
    const rate = this.#meter.rate(clock.now());
    const left = Math.max(0, bytesTotal - this.bytesDone);
    return [
      formatRate(rate),
      ...(rate > 0 ? [`${formatSeconds(left / rate)} left`] : []),
      `${formatBytes(this.bytesDone)} of ${formatBytes(bytesTotal)}`,
    ];
  }
}
