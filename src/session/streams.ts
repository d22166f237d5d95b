/**
 * Files of a torrent as streams: verified bytes in order, while they arrive.
 *
 * A stream tells the swarm where it is, so that what it needs comes first, and takes no more than it is
 * asked for: whoever does not read holds up nothing but his own stream, or, where the torrent is kept in
 * memory alone, the download itself.
 *
 * @module
 */

import { BugError, OptionsError, StreamError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import { Wakeup } from "../base/wakeup.ts";
import type { TorrentDisk } from "../disk/torrent_disk.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Clock } from "../ports/clock.ts";
import type { Reader } from "../swarm/readers.ts";
import type { Swarm } from "../swarm/swarm.ts";
import type { Outcome } from "./events.ts";

/** Bytes of a chunk, where its reader brings no memory: enough that it costs little beside its bytes. */
const CHUNK_BYTES = 262_144;

/** How a file is streamed. */
export interface StreamOptions {
  /** Where to begin, in bytes from the start of the file (0). */
  readonly start?: number;
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What streams need of their torrent. */
export interface StreamHost {
  readonly metainfo: Metainfo;
  readonly clock: Clock;
  /** Whether nothing but memory holds the data. */
  readonly isInMemory: boolean;
  /** Whether a file is wanted. */
  readonly isSelected: (file: number) => boolean;
  /** A reader has moved: room has come free, and something else is due. */
  readonly onMoved: () => void;
}

/** The streams of one torrent. */
export class Streams {
  readonly #host: StreamHost;
  readonly #open = new Set<FileStream>();
  #source: StreamSource | undefined;
  #outcome: Outcome | undefined;
  #isReadOut = false;
  // Wakes whoever waits for the last stream.
  #onChange: () => void = () => {};

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /**
   * Streams a file.
   *
   * @throws {OptionsError} a file that there is not or that is not wanted, or a start behind its end.
   */
  open(file: number, options: StreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { metainfo, isInMemory, isSelected } = this.#host;
    const entry = metainfo.files[file];
    const { start = 0, signal } = options;
    if (entry === undefined || entry.isPad) throw refusal(file, "there is no such file");
    if (!isSelected(file)) throw refusal(file, "it is not selected");
    if (!Number.isSafeInteger(start) || start < 0 || start > entry.length) {
      throw refusal(file, `it has ${entry.length} bytes and cannot start at ${start}`);
    }
    if (isInMemory && this.#open.size > 0) {
      throw refusal(file, "another stream has the memory of this torrent");
    }
    const stream: FileStream = new FileStream({
      host: this.#host,
      first: entry.offset + start,
      end: entry.offset + entry.length,
      onOver: (isWhole) => this.#onOver(stream, isWhole),
    });
    this.#open.add(stream);
    if (this.#source !== undefined) stream.attach(this.#source);
    if (this.#outcome !== undefined) stream.stop(errorOf(this.#outcome));
    return stream.toReadable(signal);
  }

  /** The torrent's data is there, or comes, from now on. */
  attach(source: StreamSource): void {
    this.#source = source;
    for (const stream of this.#open) stream.attach(source);
  }

  /** A piece has verified. */
  onVerified(): void {
    for (const stream of this.#open) stream.onNews();
  }

  /** The torrent has ended: nothing more can be read. */
  end(outcome: Outcome): void {
    this.#outcome = outcome;
    for (const stream of [...this.#open]) stream.stop(errorOf(outcome));
    this.#onChange();
  }

  /**
   * Resolves when nobody reads; in memory alone, not before one stream was read to its end. Rejects as
   * `broken` does.
   */
  over(broken?: Promise<unknown>): Promise<void> {
    const over = this.#over();
    return broken === undefined ? over : Promise.race([over, broken.then(() => over)]);
  }

  async #over(): Promise<void> {
    const { isInMemory } = this.#host;
    while (this.#outcome === undefined) {
      if (this.#open.size === 0 && (this.#isReadOut || !isInMemory)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onChange = resolve;
      await promise;
    }
  }

  #onOver(stream: FileStream, isWhole: boolean): void {
    this.#open.delete(stream);
    this.#isReadOut ||= isWhole;
    this.#onChange();
  }
}

/** Where the bytes come from: the disk, and the swarm while something is missing. */
export interface StreamSource {
  readonly disk: TorrentDisk;
  readonly swarm: Swarm | undefined;
}

interface StreamParts {
  readonly host: StreamHost;
  /** Offset within the torrent of the first byte. */
  readonly first: number;
  /** And behind the last. */
  readonly end: number;
  /** Nobody reads any more; `isWhole` when all was read. */
  readonly onOver: (isWhole: boolean) => void;
}

class FileStream {
  readonly #parts: StreamParts;
  readonly #news = new Wakeup();
  readonly #ended = new AbortController();
  #at: number;
  #source: StreamSource | undefined;
  #reader: Reader | undefined;
  #isOver = false;
  // Forgets the signal of whoever reads.
  #unlisten: () => void = () => {};

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#at = parts.first;
  }

  attach(source: StreamSource): void {
    this.#source = source;
    const { host: { metainfo: { pieceMap }, onMoved }, end } = this.#parts;
    if (source.swarm === undefined || this.#at === end) return this.#news.notify();
    const last = pieceMap.pieceAt(end - 1);
    this.#reader = source.swarm.readers.open(pieceMap.pieceAt(this.#at), last + 1);
    onMoved();
    this.#news.notify();
  }

  onNews(): void {
    this.#news.notify();
  }

  /** Nothing more can be read. */
  stop(reason: unknown): void {
    this.#ended.abort(reason);
    this.#close(false);
  }

  toReadable(signal: AbortSignal | undefined): ReadableStream<Uint8Array<ArrayBuffer>> {
    const onAbort = () => this.stop(signal?.reason);
    if (signal?.aborted) onAbort();
    if (signal !== undefined && !this.#isOver) {
      signal.addEventListener("abort", onAbort, { once: true });
      this.#unlisten = () => signal.removeEventListener("abort", onAbort);
    }
    return new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: CHUNK_BYTES,
      start: (controller) => {
        // Whoever waits for a piece, or holds a chunk, learns it at once.
        const fail = () => controller.error(this.#ended.signal.reason);
        if (this.#ended.signal.aborted) return fail();
        this.#ended.signal.addEventListener("abort", fail, { once: true });
      },
      pull: async (controller) => {
        const request = controller.byobRequest!;
        const { buffer, byteOffset, byteLength } = request.view!;
        const n = await this.#read(new Uint8Array(buffer, byteOffset, byteLength));
        if (this.#isOver) return;
        if (n > 0) return request.respond(n);
        controller.close();
        request.respond(0);
        this.#close(true);
      },
      cancel: () => this.#close(false),
    });
  }

  /** Reads what comes next, of one piece; returns how much that is, 0 at the end or when it was stopped. */
  async #read(memory: Uint8Array): Promise<number> {
    const { host: { metainfo: { pieceMap } }, end } = this.#parts;
    if (this.#at === end) return 0;
    const piece = pieceMap.pieceAt(this.#at);
    const begin = this.#at - pieceMap.pieceOffset(piece);
    const left = Math.min(pieceMap.pieceBytes(piece) - begin, end - this.#at);
    const into = memory.subarray(0, left);
    try {
      if (!await this.#isThere(piece)) return 0;
      await this.#source!.disk.read(piece, begin, into);
    } catch (error) {
      // Stopped while it was read: the stream has its reason already.
      if (this.#isOver) return 0;
      this.#close(false);
      throw error;
    }
    this.#at += into.length;
    if (into.length === left) this.#advance(piece + 1);
    return into.length;
  }

  /** Waits for a piece. False when the stream was stopped. */
  async #isThere(piece: PieceIndex): Promise<boolean> {
    const { signal } = this.#ended;
    while (!this.#isOver) {
      const source = this.#source;
      const have = this.#parts.host.isInMemory ? source?.swarm?.have : source?.disk.have;
      if (have?.has(piece)) return true;
      if (source !== undefined && source.swarm === undefined) {
        throw new BugError(`Cannot stream: piece ${piece} is missing and nobody fetches it`);
      }
      if (source?.swarm?.lacking.has(piece) === false && !this.#parts.host.isInMemory) {
        const why = "a file was changed or removed by another program";
        throw new StreamError(`Cannot stream any further: ${why}`, "storage");
      }
      if (this.#reader !== undefined) {
        source?.swarm?.readers.wait(this.#reader, this.#parts.host.clock.now());
      }
      await this.#news.wait(signal);
    }
    return false;
  }

  #advance(next: number): void {
    if (this.#reader === undefined) return;
    this.#source?.swarm?.readers.advance(this.#reader, next);
    this.#parts.host.onMoved();
  }

  #close(isWhole: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unlisten();
    if (this.#reader !== undefined) {
      this.#source?.swarm?.readers.close(this.#reader);
      this.#parts.host.onMoved();
    }
    this.#news.notify();
    this.#parts.onOver(isWhole);
  }
}

function errorOf(outcome: Outcome): Error {
  if (outcome.kind !== "failed") {
    return new StreamError("Cannot stream any further: the torrent was stopped", "stopped");
  }
  const { reason, message, error } = outcome;
  return new StreamError(`Cannot stream any further: ${message}`, reason, { cause: error });
}

function refusal(file: number, why: string): OptionsError {
  return new OptionsError(`Cannot stream file ${file}: ${why}`);
}
