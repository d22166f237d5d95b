/**
 * The side file of one torrent as a thing to load from, save to and keep neighbour bytes in. The layout
 * is `resume.ts`; nothing here knows what the pieces mean.
 *
 * Whatever is wrong with what lies there, it is as if it did not: a wrong header makes the file a new
 * one, a torn slot leaves the other, the log ends at its first bad record, and data that does not have
 * its digest is not given out.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { SideFile } from "../ports/disk.ts";
import type { Hasher } from "../ports/hash.ts";
import {
  decodeRecordHead,
  decodeSlot,
  encodeHeader,
  encodeRecord,
  encodeSlot,
  HEADER_BYTES,
  isHeadIntact,
  layoutFor,
  RECORD_HEAD_BYTES,
  type RecordHead,
  type ResumeLayout,
  type ResumeState,
} from "./resume.ts";

/** The bytes of a piece that are kept in the side file. */
export interface Neighbours {
  /** Which spans of the piece: bits in the order of BEP 3. */
  readonly mask: Uint8Array;
  /** How many bytes. */
  readonly length: number;
}

/** What the log needs to know of the torrent, to refuse records that cannot be. */
export interface RecordRules {
  /** Pieces of the torrent. */
  readonly pieces: number;
  /** Entries of its file list. */
  readonly files: number;
  /** How many bytes the masked spans of a piece have, `undefined` where the mask has a wrong length. */
  maskedBytes(piece: number, mask: Uint8Array): number | undefined;
}

interface Place extends Neighbours {
  readonly start: number;
  readonly end: number;
  readonly digest: Uint8Array;
  isProven: boolean;
}

/** An open side file. */
export class ResumeFile implements AsyncDisposable {
  readonly #file: SideFile;
  readonly #infoHash: Uint8Array;
  readonly #hasher: Hasher;
  readonly #rules: RecordRules;
  readonly #layout: ResumeLayout;
  readonly #records = new Map<number, Place>();
  #sequence = 0;
  #logEnd: number;
  #isStarted = false;
  #isLogWhole = false;
  #starting: Promise<void> | undefined;
  #appending: Promise<unknown> = Promise.resolve();

  private constructor(file: SideFile, infoHash: Uint8Array, hasher: Hasher, rules: RecordRules) {
    this.#file = file;
    this.#infoHash = infoHash;
    this.#hasher = hasher;
    this.#rules = rules;
    this.#layout = layoutFor(rules.pieces, rules.files);
    this.#logEnd = this.#layout.log;
  }

  /** Takes over a locked file and reads what it has. `state` is the last one saved, if there is one. */
  static async load(
    file: SideFile,
    options: { infoHash: Uint8Array; hasher: Hasher; rules: RecordRules },
  ): Promise<{ resume: ResumeFile; state: ResumeState | undefined }> {
    const resume = new ResumeFile(file, options.infoHash, options.hasher, options.rules);
    return { resume, state: await resume.#load() };
  }

  /** Whether the file has a header, that is, whether anything was ever kept in it. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** The pieces that have bytes here. */
  recordedPieces(): Iterable<number> {
    return this.#records.keys();
  }

  /** What of a piece is kept here. */
  neighbours(piece: number): Neighbours | undefined {
    return this.#records.get(piece);
  }

  /** Whether every record is there that was when the state was saved. */
  get isLogWhole(): boolean {
    return this.#isLogWhole;
  }

  /** Writes a state, atomically, and makes it and all records before it durable. One at a time. */
  async save(state: Omit<ResumeState, "logEnd">): Promise<void> {
    await this.#start();
    this.#sequence++;
    const whole = { ...state, logEnd: this.#logEnd };
    const slot = encodeSlot(this.#layout, whole, this.#sequence, this.#hasher);
    await this.#file.write(this.#layout.slots[this.#sequence % 2 as 0 | 1], slot);
    await this.#file.sync();
  }

  /** Keeps bytes of a verified piece; what was kept of it before is replaced. */
  keep(piece: number, mask: Uint8Array, data: Uint8Array): Promise<void> {
    const work = this.#appending.then(() => this.#append(piece, mask, data));
    this.#appending = work.catch(() => {});
    return work;
  }

  /** Stops using what is kept of a piece. */
  forget(piece: number): void {
    this.#records.delete(piece);
  }

  /**
   * Reads kept bytes of a piece from `offset` on; false where there are none or they are damaged. The
   * first read of a record checks all of it.
   */
  async read(piece: number, offset: number, into: Uint8Array): Promise<boolean> {
    const place = this.#records.get(piece);
    if (!place || offset + into.length > place.length) return false;
    if (!place.isProven) {
      const all = new Uint8Array(place.length);
      const got = await this.#file.read(place.start, all);
      if (got < all.length || !equalBytes(this.#hasher.sha1(all), place.digest)) {
        if (this.#records.get(piece) === place) this.#records.delete(piece);
        return false;
      }
      place.isProven = true;
      into.set(all.subarray(offset, offset + into.length));
      return true;
    }
    return await this.#file.read(place.start + offset, into) === into.length;
  }

  /** Deletes the file; the lock stays until it is disposed. */
  async remove(): Promise<void> {
    this.#records.clear();
    await this.#appending;
    this.#isStarted = false;
    await this.#file.remove();
  }

  /** Closes the file and with it the lock. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#appending;
    await this.#file[Symbol.asyncDispose]();
  }

  async #load(): Promise<ResumeState | undefined> {
    const header = new Uint8Array(HEADER_BYTES);
    const got = await this.#file.read(0, header);
    const expected = encodeHeader(this.#layout, this.#infoHash, this.#hasher);
    if (got < HEADER_BYTES || !equalBytes(header, expected)) return undefined;
    this.#isStarted = true;
    let latest: ReturnType<typeof decodeSlot>;
    const slot = new Uint8Array(this.#layout.slotBytes);
    for (const offset of this.#layout.slots) {
      const length = await this.#file.read(offset, slot);
      const found = decodeSlot(this.#layout, slot.subarray(0, length), this.#hasher);
      if (found && (!latest || found.sequence > latest.sequence)) latest = found;
    }
    this.#sequence = latest?.sequence ?? 0;
    await this.#loadLog();
    this.#isLogWhole = latest !== undefined && this.#logEnd >= latest.state.logEnd;
    return latest?.state;
  }

  async #loadLog(): Promise<void> {
    const size = await this.#file.size();
    const bytes = new Uint8Array(RECORD_HEAD_BYTES);
    for (;;) {
      const at = this.#logEnd;
      if (await this.#file.read(at, bytes) < RECORD_HEAD_BYTES) return;
      const head = decodeRecordHead(bytes);
      if (!head || !this.#isPossible(head)) return;
      const mask = new Uint8Array(head.maskBytes);
      const start = at + RECORD_HEAD_BYTES + mask.length;
      const end = start + head.dataBytes;
      if (end > size || await this.#file.read(at + RECORD_HEAD_BYTES, mask) < mask.length) return;
      if (!isHeadIntact(bytes, mask, this.#hasher)) return;
      if (this.#rules.maskedBytes(head.piece, mask) !== head.dataBytes) return;
      const { digest, dataBytes: length } = head;
      this.#records.set(head.piece, { mask, length, start, end, digest, isProven: false });
      this.#logEnd = end;
    }
  }

  #isPossible(head: RecordHead): boolean {
    return head.piece < this.#rules.pieces && head.maskBytes <= Math.ceil(this.#rules.files / 8);
  }

  #start(): Promise<void> {
    this.#starting ??= this.#isStarted ? Promise.resolve() : this.#makeNew();
    return this.#starting;
  }

  // A new file, or one whose header is not ours: whatever else lies there is made unreadable first.
  async #makeNew(): Promise<void> {
    const { slots, log } = this.#layout;
    const nothing = new Uint8Array(RECORD_HEAD_BYTES);
    for (const offset of [...slots, log]) await this.#file.write(offset, nothing);
    await this.#file.write(0, encodeHeader(this.#layout, this.#infoHash, this.#hasher));
    this.#isStarted = true;
  }

  async #append(piece: number, mask: Uint8Array, data: Uint8Array): Promise<void> {
    await this.#start();
    const record = encodeRecord({ piece, mask, data }, this.#hasher);
    // A record of the same shape is written over, so that pieces that come again do not grow the log.
    const old = this.#records.get(piece);
    const isSameShape = old && equalBytes(old.mask, mask) && old.length === data.length;
    const at = isSameShape ? old.end - record.length : this.#logEnd;
    await this.#file.write(at, record);
    const end = at + record.length;
    this.#logEnd = Math.max(this.#logEnd, end);
    const { digest } = decodeRecordHead(record)!;
    const start = end - data.length;
    this.#records.set(piece, { mask, length: data.length, start, end, digest, isProven: true });
  }
}
