/**
 * The program as a process.
 *
 * @module
 */

import { denoDirectory } from "../../support/deno_directory.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).href;

/** How a run of the program ended. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run it. */
export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Permissions of the process (all). */
  readonly permissions?: readonly string[];
  /** Its current folder (that of the test). */
  readonly cwd?: string;
  /** The file that standard output goes to, by way of a shell (a pipe). */
  readonly stdoutTo?: string;
}

/** Starts `deno run main.ts` with the arguments. Nothing of this process's environment but the essentials; no DHT. */
export function spawnStarling(
  args: readonly string[],
  options: RunOptions = {},
): Deno.ChildProcess {
  const kept = ["PATH", "HOME", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const command = ["run", "--no-check", ...(options.permissions ?? ["-A"]), MAIN, ...args];
  const redirected = ["-c", 'to=$1; shift; exec "$@" > "$to"', "sh", options.stdoutTo ?? ""];
  const isDirect = options.stdoutTo === undefined;
  return new Deno.Command(isDirect ? Deno.execPath() : "sh", {
    args: isDirect ? command : [...redirected, Deno.execPath(), ...command],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    clearEnv: true,
    // Nothing of a test leaves this machine.
    env: {
      ...Object.fromEntries(kept),
      STARLING_NO_DHT: "true",
      STARLING_NO_LSD: "true",
      // A place that cannot be: nothing of a test stays in the cache of whoever runs it.
      XDG_CACHE_HOME: "/dev/null",
      DENO_DIR: denoDirectory(),
      ...options.env,
    },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `deno run main.ts` with the arguments to its end. */
export async function starling(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawnStarling(args, options);
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that ends before it has read everything is no failure of the test.
    await writer.write(options.stdin).then(() => writer.close()).catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
