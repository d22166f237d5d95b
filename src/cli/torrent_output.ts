/**
 * Where a torrent file that was made or changed goes.
 *
 * @module
 */

import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { DiskError } from "../base/errors.ts";
import type { Shell } from "../ports/shell.ts";
import type { OptionValues } from "./option_values.ts";
import { UsageError } from "./usage_error.ts";

/** Where it goes: a path, or standard output. */
export type Target =
  | { readonly kind: "stdout" }
  | { readonly kind: "file"; readonly path: string; readonly replace: boolean };

/** Refuses what cannot be, before anything is opened. @throws {UsageError} */
export function checkOutput(options: OptionValues, { stdout }: Pick<Shell, "stdout">): void {
  if (options.text("output") !== "-") return;
  if (options.flag("json")) {
    throw new UsageError("Cannot use --json with -o -: both are for standard output");
  }
  if (stdout.isTerminal) {
    throw new UsageError("Cannot write a torrent file to a terminal: it is not text", {
      hint: "-o FILE writes a file, -o - | COMMAND hands it on",
    });
  }
}

/**
 * Where `-o` says, else `fileName` in the current folder; a folder gets the file under that name.
 *
 * @throws {DiskError} where there is a file that is not to be replaced.
 */
export async function targetOf(
  options: OptionValues,
  shell: Pick<Shell, "kindOf">,
  fileName: string,
): Promise<Target> {
  const output = options.text("output") ?? fileName;
  if (output === "-") return { kind: "stdout" };
  const isFolder = await shell.kindOf(output) === "folder";
  const path = isFolder ? join(output, fileName) : output;
  const replace = options.flag("force");
  if (!replace && await shell.kindOf(path) === "file") {
    throw new DiskError(`Cannot write "${path}": there is a file of that name already`, {
      path,
      operation: "write",
      kind: "in-the-way",
      hint: "--force replaces it; -o names another",
    });
  }
  return { kind: "file", path, replace };
}

/**
 * Looks whether a new file can be written there, before the work is done that it is for.
 *
 * @throws {DiskError} where there is no folder for it, or one that cannot be written to.
 */
export async function checkTarget(
  target: Target,
  shell: Pick<Shell, "kindOf" | "roomAt">,
): Promise<void> {
  // What is there, a pipe for example, takes what is written in its own way.
  if (target.kind === "stdout" || await shell.kindOf(target.path) !== undefined) return;
  const { path } = target;
  const folder = dirname(path);
  const refuse = (why: string, kind: "missing" | "permission") => {
    throw new DiskError(`Cannot write "${path}": ${why}`, { path, operation: "write", kind });
  };
  if (await shell.kindOf(folder) !== "folder") refuse(`there is no folder "${folder}"`, "missing");
  const { trouble } = await shell.roomAt(folder);
  if (trouble !== undefined) refuse(trouble, "permission");
}

/** Writes the torrent file. @throws {DiskError} */
export async function deliver(shell: Shell, target: Target, bytes: Uint8Array): Promise<void> {
  if (target.kind === "stdout") return shell.stdout.writeBytes(bytes);
  await shell.folders.write(target.path, bytes, { replace: target.replace });
}
