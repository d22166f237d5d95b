/**
 * The files port on a simulated disk. Hashing is synchronous: a promise of a thread pool would bring the
 * real world's timing into the simulated one.
 *
 * @module
 */

import { BLOCK_BYTES } from "../../src/base/units.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import { DiskError } from "../../src/base/errors.ts";
import {
  type Drafts,
  type DraftSpec,
  type FileIo,
  type FileSpan,
  type FileStat,
  type FileStore,
  type OldFile,
  type OldFiles,
  type OldFilesOptions,
  type OnVerdict,
  type PieceBuffer,
  type PieceDigests,
  type PieceJob,
  type PieceVerdict,
  SEND_BYTES,
  type SendBuffer,
  type SideFile,
  type SpaceSpec,
  type SpanFault,
  type SpanRows,
  type StoreSpec,
} from "../../src/ports/disk.ts";
import { eachByItself } from "../../src/disk/piece_jobs.ts";
import { newPieceBuffer } from "../support/piece_buffer.ts";
import { expectedOf } from "../support/expected_of.ts";
import type { SimClock } from "./clock.ts";
import type { SimDisk } from "./disk.ts";
import { sha1 } from "./hasher.ts";
import type { Life } from "./life.ts";

/** The files of a host as one of its processes sees them. */
export class ProcessFiles implements FileIo {
  readonly #disk: SimDisk;
  readonly #clock: SimClock;
  readonly #life: Life;

  readonly drafts: Drafts = {
    make: (spec, { signal }) => this.#makeDraft(spec, signal),
    drop: async (path) => {
      if (!this.#disk.files.has(path)) return;
      await operate(this.#disk, this.#clock, this.#life);
      this.#disk.files.delete(path);
    },
  };

  constructor(disk: SimDisk, clock: SimClock, life: Life) {
    this.#disk = disk;
    this.#clock = clock;
    this.#life = life;
  }

  async openStore(spec: StoreSpec): Promise<FileStore> {
    await operate(this.#disk, this.#clock, this.#life);
    return new SimStore(this.#disk, this.#clock, this.#life, spec);
  }

  async openSideFile(folder: string, name: string): Promise<SideFile> {
    await operate(this.#disk, this.#clock, this.#life);
    const path = `${folder}/${name}`;
    if (this.#disk.locks.get(path)?.isAlive) throw this.#disk.fault(path, "lock", "locked");
    this.#disk.make(path, "open", this.#clock.epochMs());
    this.#disk.locks.set(path, this.#life);
    return new SimSideFile(this.#disk, this.#clock, this.#life, path);
  }

  shortOf({ bytes }: SpaceSpec): Promise<number> {
    const { isRoomTold, freeBytes } = this.#disk.faults;
    return Promise.resolve(isRoomTold ? Math.max(0, bytes - freeBytes) : 0);
  }

  async listOld(folder: string, { wants }: OldFilesOptions): Promise<OldFiles> {
    await operate(this.#disk, this.#clock, this.#life);
    const files: OldFile[] = [];
    for (const [path, { size }] of this.#disk.files) {
      if (!path.startsWith(`${folder}/`) || !wants(size)) continue;
      files.push({ path: path.slice(folder.length + 1).split("/"), length: size });
    }
    return { root: folder, files, isCut: false };
  }

  bootMark(): Promise<string | undefined> {
    return Promise.resolve("boot");
  }

  async #makeDraft(spec: DraftSpec, signal: AbortSignal): Promise<boolean> {
    const { from, length, to, mustShare = false } = spec;
    const { faults } = this.#disk;
    if (mustShare && !faults.sharesCopies) return false;
    const data = this.#disk.contents(from);
    if (!faults.hasDrafts || data?.length !== length) return false;
    signal.throwIfAborted();
    const now = this.#clock.epochMs();
    this.#disk.files.delete(to);
    if (faults.sharesCopies) {
      await operate(this.#disk, this.#clock, this.#life);
      this.#disk.put(to, data, now);
      return true;
    }
    const file = this.#disk.make(to, "create", now);
    try {
      // Who is killed meanwhile has made half of it.
      const half = length >>> 1;
      this.#disk.write(to, file, { offset: 0, now }, data.subarray(0, half));
      await operate(this.#disk, this.#clock, this.#life, length);
      signal.throwIfAborted();
      const later = { offset: half, now: this.#clock.epochMs() };
      this.#disk.write(to, file, later, data.subarray(half));
      return true;
    } catch (error) {
      this.#disk.files.delete(to);
      throw error;
    }
  }
}

class SimStore implements FileStore {
  readonly #disk: SimDisk;
  readonly #clock: SimClock;
  readonly #life: Life;
  readonly #spec: StoreSpec;
  freeBuffers: number;

  constructor(disk: SimDisk, clock: SimClock, life: Life, spec: StoreSpec) {
    this.#disk = disk;
    this.#clock = clock;
    this.#life = life;
    this.#spec = spec;
    this.freeBuffers = Math.max(2, Math.floor(spec.bufferBytes / spec.pieceBytes));
  }

  allocate(): PieceBuffer | undefined {
    if (this.freeBuffers === 0) return undefined;
    this.freeBuffers--;
    return newPieceBuffer(this.#spec.pieceBytes, () => this.freeBuffers++);
  }

  receiveBuffer(): undefined {
    return undefined;
  }

  async hashThenWrite(job: PieceJob): Promise<PieceVerdict> {
    await this.#operate(job.length);
    const data = job.buffer.bytes.subarray(0, job.length);
    const isGood = equalBytes(sha1(data), expectedOf(job));
    if (isGood) {
      for (const span of job.spans) {
        if (span.file >= 0) this.#write(span, data.subarray(span.start, span.start + span.length));
      }
    }
    if (isGood && !job.wantBlockDigests) return { isGood };
    const blockDigests = new Uint8Array(20 * Math.ceil(job.length / BLOCK_BYTES));
    for (let at = 0, block = 0; at < job.length; at += BLOCK_BYTES, block++) {
      blockDigests.set(sha1(data.subarray(at, at + BLOCK_BYTES)), 20 * block);
    }
    return { isGood, blockDigests };
  }

  hashThenWriteAll(jobs: readonly PieceJob[], onVerdict: OnVerdict): Promise<void> {
    return eachByItself(this, jobs, onVerdict);
  }

  async digest(pieces: readonly (readonly FileSpan[])[]): Promise<PieceDigests> {
    const bytes = new Uint8Array(this.#spec.pieceBytes);
    const digests = new Uint8Array(20 * pieces.length);
    const isWhole = new Uint8Array(pieces.length);
    for (const [i, spans] of pieces.entries()) {
      const length = spans.reduce((sum, span) => sum + span.length, 0);
      await this.#operate(length);
      isWhole[i] = spans.every((span) => {
          const into = bytes.subarray(span.start, span.start + span.length);
          if (span.file >= 0) return this.#read(span.file, span.offset, into) === span.length;
          into.fill(0);
          return true;
        })
        ? 1
        : 0;
      if (isWhole[i] === 1) digests.set(sha1(bytes.subarray(0, length)), 20 * i);
    }
    return { digests, isWhole };
  }

  async write(file: number, offset: number, data: Uint8Array): Promise<void> {
    await this.#operate(data.length);
    this.#write({ file, offset, start: 0, length: data.length }, data);
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    await this.#operate(into.length);
    return this.#read(file, offset, into);
  }

  sendBuffer(): SendBuffer {
    this.#disk.sendBuffers++;
    let isOut = true;
    const release = () => {
      if (isOut) this.#disk.sendBuffers--;
      isOut = false;
    };
    return { bytes: new Uint8Array(SEND_BYTES), release };
  }

  async gather(buffer: SendBuffer, spans: SpanRows): Promise<readonly SpanFault[]> {
    const rows = Array.from(
      { length: spans.count },
      (_, row) => [...spans.numbers.subarray(5 * row, 5 * row + 5)],
    );
    await this.#operate(rows.reduce((sum, row) => sum + row[3]!, 0));
    const faults: SpanFault[] = [];
    for (const [row, [file, offset, start, length, time]] of rows.entries()) {
      const into = buffer.bytes.subarray(start!, start! + length!);
      const error = file! < 0 ? void into.fill(0) : this.#fault(file!, time!) ??
        (this.#read(file!, offset!, into) < length! ? this.#lost(file!, "missing") : undefined);
      if (error !== undefined) faults.push({ row, error });
    }
    return faults;
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  async createEmpty(file: number): Promise<void> {
    await this.#operate(0);
    this.#disk.make(this.#path(file), "create", this.#clock.epochMs());
  }

  async adopt(file: number, draft: string): Promise<boolean> {
    await this.#operate(0);
    const [from, to] = [`${this.#spec.root}/${draft}`, this.#path(file)];
    const found = this.#disk.files.get(from);
    if (found === undefined || this.#disk.find(to, "create") !== undefined) return false;
    this.#disk.files.delete(from);
    this.#disk.files.set(to, found);
    return true;
  }

  async stat(file: number): Promise<FileStat | undefined> {
    await this.#operate(0);
    const found = this.#disk.find(this.#path(file), "stat");
    return found && { size: found.size, mtimeMs: found.mtimeMs, id: found.id };
  }

  async statMany(files: readonly number[]): Promise<(FileStat | DiskError | undefined)[]> {
    await this.#operate(0);
    return files.map((file) => {
      try {
        const found = this.#disk.find(this.#path(file), "stat");
        return found && { size: found.size, mtimeMs: found.mtimeMs, id: found.id };
      } catch (error) {
        if (error instanceof DiskError) return error;
        throw error;
      }
    });
  }

  async reserve(files: readonly number[]): Promise<void> {
    await this.#operate(0);
    for (const index of files) {
      const path = this.#path(index);
      const file = this.#disk.make(path, "allocate", this.#clock.epochMs());
      const length = this.#spec.files[index]!.length;
      if (length - file.size > this.#disk.faults.freeBytes) {
        throw this.#disk.fault(path, "allocate", "full");
      }
      this.#disk.resize(file, Math.max(file.size, length));
    }
  }

  async sync(): Promise<void> {
    await this.#operate(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #operate(bytes: number): Promise<void> {
    return operate(this.#disk, this.#clock, this.#life, bytes);
  }

  #path(file: number): string {
    return [this.#spec.root, ...this.#spec.files[file]!.path].join("/");
  }

  #write(span: FileSpan, data: Uint8Array): void {
    const path = this.#path(span.file);
    const now = this.#clock.epochMs();
    const isNew = !this.#disk.find(path, "open");
    const file = this.#disk.make(path, "open", now);
    this.#disk.write(path, file, { offset: span.offset, now }, data);
    if (isNew && this.#spec.allocation !== "none") {
      this.#disk.resize(file, Math.max(file.size, this.#spec.files[span.file]!.length));
    }
  }

  #fault(file: number, time: number): DiskError | undefined {
    const found = this.#disk.find(this.#path(file), "read");
    if (!found) return this.#lost(file, "missing");
    return time === 0 || found.mtimeMs === time ? undefined : this.#lost(file, "changed");
  }

  #lost(file: number, kind: "missing" | "changed"): DiskError {
    return this.#disk.fault(this.#path(file), "read", kind);
  }

  #read(file: number, offset: number, into: Uint8Array): number {
    const found = this.#disk.find(this.#path(file), "read");
    if (!found || offset >= found.size) return 0;
    const part = found.bytes.subarray(offset, Math.min(found.size, offset + into.length));
    into.set(part);
    return part.length;
  }
}

class SimSideFile implements SideFile {
  readonly #disk: SimDisk;
  readonly #clock: SimClock;
  readonly #life: Life;
  readonly #path: string;

  constructor(disk: SimDisk, clock: SimClock, life: Life, path: string) {
    this.#disk = disk;
    this.#clock = clock;
    this.#life = life;
    this.#path = path;
  }

  async size(): Promise<number> {
    await operate(this.#disk, this.#clock, this.#life);
    return this.#disk.files.get(this.#path)?.size ?? 0;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    await operate(this.#disk, this.#clock, this.#life, into.length);
    const file = this.#disk.files.get(this.#path);
    if (!file || offset >= file.size) return 0;
    const part = file.bytes.subarray(offset, Math.min(file.size, offset + into.length));
    into.set(part);
    return part.length;
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await operate(this.#disk, this.#clock, this.#life, data.length);
    const now = this.#clock.epochMs();
    const file = this.#disk.make(this.#path, "write", now);
    this.#disk.write(this.#path, file, { offset, now }, data);
  }

  async sync(): Promise<void> {
    await operate(this.#disk, this.#clock, this.#life);
  }

  async remove(): Promise<void> {
    await operate(this.#disk, this.#clock, this.#life);
    this.#disk.files.delete(this.#path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#disk.locks.get(this.#path) === this.#life) this.#disk.locks.delete(this.#path);
    return Promise.resolve();
  }
}

/** What every operation costs, behind those before it; it never comes back to a process that has died. */
function operate(disk: SimDisk, clock: SimClock, life: Life, bytes = 0): Promise<void> {
  const { operationMs, bytesPerSecond } = disk.faults;
  const ms = operationMs + (1000 * bytes) / bytesPerSecond;
  disk.busyUntil = Math.max(disk.busyUntil, clock.now()) + ms;
  return clock.sleep(disk.busyUntil - clock.now(), { guard: () => life.isAlive });
}
