/**
 * A child process whose output is watched line by line and which is gone when its owner is.
 *
 * Ended by its own pid only: disposing sends the polite signal, then SIGKILL. A process whose peers
 * are test fixtures can be ended the hard way at once (`endWith: "SIGKILL"`).
 *
 * @module
 */

import { within } from "./wait.ts";

/** How a child is started. */
export interface ChildOptions {
  /** Working directory. */
  readonly cwd?: string;
  /** The whole environment; the parent's when left out. */
  readonly env?: Record<string, string>;
  /** Keep a pipe to its standard input (false: it reads end of file). */
  readonly stdin?: boolean;
  /** The signal of a disposal ("SIGTERM"). */
  readonly endWith?: Deno.Signal;
}

/** The lines one stream has written so far, and who waits for the next. */
export class LineLog {
  /** Every whole line, without its newline. */
  readonly lines: string[] = [];
  /** Called with each new line. */
  onLine: ((line: string) => void) | undefined;
  #wake: (() => void)[] = [];
  #closed = false;

  /** Reads a stream to its end. */
  async pump(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      rest += decoder.decode(bytes, { stream: true });
      const parts = rest.split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) this.#add(line);
    }
    if (rest !== "") this.#add(rest);
    this.#closed = true;
    this.#notify();
  }

  /** The first match in a line, past or future; `undefined` when the stream ended without one. */
  async match(pattern: RegExp): Promise<RegExpMatchArray | undefined> {
    for (let at = 0;; at++) {
      while (at >= this.lines.length) {
        if (this.#closed) return undefined;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
      const found = this.lines[at]?.match(pattern);
      if (found) return found;
    }
  }

  /** Everything so far. */
  get text(): string {
    return this.lines.join("\n");
  }

  #add(line: string): void {
    this.lines.push(line);
    this.onLine?.(line);
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}

/** A running program. */
export class Child implements AsyncDisposable {
  /** The command, for messages. */
  readonly command: string;
  /** Lines of standard output. */
  readonly stdout: LineLog = new LineLog();
  /** Lines of standard error. */
  readonly stderr: LineLog = new LineLog();
  /** How it ended, once it has and its output is read to the end. */
  readonly status: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;
  readonly #endWith: Deno.Signal;
  #ended = false;

  private constructor(argv: readonly string[], options: ChildOptions) {
    const [program, ...args] = argv;
    if (program === undefined) throw new TypeError("Cannot start a program: no name");
    this.command = argv.join(" ");
    this.#endWith = options.endWith ?? "SIGTERM";
    this.#process = new Deno.Command(program, {
      args,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env, clearEnv: true }),
      stdin: options.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.status = this.#follow();
  }

  /** Starts a program. */
  static start(argv: readonly string[], options: ChildOptions = {}): Child {
    return new Child(argv, options);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Waits for a line of standard output (or of standard error) that matches.
   *
   * @throws Error with the output so far when it ends or the time is up before.
   */
  async line(
    pattern: RegExp,
    options: { timeoutMs?: number; stream?: "stdout" | "stderr" } = {},
  ): Promise<RegExpMatchArray> {
    const log = options.stream === "stderr" ? this.stderr : this.stdout;
    const what = `a line like ${pattern} from ${this.command}`;
    try {
      const found = await within(log.match(pattern), options.timeoutMs ?? 30_000, what);
      if (found) return found;
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.tail()}`);
    }
    throw new Error(`Cannot see ${what}: it ended\n${this.tail()}`);
  }

  /** Writes a line to its standard input. */
  async send(line: string): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(`${line}\n`));
    } finally {
      writer.releaseLock();
    }
  }

  /** Sends a signal; nothing when it has ended. */
  kill(signal: Deno.Signal): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** The last lines of both streams, for the message of a failed assertion. */
  tail(lines = 25): string {
    const last = (log: LineLog) => log.lines.slice(-lines).map((line) => `    ${line}`).join("\n");
    return `  command: ${this.command}\n  stdout:\n${last(this.stdout)}\n  stderr:\n${
      last(this.stderr)
    }`;
  }

  /** Ends it and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill(this.#endWith);
      await within(this.status, 8_000, `the end of ${this.command}`);
    } catch {
      this.kill("SIGKILL");
      await this.status;
    }
  }

  async #follow(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([
      this.#process.status.then((status) => {
        this.#ended = true;
        return status;
      }),
      this.stdout.pump(this.#process.stdout),
      this.stderr.pump(this.#process.stderr),
    ]);
    await this.#closeStdin();
    return status;
  }

  async #closeStdin(): Promise<void> {
    try {
      await this.#process.stdin.close();
    } catch {
      // Not piped, or closed from the other side.
    }
  }
}

/** Runs a program to its end and gives its standard output. @throws Error when it fails. */
export async function output(argv: readonly string[], options: ChildOptions = {}): Promise<string> {
  await using child = Child.start(argv, options);
  const status = await child.status;
  if (!status.success) throw new Error(`Cannot run a tool: exit ${status.code}\n${child.tail()}`);
  return child.stdout.text;
}
