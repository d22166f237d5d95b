/**
 * Where the data of a torrent lies, for the verbs that take a PATH: the folder that holds the torrent's
 * file or folder, or else that file or folder itself.
 *
 * Who made a torrent of names that are not safe has its data under those names. A file that is there under
 * its own name only is that file, to be compared, given and repaired; nothing is ever made under such a name.
 *
 * @module
 */

import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { resolve } from "@std/path/resolve";
import { DiskError } from "../base/errors.ts";
import { renamed } from "../metainfo/rename.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import { verbatimPaths } from "../metainfo/verbatim.ts";
import type { Shell } from "../ports/shell.ts";

/** Data on the disk. */
export interface Place {
  /** The torrent, under the name it has there. */
  readonly metainfo: Metainfo;
  /** The folder that its file or folder is in. */
  readonly output: string;
}

/** Where to look. */
export interface PlaceQuery {
  /** PATH. */
  readonly path: string;
  /** What the disk is looked at with. */
  readonly shell: Pick<Shell, "kindOf" | "system">;
}

/** Finds the data. @throws {DiskError} where there is nothing at PATH, or nothing that could be it. */
export async function placeOf(metainfo: Metainfo, query: PlaceQuery): Promise<Place> {
  const { shell } = query;
  const own = shell.system === "windows" ? [] : verbatimPaths(metainfo);
  const place = await topOf(metainfo, own, query);
  return metainfo.isSingleFile ? place : await withOwnNames(place, own, shell);
}

type Paths = ReturnType<typeof verbatimPaths>;

/** The file or top folder. */
async function topOf(
  metainfo: Metainfo,
  own: Paths,
  { path, shell }: PlaceQuery,
): Promise<Place> {
  const kind = await shell.kindOf(path);
  if (kind === undefined) throw missing(path, "there is no such file or folder");
  const wanted = metainfo.isSingleFile ? "file" : "folder";
  if (kind === "folder") {
    const names = [metainfo.name, own.find((one) => one !== undefined)?.[0] ?? metainfo.name];
    for (const name of new Set(names)) {
      if (await isThere(join(path, name), shell)) {
        return { metainfo: renamed(metainfo, name), output: path };
      }
    }
  }
  if (kind === wanted) {
    const whole = resolve(path);
    return { metainfo: renamed(metainfo, basename(whole)), output: dirname(whole) };
  }
  throw missing(path, `neither "${metainfo.name}" nor a ${wanted} that could be it is there`);
}

/** The place with every file that is there under the torrent's own name only called by that. */
async function withOwnNames(
  { metainfo, output }: Place,
  own: Paths,
  shell: PlaceQuery["shell"],
): Promise<Place> {
  const files = [...metainfo.files];
  for (const [index, verbatim] of own.entries()) {
    if (verbatim === undefined) continue;
    const file = files[index]!;
    const path = [metainfo.name, ...verbatim.slice(1)];
    const isAway = !await isThere([output, ...file.path].join("/"), shell);
    if (isAway && await isThere([output, ...path].join("/"), shell)) {
      files[index] = { ...file, path };
    }
  }
  return { metainfo: { ...metainfo, files }, output };
}

/** What cannot be looked at is told of by who reads it. */
async function isThere(path: string, shell: PlaceQuery["shell"]): Promise<boolean> {
  try {
    return await shell.kindOf(path) !== undefined;
  } catch {
    return false;
  }
}

function missing(path: string, why: string): DiskError {
  return new DiskError(`Cannot find the data at ${path}: ${why}`, {
    path,
    operation: "stat",
    kind: "missing",
    hint: "PATH is the folder the torrent was downloaded into, or its file or folder itself",
  });
}
