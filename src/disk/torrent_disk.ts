/**
 * One torrent on the disk: which pieces are there and verified, writing them, reading them back.
 *
 * A piece is hashed before any of it is written. Its bytes that belong to files nobody selected go to
 * the side file, so that such files never appear and the piece still can be verified and given to
 * others. The side file is locked for as long as this lives: two runs of one torrent in one folder
 * would write over each other.
 *
 * Invariants: a bit of `have` is set only after the piece's bytes are where they belong; a piece whose
 * unselected bytes come from the side file is in the ledger's `kept`.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { DiskError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { FileIo, FileStore, PieceBuffer, PieceVerdict, ReceiveBuffer } from "../ports/disk.ts";
import { BlockBatch, type BlockSource } from "./block_batch.ts";
import type { DiskMetainfo } from "./disk_metainfo.ts";
import { FileStamps } from "./file_stamps.ts";
import { FileWatch } from "./file_watch.ts";
import { Intake } from "./intake.ts";
import { openStore } from "./open_store.ts";
import { PieceLedger } from "./piece_ledger.ts";
import { PieceWriter, type WholePiece, type WriteOptions } from "./piece_writer.ts";
import { readPiece } from "./piece_reader.ts";
import { recoverPieces } from "./recovery.ts";
import type { ResumeFile } from "./resume_file.ts";
import { type Books, resumeStateOf } from "./resume_picture.ts";
import { NO_SIDE, openSide, type Side } from "./side.ts";
import { Suspects } from "./suspects.ts";
import { WindowStore } from "./window_store.ts";
import type { CheckOptions, TorrentDiskOptions } from "./torrent_disk_options.ts";

/** The files of one torrent and what is verified of them. */
export class TorrentDisk implements AsyncDisposable {
  readonly #metainfo: DiskMetainfo;
  readonly #options: TorrentDiskOptions;
  readonly #store: FileStore;
  readonly #side: Side;
  // Undefined where a folder cannot be written to; then `#side.error` says why.
  readonly #resume: ResumeFile | undefined;
  readonly #ledger: PieceLedger;
  readonly #stamps: FileStamps;
  readonly #suspects: Suspects;
  readonly #parts: Books & { readonly store: FileStore };
  readonly #watch: FileWatch;
  readonly #writer: PieceWriter;
  readonly #source: BlockSource;
  readonly #work = new Set<Promise<unknown>>();
  #isChecked = false;
  #isDropped = false;
  #isUnsaved = false;
  #saving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: TorrentDiskOptions, store: FileStore, side: Side) {
    const { metainfo, selection } = options;
    this.#options = options;
    this.#metainfo = metainfo;
    this.#store = store;
    this.#side = side;
    this.#resume = side.resume;
    const ledger = this.#ledger = new PieceLedger(metainfo, selection);
    const stamps = this.#stamps = new FileStamps(metainfo.files.length);
    const read = (piece: PieceIndex, begin: number, into: Uint8Array) =>
      this.#read(piece, begin, into);
    const track = <T>(work: Promise<T>) => this.#track(work);
    const { hasher, isReadOnly = false, isInMemory = false } = options;
    const suspects = this.#suspects = new Suspects({ metainfo, store, ledger, hasher, read });
    const parts = this.#parts = { metainfo, store, ledger, stamps, suspects };
    const watch = this.#watch = new FileWatch({
      ...parts,
      isReadOnly,
      now: isInMemory ? undefined : options.now,
      onLost: (piece, file) => this.lose(piece, file),
      track,
    });
    // Nothing in memory is changed by others.
    if (isInMemory) watch.close();
    const onGood = (piece: PieceIndex, isKept: boolean) => this.#markGood(piece, isKept);
    this.#writer = new PieceWriter({ metainfo, store, ledger, watch, resume: side.resume, onGood });
    this.#source = {
      metainfo,
      store,
      watch,
      timeOf: (file) => isReadOnly || ledger.isFileWhole(file) ? stamps.timeOf(file) : 0,
      isKept: (piece) => ledger.kept.has(piece),
      read,
      track,
    };
  }

  /**
   * Locks the torrent's side file in the folder and reads what it remembers. Nothing is checked yet.
   *
   * @throws {DiskError} kind `locked` when the torrent is being downloaded there already.
   */
  static async open(files: FileIo, options: TorrentDiskOptions): Promise<TorrentDisk> {
    const hasSide = options.isReadOnly !== true && options.isInMemory !== true;
    const side = hasSide ? await openSide(files, options) : NO_SIDE;
    try {
      return new TorrentDisk(options, await openStore(files, options), side);
    } catch (error) {
      await side.resume?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Verified pieces; owned here, to be read only. */
  get have(): Bitfield {
    return this.#ledger.have;
  }

  /** Pieces that the selection needs; to be read only. */
  get wanted(): Bitfield {
    return this.#ledger.wanted;
  }

  /** How often a verified piece was found to be gone. */
  get losses(): number {
    return this.#ledger.losses;
  }

  /** Whether every piece of the selection is verified. */
  get isComplete(): boolean {
    return this.#ledger.isComplete;
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
    const present = [...files.keys()].filter((file) => !files[file]!.isPad);
    await this.#stamps.look(this.#store, present, {
      spec: files,
      isSelected: (file) => this.#ledger.isSelected(file),
    });
    await recoverPieces({
      metainfo: this.#metainfo,
      store: this.#store,
      stamps: this.#stamps,
      resume: this.#resume,
      before: this.#isTrusted(options) ? this.#side.state : undefined,
      isSelected: (file) => this.#ledger.isSelected(file),
      onGood: (piece, isKept) => this.#markGood(piece, isKept),
      ...options,
    });
    this.#isChecked = true;
    this.#isUnsaved = true;
    if (this.isComplete || options.isReadOnly) return;
    if (this.#side.error) throw this.#side.error;
    if (this.#options.allocate !== "full") return;
    for (const file of this.#ledger.selected) {
      if (this.#ledger.isFileWhole(file)) continue;
      options.signal.throwIfAborted();
      await this.#store.reserve([file]);
      this.#stamps.touch(file);
    }
  }

  /** What takes whole copies of files in; nothing may be written meanwhile. */
  intake({ drafts }: FileIo): Intake {
    return new Intake({
      ...this.#parts,
      output: this.#options.output,
      drafts,
      onGood: (piece) => this.#markGood(piece, false),
      track: (work) => this.#track(work),
    });
  }

  /**
   * Hashes pieces and writes those that are good, and sets their bits. Resolves when all are done.
   *
   * @throws {DiskError} the first that there was, when all are done.
   */
  writePieces(pieces: readonly WholePiece[], options: WriteOptions): Promise<void> {
    return this.#track(this.#writer.write(pieces, options));
  }

  /** The same for one piece. */
  async writePiece(
    piece: PieceIndex,
    buffer: PieceBuffer,
    options: { wantBlockDigests?: boolean } = {},
  ): Promise<PieceVerdict> {
    let found: PieceVerdict | undefined;
    const wantsDigests = () => options.wantBlockDigests ?? false;
    const onVerdict = (verdict: PieceVerdict) => void (found = verdict);
    await this.writePieces([{ piece, buffer }], { wantsDigests, onVerdict });
    return found!;
  }

  /**
   * Reads `into.length` bytes of a verified piece from `begin` on.
   *
   * @throws {DiskError} where a file is gone or shorter than it was, or the piece is not what it was.
   */
  read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void> {
    const read = () => this.#read(piece, begin, into);
    const isSuspect = this.#suspects.has(piece);
    return this.#track(isSuspect ? this.#watch.clear(piece).then(read) : read());
  }

  /** Reads the blocks that one peer asks for, batch after batch. */
  newBatch(): BlockBatch {
    return new BlockBatch(this.#source);
  }

  /**
   * Looks at some of the files, others every time. What somebody has changed is hashed again in the background;
   * `onLost` is told of every piece that is gone.
   *
   * @throws {DiskError} kind `changed` where another program keeps writing to a file.
   */
  look(): Promise<void> {
    return this.#track(this.#watch.lookAround());
  }

  /**
   * Looks at all files, and has hashed again what somebody has changed when it resolves. To be called when
   * everything seems to be there, before that is believed.
   *
   * @throws {DiskError} as {@link look} does.
   */
  settle(): Promise<void> {
    return this.#track(this.#watch.settle());
  }

  /** A verified piece is gone, and `file` is to blame. False where that was known. */
  lose(piece: PieceIndex, file: number): boolean {
    if (!this.#ledger.lose(piece)) return false;
    this.#suspects.add(piece);
    this.#isUnsaved = true;
    this.#options.onLost?.(piece, file);
    return true;
  }

  /** Whether every piece of a selected file is verified and written. False for what is not selected. */
  isFileComplete(file: number): boolean {
    return this.#ledger.isSelected(file) && this.#ledger.isFileWhole(file);
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
      if (files[file]!.length > 0 || !this.#ledger.isSelected(file)) continue;
      if (this.#stamps.sizes[file] !== 0) await this.#store.createEmpty(file);
    }
    if (options.fsync) await this.#store.sync(this.#ledger.selected);
    if (!this.#ledger.isWhole) return await this.save();
    try {
      await this.#drop();
    } catch (error) {
      // Everything is there. What is left of the side file goes with a later run.
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** Remembers what is there if anything is missing, closes the files and gives the lock up. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #isTrusted(options: CheckOptions): boolean {
    const mark = this.#side.state?.bootMark ?? "";
    return options.isForced !== true && mark !== "" && mark === this.#side.bootMark;
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.then(() => {}, () => {});
    this.#work.add(tracked);
    tracked.then(() => this.#work.delete(tracked));
    return work;
  }

  #markGood(piece: PieceIndex, isKept: boolean): void {
    this.#isUnsaved = true;
    this.#suspects.delete(piece);
    this.#ledger.markGood(piece, isKept);
  }

  #read(piece: PieceIndex, begin: number, into: Uint8Array): Promise<void> {
    const kept = this.#ledger.kept.has(piece) ? this.#resume : undefined;
    const source = { metainfo: this.#metainfo, store: this.#store, kept };
    return readPiece(source, { piece, begin }, into);
  }

  async #save(): Promise<void> {
    if (!this.#resume || this.#isDropped || !this.#isChecked || !this.#isUnsaved) return;
    // The bits are taken before the stamps: a write in between makes a stamp that is too new, and the
    // worst that comes of it is a check. The other way round a write could go unseen.
    this.#isUnsaved = false;
    const verified = Bitfield.fromWire(this.have.bytes, this.have.length)!;
    try {
      await this.#watch.look(this.#stamps.written);
      const state = resumeStateOf(verified, this.#parts);
      await this.#resume.save({ bootMark: this.#side.bootMark, ...state });
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
    this.#watch.close();
    while (this.#work.size > 0) await Promise.all(this.#work);
    try {
      // Without a check, what an earlier run remembered is as good as it was.
      const isOfUse = this.#isChecked
        ? this.have.count > 0 && !this.#ledger.isWhole
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
