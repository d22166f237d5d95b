/**
 * Writes a whole file or nothing.
 *
 * The bytes go to a hidden file beside the target, are made durable, and only then get the target's name:
 * a crash leaves the old file or the new one, never half of one.
 *
 * @module
 */

import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { hex } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import { codeOf, toDiskError } from "./disk_errors.ts";
import { systemRandom } from "./random.ts";

/**
 * Writes `data` to `path`. A link is followed; what is no regular file (a pipe, a device) is written to as it
 * is.
 *
 * @throws {DiskError} kind `in-the-way` where there is a file that is not to be replaced.
 */
export async function writeWhole(
  path: string,
  data: Uint8Array,
  options: { readonly replace: boolean },
): Promise<void> {
  try {
    const info = await statOf(path);
    if (info?.isDirectory) throw inTheWay(path, "it is a folder", "name a file in it");
    if (info && !info.isFile) return await Deno.writeFile(path, data, { create: false });
    if (info && !options.replace) throw exists(path);
    const target = info ? await Deno.realPath(path) : path;
    await replaceWith(target, data, { mode: info?.mode ?? null, ...options });
  } catch (error) {
    throw toDiskError(error, path, "write");
  }
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function replaceWith(
  target: string,
  data: Uint8Array,
  options: { readonly mode: number | null; readonly replace: boolean },
): Promise<void> {
  const mark = hex(systemRandom.bytes(6));
  const draft = join(dirname(target), `.starling-${mark}.tmp`);
  using file = await Deno.open(draft, { write: true, createNew: true });
  try {
    for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
    await file.sync();
    // The rights of the file that goes stay with its name, where the system has any.
    if (options.mode !== null) await Deno.chmod(draft, options.mode & 0o7777).catch(() => {});
    if (options.replace) await Deno.rename(draft, target);
    else await place(draft, target);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/** Gives the draft its name, unless something has that name by now. */
async function place(draft: string, target: string): Promise<void> {
  try {
    await Deno.link(draft, target);
  } catch (error) {
    if (codeOf(error) === "EEXIST" || error instanceof Deno.errors.AlreadyExists) {
      throw exists(target);
    }
    // A file system without hard links.
    if (await Deno.lstat(target).catch(() => undefined)) throw exists(target);
    return await Deno.rename(draft, target);
  }
  await Deno.remove(draft);
}

function exists(path: string): DiskError {
  const what = `there is a file of that name already`;
  return inTheWay(path, what, `--force replaces it; -o names another than ${basename(path)}`);
}

function inTheWay(path: string, what: string, hint: string): DiskError {
  return new DiskError(`Cannot write "${path}": ${what}`, {
    path,
    operation: "write",
    kind: "in-the-way",
    hint,
  });
}
