/**
 * Which files of a torrent the options ask for.
 *
 * Taken is what `--select-file` or `--include` names, everything where neither is given, without what
 * `--exclude` names. Padding is nobody's choice and never counts.
 *
 * @module
 */

import type { FileEntry } from "../metainfo/torrent_file.ts";
import { compileGlob } from "./glob.ts";
import { distance } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** A file that can be chosen. */
export type Choosable = Pick<FileEntry, "displayPath" | "isPad">;

/** What the options say about files. */
export interface FileWish {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Pairs of file numbers from 1, ends included: `[1, 1, 3, 5]`. */
  readonly numbers: readonly number[];
}

/** A choice of files. */
export interface Choice {
  /** Indices in the torrent's list, ascending; `undefined` for every file. */
  readonly selection: readonly number[] | undefined;
  /** `--exclude` globs that met no file. */
  readonly idle: readonly string[];
}

/**
 * The files that are wanted. `lister` is the hint that tells where their names can be read.
 *
 * @throws {UsageError} when an `--include` or a number meets no file, or nothing is left.
 */
export function chooseFiles(
  files: readonly Choosable[],
  wish: FileWish,
  lister: string = LISTER,
): Choice {
  const isEverything = wish.include.length === 0 && wish.numbers.length === 0;
  const wanted = new Uint8Array(files.length).fill(isEverything ? 1 : 0);
  takeNumbers(files, wish.numbers, wanted);
  for (const glob of wish.include) {
    if (mark(files, glob, wanted, 1) === 0) throw noMatch("--include", glob, files, lister);
  }
  const idle = wish.exclude.filter((glob) => mark(files, glob, wanted, 0) === 0);
  const selection: number[] = [];
  let isWhole = true;
  for (const [index, file] of files.entries()) {
    if (file.isPad) continue;
    if (wanted[index] === 1) selection.push(index);
    else isWhole = false;
  }
  if (selection.length === 0) {
    throw new UsageError("Cannot select files: --exclude leaves none of them");
  }
  return { selection: isWhole ? undefined : selection, idle };
}

/** The error for a glob that meets no file; it names files that are close. */
export function noMatch(
  option: string,
  glob: string,
  files: readonly Choosable[],
  lister: string = LISTER,
): UsageError {
  const close = closeNames(glob, files);
  const hint = closeHint(close) ?? lister;
  return new UsageError(`Cannot select files: ${option} ${JSON.stringify(glob)} matches none`, {
    hint,
  });
}

const LISTER = "starling info lists the files";

function takeNumbers(
  files: readonly Choosable[],
  pairs: readonly number[],
  wanted: Uint8Array,
): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const [first, last] = [pairs[i]!, pairs[i + 1]!];
    const missing = first > files.length ? first : last > files.length ? last : undefined;
    if (missing !== undefined) {
      throw new UsageError(`Cannot select files: there is no file number ${missing}`, {
        hint: `the torrent has ${files.length}; starling info shows their numbers`,
      });
    }
    if (files.slice(first - 1, last).every(({ isPad }) => isPad)) {
      throw new UsageError(`Cannot select files: number ${first} is padding between files`, {
        hint: "starling info shows the numbers of the files",
      });
    }
    wanted.fill(1, first - 1, last);
  }
}

function mark(
  files: readonly Choosable[],
  glob: string,
  wanted: Uint8Array,
  value: 0 | 1,
): number {
  const matches = compileGlob(glob);
  let count = 0;
  for (const [index, file] of files.entries()) {
    if (file.isPad || !matches(file.displayPath)) continue;
    wanted[index] = value;
    count++;
  }
  return count;
}

/** The hint that names files, `undefined` where there are none to name. */
export function closeHint(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return `${names.length === 1 ? "close is" : "close are"} ${names.join(", ")}`;
}

const MAX_COMPARED = 20_000;

/** Up to three paths that look like what was meant: they contain its letters, or are few edits away. */
export function closeNames(glob: string, files: readonly Choosable[]): string[] {
  const plain = glob.replace(/[*?[\]{}\\]/g, "").toLowerCase();
  const wantsPath = plain.includes("/");
  const limit = Math.max(2, Math.floor(plain.length / 2));
  const found: { path: string; cost: number }[] = [];
  for (const file of files.slice(0, MAX_COMPARED)) {
    if (file.isPad) continue;
    const path = file.displayPath.toLowerCase();
    const name = (wantsPath ? path : path.slice(path.lastIndexOf("/") + 1)).slice(0, 200);
    // A glob often stands for a name without its extension.
    const stem = name.replace(/(?<=.)\.[^./]*$/, "");
    const cost = plain !== "" && name.includes(plain)
      ? 0
      : Math.min(distance(plain, name, limit), distance(plain, stem, limit) + 0.5);
    if (cost <= limit) found.push({ path: file.displayPath, cost });
  }
  return found.sort((a, b) => a.cost - b.cost).slice(0, 3).map((f) => f.path);
}
