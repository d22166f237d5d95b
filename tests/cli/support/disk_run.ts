/**
 * The command line in this process, on the real disk: what verbs without peers need.
 *
 * @module
 */

import type { Parts } from "../../../src/cli/context.ts";
import { runCli } from "../../../src/cli/run.ts";
import { openWorld } from "../../../src/platform/mod.ts";
import { openShell } from "../../../src/platform/shell.ts";
import type { Folders } from "../../../src/ports/folder.ts";
import type { ReadOptions } from "../../../src/ports/shell.ts";
import { parseEvents } from "../../support/events.ts";
import { FakeShell, type FakeShellOptions } from "./fake_shell.ts";

const real = openShell();

/** A fake shell that reads the real disk. */
export class DiskShell extends FakeShell {
  override folders: Folders = real.folders;

  override readSource(path: string, options?: ReadOptions): Promise<Uint8Array> {
    return real.readSource(path, options ?? { maxBytes: 1e9 });
  }

  override roomAt(path: string): ReturnType<FakeShell["roomAt"]> {
    return real.roomAt(path);
  }

  override kindOf(path: string): ReturnType<FakeShell["kindOf"]> {
    return real.kindOf(path) as ReturnType<FakeShell["kindOf"]>;
  }
}

/** How a run ended. */
export interface DiskRun {
  readonly code: number;
  readonly shell: DiskShell;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of `--json`. */
  readonly events: readonly DiskEvent[];
}

/** A line of `--json`. */
export interface DiskEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Things to meddle with before a run. */
export interface DiskRunOptions extends FakeShellOptions {
  readonly folders?: never;
  /** Looks on before the program starts. */
  readonly meddle?: (shell: DiskShell) => void;
  readonly parts?: Partial<Parts>;
}

/** Runs a command line; no session is ever opened unless `parts` has one. */
export async function run(
  args: readonly string[],
  { meddle, parts, ...options }: DiskRunOptions = {},
): Promise<DiskRun> {
  const shell = new DiskShell({ ...options, args });
  meddle?.(shell);
  const code = await runCli(shell, {
    openWorld: ({ log }) => Promise.resolve(openWorld({ log, workers: 0 })),
    openSession: () => Promise.reject(new Error("no session was expected")),
    startTracker: () => Promise.reject(new Error("no tracker was expected")),
    ...parts,
  });
  const { text } = shell.stdout;
  const events = args.includes("--json") ? parseEvents<DiskEvent>(shell.stdout.lines) : [];
  return { code, shell, stdout: text, stderr: shell.stderr.text, events };
}

/** Writes files of so many bytes, each different from the others, making folders on the way. */
export async function fill(
  folder: string,
  files: Readonly<Record<string, number | string>>,
): Promise<void> {
  let seed = 1;
  for (const [path, content] of Object.entries(files)) {
    const whole = `${folder}/${path}`;
    await Deno.mkdir(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
    const own = seed++;
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : new Uint8Array(content).map((_, i) => (i * own + (i >> 8)) & 0xff);
    await Deno.writeFile(whole, bytes);
  }
}
