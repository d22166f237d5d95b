/**
 * Files, as the disk room sees them: the platform's side of storage.
 *
 * A store is one torrent's set of files under one folder. Pieces live in buffers that the store
 * allocates, since only the platform knows which memory its threads can share. A buffer has one owner
 * at a time: the assembly, then the disk, then the pool.
 *
 * @module
 */

import type { DiskError } from "../base/errors.ts";

/** Memory for one piece. */
export interface PieceBuffer {
  /** The bytes; possibly on shared memory. Length is the store's `pieceBytes`. */
  readonly bytes: Uint8Array;
  /** Copies `data` to `at`; it must fit. Fastest for what lies in a {@link ReceiveBuffer} of the same store. */
  put(data: Uint8Array, at: number): void;
  /** Gives the memory back to the pool; nothing may touch `bytes` afterwards. Idempotent. */
  release(): void;
}

/** A run of bytes of one piece and the file they belong to. */
export interface FileSpan {
  /** Index of the file in {@link StoreSpec.files}. */
  readonly file: number;
  /** Where in the file, in bytes. */
  readonly offset: number;
  /** Where in the piece, in bytes. */
  readonly start: number;
  /** How many bytes, at least 1. */
  readonly length: number;
}

/**
 * Spans as rows of numbers, for paths that are too hot for objects: `<file><offset><start><length><time>`
 * each, the first four as in {@link FileSpan}. Where `time` is not 0, the span is there only as long as its
 * file was last changed at that time, in milliseconds since the epoch.
 */
export interface SpanRows {
  /** The rows, one behind the other; longer than they are. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** How many rows. */
  readonly count: number;
}

/** Memory that blocks leave from on their way to a peer: one batch of blocks and the headers before them. */
export interface SendBuffer {
  /** The bytes, `SEND_BYTES` of them; possibly on shared memory. */
  readonly bytes: Uint8Array;
  /** Gives the memory back to the store; nothing may touch `bytes` afterwards. Idempotent. */
  release(): void;
}

/** Memory that a peer's messages arrive in, beside the piece buffers that its blocks are copied to. */
export interface ReceiveBuffer {
  /** The bytes, `RECEIVE_BYTES` of them; possibly on shared memory. */
  readonly bytes: Uint8Array;
  /** Gives the memory back to the store; nothing may touch `bytes` afterwards. Idempotent. */
  release(): void;
}

/** Length of every {@link ReceiveBuffer}. */
export const RECEIVE_BYTES = 262_144;

/** Length of every {@link SendBuffer}: 256 KiB of blocks, and 4 KiB for what stands before them. */
export const SEND_BYTES = 266_240;

/** A span that could not be read. */
export interface SpanFault {
  /** Its row. */
  readonly row: number;
  /**
   * Kind `missing`: the file is gone or shorter than it was. Kind `changed`: another file is there, or it
   * was changed, and what is there now may be right or not. Or why it cannot be read.
   */
  readonly error: DiskError;
}

/** How file space is taken: as it is written, reserved at the start, or not even sized. */
export type Allocation = "sparse" | "full" | "none";

/** One file of a store. */
export interface StoreFile {
  /** Safe path components below the root, at least one. */
  readonly path: readonly string[];
  /** Its final length in bytes. */
  readonly length: number;
}

/** What a store is opened with. */
export interface StoreSpec {
  /** The folder everything stays inside of. It and the folders below are created when first written. */
  readonly root: string;
  /** The files; spans refer to them by index. */
  readonly files: readonly StoreFile[];
  /** Bytes of a full piece: the length of every {@link PieceBuffer}. */
  readonly pieceBytes: number;
  /** The most bytes of piece buffers out at a time; at least two pieces are always granted. */
  readonly bufferBytes: number;
  /** How space is taken when a file is first written. */
  readonly allocation: Allocation;
  /**
   * Follow symbolic links below the root, for files that the user named and that are only read (false: a
   * link is in the way).
   */
  readonly followsLinks?: boolean;
}

/** What a file on the disk looks like. */
export interface FileStat {
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, milliseconds since the epoch, or 0 where unknown. */
  readonly mtimeMs: number;
  /** A number that another file at the same path would not have; 0 where the system numbers no files. */
  readonly id: number;
}

/** What became of a piece that was to be hashed and written. */
export interface PieceVerdict {
  /** Whether the digest was the expected one; only then was anything written. */
  readonly isGood: boolean;
  /** SHA-1 of every 16 KiB block, 20 bytes each, where asked for or where the piece is bad. */
  readonly blockDigests?: Uint8Array;
}

/** A piece to hash and write. */
export interface PieceJob {
  /** The piece; owned by the store until the answer. */
  readonly buffer: PieceBuffer;
  /** Bytes of this piece. */
  readonly length: number;
  /** SHA-1 that it must have: 20 bytes at `expectedAt`. */
  readonly expected: Uint8Array;
  /** Where the digest is (0). */
  readonly expectedAt?: number;
  /** Where to write it. */
  readonly spans: readonly FileSpan[];
  /** Give the digest of every block with a good piece, too. */
  readonly wantBlockDigests?: boolean;
}

/** Takes what became of a piece; `item` is its place among those that it came with. */
export type OnVerdict = (verdict: PieceVerdict, item: number) => void;

/** What pieces on the disk hash to, in the order they were asked for. */
export interface PieceDigests {
  /** SHA-1 of each piece, 20 bytes each; zeros where it could not be read. */
  readonly digests: Uint8Array;
  /** One number a piece: 1 where all of its bytes were there, 0 where a file is missing or too short. */
  readonly isWhole: Uint8Array;
}

/** The files of one torrent. Every failure is a `DiskError`. */
export interface FileStore extends AsyncDisposable {
  /** A buffer for a piece, or `undefined` while the budget is used up or the store is behind. */
  allocate(): PieceBuffer | undefined;
  /** Buffers that can be had one after the other without releasing one; 0 while the store is behind. */
  readonly freeBuffers: number;
  /** Memory to receive in, `undefined` where none is better than any other, or all of it is out. */
  receiveBuffer(): ReceiveBuffer | undefined;
  /** Hashes a piece and, if its digest is right, writes its spans, as one step off the main thread. */
  hashThenWrite(job: PieceJob): Promise<PieceVerdict>;
  /**
   * The same for pieces that came together. `onVerdict` is told of each as soon as it is done; the promise
   * resolves when all are, or rejects then with the first thing that went wrong.
   */
  hashThenWriteAll(jobs: readonly PieceJob[], onVerdict: OnVerdict): Promise<void>;
  /**
   * Hashes pieces where they lie: one list of spans a piece, its bytes in order. A span whose `file` is -1
   * reads as zeros (pad files).
   */
  digest(pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests>;
  /** Writes bytes that are known to be right (kept beside the download) to a file. */
  write(file: number, offset: number, data: Uint8Array): Promise<void>;
  /** Reads up to `into.length` bytes; returns how many there were. */
  read(file: number, offset: number, into: Uint8Array): Promise<number>;
  /** Memory to send from; there is always more, so the caller keeps few and not for long. */
  sendBuffer(): SendBuffer;
  /**
   * Reads spans of verified files straight to where they leave from: each to its `start` in the buffer. A
   * span whose `file` is -1 becomes zeros. Gives what could not be read, mostly nothing; all else is
   * there. Neither rows nor buffer may be touched before the answer.
   */
  gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]>;
  /**
   * Files that somebody else was seen to write to between two of our writes, since the last call; not every
   * store sees that.
   */
  takeChanged?(): readonly number[];
  /**
   * Whoever has a file open closes it, and nothing is taken for granted of the folders above it: what is at
   * its path is looked at anew, and made anew if it is to be written to.
   */
  forget(file: number): Promise<void>;
  /** Creates a file that has no bytes, and its folders. */
  createEmpty(file: number): Promise<void>;
  /**
   * Gives the name of a file to a draft (see {@link Drafts}), `draft` being its name below the root; makes the
   * folders. False where that name is taken or cannot be given; the draft then stays.
   */
  adopt?(file: number, draft: string): Promise<boolean>;
  /** What is at a file's path, `undefined` for nothing. Anything but a regular file is `in-the-way`. */
  stat(file: number): Promise<FileStat | undefined>;
  /** Like {@link stat} for many files at once; what is wrong with one file is given, not thrown. */
  statMany(files: readonly number[]): Promise<(FileStat | DiskError | undefined)[]>;
  /** Reserves the space of files (allocation "full"). */
  reserve(files: readonly number[]): Promise<void>;
  /** Makes what was written durable, and whatever else these files hold. */
  sync(files?: readonly number[]): Promise<void>;
}

/** One hidden file beside the download that this process alone may use while it is open. */
export interface SideFile extends AsyncDisposable {
  /** Bytes in it. */
  size(): Promise<number>;
  /** Reads up to `into.length` bytes at `offset`; returns how many there were. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Writes at `offset`, growing the file. */
  write(offset: number, data: Uint8Array): Promise<void>;
  /** Makes it durable. */
  sync(): Promise<void>;
  /** Deletes it, and the folders that were made for it and have nothing else in them; still to be disposed. */
  remove(): Promise<void>;
}

/** A file that may be an older copy. */
export interface OldFile {
  /** Components below the folder that was listed, at least one. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
}

/** What a folder with older copies has. */
export interface OldFiles {
  /** The absolute path of the folder. */
  readonly root: string;
  /** Regular files, in no certain order. */
  readonly files: readonly OldFile[];
  /** Whether there is more than was looked at. */
  readonly isCut: boolean;
}

/** What is looked for in a folder with older copies, and how far. */
export interface OldFilesOptions {
  /** Whether files of this length are of use. */
  readonly wants: (length: number) => boolean;
  /** Entries that are looked at, at the most. */
  readonly maxEntries: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** A whole copy of an older file, on its way to becoming a file of a torrent. */
export interface DraftSpec {
  /** The path of the older file. */
  readonly from: string;
  /** How many bytes that must have. */
  readonly length: number;
  /** The path of the copy; what is there is removed first. */
  readonly to: string;
  /** Make none that takes room (false). */
  readonly mustShare?: boolean;
}

/** Makes drafts. */
export interface Drafts {
  /**
   * Makes one: a file with the rights of any new one, which shares its bytes with the older file where the
   * file system can do that. False where that cannot be or is not worth while, and where the older file
   * was changed meanwhile; then nothing is left of it. One path must not be used twice at a time.
   *
   * @throws {DiskError} kind `full`; the signal's reason, at once.
   */
  make(spec: DraftSpec, options: { readonly signal: AbortSignal }): Promise<boolean>;
  /** Removes what is left of one, if anything is. */
  drop(path: string): Promise<void>;
}

/** Files that are to be written. */
export interface SpaceSpec {
  /** The folder they go into; it need not be there. */
  readonly root: string;
  /** The files below it. */
  readonly files: readonly StoreFile[];
  /** Bytes that will be written at the most, over what is there. */
  readonly bytes: number;
}

/** The platform's files. */
export interface FileIo {
  /**
   * How many bytes the disk is short of for these files; 0 where they fit, or where that is not known or
   * may not be asked.
   */
  shortOf(spec: SpaceSpec): Promise<number>;
  /**
   * Files below a folder by their lengths. Symbolic links are not followed but for the folder itself; what
   * cannot be looked at is left out.
   *
   * @throws {DiskError} when the folder itself cannot be looked at; the signal's reason.
   */
  listOld(folder: string, options: OldFilesOptions): Promise<OldFiles>;
  /** Whole copies of what {@link listOld} finds; not every platform makes any. */
  readonly drafts?: Drafts;
  /** Opens the files of a torrent; nothing is created yet. */
  openStore(spec: StoreSpec): Promise<FileStore>;
  /**
   * Opens and locks the hidden file `name` in `folder`, creating both.
   *
   * @throws {DiskError} kind `locked` when another process has it.
   */
  openSideFile(folder: string, name: string): Promise<SideFile>;
  /** An opaque mark that changes when the machine restarts, `undefined` where there is none. */
  bootMark(): Promise<string | undefined>;
}
