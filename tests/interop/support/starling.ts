/**
 * Runs of the program under test, as a user would start it.
 *
 * The command comes from `STARLING` (separated by spaces), else it is `deno run -A main.ts` of this
 * checkout. A run has a cache folder of its own, no `STARLING_*` variable but the one that turns the DHT off, reads its events from
 * `--json`, and remembers the peak of its resident memory.
 *
 * @module
 */

import { dirname } from "@std/path";
import { denoDirectory } from "../../support/deno_directory.ts";
import { assertEvent } from "../../support/events.ts";
import { Child } from "./process.ts";
import { within } from "./wait.ts";

/** The root of this checkout. */
export const ROOT: string = new URL("../../../", import.meta.url).pathname;

/** The command under test. */
export const STARLING: readonly string[] = (Deno.env.get("STARLING") ?? "").trim() === ""
  ? [Deno.execPath(), "run", "-A", `${ROOT}main.ts`]
  : Deno.env.get("STARLING")!.trim().split(/\s+/);

/** An event of `--json`. */
export interface RunEvent {
  readonly v: number;
  readonly type: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

/** How a run is started. */
export interface RunOptions {
  /** A folder for what it caches. */
  readonly cache: string;
  /** The program ({@link STARLING}). */
  readonly command?: readonly string[];
  /** What the shell's `ulimit` is told before it starts (nothing). */
  readonly ulimit?: string;
  /** Whether standard output holds events (true). */
  readonly json?: boolean;
  /** More of the environment. */
  readonly env?: Record<string, string>;
}

/** How a run ended. */
export interface RunResult {
  /** The exit status; 128 + n after signal n that was not caught. */
  readonly code: number;
  /** Events in order; empty without `--json`. */
  readonly events: readonly RunEvent[];
  /** Standard error. */
  readonly stderr: string;
  /** Standard output. */
  readonly stdout: string;
  /** Wall time. */
  readonly seconds: number;
  /** Highest resident memory that was seen, in bytes (sampled). */
  readonly peakRssBytes: number;
  /** The last lines, for the message of a failed assertion. */
  readonly tail: string;
}

/** A running program under test. */
export class Run implements AsyncDisposable {
  /** Events so far. */
  readonly events: RunEvent[] = [];
  readonly #child: Child;
  readonly #startedAt = performance.now();
  readonly #watchers = new Set<(event: RunEvent) => void>();
  readonly #sampler: ReturnType<typeof setInterval>;
  readonly #json: boolean;
  #badLine: string | undefined;
  #peakRss = 0;

  /** @param args what follows the program's name. */
  constructor(args: readonly string[], options: RunOptions) {
    const command = options.command ?? STARLING;
    const limit = options.ulimit === undefined
      ? []
      : ["bash", "-c", `ulimit ${options.ulimit}; exec "$@"`, "limited"];
    this.#json = options.json ?? true;
    this.#child = Child.start([...limit, ...command, ...args], { env: environment(options) });
    if (this.#json) this.#child.stdout.onLine = (line) => this.#onLine(line);
    this.#sampler = setInterval(() => this.#sample(), 40);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** The first event, past or future, that satisfies `wanted`. @throws Error at the deadline or the end. */
  async event(wanted: (event: RunEvent) => boolean, timeoutMs = 60_000): Promise<RunEvent> {
    const past = this.events.find(wanted);
    if (past) return past;
    const found = Promise.withResolvers<RunEvent | undefined>();
    const watcher = (event: RunEvent) => wanted(event) && found.resolve(event);
    this.#watchers.add(watcher);
    this.#child.status.then(() => found.resolve(undefined));
    try {
      const event = await within(found.promise, timeoutMs, "the awaited event");
      if (event) return event;
      throw new Error("Cannot see the awaited event: the program ended");
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#child.tail()}`);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Waits for the end. @throws Error at the deadline, or when a line of `--json` is not an event. */
  async result(timeoutMs = 120_000): Promise<RunResult> {
    let status: Deno.CommandStatus;
    try {
      status = await within(this.#child.status, timeoutMs, "the end of the program");
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#child.tail()}`);
    } finally {
      clearInterval(this.#sampler);
    }
    if (this.#badLine !== undefined) {
      throw new Error(`Cannot read a line of --json as an event: ${this.#badLine}`);
    }
    return {
      code: status.code,
      events: this.events,
      stderr: this.#child.stderr.text,
      stdout: this.#child.stdout.text,
      seconds: (performance.now() - this.#startedAt) / 1000,
      peakRssBytes: this.#peakRss,
      tail: `exit ${status.code}\n${this.#child.tail()}`,
    };
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampler);
    await this.#child[Symbol.asyncDispose]();
  }

  #onLine(line: string): void {
    try {
      const event = JSON.parse(line) as RunEvent;
      assertEvent(event);
      this.events.push(event);
      for (const watcher of this.#watchers) watcher(event);
    } catch {
      this.#badLine ??= line;
    }
  }

  #sample(): void {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
      const peak = status.match(/VmHWM:\s*(\d+) kB/);
      if (peak) this.#peakRss = Math.max(this.#peakRss, Number(peak[1]) * 1024);
    } catch {
      // Gone, or a system without /proc.
    }
  }
}

/** The number in a field of the last event of a type. @throws Error when there is none. */
export function lastNumber(events: readonly RunEvent[], type: string, field: string): number {
  const value = events.findLast((event) => event.type === type)?.[field];
  if (typeof value !== "number") throw new Error(`Cannot find ${field} in a "${type}" event`);
  return value;
}

/** Lines of standard error that begin with `error:`. */
export function errorLines(result: RunResult): string[] {
  return result.stderr.split("\n").filter((line) => line.startsWith("error:"));
}

function environment(options: RunOptions): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("STARLING") && name !== "GITHUB_ACTIONS");
  return {
    ...Object.fromEntries(inherited),
    DENO_DIR: denoDirectory(),
    XDG_CACHE_HOME: options.cache,
    HOME: dirname(options.cache),
    NO_COLOR: "1",
    // Traffic stays on this machine; tests of other sources ask for them.
    STARLING_NO_DHT: "true",
    STARLING_NO_LSD: "true",
    ...options.env,
  };
}
