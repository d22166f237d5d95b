/**
 * Whole copies of older files, which share their bytes with them where the file system can do that.
 *
 * The runtime's own copy asks the system for it: `copy_file_range` on Linux, where btrfs, XFS and others then
 * share what they have and a file server copies by itself, and `clonefile` on macOS. What it takes along
 * besides, the rights of the older file (and on macOS its time), is put right before anybody sees the copy.
 * It cannot be told to make a new file and nothing else, so the file is made for it.
 *
 * @module
 */

import * as fs from "node:fs";
import { dirname } from "@std/path/dirname";
import { MIB } from "../base/units.ts";
import type { Drafts, DraftSpec } from "../ports/disk.ts";
import { toDiskError } from "./disk_errors.ts";
import { type FileSystem, fileSystemAt } from "./folder_room.ts";
import { hostSystem } from "./host.ts";

// A smaller file is read and written in less time than the system's calls for a copy take.
const LEAST_BYTES = 262_144;
// Where nothing is shared, a copy is not worth while beyond this: it may be read from the disk once more, it
// cannot be stopped or continued, and nobody is told how far it is.
const MOST_PLAIN_BYTES = 1024 * MIB;
// Numbers that Linux gives to ext2 to ext4, tmpfs, FAT, exFAT, NTFS (two drivers) and F2FS.
const PLAIN_TYPES: ReadonlySet<number> = new Set([
  0xef53,
  0x0102_1994,
  0x4d44,
  0x2011_bab0,
  0x5346_544e,
  0x7366_746e,
  0xf2f5_2010,
]);
const RIGHTS = 0o777;
// To run as somebody else, even for a moment.
const ODD_RIGHTS = 0o7000;
// Windows, where copies bring along streams and marks that cannot be put right, makes none.
const NEW = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL |
  (fs.constants.O_NOFOLLOW ?? 0);

/** Drafts on the real disk. */
export const systemDrafts: Drafts = { make: makeDraft, drop: dropDraft };

async function makeDraft(
  spec: DraftSpec,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  signal.throwIfAborted();
  const { to, length, mustShare = false } = spec;
  if (hostSystem === "windows" || length < LEAST_BYTES) return false;
  const [before, source] = await Promise.all(
    [to, spec.from].map((path) => fileSystemAt(dirname(path))),
  );
  const isPlain = before !== undefined &&
    (PLAIN_TYPES.has(before.type) || source?.type !== before.type);
  if (isPlain && (mustShare || length > MOST_PLAIN_BYTES)) return false;
  let isMade = false;
  try {
    await dropDraft(to);
    isMade = await copy(spec, signal) && (!mustShare || await isShared(spec, before));
    return isMade;
  } catch (error) {
    signal.throwIfAborted();
    const failure = toDiskError(error, to, "write");
    if (failure.kind === "full" && !mustShare) throw failure;
    return false;
  } finally {
    if (!isMade) await dropDraft(to);
  }
}

async function dropDraft(path: string): Promise<void> {
  try {
    if (fs.existsSync(path)) await Deno.remove(path);
  } catch {
    // It is in nobody's way but that of the next one, which then is not made.
  }
}

async function copy({ from, to, length }: DraftSpec, signal: AbortSignal): Promise<boolean> {
  const before = await Deno.lstat(from);
  const isPlain = before.isFile && before.size === length &&
    ((before.mode ?? 0) & ODD_RIGHTS) === 0;
  if (!isPlain) return false;
  signal.throwIfAborted();
  const { id, rights } = makeNew(to);
  await unlessAborted(Deno.copyFile(from, to), to, signal);
  const [made, after] = await Promise.all([Deno.lstat(to), Deno.lstat(from)]);
  const isOurs = made.isFile && made.size === length &&
    // There the copy takes the place of what was made for it.
    (made.ino === id || hostSystem === "darwin");
  if (!isOurs || !isUntouched(before, after)) return false;
  await Deno.chmod(to, rights);
  if (hostSystem === "darwin") await Deno.utime(to, new Date(), new Date());
  return true;
}

/** Whether a copy has taken less room than it has bytes. */
async function isShared(
  { to, length }: DraftSpec,
  before: FileSystem | undefined,
): Promise<boolean> {
  const after = await fileSystemAt(dirname(to));
  return before !== undefined && after !== undefined &&
    before.freeBytes - after.freeBytes < length / 2;
}

/** An empty file; its number, and the rights that new files have there. */
function makeNew(path: string): { readonly id: number; readonly rights: number } {
  const fd = fs.openSync(path, NEW, 0o666);
  try {
    const { ino, mode } = fs.fstatSync(fd);
    return { id: ino, rights: mode & RIGHTS };
  } finally {
    fs.closeSync(fd);
  }
}

function isUntouched(before: Deno.FileInfo, after: Deno.FileInfo): boolean {
  return after.isFile && after.dev === before.dev && after.ino === before.ino &&
    after.size === before.size && after.mtime?.getTime() === before.mtime?.getTime();
}

/**
 * Waits for a copy. One that is not waited for any more cannot be stopped: it goes on with a file that has no
 * name, or that loses it when it is done.
 */
async function unlessAborted(copying: Promise<void>, to: string, signal: AbortSignal) {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([copying, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    const drop = () => dropDraft(to);
    if (signal.aborted) copying.then(drop, drop);
  }
}
