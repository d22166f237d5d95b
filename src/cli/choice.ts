/**
 * What of a torrent is wanted: the choice that the options make, or that a magnet link makes where the
 * options leave it open.
 *
 * @module
 */

import { chosenFiles, type Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Plan } from "./plan.ts";
import { chooseOne } from "./pour.ts";
import { chooseFiles, type FileWish } from "./select.ts";

/** A choice. */
export interface TorrentChoice {
  /** Wanted files, `undefined` for all. */
  readonly selection: readonly number[] | undefined;
  /** The one that goes to standard output, where one does. */
  readonly file: number | undefined;
  /** `--exclude` globs that met no file. */
  readonly idle: readonly string[];
}

/** A choice, and where the data is to lie where options say more of that than `--output`. */
export interface PlacedChoice extends Omit<TorrentChoice, "idle"> {
  readonly placed: { readonly metainfo: Metainfo; readonly output: string } | undefined;
}

/**
 * The files that are wanted.
 *
 * @throws {UsageError} as `chooseFiles` does; {OptionsError} where a link names no file that there is.
 */
export function choose(
  { files }: Pick<Metainfo, "files">,
  { wish, pour }: Pick<Plan, "wish" | "pour">,
  magnet: Pick<Magnet, "selection"> | undefined,
): TorrentChoice {
  const hasLinked = magnet !== undefined && magnet.selection !== null;
  if (pour !== undefined) {
    const isLinked = hasLinked && isEmpty(wish) && pour.file === undefined;
    const numbers = isLinked ? chosenFiles(magnet, files)!.flatMap((i) => [i + 1, i + 1]) : [];
    const file = chooseOne(files, isLinked ? { ...wish, numbers } : wish, {
      name: pour.file,
      how: pour.how,
    });
    return { selection: [file], file, idle: [] };
  }
  if (hasLinked && isEmpty(wish)) {
    return { selection: chosenFiles(magnet, files), file: undefined, idle: [] };
  }
  const { selection, idle } = chooseFiles(files, wish);
  // The link's own choice must not come back where the command line wants every file.
  const all = hasLinked ? [...files.keys()].filter((i) => !files[i]!.isPad) : undefined;
  return { selection: selection ?? all, file: undefined, idle };
}

function isEmpty({ include, exclude, numbers }: FileWish): boolean {
  return include.length + exclude.length + numbers.length === 0;
}
