/**
 * The names in a torrent as they are, next to the safe ones of {@link Metainfo}: for finding what lies on
 * the disk of the one who made it. Nothing is ever made under them: what is downloaded anew goes under safe
 * names.
 *
 * @module
 */

import { BencodeDict, decode } from "../bencode/decode.ts";
import { readVerbatimPaths } from "./file_list.ts";
import type { Metainfo } from "./torrent_file.ts";

/**
 * For every file its components as the torrent has them, the torrent's name first; `undefined` where they
 * are the safe ones, where another file has that safe path, and where they could lead out of a folder:
 * empty, `.`, `..` or with a `/` or a NUL in them.
 *
 * A backslash is kept, so this is not for systems where it separates folders.
 */
export function verbatimPaths(metainfo: Metainfo): readonly (readonly string[] | undefined)[] {
  const info = decode(metainfo.infoBytes, { allowTrailing: "none" });
  if (!(info instanceof BencodeDict)) return [];
  const taken = new Set(metainfo.files.map(({ path }) => below(path)));
  const paths = readVerbatimPaths(info);
  return metainfo.files.map(({ path: safe, isPad }, index) => {
    const path = paths[index];
    if (isPad || path === undefined || !path.every(staysInside)) return undefined;
    const isSame = path[0] === safe[0] && below(path) === below(safe);
    if (isSame) return undefined;
    const isOthers = below(path) !== below(safe) && taken.has(below(path));
    return isOthers ? undefined : path;
  });
}

function below(path: readonly string[]): string {
  return path.slice(1).join("/");
}

function staysInside(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}
