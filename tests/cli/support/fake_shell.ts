/**
 * The surroundings of a command in memory: what was printed can be read, signals can be sent, time moves
 * when a test says so.
 *
 * @module
 */

import { concat } from "../../../src/base/bytes.ts";
import { DiskError } from "../../../src/base/errors.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { systemFolders } from "../../../src/platform/folders.ts";
import type { Folders } from "../../../src/ports/folder.ts";
import type {
  EndSignal,
  FolderRoom,
  HostInterface,
  LineFile,
  Output,
  Scratch,
  Shell,
  SuspendHandler,
} from "../../../src/ports/shell.ts";

/** A clock that stands still until it is advanced. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #sleepers = new Set<{ due: number; wake: () => void }>();

  now(): number {
    return this.#now;
  }

  epochMs(): number {
    return 1_700_000_000_000 + this.#now;
  }

  sleep(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { due: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        if (this.#sleepers.delete(sleeper)) reject(signal.reason);
      });
    });
  }

  /** Moves time on; whoever is due wakes in order, with its consequences, before the next one does. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await turn();
      const next = [...this.#sleepers].filter((s) => s.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      this.#sleepers.delete(next);
      next.wake();
    }
    this.#now = end;
    await turn();
  }
}

/** Lets everything run that can run without time passing. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** An output that keeps what it is given. */
export class FakeOutput implements Output {
  readonly isTerminal: boolean;
  backlog = 0;
  text = "";
  bytes: Uint8Array = new Uint8Array(0);
  /** What writing fails with. */
  failure: Error | undefined;
  /** Whether nobody takes what is written. */
  isStuck = false;
  readonly #gone = Promise.withResolvers<void>();
  readonly closed = this.#gone.promise;

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }

  write(text: string): void {
    this.text += text;
  }

  writeBytes(data: Uint8Array): void {
    this.bytes = concat([this.bytes, data]);
  }

  writeNow(text: string): void {
    this.text += text;
  }

  async flush(): Promise<void> {
    if (this.isStuck) await this.closed;
    if (this.failure !== undefined) throw this.failure;
  }

  /** The reader goes away. */
  close(): void {
    this.#gone.resolve();
  }

  /** The lines, without what ends them. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

/** What a fake shell is made of. */
export interface FakeShellOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdoutIsTerminal?: boolean;
  readonly stderrIsTerminal?: boolean;
  readonly size?: { columns: number; rows: number };
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly folders?: readonly string[];
  /** What differs from a folder that can be written to. */
  readonly room?: Partial<FolderRoom>;
  /** The network interfaces (they may not be asked for). */
  readonly interfaces?: readonly HostInterface[];
  /** The addresses of the host (one). */
  readonly addresses?: readonly string[];
  /** Whether Ctrl-Z is heard (yes). */
  readonly canHearSuspend?: boolean;
  /** What every command that is run ends with. */
  readonly commandCode?: number;
}

/** A shell in memory. */
export class FakeShell implements Shell {
  readonly args: readonly string[];
  readonly system = "linux";
  readonly clock = new FakeClock();
  /** The real ones: tests that need any make a folder. */
  readonly folders: Folders = systemFolders;
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
  /** Codes the process was ended with at once. */
  readonly exits: number[] = [];
  /** Commands that were run. */
  readonly commands: (readonly string[])[] = [];
  /** Lines by log file. */
  readonly logs = new Map<string, string[]>();
  readonly #options: FakeShellOptions;
  readonly #handlers = new Set<(signal: EndSignal) => void>();
  readonly #suspendHandlers = new Set<SuspendHandler>();
  readonly canHearSuspend: boolean;
  readonly #crashHandlers = new Set<(error: unknown) => void>();

  constructor(options: FakeShellOptions = {}) {
    this.#options = options;
    this.args = options.args ?? [];
    this.canHearSuspend = options.canHearSuspend ?? true;
    this.stdout = new FakeOutput(options.stdoutIsTerminal ?? false);
    this.stderr = new FakeOutput(options.stderrIsTerminal ?? false);
  }

  /** A property, since the real one is handed around without its shell. */
  readonly env = (name: string): string | undefined => this.#options.env?.[name];

  size(): { columns: number; rows: number } | undefined {
    return this.#options.size;
  }

  readSource(path: string): Promise<Uint8Array> {
    const bytes = this.#options.files?.[path];
    if (bytes !== undefined) return Promise.resolve(bytes);
    const message = `Cannot read "${path}": no such file or folder`;
    return Promise.reject(new DiskError(message, { path, operation: "read", kind: "missing" }));
  }

  kindOf(path: string): Promise<"file" | "folder" | undefined> {
    const isFolder = this.#options.folders?.includes(path) === true;
    return Promise.resolve(isFolder ? "folder" : this.#options.files?.[path] && "file");
  }

  roomAt(path: string): Promise<FolderRoom> {
    const room = { path, trouble: undefined, freeBytes: 5e9 };
    return Promise.resolve({ ...room, ...this.#options.room });
  }

  checkProgram(): Promise<void> {
    return Promise.resolve();
  }

  run(command: readonly string[]): Promise<number> {
    this.commands.push(command);
    return Promise.resolve(this.#options.commandCode ?? 0);
  }

  hostAddresses(): string[] {
    return [...this.#options.addresses ?? ["192.0.2.7"]];
  }

  interfaces(): HostInterface[] | undefined {
    return this.#options.interfaces && [...this.#options.interfaces];
  }

  makeScratch(): Promise<Scratch> {
    return Promise.resolve({
      path: "scratch",
      put: (name) => Promise.resolve(`scratch/${name}`),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  openLines(path: string): Promise<LineFile> {
    const lines: string[] = [];
    this.logs.set(path, lines);
    return Promise.resolve({
      write: (line: string) => void lines.push(line),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  onSignal(handler: (signal: EndSignal) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  onSuspend(handler: SuspendHandler): Disposable {
    this.#suspendHandlers.add(handler);
    return { [Symbol.dispose]: () => void this.#suspendHandlers.delete(handler) };
  }

  /** Ctrl-Z, and then `fg`. */
  suspend(): void {
    for (const { onStop } of this.#suspendHandlers) onStop();
    for (const { onContinue } of this.#suspendHandlers) onContinue();
  }

  onCrash(handler: (error: unknown) => void): Disposable {
    this.#crashHandlers.add(handler);
    return { [Symbol.dispose]: () => void this.#crashHandlers.delete(handler) };
  }

  /** Something that nobody catches. */
  crash(error: unknown): void {
    for (const handler of this.#crashHandlers) handler(error);
  }

  /** Only notes that the process would be gone. */
  exit(code: number): never {
    this.exits.push(code);
    return undefined as never;
  }

  /** Sends a signal. */
  kill(signal: EndSignal): void {
    for (const handler of this.#handlers) handler(signal);
  }
}
