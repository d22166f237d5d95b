/**
 * The files of a torrent compared with what is on the disk, in words.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { readSide } from "../disk/side_reader.ts";
import { type FileReport, Verifier } from "../disk/verifier.ts";
import { isSideName } from "../metainfo/safe_path.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Context } from "./context.ts";
import { HashProgress, hashWorkers } from "./hash_progress.ts";
import type { FileState } from "./local_events.ts";
import { openLog } from "./log.ts";
import type { Place } from "./place.ts";
import { formatCount } from "./units.ts";

/** A file of the torrent, or one beside them. */
export interface Verdict {
  /** The path inside the torrent. */
  readonly path: string;
  readonly bytes: number;
  readonly state: FileState;
  /** Why it is bad. */
  readonly reason?: string;
}

/** How the data compares with the torrent. */
export interface Verification {
  readonly metainfo: Metainfo;
  /** Files in the order of the torrent, then what does not belong to it. */
  readonly verdicts: readonly Verdict[];
  readonly counts: Readonly<Record<FileState, number>>;
  /** How the hashing went. */
  readonly progress: HashProgress;
}

/** What is compared. */
export interface VerifyPlan extends Place {
  /** Indices of the files, `undefined` for all. */
  readonly selection: readonly number[] | undefined;
}

/**
 * Compares the files at a place with their torrent. Nothing is written.
 *
 * @throws {DiskError} where the folder cannot be read, or the signal's reason.
 */
export async function verifyPlace(
  context: Context,
  plan: VerifyPlan,
  options: { readonly signal: AbortSignal },
): Promise<Verification> {
  const { parts } = context;
  const { metainfo, output, selection } = plan;
  const log = openLog(context);
  const workers = hashWorkers(metainfo.pieceMap.totalBytes);
  await using world = await parts.openWorld({ log, workers });
  const { hasher, files: io } = world;
  await using kept = await readSide(io, { metainfo, output, hasher });
  await using store = await io.openStore({
    root: output,
    files: metainfo.files,
    pieceBytes: 1,
    bufferBytes: 0,
    allocation: "none",
    followsLinks: true,
  });
  const all = selection ?? [...metainfo.files.keys()];
  const files = all.filter((file) => !metainfo.files[file]!.isPad);
  const verifier = await Verifier.open({ metainfo, store, root: output, kept, hasher, files });
  const watch = watchOf(context, metainfo, verifier);
  const { progress, onPiece } = watch;
  const reports = await progress.during(verifier.run({ onPiece, signal: options.signal }));
  const verdicts = reports.map((report) => verdictOf(report, metainfo));
  // Where nothing is of the torrent, what is there is of something else.
  if (verdicts.some(({ state }) => state !== "missing")) {
    verdicts.push(...await extras(context, plan, options.signal));
  }
  const counts = { ok: 0, bad: 0, missing: 0, extra: 0 };
  for (const { state } of verdicts) counts[state]++;
  return { metainfo, verdicts, counts, progress };
}

function watchOf(
  { shell, screen, json }: Context,
  metainfo: Metainfo,
  { bytesTotal, pieces }: Verifier,
): { progress: HashProgress; onPiece: (bytes: number, isGood: boolean) => void } {
  let [checked, good] = [0, 0];
  const progress = new HashProgress({
    screen,
    output: shell.stderr,
    clock: shell.clock,
    label: metainfo.name,
    bytesTotal,
    onSecond: () =>
      json?.write({
        v: 1,
        type: "check",
        at: shell.clock.epochMs(),
        infoHash: hex(metainfo.infoHash),
        piecesChecked: checked,
        piecesTotal: pieces.length,
        piecesGood: good,
      }),
  });
  const onPiece = (bytes: number, isGood: boolean) => {
    checked++;
    if (isGood) good++;
    progress.add(bytes);
  };
  return { progress, onPiece };
}

function verdictOf(report: FileReport, metainfo: Metainfo): Verdict {
  const { displayPath: path, length: bytes } = metainfo.files[report.file]!;
  const { state } = report;
  if (state !== "bad") return { path, bytes, state };
  return { path, bytes, state, reason: reasonOf(report, metainfo) };
}

function reasonOf(
  { file, size, error, pieces, badPieces, blame }: FileReport,
  { files }: Metainfo,
): string {
  if (error !== undefined) return error.message;
  const { length } = files[file]!;
  if (size !== length) {
    return `${formatCount(size ?? 0)} bytes where the torrent says ${formatCount(length)}`;
  }
  const share = `${formatCount(badPieces)} of ${formatCount(pieces)} pieces`;
  if (blame === undefined) return `${share} bad`;
  const how = blame.isMissing ? "missing" : "bad";
  return `${share} shared with ${files[blame.file]!.displayPath}, which is ${how}`;
}

/** Files in the torrent's folder that are not the torrent's. */
async function extras(
  { shell, screen }: Context,
  { metainfo, output }: VerifyPlan,
  signal: AbortSignal,
): Promise<Verdict[]> {
  if (metainfo.isSingleFile) return [];
  const known = knownPaths(metainfo);
  const root = `${output}/${metainfo.name}`;
  const isKnown = (path: string) => known.has(path);
  const listing = await shell.folders.list(root, { followsLinks: false, isKnown, signal });
  const found: Verdict[] = [];
  const add = (parts: readonly string[], bytes: number) => {
    const path = parts.join("/");
    if (!known.has(path)) found.push({ path, bytes, state: "extra" });
  };
  for (const { path, length } of listing.files) {
    if (!isSideName(path.at(-1)!)) add(path, length);
  }
  for (const path of [...listing.links, ...listing.oddities]) add(path, 0);
  for (const { path, isFolder, error } of listing.troubles) {
    if (isFolder) screen.warn(error.message);
    else add(path, 0);
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Every path of the torrent and of its folders. */
function knownPaths({ files }: Metainfo): ReadonlySet<string> {
  const known = new Set<string>();
  for (const { path, isPad } of files) {
    if (isPad) continue;
    for (let end = path.length; end > 1; end--) {
      const key = path.slice(1, end).join("/");
      if (known.has(key)) break;
      known.add(key);
    }
  }
  return known;
}
