/**
 * Whether a folder can be written to, and how much is free there: found out by trying, since permissions,
 * read-only mounts and quotas all have their say.
 *
 * Nothing here ever makes Deno ask a person for a permission, and nothing stays behind.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { dirname } from "@std/path/dirname";
import { resolve } from "@std/path/resolve";
import type { SpaceSpec } from "../ports/disk.ts";
import type { FolderRoom } from "../ports/shell.ts";
import { toDiskError } from "./disk_errors.ts";

/** Looks at a folder; where it is not there, at the nearest one above it that is. */
export async function roomAt(path: string): Promise<FolderRoom> {
  const sought = isGranted({ name: "read" }) ? resolve(path) : path;
  const folder = await nearest(sought);
  if (folder === undefined) {
    return { path: sought, trouble: "a file is in the way", freeBytes: undefined };
  }
  const [trouble, freeBytes] = await Promise.all([troubleIn(folder), freeAt(folder)]);
  return { path: folder, trouble, freeBytes };
}

/** The folder or one above it; `undefined` where something that is no folder is in its place. */
async function nearest(path: string): Promise<string | undefined> {
  for (let at = path;; at = dirname(at)) {
    try {
      return (await Deno.stat(at)).isDirectory ? at : undefined;
    } catch (error) {
      const isMissing = error instanceof Deno.errors.NotFound;
      // What cannot be looked at says why when it is written to.
      if (!isMissing || dirname(at) === at) return at;
    }
  }
}

/**
 * How many bytes are missing for `bytes` more in these files; 0 where they fit, or where that is not known
 * or may not be asked. What files take up already is theirs.
 */
export async function shortOf(spec: SpaceSpec): Promise<number> {
  const { root, files, bytes } = spec;
  const folder = await nearest(root);
  const free = folder === undefined ? undefined : await freeAt(folder);
  if (free === undefined || free >= bytes) return 0;
  let lacking = 0;
  for (const { path, length } of files) {
    const info = await Deno.lstat([root, ...path].join("/")).catch(() => undefined);
    lacking += Math.max(0, length - (info?.blocks ?? 0) * STAT_BLOCK_BYTES);
  }
  return Math.max(0, Math.min(bytes, lacking) - free);
}

/** What `blocks` of a stat counts, on every system. */
const STAT_BLOCK_BYTES = 512;

async function troubleIn(folder: string): Promise<string | undefined> {
  if (!isGranted({ name: "write", path: folder })) {
    return "starling was started without the permission (--allow-write)";
  }
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".starling-" }));
  } catch (error) {
    const { message } = toDiskError(error, folder, "write");
    return message.slice(message.lastIndexOf('": ') + 3);
  }
}

async function freeAt(folder: string): Promise<number | undefined> {
  return (await fileSystemAt(folder))?.freeBytes;
}

/** The system's number for a kind of file system, and how much is free on it. */
export interface FileSystem {
  readonly type: number;
  readonly freeBytes: number;
}

/** The file system that a folder is on; `undefined` where that is not known or may not be asked. */
export async function fileSystemAt(folder: string): Promise<FileSystem | undefined> {
  if (!isGranted({ name: "sys", kind: "statfs" } as Deno.PermissionDescriptor)) return undefined;
  try {
    const { bavail, bsize, type } = await statfs(folder);
    return { type: Number(type), freeBytes: Number(bavail) * Number(bsize) };
  } catch {
    return undefined;
  }
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  try {
    return Deno.permissions.querySync(descriptor).state === "granted";
  } catch {
    // An older runtime does not know the name.
    return false;
  }
}
