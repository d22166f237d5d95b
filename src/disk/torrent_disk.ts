/**
 * One torrent on the disk: which pieces are there and verified, writing them, reading them back.
 *
 * A piece is hashed before any of it is written. Its bytes that belong to files nobody selected go to
 * the side file, so that such files never appear and the piece still can be verified and given to
 * others. The side file is locked for as long as this lives: two runs of one torrent in one folder
 * would write over each other.
 *
 * Invariants: a bit of `have` is set only after the piece's bytes are where they belong; a piece whose
 * unselected bytes come from the side file is in `#kept`.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileIo, FileStore, PieceBuffer, PieceVerdict, ReceiveBuffer } from "../ports/disk.ts";
import { BlockBatch, type BlockSource } from "./block_batch.ts";
import { type DiskMetainfo, pieceHash } from "./disk_metainfo.ts";
import { FileStamps } from "./file_stamps.ts";
import { readPiece } from "./piece_reader.ts";
import { recoverPieces } from "./recovery.ts";
import type { ResumeState } from "./resume.ts";
import type { ResumeFile } from "./resume_file.ts";
import { NO_SIDE, openSide, type Side } from "./side.ts";
import { gather, maskOf } from "./span_mask.ts";
import { Suspects } from "./suspects.ts";
import { WindowStore } from "./window_store.ts";
import type { CheckOptions, TorrentDiskOptions } from "./torrent_disk_options.ts";

/** The files of one torrent and what is verified of them. */
export class TorrentDisk implements AsyncDisposable {
  /** Verified pieces; owned here, to be read only. */
  readonly have: Bitfield;
  /** Pieces that the selection needs; to be read only. */
  readonly wanted: Bitfield;
  readonly #metainfo: DiskMetainfo;
  readonly #options: TorrentDiskOptions;
  readonly #store: FileStore;
  // Undefined where there can be none (a folder that cannot be written to); then `#readOnly` says why.
  readonly #resume: ResumeFile | undefined;
  readonly #readOnly: DiskError | undefined;
  readonly #before: ResumeState | undefined;
  readonly #bootMark: string;
  readonly #isSelected: Uint8Array;
  readonly #stamps: FileStamps;
  // Pieces of each file that are not verified yet.
  readonly #missing: Int32Array;
  // Pieces in `have` whose bytes of unselected files are in the side file.
  readonly #kept = new Set<number>();
  readonly #source: BlockSource;
  readonly #work = new Set<Promise<unknown>>();
  #isChecked = false;
  #isDropped = false;
  #isUnsaved = false;
  #saving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: TorrentDiskOptions,
    store: FileStore,
    side: Side,
  ) {
    const { metainfo, selection } = options;
    const { files, fileMap, pieceMap } = metainfo;
    this.#options = options;
    this.#metainfo = metainfo;
    this.#store = store;
    this.#resume = side.resume;
    this.#before = side.state;
    this.#readOnly = side.error;
    this.#bootMark = side.bootMark;
    const chosen = selection ?? files.map((_, file) => file);
    this.#isSelected = new Uint8Array(files.length);
    for (const file of chosen) if (files[file]) this.#isSelected[file] = files[file].isPad ? 0 : 1;
    this.have = new Bitfield(pieceMap.pieceCount);
    this.wanted = fileMap.wantedPieces(chosen.filter((file) => this.#isSelected[file] === 1));
    this.#stamps = new FileStamps(files.length);
    const suspects = new Suspects(metainfo, store);
    this.#source = {
      metainfo,
      store,
      suspects,
      timeOf: (file) => {
        const isStill = this.#missing[file] === 0 || options.isReadOnly === true;
        return isStill ? suspects.timeOf(file) ?? this.#stamps.timeOf(file) : 0;
      },
      isKept: (piece) => this.#kept.has(piece),
      read: (piece, begin, into) => this.#read(piece, begin, into),
      track: (work) => this.#track(work),
    };
    this.#missing = new Int32Array(files.length);
    files.forEach((_, file) => {
      const { first, end } = fileMap.piecesOf(file);
      this.#missing[file] = end - first;
    });
  }

  /**
   * Locks the torrent's side file in the folder and reads what it remembers. Nothing is checked yet.
   *
   * @throws {DiskError} kind `locked` when the torrent is being downloaded there already.
   */
  static async open(files: FileIo, options: TorrentDiskOptions): Promise<TorrentDisk> {
    const { metainfo, output, bufferBytes, allocate, isInMemory } = options;
    const hasSide = options.isReadOnly !== true && isInMemory !== true;
    const side = hasSide ? await openSide(files, options) : NO_SIDE;
    try {
      const { pieceLength, totalBytes } = metainfo.pieceMap;
      const spec = {
        root: output,
        files: metainfo.files,
        pieceBytes: Math.min(pieceLength, totalBytes),
        bufferBytes,
        allocation: allocate,
        followsLinks: options.isReadOnly ?? false,
      };
      const store = await files.openStore(spec);
      const used = isInMemory === true ? new WindowStore(store, spec) : store;
      return new TorrentDisk(options, used, side);
    } catch (error) {
      await side.resume?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Whether every piece of the selection is verified. */
  get isComplete(): boolean {
    const { wanted, have } = this;
    for (let i = 0; i < wanted.bytes.length; i++) {
      if ((wanted.bytes[i]! & ~have.bytes[i]!) !== 0) return false;
    }
    return true;
  }

  /** Buffers that {@link allocate} can still give. */
  get freeBuffers(): number {
    return this.#store.freeBuffers;
  }

  /** Memory for a piece, `undefined` while the budget is used up. The caller releases it. */
  allocate(): PieceBuffer | undefined {
    return this.#store.allocate();
  }

  /** Memory for a peer's messages, `undefined` where any will do. The caller releases it. */
  receiveBuffer(): ReceiveBuffer | undefined {
    return this.#store.receiveBuffer();
  }

  /** A piece that is in memory alone is not needed any more; it cannot be read from now on. */
  letGo(piece: number): void {
    if (this.#store instanceof WindowStore) this.#store.letGo(piece);
  }

  /**
   * Finds out which pieces are on the disk and sets their bits. Must be called once, before anything is
   * written. What was verified before and looks untouched is trusted, everything else is hashed.
   *
   * @throws {DiskError} where something is in the way, or something is missing and nothing can be
   * written; or the signal's reason.
   */
  async check(options: CheckOptions): Promise<void> {
    const { files } = this.#metainfo;
    const present: number[] = [];
    files.forEach(({ isPad }, file) => {
      if (!isPad) present.push(file);
    });
    await this.#stamps.look(this.#store, present, {
      spec: files,
      isSelected: (file) => this.#isSelected[file] === 1,
    });
    await recoverPieces({
      metainfo: this.#metainfo,
      store: this.#store,
      stamps: this.#stamps,
      resume: this.#resume,
      before: this.#isTrusted(options) ? this.#before : undefined,
      isSelected: (file) => this.#isSelected[file] === 1,
      onGood: (piece, isKept) => this.#markGood(piece, isKept),
      ...options,
    });
    this.#isChecked = true;
    this.#isUnsaved = true;
    if (this.isComplete || options.isReadOnly) return;
    if (this.#readOnly) throw this.#readOnly;
    if (this.#options.allocate === "full") await this.#reserve(options.signal);
  }

  /**
   * Hashes a piece and, if it is good, writes it and sets its bit. The buffer stays the caller's to
   * release, and must stay untouched until the answer.
   *
   * @throws {DiskError}
   */
  writePiece(
    piece: PieceIndex,
    buffer: PieceBuffer,
    options: { wantBlockDigests?: boolean } = {},
  ): Promise<PieceVerdict> {
    return this.#track(this.#writePiece(piece, buffer, options.wantBlockDigests ?? false));
  }

  /**
   * Reads `into.length` bytes of a verified piece from `begin` on.
   *
   * @throws {DiskError} where a file is gone or shorter than it was.
   */
  read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void> {
    return this.#track(this.#read(piece, begin, into));
  }

  /** Reads the blocks that one peer asks for, batch after batch. */
  newBatch(): BlockBatch {
    return new BlockBatch(this.#source);
  }

  /** Nothing is written any more: from now on it is noticed when somebody changes a file. */
  watch(): Promise<void> {
    return this.#track(this.#stamps.refresh(this.#store));
  }

  /** Whether every piece of a selected file is verified and written. False for what is not selected. */
  isFileComplete(file: number): boolean {
    return this.#isSelected[file] === 1 && this.#missing[file] === 0;
  }

  /**
   * Remembers what is verified, durably. Calls that come while one runs share the next one.
   *
   * @throws {DiskError}
   */
  save(): Promise<void> {
    if (this.#saving) {
      // A save that runs may have taken its picture already.
      return this.#saving.catch(() => {}).then(() => this.save());
    }
    const saving = this.#save().finally(() => {
      this.#saving = undefined;
    });
    this.#saving = saving;
    return this.#track(saving);
  }

  /**
   * Ends a download whose selection is complete: creates the selected files that have no bytes, makes
   * everything durable if asked, and drops the side file if nothing of the torrent is missing.
   *
   * @throws {DiskError}
   */
  async finish(options: { fsync: boolean }): Promise<void> {
    const { files } = this.#metainfo;
    for (let file = 0; file < files.length; file++) {
      if (files[file]!.length > 0 || this.#isSelected[file] === 0) continue;
      if (this.#stamps.sizes[file] !== 0) await this.#store.createEmpty(file);
    }
    if (options.fsync) await this.#store.sync(this.#selectedFiles());
    if (this.#isWhole) await this.#drop();
    else await this.save();
  }

  /** Remembers what is there if anything is missing, closes the files and gives the lock up. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #selectedFiles(): number[] {
    return [...this.#isSelected.keys()].filter((file) => this.#isSelected[file] === 1);
  }

  // The whole torrent lies in its files: nothing is left to remember.
  get #isWhole(): boolean {
    return this.have.isFull && this.#kept.size === 0;
  }

  #isTrusted(options: CheckOptions): boolean {
    const mark = this.#before?.bootMark ?? "";
    return options.isForced !== true && mark !== "" && mark === this.#bootMark;
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.then(() => {}, () => {});
    this.#work.add(tracked);
    tracked.then(() => this.#work.delete(tracked));
    return work;
  }

  #markGood(piece: PieceIndex, isKept: boolean): void {
    this.#isUnsaved = true;
    if (isKept) this.#kept.add(piece);
    else this.#kept.delete(piece);
    if (!this.have.add(piece)) return;
    for (const file of this.#metainfo.fileMap.filesAt(piece)) this.#missing[file]!--;
  }

  async #writePiece(
    piece: PieceIndex,
    buffer: PieceBuffer,
    wantBlockDigests: boolean,
  ): Promise<PieceVerdict> {
    const { fileMap, pieceMap } = this.#metainfo;
    const all = fileMap.spans(piece);
    const mask = maskOf(all, ({ file }) => file >= 0 && this.#isSelected[file] === 0);
    const spans = all.filter(({ file }) => file >= 0 && this.#isSelected[file] === 1);
    for (const { file } of spans) this.#stamps.touch(file);
    const verdict = await this.#store.hashThenWrite({
      buffer,
      length: pieceMap.pieceBytes(piece),
      expected: pieceHash(this.#metainfo, piece),
      spans,
      wantBlockDigests,
    });
    if (!verdict.isGood) return verdict;
    // Touched again: a save may have taken the stamps while this was being written.
    for (const { file } of spans) this.#stamps.touch(file);
    if (mask) await this.#resume?.keep(piece, mask, gather(all, mask, buffer.bytes));
    this.#markGood(piece, mask !== undefined);
    return verdict;
  }

  async #reserve(signal: AbortSignal): Promise<void> {
    const files = this.#metainfo.files.keys().filter((file) =>
      this.#isSelected[file] === 1 && this.#missing[file]! > 0
    );
    for (const file of files) {
      signal.throwIfAborted();
      await this.#store.reserve([file]);
      this.#stamps.touch(file);
    }
  }

  #read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void> {
    const kept = this.#kept.has(piece) ? this.#resume : undefined;
    const source = { metainfo: this.#metainfo, store: this.#store, kept };
    return readPiece(source, { piece, begin }, into);
  }

  async #save(): Promise<void> {
    if (!this.#resume || this.#isDropped || !this.#isChecked || !this.#isUnsaved) return;
    // The bits are taken before the stamps: a write in between makes a stamp that is too new, and the
    // worst that comes of it is a check. The other way round a write could go unseen.
    this.#isUnsaved = false;
    const verified = Bitfield.fromWire(this.have.bytes, this.have.length)!;
    const kept = new Bitfield(this.have.length);
    for (const piece of this.#kept) kept.add(piece);
    const { sizes, times } = this.#stamps;
    try {
      await this.#stamps.refresh(this.#store);
      await this.#resume.save({ bootMark: this.#bootMark, verified, kept, sizes, times });
    } catch (error) {
      this.#isUnsaved = true;
      throw error;
    }
  }

  async #drop(): Promise<void> {
    if (!this.#resume || this.#isDropped) return;
    this.#isDropped = true;
    await this.#saving?.catch(() => {});
    await this.#resume.remove();
  }

  async #close(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
    try {
      // Without a check, what an earlier run remembered is as good as it was.
      const isOfUse = this.#isChecked
        ? this.have.count > 0 && !this.#isWhole
        : this.#resume?.isStarted === true;
      if (isOfUse) await this.save();
      else await this.#drop();
    } catch (error) {
      // What could not be remembered is found by the next check.
      if (!(error instanceof DiskError)) throw error;
    } finally {
      await this.#store[Symbol.asyncDispose]();
      await this.#resume?.[Symbol.asyncDispose]();
    }
  }
}
