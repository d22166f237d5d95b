/**
 * Where the data of a torrent lies, for the verbs that take a PATH: the folder that holds the torrent's
 * file or folder, or else that file or folder itself.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "@std/path";
import { DiskError } from "../base/errors.ts";
import { renamed } from "../metainfo/rename.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Shell } from "../ports/shell.ts";

/** Data on the disk. */
export interface Place {
  /** The torrent, under the name it has there. */
  readonly metainfo: Metainfo;
  /** The folder that its file or folder is in. */
  readonly output: string;
}

/** Finds the data. @throws {DiskError} where there is nothing at PATH, or nothing that could be it. */
export async function placeOf(
  metainfo: Metainfo,
  path: string,
  shell: Pick<Shell, "kindOf">,
): Promise<Place> {
  const kind = await shell.kindOf(path);
  if (kind === undefined) throw missing(path, "there is no such file or folder");
  const wanted = metainfo.isSingleFile ? "file" : "folder";
  if (kind === "folder" && await shell.kindOf(join(path, metainfo.name)) !== undefined) {
    return { metainfo, output: path };
  }
  if (kind === wanted) {
    const whole = resolve(path);
    return { metainfo: renamed(metainfo, basename(whole)), output: dirname(whole) };
  }
  throw missing(path, `neither "${metainfo.name}" nor a ${wanted} that could be it is there`);
}

function missing(path: string, why: string): DiskError {
  return new DiskError(`Cannot find the data at ${path}: ${why}`, {
    path,
    operation: "stat",
    kind: "missing",
    hint: "PATH is the folder the torrent was downloaded into, or its file or folder itself",
  });
}
