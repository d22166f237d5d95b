/**
 * Notices that somebody else changes the files of a torrent while it is at work, and finds out what is left
 * of them.
 *
 * ```
 * look ──changed──▶ examine: writes wait, the file is closed and looked at anew │ its pieces are hashed again
 *                            nothing of it is believed ───────────────────────▶ good, or lost
 * ```
 *
 * Files are looked at now and then, before they are written to after a pause, when a read fails, and all of
 * them before a download may call itself complete. Bytes that are written over between two of our own writes
 * that follow each other closely are seen by the store alone (`FileStore.takeChanged`), as far as its times go.
 *
 * Invariant: from the moment a change is noticed until the file has been looked at anew, and all handles of
 * what was there before are closed, nothing is hashed or written.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileStat, FileStore } from "../ports/disk.ts";
import { checkPieces } from "./checker.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import { type FileStamps, tooLong } from "./file_stamps.ts";
import type { PieceLedger } from "./piece_ledger.ts";
import type { Suspects } from "./suspects.ts";

/** Files looked at in one go now and then: 10 ms of a Worker. */
const FEW_FILES = 1000;
/**
 * A file that was written to a moment ago is not looked at: the clocks of file systems tick every 4 to 10 ms,
 * and a look costs 30 us.
 */
const TICK_MS = 10;
/** Times that a file may be changed by somebody else, and so often that is waited out at the end. */
const MAX_CHANGES = 5;
/** What a file that changes and changes may take: one part in so many of the time. */
const REST = 10;
/** After so many false alarms in a row the time of the file system is not believed to be ours. */
const MAX_FALSE_ALARMS = 10;

/** What a watch works with. */
export interface FileWatchParts {
  readonly metainfo: DiskMetainfo;
  readonly store: FileStore;
  readonly stamps: FileStamps;
  readonly suspects: Suspects;
  readonly ledger: PieceLedger;
  /** Whether nothing is ever written. */
  readonly isReadOnly: boolean;
  /** Milliseconds since the epoch; `undefined` where files have other times. */
  readonly now: (() => number) | undefined;
  /** A piece is gone, since a file is not what it was. */
  onLost(piece: PieceIndex, file: number): void;
  /** Nothing is closed before the work is done. */
  track<T>(work: Promise<T>): Promise<T>;
}

/** One file under examination. */
interface Exam {
  /** Resolves when it has been looked at anew. */
  looked: PromiseWithResolvers<void>;
  isLooked: boolean;
  /** It was changed again meanwhile. */
  isStale: boolean;
  lost: number;
  done: Promise<void>;
}

/** Watches the files of one torrent. */
export class FileWatch {
  readonly #parts: FileWatchParts;
  readonly #over = new AbortController();
  readonly #exams = new Map<number, Exam>();
  readonly #idlers = new Map<number, () => void>();
  readonly #lookedAt = new Map<number, number>();
  // When a file that changed may be examined again without need.
  readonly #restUntil = new Map<number, number>();
  readonly #changes = new Map<number, number>();
  #failure: DiskError | undefined;
  #falseAlarms = 0;
  #cursor = 0;

  /** Nothing has been looked at yet. */
  constructor(parts: FileWatchParts) {
    this.#parts = parts;
    if (parts.now === undefined) parts.stamps.isClockShared = false;
  }

  /** Whether a piece has to be {@link clear}ed before it is given. */
  isSuspect(piece: number): boolean {
    return this.#parts.suspects.has(piece);
  }

  /**
   * Hashes a piece if it is suspected.
   *
   * @throws {DiskError} kind `changed` where it is not what it was; it is lost and stays suspected.
   */
  async clear(piece: PieceIndex): Promise<void> {
    const { suspects } = this.#parts;
    for (let wait; (wait = this.#unlooked()) !== undefined;) await wait;
    if (!suspects.has(piece)) return;
    if (await suspects.isGood(piece)) return suspects.delete(piece);
    const file = this.culpritOf(piece);
    const exam = this.#exams.get(file);
    if (exam !== undefined) exam.lost++;
    this.#parts.onLost(piece, file);
    throw this.#changed(file);
  }

  /** The file that is to blame for the loss of a piece. */
  culpritOf(piece: PieceIndex): number {
    const files = this.#parts.metainfo.fileMap.filesAt(piece);
    return files.find((file) => this.#changes.has(file) || this.#exams.has(file)) ?? files[0] ?? 0;
  }

  /** Before a write to files, once: what is to be waited for, mostly nothing. */
  lookBefore(files: readonly number[]): Promise<void> | undefined {
    const due = files.filter((file) => this.#isDue(file));
    return due.length === 0 ? undefined : this.look(due);
  }

  /**
   * What a write to files has to wait for, mostly nothing. To be asked again after the wait; then
   * {@link begin} must follow at once.
   */
  hold(files: readonly number[]): Promise<void> | undefined {
    for (const file of files) {
      const exam = this.#exams.get(file);
      if (exam !== undefined && !exam.isLooked) return exam.looked.promise;
    }
    return undefined;
  }

  /** A write to files begins. */
  begin(files: readonly number[]): void {
    const now = this.#now();
    for (const file of files) this.#parts.stamps.begin(file, now);
  }

  /** A write to files has ended. */
  end(files: readonly number[]): void {
    const { stamps } = this.#parts;
    const now = this.#now();
    for (const file of files) {
      stamps.end(file, now);
      if (!stamps.isBusy(file)) this.#idlers.get(file)?.();
    }
  }

  /** Looks at some files, others every time. @throws {DiskError} where a file is not left in peace. */
  async lookAround(): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#examineWritten();
    const { metainfo: { files }, stamps, ledger } = this.#parts;
    const now = this.#now();
    const some: number[] = [];
    const tries = Math.min(files.length, FEW_FILES);
    for (let i = 0; i < tries; i++) {
      const file = this.#cursor = (this.#cursor + 1) % files.length;
      const isResting = (this.#restUntil.get(file) ?? -Infinity) > now;
      if (stamps.isExpected(file) && ledger.isSelected(file) && !isResting) some.push(file);
    }
    if (some.length > 0) await this.look(some);
  }

  /**
   * Looks at all files, and has examined every one that was changed when it resolves.
   *
   * @throws {DiskError} where a file is not left in peace.
   */
  async settle(): Promise<void> {
    const { ledger } = this.#parts;
    const all = ledger.selected;
    let last = 0;
    for (let round = 0; round <= MAX_CHANGES; round++) {
      await this.look(all);
      this.#examineWritten();
      if (this.#exams.size === 0 && this.#failure === undefined) return;
      for (const [file, { done }] of this.#exams) {
        last = file;
        await done;
      }
      if (this.#failure) throw this.#failure;
      if (!ledger.isComplete) return;
    }
    throw this.#restless(last);
  }

  /** Looks at files and has those examined that somebody has changed. */
  async look(files: readonly number[]): Promise<void> {
    const { store, stamps, metainfo, isReadOnly } = this.#parts;
    const marks = files.map((file) => stamps.markOf(file));
    const found = await store.statMany(files);
    const now = this.#now();
    files.forEach((file, i) => {
      this.#lookedAt.set(file, now);
      if (this.#exams.get(file)?.isLooked === false) return;
      const stat = found[i] instanceof DiskError ? undefined : found[i];
      const change = stamps.compare(file, stat, marks[i]!);
      const isLonger = !isReadOnly && stat !== undefined &&
        stat.size > metainfo.files[file]!.length;
      if (change !== "none" || isLonger) this.examine(file, isLonger || change === "sure");
    });
  }

  /** Files that others wrote to between our own writes. */
  #examineWritten(): void {
    for (const file of this.#parts.store.takeChanged?.() ?? []) this.examine(file);
  }

  /** A file is not what it was: none of its pieces is believed until it is hashed again. */
  examine(file: number, isSure: boolean = true): void {
    if (this.#over.signal.aborted) return;
    this.#suspect(file);
    const running = this.#exams.get(file);
    if (running !== undefined) {
      if (running.isLooked) running.isStale = true;
      return;
    }
    const looked = Promise.withResolvers<void>();
    const exam: Exam = {
      looked,
      isLooked: false,
      isStale: false,
      lost: 0,
      done: Promise.resolve(),
    };
    this.#exams.set(file, exam);
    exam.done = this.#parts.track(this.#examine(file, exam, isSure));
  }

  /** Gives up what is under way; nothing is examined any more. */
  close(): void {
    this.#over.abort();
  }

  async #examine(file: number, exam: Exam, isSure: boolean): Promise<void> {
    const began = this.#now();
    try {
      for (let round = 0; round < MAX_CHANGES; round++) {
        const stat = await this.#lookAnew(file, exam);
        await this.#hashAgain(file, exam, stat);
        if (!exam.isStale) break;
        exam.isStale = exam.isLooked = false;
        exam.looked = Promise.withResolvers();
      }
    } catch (error) {
      // What is not hashed now stays suspected.
      if (!this.#over.signal.aborted && !(error instanceof DiskError)) throw error;
    } finally {
      exam.isLooked = true;
      exam.looked.resolve();
      this.#exams.delete(file);
      const now = this.#now();
      this.#restUntil.set(file, now + REST * (now - began));
    }
    this.#count(file, exam, isSure);
  }

  /** Nobody has the file open, and what is there is known, when it resolves. */
  async #lookAnew(file: number, exam: Exam): Promise<FileStat | undefined> {
    const { store, stamps, metainfo, isReadOnly } = this.#parts;
    if (stamps.isBusy(file)) {
      await new Promise<void>((resolve) => this.#idlers.set(file, resolve));
      this.#idlers.delete(file);
    }
    await store.forget(file);
    const [found] = await store.statMany([file]);
    const stat = found instanceof DiskError ? undefined : found;
    stamps.set(file, stat);
    this.#suspect(file);
    const { length, path } = metainfo.files[file]!;
    if (!isReadOnly && stat !== undefined && stat.size > length) {
      this.#failure ??= tooLong(path.join("/"), stat.size, length);
    }
    exam.isLooked = true;
    exam.looked.resolve();
    return stat;
  }

  async #hashAgain(file: number, exam: Exam, stat: FileStat | undefined): Promise<void> {
    const { store, metainfo, suspects, ledger, onLost } = this.#parts;
    const { signal } = this.#over;
    const settle = (piece: PieceIndex, isGood: boolean) => {
      // Whoever wanted to give it was faster.
      if (!suspects.has(piece) || !ledger.have.has(piece)) return;
      if (isGood) return suspects.delete(piece);
      exam.lost++;
      onLost(piece, file);
    };
    const pieces = this.#piecesOf(file);
    if (stat === undefined) return pieces.forEach((piece) => settle(piece, false));
    const whole = pieces.filter((piece) => !ledger.kept.has(piece));
    const task = { metainfo, pieces: whole, onPiece: settle, onTrouble: () => {} };
    await checkPieces(store, task, { signal });
    for (const piece of pieces) {
      if (!ledger.kept.has(piece)) continue;
      const isGood = await suspects.isGood(piece);
      signal.throwIfAborted();
      settle(piece, isGood);
    }
  }

  #count(file: number, { lost }: Exam, isSure: boolean): void {
    if (lost > 0) {
      this.#falseAlarms = 0;
      const changes = (this.#changes.get(file) ?? 0) + 1;
      this.#changes.set(file, changes);
      if (changes > MAX_CHANGES && !this.#parts.isReadOnly) this.#failure ??= this.#restless(file);
    } else if (!isSure && ++this.#falseAlarms >= MAX_FALSE_ALARMS) {
      this.#parts.stamps.isClockShared = false;
    }
  }

  /** Verified pieces of a file. */
  #piecesOf(file: number): PieceIndex[] {
    const { ledger: { have }, metainfo } = this.#parts;
    const { first, end } = metainfo.fileMap.piecesOf(file);
    const pieces: PieceIndex[] = [];
    for (let piece = first; piece < end; piece++) {
      if (have.has(piece)) pieces.push(piece as PieceIndex);
    }
    return pieces;
  }

  #suspect(file: number): void {
    for (const piece of this.#piecesOf(file)) this.#parts.suspects.add(piece);
  }

  #unlooked(): Promise<void> | undefined {
    for (const exam of this.#exams.values()) if (!exam.isLooked) return exam.looked.promise;
    return undefined;
  }

  #isDue(file: number): boolean {
    const { stamps, now } = this.#parts;
    if (now === undefined || stamps.isBusy(file) || !stamps.isExpected(file)) return false;
    const since = Math.max(stamps.endedAt(file), this.#lookedAt.get(file) ?? -Infinity);
    return now() - since >= TICK_MS;
  }

  #now(): number {
    return this.#parts.now?.() ?? 0;
  }

  #changed(file: number): DiskError {
    const path = this.#parts.metainfo.files[file]?.path.join("/") ?? "";
    return new DiskError(`Cannot read "${path}": it was changed`, {
      path,
      operation: "read",
      kind: "changed",
    });
  }

  #restless(file: number): DiskError {
    const path = this.#parts.metainfo.files[file]!.path.join("/");
    return new DiskError(`Cannot use "${path}": another program keeps changing it`, {
      path,
      operation: "write",
      kind: "changed",
      hint: "stop what writes to it, or choose another folder with --output",
    });
  }
}
