/**
 * What a person reads on standard error: notes, warnings, the one error line, and how the downloads go.
 *
 * On a terminal a live block is redrawn in place and lines are printed above it; elsewhere there are plain
 * lines only. The cursor is hidden while the block stands and comes back whatever happens.
 *
 * @module
 */

import type { LineFile, Shell } from "../ports/shell.ts";
import { forActions, forTerminal } from "./escape.ts";
import type { Failure } from "./exit.ts";
import { isExplained } from "./exit.ts";
import { columnsOf, type Look } from "./look.ts";
import { fold } from "./text_width.ts";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

/** Standard error, in lines. */
export class Screen implements Disposable {
  readonly look: Look;
  readonly #shell: Shell;
  /** Columns of each line of the block that stands now. */
  #block: number[] = [];
  #lines: readonly string[] = [];
  #isPaused = false;
  #file: LineFile | undefined;

  constructor(shell: Shell, look: Look) {
    this.#shell = shell;
    this.look = look;
  }

  /** Where the block may be drawn: columns, and lines up to a screenful. */
  get canvas(): { columns: number; rows: number; isColored: boolean } {
    const rows = this.#shell.size()?.rows ?? 24;
    return { columns: columnsOf(this.#shell), rows, isColored: this.look.isColored };
  }

  /** Whether what is said is written to a file, too. */
  get isKept(): boolean {
    return this.#file !== undefined;
  }

  /** Writes everything that is said from now on to a file, too, `--quiet` or not. */
  keepIn(file: LineFile): void {
    this.#file = file;
  }

  /** Closes that file. */
  async endKeeping(): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
    this.#file = undefined;
  }

  /** A line of the log: for the file, and for people where it is shown. The text is safe already. */
  report(line: string, isShown: boolean): void {
    this.#keep(line);
    if (isShown && !this.look.isQuiet) this.#print(line);
  }

  /** Something worth a line, of a terminal some, unless `--quiet`. The text is safe already. */
  note(line: string): void {
    this.#keep(`info: ${line}`);
    if (this.look.isQuiet) return;
    const lines = this.look.progress === "bar" ? fold(line, this.canvas.columns) : [line];
    this.#print(lines.join("\n"));
  }

  /** Something a person should know; raw text. */
  warn(message: string): void {
    this.report(`warning: ${forTerminal(message)}`, true);
  }

  /** The line that explains the exit code, at most one hint, and where it came from with `-vv`. */
  fail(failure: Omit<Failure, "reason"> & Partial<Failure>): void {
    this.clear();
    if (!isExplained(failure.exitCode)) return;
    const line = `error: ${forTerminal(failure.message)}`;
    this.#keep(line);
    this.#print(line);
    if (failure.hint !== undefined) this.#print(`hint: ${forTerminal(failure.hint)}`);
    if (this.look.isActions) this.#print(`::error::${forActions(failure.message)}`);
    if (this.look.verbosity >= 2 && failure.error instanceof Error) {
      for (const line of traceOf(failure.error)) this.#print(line);
    }
  }

  /** Shows the block in place of the one before. Lines are safe and fit. */
  draw(lines: readonly string[], widths: readonly number[]): void {
    // Where a stop by Ctrl-Z is not heard, nobody would give the cursor back to the shell.
    const hide = this.#block.length === 0 && this.#shell.canHearSuspend ? HIDE_CURSOR : "";
    const body = lines.map((line) => `${line}\x1b[K`).join("\n");
    this.#shell.stderr.write(`${hide}${this.#home()}${body}\x1b[J`);
    this.#block = [...widths];
    this.#lines = lines;
  }

  /** Takes the block away. */
  clear(): void {
    if (this.#block.length === 0) return;
    this.#shell.stderr.write(`${this.#home()}\x1b[J${SHOW_CURSOR}`);
    this.#block = [];
  }

  /** Takes the block away at once, since the process is about to stand still; the next frame is a new block. */
  pause(): void {
    this.#isPaused = true;
    if (this.#block.length === 0) return;
    this.#shell.stderr.writeNow(`${this.#home()}\x1b[J${SHOW_CURSOR}`);
    this.#block = [];
  }

  /** The process goes on, perhaps after a stop that nobody heard of: what stands there now stays. */
  resume(): void {
    // A frame may have been drawn before this is told.
    if (!this.#isPaused) this.#block = [];
    this.#isPaused = false;
  }

  /** Leaves the block as it stands and the cursor below it; for the last words before the process ends. */
  abandon(): void {
    if (this.#block.length === 0) return;
    this.#shell.stderr.writeNow(`\n${SHOW_CURSOR}`);
    this.#block = [];
  }

  /** Takes the block away. */
  [Symbol.dispose](): void {
    this.clear();
  }

  #keep(line: string): void {
    if (this.#file === undefined) return;
    this.#file.write(`${new Date(this.#shell.clock.epochMs()).toISOString()} ${line}`);
  }

  #print(line: string): void {
    if (this.#block.length === 0) {
      this.#shell.stderr.write(`${line}\n`);
      return;
    }
    const [lines, widths] = [this.#lines, this.#block];
    this.#shell.stderr.write(`${this.#home()}\x1b[J${line}\n`);
    this.#block = [];
    this.draw(lines, widths);
  }

  /** Back to the first column of the first line of the block; a narrowed terminal has folded its lines. */
  #home(): string {
    if (this.#block.length === 0) return "";
    const { columns } = this.canvas;
    const rows = this.#block.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    );
    return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
  }
}

function traceOf(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").map(forTerminal);
  return error.cause instanceof Error ? [...lines, "caused by:", ...traceOf(error.cause)] : lines;
}
