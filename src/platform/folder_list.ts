/**
 * Lists everything below a path.
 *
 * Links are followed where asked for, but never in circles: a folder that is on the way to itself is a
 * trouble and no endless tree. Calls are synchronous, folder by folder, which is many times faster than a
 * promise for each file; signals are heard in between.
 *
 * @module
 */

import { basename } from "@std/path/basename";
import { resolve } from "@std/path/resolve";
import { setImmediate } from "node:timers/promises";
import { DiskError } from "../base/errors.ts";
import type { FolderTrouble, FoundFile, Listing, ListOptions } from "../ports/folder.ts";
import { codeOf, toDiskError } from "./disk_errors.ts";

/** Entries looked at before signals are heard. */
const TURN_ENTRIES = 2000;
/** Deeper folders are no use in a torrent; where a system does not number its files this ends circles. */
const MAX_DEPTH = 100;
const LEAVE_OUT = "--exclude leaves it out";

/** Everything below a path. @throws {DiskError} when there is nothing; the signal's reason. */
export async function listFolder(path: string, options: ListOptions): Promise<Listing> {
  const root = resolve(path);
  const name = basename(root);
  const info = lookAt(path, true);
  if (info.isFile) {
    return { name, root, isSingleFile: true, ...nothing(), files: [found([], info)], isCut: false };
  }
  if (!info.isDirectory) {
    throw trouble(path, "it is neither a file nor a folder", null);
  }
  const walk = new Walk(root, options);
  await walk.run(info);
  return { name, root, isSingleFile: false, ...walk.lists, isCut: walk.isCut };
}

type Lists = Pick<Listing, "files" | "links" | "oddities" | "troubles">;

/** A folder that is still to be looked at. */
interface Pending {
  readonly path: readonly string[];
  /** The folders above and itself, as the system numbers them. */
  readonly trail: readonly string[];
}

class Walk {
  readonly #root: string;
  readonly #options: ListOptions;
  readonly #files: FoundFile[] = [];
  readonly #links: (readonly string[])[] = [];
  readonly #oddities: (readonly string[])[] = [];
  readonly #troubles: FolderTrouble[] = [];
  readonly #pending: Pending[] = [];
  /** Whether it has ended before its end. */
  isCut = false;

  constructor(root: string, options: ListOptions) {
    this.#root = root;
    this.#options = options;
  }

  get lists(): Lists {
    return {
      files: this.#files,
      links: this.#links,
      oddities: this.#oddities,
      troubles: this.#troubles,
    };
  }

  async run(info: Deno.FileInfo): Promise<void> {
    this.#pending.push({ path: [], trail: [idOf(info)] });
    let entries = 0;
    let left = this.#options.maxEntries ?? Infinity;
    for (let folder = this.#pending.pop(); folder; folder = this.#pending.pop()) {
      this.isCut = left <= 0;
      if (this.isCut) break;
      const looked = this.#enter(folder) + 1;
      left -= looked;
      entries += looked;
      if (entries < TURN_ENTRIES) continue;
      entries = 0;
      await setImmediate();
      this.#options.signal.throwIfAborted();
    }
    this.#options.signal.throwIfAborted();
  }

  // Looks at what is in a folder; returns how much that is.
  #enter(folder: Pending): number {
    const where = this.#at(folder.path);
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(where)];
    } catch (error) {
      const failure = toDiskError(error, where, "read");
      this.#troubles.push({ path: folder.path, isFolder: true, error: failure });
      return 0;
    }
    const { isKnown, followsLinks } = this.#options;
    const start = folder.path.length === 0 ? "" : `${folder.path.join("/")}/`;
    for (const entry of entries) {
      const { name } = entry;
      if (entry.isFile && isKnown?.(start + name)) continue;
      const path = [...folder.path, name];
      try {
        // Without links there are no circles, and nothing more to be known of a folder.
        if (entry.isDirectory && !followsLinks) this.#descend(path, { id: "", parent: folder });
        else this.#take(path, folder);
      } catch (error) {
        const failure = toDiskError(error, this.#at(path), "read");
        this.#troubles.push({ path, isFolder: false, error: explained(failure, name) });
      }
    }
    return entries.length;
  }

  #take(path: readonly string[], parent: Pending): void {
    const where = this.#at(path);
    const info = lookAt(where, this.#options.followsLinks);
    if (info.isFile) {
      if (this.#options.wants?.(info.size) !== false) this.#files.push(found(path, info));
    } else if (info.isSymlink) this.#links.push(path);
    else if (info.isDirectory) this.#descend(path, { id: idOf(info), parent });
    else this.#oddities.push(path);
  }

  #descend(path: readonly string[], { id, parent }: { id: string; parent: Pending }): void {
    if (id !== "" && parent.trail.includes(id)) {
      return this.#leave(path, "it is a link to a folder that it is in");
    }
    if (path.length > MAX_DEPTH) return this.#leave(path, "it is too many folders deep");
    this.#pending.push({ path, trail: [...parent.trail, id] });
  }

  #leave(path: readonly string[], why: string): void {
    this.#troubles.push({ path, isFolder: true, error: trouble(this.#at(path), why) });
  }

  #at(path: readonly string[]): string {
    return path.length === 0 ? this.#root : `${this.#root}/${path.join("/")}`;
  }
}

function nothing(): Lists {
  return { files: [], links: [], oddities: [], troubles: [] };
}

function lookAt(path: string, followsLinks: boolean): Deno.FileInfo {
  try {
    return followsLinks ? Deno.statSync(path) : Deno.lstatSync(path);
  } catch (error) {
    throw toDiskError(error, path, "read");
  }
}

function found(path: readonly string[], info: Deno.FileInfo): FoundFile {
  return { path, length: info.size, mtimeMs: info.mtime?.getTime() ?? 0 };
}

/** What tells a folder from all others; "" where the system does not say. */
function idOf({ dev, ino }: Deno.FileInfo): string {
  return ino === null || ino === 0 ? "" : `${dev}:${ino}`;
}

/** What is listed and cannot be found has lost something on the way: its target, or bytes of its name. */
function explained(error: DiskError, name: string): DiskError {
  if (error.kind !== "missing") {
    return codeOf(error.cause) === "ELOOP" ? trouble(error.path, "a link in circles") : error;
  }
  const why = name.includes("\ufffd")
    ? "its name is not UTF-8, as names in torrents are"
    : "it is a link that leads nowhere, or has just been removed";
  return trouble(error.path, why);
}

function trouble(path: string, why: string, hint: string | null = LEAVE_OUT): DiskError {
  return new DiskError(`Cannot read "${path}": ${why}`, {
    path,
    operation: "read",
    kind: "in-the-way",
    ...(hint !== null && { hint }),
  });
}
