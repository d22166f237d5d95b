/**
 * PATH → a torrent: list what is there, choose, lay out, hash on all cores, and make sure that nothing
 * changed meanwhile.
 *
 * What is in the torrent is decided by the same rules as elsewhere, so that its infohash is what others get:
 * every regular file, hidden and empty ones too, links followed. Left out are our own files of downloads that
 * are not complete, and what is no regular file, with a warning. What cannot be read ends it: a torrent that
 * lacks a file by accident is worse than none.
 *
 * @module
 */

import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { resolve } from "@std/path/resolve";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import { digestPieces } from "../disk/piece_digests.ts";
import { createTorrent, type Extras } from "../metainfo/create.ts";
import { type Layout, layOut, type LayoutOptions } from "../metainfo/layout.ts";
import { isSideName } from "../metainfo/safe_path.ts";
import { type Metainfo, parseTorrent } from "../metainfo/torrent_file.ts";
import type { FileStore } from "../ports/disk.ts";
import type { FolderTrouble, FoundFile, Listing } from "../ports/folder.ts";
import type { World } from "../ports/world.ts";
import type { Context } from "./context.ts";
import { compileGlob, type PathMatcher } from "./glob.ts";
import { HashProgress, hashWorkers } from "./hash_progress.ts";
import { openLog } from "./log.ts";
import type { Place } from "./place.ts";
import { chooseFiles, type FileWish } from "./select.ts";
import { UsageError } from "./usage_error.ts";

/** What is to be made. */
export interface CreationPlan {
  /** The file or folder. */
  readonly path: string;
  /** Which files of a folder. */
  readonly wish: FileWish;
  /** What the torrent is called (the name of the path). */
  readonly name: string | undefined;
  readonly layout: LayoutOptions;
  readonly extras: Extras;
}

/** What was made. */
export interface Creation {
  /** The torrent file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same, read back. */
  readonly metainfo: Metainfo;
  /** Of the data, without padding. */
  readonly bytesTotal: number;
  /** Files, without padding. */
  readonly files: number;
  /** Where the data lies, under the very names it was hashed by: safe ones may differ. For reading only. */
  readonly place: Place;
  /** How the hashing went. */
  readonly progress: HashProgress;
}

/**
 * Makes a torrent.
 *
 * @throws {DiskError} for what cannot be read or changes meanwhile; {@link UsageError} where there is nothing
 * to make a torrent of; the signal's reason.
 */
export async function createFrom(
  context: Context,
  plan: CreationPlan,
  options: { readonly signal: AbortSignal; readonly output?: string },
): Promise<Creation> {
  const { shell, parts, screen } = context;
  const { signal } = options;
  const listing = await shell.folders.list(plan.path, { followsLinks: true, signal });
  refuseOutput(listing, options.output);
  const found = chosen(listing, plan, (message) => screen.warn(message));
  const name = plan.name ?? listing.name;
  const content = { name, isSingleFile: listing.isSingleFile, files: found };
  const layout = layOut(content, plan.layout);
  const bytesTotal = found.reduce((sum, { length }) => sum + length, 0);
  const log = openLog(context);
  await using world = await parts.openWorld({ log, workers: hashWorkers(bytesTotal) });
  await using store = await openStore(world, listing, layout);
  const progress = hashProgress(context, layout, name);
  const hashes = await progress.during(hash({ store, layout, found, progress, listing }, signal));
  const bytes = createTorrent(layout, hashes, plan.extras);
  const metainfo = parseTorrent(bytes, { hasher: world.hasher, system: shell.system });
  warnOfNames(layout, metainfo, (message) => screen.warn(message));
  const place = placeOfListing(listing, { layout, found, metainfo });
  return { bytes, metainfo, bytesTotal, files: found.length, place, progress };
}

/** The torrent under the names that its files were found by. */
function placeOfListing(
  { root, isSingleFile }: Listing,
  { layout, found, metainfo }: {
    readonly layout: Layout;
    readonly found: readonly FoundFile[];
    readonly metainfo: Metainfo;
  },
): Place {
  const name = basename(root);
  const files = metainfo.files.map((file, index) => {
    const { isPad, source } = layout.files[index]!;
    if (isPad) return file;
    return { ...file, path: isSingleFile ? [name] : [name, ...found[source]!.path] };
  });
  return { metainfo: { ...metainfo, name, files }, output: dirname(root) };
}

/** What is written while it is hashed, or after, would not be what the torrent says. */
function refuseOutput({ root, files }: Listing, output: string | undefined): void {
  if (output === undefined) return;
  const path = resolve(output);
  if (!files.some((file) => [root, ...file.path].join("/") === path)) return;
  throw new UsageError(`Cannot write ${output}: it is one of the files of the torrent`, {
    hint: "-o names a file elsewhere",
  });
}

/** The files that are to be in the torrent. */
function chosen(
  listing: Listing,
  { wish, path }: CreationPlan,
  warn: (message: string) => void,
): FoundFile[] {
  const files = listing.files.filter((file) => !isSideName(file.path.at(-1) ?? ""));
  const isWanted = matcherOf(wish);
  const trouble = listing.troubles.filter((one) => matters(one, wish))
    .sort((a, b) => a.error.path < b.error.path ? -1 : 1)[0];
  if (trouble !== undefined) throw trouble.error;
  const oddities = listing.oddities.filter((one) => isWanted(one.join("/")));
  if (oddities.length > 0) {
    const more = oddities.length > 1 ? ` and ${oddities.length - 1} more` : "";
    warn(`left out ${oddities[0]!.join("/")}${more}: neither a file nor a folder`);
  }
  if (files.length === 0) {
    throw new UsageError(`Cannot make a torrent of ${path}: there is no file in it`);
  }
  const entries = files.map((file) => ({
    displayPath: listing.isSingleFile ? listing.name : file.path.join("/"),
    isPad: false,
  }));
  const { selection, idle } = chooseFiles(entries, wish, "globs see the paths below PATH");
  for (const glob of idle) {
    const isOfUse = listing.troubles.some(({ path }) => leavesOut(glob, path.join("/")));
    if (!isOfUse) warn(`--exclude ${JSON.stringify(glob)} matches no file`);
  }
  const taken = selection?.map((index) => files[index]!) ?? files;
  if (taken.every(({ length }) => length === 0)) {
    throw new UsageError(`Cannot make a torrent of ${path}: there is not a byte in it`);
  }
  return taken;
}

function matcherOf({ include, exclude }: FileWish): PathMatcher {
  const [takes, leaves] = [include, exclude].map((globs) => globs.map(compileGlob));
  return (path) =>
    (takes!.length === 0 || takes!.some((matches) => matches(path))) &&
    !leaves!.some((matches) => matches(path));
}

/** Whether what cannot be looked at could be, or hold, something that is wanted. */
function matters({ path, isFolder }: FolderTrouble, wish: FileWish): boolean {
  const text = path.join("/");
  if (!isFolder) return matcherOf(wish)(text);
  return !wish.exclude.some((glob) => leavesOut(glob, text));
}

/** Whether a glob leaves out a file, or what is in a folder. */
function leavesOut(glob: string, path: string): boolean {
  const matches = compileGlob(glob);
  return matches(path) || matches(`${path}/x`);
}

function openStore(world: World, listing: Listing, layout: Layout): Promise<FileStore> {
  const { root, isSingleFile, name } = listing;
  return world.files.openStore({
    root: isSingleFile ? dirname(root) : root,
    files: layout.files.map((file) => isSingleFile ? { ...file, path: [name] } : file),
    pieceBytes: 1,
    bufferBytes: 0,
    allocation: "none",
    followsLinks: true,
  });
}

function hashProgress(context: Context, layout: Layout, name: string): HashProgress {
  const { shell, screen, json } = context;
  const { totalBytes, pieceLength, pieceCount } = layout.pieceMap;
  const progress: HashProgress = new HashProgress({
    screen,
    output: shell.stderr,
    clock: shell.clock,
    label: name,
    bytesTotal: totalBytes,
    onSecond: () =>
      json?.write({
        v: 1,
        type: "hash",
        at: shell.clock.epochMs(),
        bytesDone: progress.bytesDone,
        bytesTotal: totalBytes,
        piecesDone: Math.floor(progress.bytesDone / pieceLength),
        piecesTotal: pieceCount,
      }),
  });
  return progress;
}

/** What is hashed. */
interface Work {
  readonly store: FileStore;
  readonly layout: Layout;
  readonly found: readonly FoundFile[];
  readonly progress: HashProgress;
  readonly listing: Listing;
}

async function hash(work: Work, signal: AbortSignal): Promise<Uint8Array> {
  const { pieceMap, fileMap } = work.layout;
  const hashes = new Uint8Array(pieceMap.pieceCount * 20);
  const onPiece = (piece: PieceIndex, digest: Uint8Array | undefined) => {
    if (digest === undefined) throw changed(work.listing.root);
    hashes.set(digest, piece * 20);
    work.progress.add(pieceMap.pieceBytes(piece));
  };
  const pieces = [...pieceMap.indices()];
  let failure: unknown;
  try {
    await digestPieces(work.store, { pieceMap, fileMap, pieces, onPiece }, { signal });
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    failure = error;
  }
  // A file that is not what it was says more than what came of it.
  await refuseChanged(work);
  if (failure !== undefined) throw failure;
  return hashes;
}

/** Looks whether every file is still as it was found. */
async function refuseChanged({ store, layout, found, listing }: Work): Promise<void> {
  const indices = [...layout.files.keys()].filter((index) => !layout.files[index]!.isPad);
  const stats = await store.statMany(indices);
  stats.forEach((stat, i) => {
    const before = found[layout.files[indices[i]!]!.source]!;
    const path = [listing.root, ...before.path].join("/");
    if (stat === undefined) throw gone(path);
    if (stat instanceof DiskError) throw stat;
    if (stat.size !== before.length || stat.mtimeMs !== before.mtimeMs) throw changed(path);
  });
}

function changed(path: string): DiskError {
  return new DiskError(`Cannot hash "${path}": it changed while it was being read`, {
    path,
    operation: "read",
    kind: "other",
    hint: "run the same command again once nothing writes to it",
  });
}

function gone(path: string): DiskError {
  return new DiskError(`Cannot hash "${path}": it was removed while it was being read`, {
    path,
    operation: "read",
    kind: "missing",
  });
}

/** Names that programs, ours among them, change when they download the torrent. */
function warnOfNames(
  layout: Layout,
  metainfo: Metainfo,
  warn: (message: string) => void,
): void {
  if (metainfo.name !== layout.name) {
    warn(`downloads will be called ${metainfo.name}: the name has characters that are not safe`);
  }
  let count = 0;
  let example = "";
  layout.files.forEach(({ path, isPad }, index) => {
    if (isPad || layout.isSingleFile) return;
    const { displayPath } = metainfo.files[index]!;
    const name = path.join("/");
    if (displayPath === name) return;
    if (count++ === 0) example = `${name} will be downloaded as ${displayPath}`;
  });
  if (count > 0) warn(`${example}${count > 1 ? `, and ${count - 1} more like it` : ""}`);
}
