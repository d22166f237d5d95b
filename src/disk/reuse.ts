/**
 * Takes pieces of a torrent from older copies of its files, wherever they lie in a folder.
 *
 * A file of the same length is a candidate; its name only decides who is tried first. A candidate is
 * believed in when one of a few of its pieces is right; files so small that they share all their pieces with
 * neighbours cannot be tried alone, and the likeliest is taken. A file that is not there yet and whose
 * candidate has everything right that was tried is copied as a whole and hashed then. After that every missing
 * piece of which all files have a candidate is read, hashed and, if it is right, written as if a peer had
 * sent it. Nothing in the folder is ever changed, and what cannot be read is left out.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileIo, FileSpan, FileStore, OldFile, OldFiles } from "../ports/disk.ts";
import { type DiskMetainfo, pieceHash, SHA1_BYTES } from "./disk_metainfo.ts";
import { PathIndex } from "./path_index.ts";
import type { TorrentDisk } from "./torrent_disk.ts";
import { takeWhole } from "./whole_files.ts";

/** Entries of a folder that are looked at. */
const MAX_ENTRIES = 1_000_000;
/** Candidates that are tried for a file. */
const MAX_CANDIDATES = 8;
/** Pieces by which a candidate is tried. */
const SAMPLES = 3;
/** Pieces on their way at a time. */
const AT_ONCE = 4;

/** Where to look, and for what. */
export interface ReuseTask {
  readonly files: FileIo;
  readonly metainfo: DiskMetainfo;
  /** Checked already; takes what is found. */
  readonly disk: TorrentDisk;
  /** The folder with older copies. */
  readonly folder: string;
  /** Take only what takes no room, since it shares that of the older copies (false). */
  readonly mustShare?: boolean;
}

/** What was found. */
export interface Reused {
  /** Bytes of the pieces that were taken. */
  readonly bytes: number;
  /** How many they are. */
  readonly pieces: number;
  /** The folder has more in it than was looked at. */
  readonly isCut: boolean;
}

/**
 * Takes what a folder has of the missing pieces.
 *
 * @throws {DiskError} where the folder itself cannot be read, or the torrent's own files cannot be written.
 * @throws the signal's reason.
 */
export async function reuseFolder(
  task: ReuseTask,
  options: { readonly signal: AbortSignal },
): Promise<Reused> {
  const { signal } = options;
  const { metainfo, disk, folder } = task;
  const pieces = metainfo.pieceMap.indices()
    .filter((piece) => disk.wanted.has(piece) && !disk.have.has(piece)).toArray();
  const lengths = new Set(
    pieces.flatMap((piece) =>
      metainfo.fileMap.filesAt(piece).map((file) => metainfo.files[file]!.length)
    ),
  );
  const { root, files, isCut } = await task.files.listOld(folder, {
    wants: (length) => lengths.has(length),
    maxEntries: MAX_ENTRIES,
    signal,
  });
  if (files.length === 0) return { bytes: 0, pieces: 0, isCut };
  await using store = await task.files.openStore({
    root,
    files,
    pieceBytes: Math.min(metainfo.pieceMap.pieceLength, metainfo.pieceMap.totalBytes),
    bufferBytes: 0,
    allocation: "none",
  });
  const taken = await new Reuse(task, store, { root, files, isCut }).run(pieces, signal);
  return { ...taken, isCut };
}

class Reuse {
  readonly #task: ReuseTask;
  readonly #store: FileStore;
  readonly #root: string;
  readonly #old: readonly OldFile[];
  readonly #byLength = new Map<number, PathIndex>();
  /** The candidate for each file of the torrent, -1 for none; absent where it was not looked for. */
  readonly #chosen = new Map<number, number>();
  /** Where the candidate lies for each file whose candidate has nothing wrong in it that was tried. */
  readonly #sound = new Map<number, string>();
  readonly #broken = new Set<number>();
  /** Whether a piece lies within one file. Asked once a piece, which a hundred thousand small files may share. */
  readonly #isOfOne = new Map<PieceIndex, boolean>();

  constructor(task: ReuseTask, store: FileStore, { root, files }: OldFiles) {
    this.#task = task;
    this.#store = store;
    this.#root = root;
    this.#old = files;
    const paths = files.map(({ path }) => path);
    for (const [length, same] of Map.groupBy(paths.keys(), (i) => files[i]!.length)) {
      this.#byLength.set(length, new PathIndex(paths, same));
    }
  }

  async run(
    pieces: readonly PieceIndex[],
    signal: AbortSignal,
  ): Promise<{ bytes: number; pieces: number }> {
    const { metainfo, disk, files, mustShare = false } = this.#task;
    const { fileMap, pieceMap } = metainfo;
    const missing = new Set<number>(pieces);
    for (const file of new Set(pieces.flatMap((piece) => fileMap.filesAt(piece)))) {
      signal.throwIfAborted();
      this.#chosen.set(file, await this.#choose(file, missing));
    }
    const taken = { bytes: 0, pieces: 0 };
    const count = (piece: PieceIndex) => {
      taken.bytes += pieceMap.pieceBytes(piece);
      taken.pieces++;
    };
    const whole = { metainfo, intake: disk.intake(files), sources: this.#sound, missing: pieces };
    const { good, rest } = await takeWhole(whole, { mustShare, signal });
    good.forEach(count);
    if (mustShare) return taken;
    let next = 0;
    const work = async () => {
      while (next < rest.length) {
        signal.throwIfAborted();
        const piece = rest[next++]!;
        if (await this.#take(piece)) count(piece);
      }
    };
    // All come to their end before the store is closed, whatever one of them ends with.
    const atOnce = Math.min(AT_ONCE, disk.freeBuffers);
    const ends = await Promise.allSettled(Array.from({ length: atOnce }, work));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    return taken;
  }

  /** The first of the likeliest candidates that has a right piece; the likeliest where none can be tried. */
  async #choose(file: number, missing: ReadonlySet<number>): Promise<number> {
    const { files } = this.#task.metainfo;
    const { path, length } = files[file]!;
    const candidates = this.#byLength.get(length)?.likeliest(path, MAX_CANDIDATES) ?? [];
    const samples = this.#samplesOf(file, missing);
    if (samples.length === 0) return candidates[0] ?? -1;
    for (const i of candidates) {
      const right = await this.#tryOn(i, samples);
      if (right === samples.length) this.#sound.set(file, this.#pathOf(this.#old[i]!));
      if (right > 0) return i;
    }
    return -1;
  }

  /** Missing pieces that lie within the file alone: the first, one in the middle, the last. */
  #samplesOf(file: number, missing: ReadonlySet<number>): PieceIndex[] {
    const { first, end } = this.#task.metainfo.fileMap.piecesOf(file);
    const isOwn = (piece: number) =>
      missing.has(piece) &&
      (piece > first && piece < end - 1 || this.#isOfOneFile(piece as PieceIndex));
    let low = first;
    while (low < end && !isOwn(low)) low++;
    let high = end - 1;
    while (high > low && !isOwn(high)) high--;
    if (low >= end) return [];
    const middle = (low + high) >>> 1;
    const some = new Set([low, isOwn(middle) ? middle : low, high]);
    return [...some].slice(0, SAMPLES) as PieceIndex[];
  }

  #isOfOneFile(piece: PieceIndex): boolean {
    let isOfOne = this.#isOfOne.get(piece);
    if (isOfOne === undefined) {
      isOfOne = this.#task.metainfo.fileMap.filesAt(piece).length === 1;
      this.#isOfOne.set(piece, isOfOne);
    }
    return isOfOne;
  }

  #pathOf({ path }: OldFile): string {
    return [this.#root, ...path].join("/");
  }

  /** How many of the samples are right. */
  async #tryOn(candidate: number, samples: readonly PieceIndex[]): Promise<number> {
    const { metainfo } = this.#task;
    const spans = samples.map((piece) =>
      metainfo.fileMap.spans(piece).map((span) => placed(span, candidate))
    );
    try {
      const { digests, isWhole } = await this.#store.digest(spans);
      return samples.filter((piece, i) => {
        const digest = digests.subarray(i * SHA1_BYTES, (i + 1) * SHA1_BYTES);
        return isWhole[i] === 1 && equalBytes(digest, pieceHash(metainfo, piece));
      }).length;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#broken.add(candidate);
      return 0;
    }
  }

  /** Reads, hashes and writes a piece; false where it is not there or not right. */
  async #take(piece: PieceIndex): Promise<boolean> {
    const { disk, metainfo } = this.#task;
    const spans: FileSpan[] = [];
    for (const span of metainfo.fileMap.spans(piece)) {
      const candidate = span.file < 0 ? -1 : this.#chosen.get(span.file) ?? -1;
      if (span.file >= 0 && (candidate < 0 || this.#broken.has(candidate))) return false;
      spans.push(placed(span, candidate));
    }
    const buffer = disk.allocate();
    if (buffer === undefined) return false;
    try {
      for (const { file, offset, start, length } of spans) {
        const into = buffer.bytes.subarray(start, start + length);
        if (file < 0) into.fill(0);
        else if (!await this.#read(file, offset, into)) return false;
      }
      return (await disk.writePiece(piece, buffer)).isGood;
    } finally {
      buffer.release();
    }
  }

  async #read(candidate: number, offset: number, into: Uint8Array): Promise<boolean> {
    try {
      return await this.#store.read(candidate, offset, into) === into.length;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#broken.add(candidate);
      return false;
    }
  }
}

function placed(span: FileSpan, candidate: number): FileSpan {
  return span.file < 0 ? span : { ...span, file: candidate };
}
