/**
 * The user's cache folder: `$XDG_CACHE_HOME/starling` or `~/.cache/starling`, `~/Library/Caches/starling` on
 * a Mac, `%LOCALAPPDATA%\starling` on Windows.
 *
 * Where the environment cannot be read, or the folder not be used, there is no cache; nothing is said, and
 * nobody is asked for a permission.
 *
 * @module
 */

import { dirname } from "@std/path/dirname";
import { isAbsolute } from "@std/path/is-absolute";
import { join } from "@std/path/join";
import { MIB } from "../base/units.ts";
import type { Cache } from "../ports/cache.ts";
import { hostSystem } from "./host.ts";
import { writeWhole } from "./whole_file.ts";

/** Files of one folder at the most. */
export const MAX_FILES = 256;
/** Bytes of one folder at the most, and of one file. */
export const MAX_BYTES: number = 256 * MIB;

const NAME = /^[a-z0-9_-][a-z0-9._-]{0,100}(?:\/[a-z0-9_-][a-z0-9._-]{0,100})?$/;

/** How folders are found. */
export interface CachePlace {
  readonly system: "linux" | "darwin" | "windows";
  /** A variable of the environment, `undefined` when unset or not permitted. */
  readonly env: (name: string) => string | undefined;
}

/** The cache folder of this user, `undefined` where there is none. */
export function cacheFolder({ system, env }: CachePlace): string | undefined {
  const under = (name: string, ...path: string[]): string | undefined => {
    const root = env(name);
    return root !== undefined && isAbsolute(root) ? join(root, ...path, "starling") : undefined;
  };
  if (system === "windows") return under("LOCALAPPDATA");
  if (system === "darwin") return under("HOME", "Library", "Caches");
  return under("XDG_CACHE_HOME") ?? under("HOME", ".cache");
}

/** The cache of this process. */
export function openCache(): Cache {
  const folder = cacheFolder({ system: hostSystem, env });
  if (folder === undefined || !mayUse(folder)) return NO_CACHE;
  return new FolderCache(folder);
}

/** A cache that keeps nothing. */
export const NO_CACHE: Cache = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
};

/** A cache in a folder, which is made when something is kept. */
export class FolderCache implements Cache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    if (!NAME.test(name)) return undefined;
    const path = join(this.#folder, name);
    try {
      const { isFile, size } = await Deno.stat(path);
      if (!isFile || size > MAX_BYTES) return undefined;
      const bytes = await Deno.readFile(path);
      // What was used last is what stays.
      if (name.includes("/")) await Deno.utime(path, new Date(), new Date()).catch(() => {});
      return bytes;
    } catch {
      return undefined;
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (!NAME.test(name) || bytes.length > MAX_BYTES) return;
    const path = join(this.#folder, name);
    try {
      await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeWhole(path, bytes, { replace: true });
      if (name.includes("/")) await prune(dirname(path));
    } catch {
      // A full disk or a folder of somebody else's: then there is no cache.
    }
  }
}

/** Removes what was used longest ago until the folder is within its bounds; what was just written stays. */
async function prune(folder: string): Promise<void> {
  const found: { path: string; size: number; usedAt: number }[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const path = join(folder, name);
    const { size, mtime } = await Deno.stat(path);
    found.push({ path, size, usedAt: mtime?.getTime() ?? 0 });
  }
  found.sort((a, b) => b.usedAt - a.usedAt);
  let bytes = 0;
  for (const [i, { path, size }] of found.entries()) {
    bytes += size;
    if (i > 0 && (i >= MAX_FILES || bytes > MAX_BYTES)) await Deno.remove(path).catch(() => {});
  }
}

function env(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

function mayUse(path: string): boolean {
  return (["read", "write"] as const)
    .every((name) => Deno.permissions.querySync({ name, path }).state === "granted");
}
