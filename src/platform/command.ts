/**
 * Programs that the user asked to be run: as they are, never by a shell.
 *
 * Nothing here ever makes Deno ask a person for a permission.
 *
 * @module
 */

import { OptionsError } from "../base/errors.ts";
import type { RunOptions } from "../ports/shell.ts";
import { hostSystem } from "./host.ts";

/**
 * Finds out whether a program can be run at all, as far as that can be known before.
 *
 * @throws {OptionsError} where it is not there, no program, or not permitted.
 */
export async function checkProgram(program: string): Promise<void> {
  requirePermission(program);
  const isPath = program.includes("/") || program.includes("\\");
  // Windows has rules of its own for what a name stands for.
  if (hostSystem === "windows" || !isGranted({ name: "read" })) return;
  if (isPath) {
    if (!await isProgram(program)) throw cannotRun(program, NO_PROGRAM);
    return;
  }
  if (!isGranted({ name: "env", variable: "PATH" })) return;
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    if (await isProgram(`${folder === "" ? "." : folder}/${program}`)) return;
  }
  throw cannotRun(program, NO_PROGRAM);
}

/**
 * Runs a program with our own streams; resolves with its exit code (128 + the signal, where one ended it).
 *
 * @throws {OptionsError} when it cannot be started.
 */
export async function runProgram(
  command: readonly string[],
  { signal, endWith }: RunOptions,
): Promise<number> {
  const [program = "", ...args] = command;
  requirePermission(program);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { args, stdin: "inherit" }).spawn();
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    const why = isMissing ? NO_PROGRAM : error instanceof Error ? error.message : String(error);
    throw cannotRun(program, why, error);
  }
  const end = () => {
    try {
      child.kill(endWith?.() ?? "SIGTERM");
    } catch {
      // It has just ended by itself.
    }
  };
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  try {
    return (await child.status).code;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

const NO_PROGRAM = "there is no such program";

function requirePermission(program: string): void {
  if (isGranted({ name: "run", command: program }) || isGranted({ name: "run" })) return;
  throw cannotRun(program, "starling was started without the permission (--allow-run)");
}

async function isProgram(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function cannotRun(program: string, why: string, cause?: unknown): OptionsError {
  return new OptionsError(`Cannot run ${JSON.stringify(program)}: ${why}`, { cause });
}
