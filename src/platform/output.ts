/**
 * Standard output and standard error as queues.
 *
 * A reader that stalls (a pager, a full pipe) must not stop the download or keep signals from being
 * heard, so text is queued and written in the background, in order.
 *
 * @module
 */

import type { DiskError } from "../base/errors.ts";
import type { Output } from "../ports/shell.ts";
import { toDiskError } from "./disk_errors.ts";

/** What there is of `Deno.stdout` and `Deno.stderr`. */
export interface ByteSink {
  write(data: Uint8Array): Promise<number>;
  writeSync(data: Uint8Array): number;
  isTerminal(): boolean;
}

/** Text larger than this is encoded in pieces, so that a listing of a million files is no spike of memory. */
const SLICE_CHARS = 1_048_576;

/** A queue in front of a stream of the process. */
export class StreamOutput implements Output {
  readonly isTerminal: boolean;
  readonly closed: Promise<void>;
  readonly #sink: ByteSink;
  readonly #name: string;
  readonly #encoder = new TextEncoder();
  readonly #onClosed: () => void;
  #queue: (string | Uint8Array)[] = [];
  #backlog = 0;
  #draining: Promise<void> | undefined;
  #isClosed = false;
  #failure: DiskError | undefined;

  /** @param name what messages call it: "standard output". */
  constructor(sink: ByteSink, name: string) {
    this.#sink = sink;
    this.#name = name;
    this.isTerminal = sink.isTerminal();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#onClosed = resolve;
  }

  get backlog(): number {
    return this.#backlog;
  }

  write(text: string): void {
    if (this.#isClosed || text === "") return;
    this.#queue.push(text);
    this.#backlog += text.length;
    this.#draining ??= this.#drain();
  }

  writeBytes(data: Uint8Array): void {
    if (this.#isClosed || data.length === 0) return;
    this.#queue.push(data);
    this.#backlog += data.length;
    this.#draining ??= this.#drain();
  }

  writeNow(text: string): void {
    try {
      this.#sink.writeSync(this.#encoder.encode(text));
    } catch {
      // The program is about to end, and there is nobody left to tell.
    }
  }

  async flush(): Promise<void> {
    await this.#draining;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const text = this.#take();
        if (typeof text !== "string") {
          await this.#writeAll(text);
          this.#backlog -= text.length;
          continue;
        }
        for (let at = 0; at < text.length;) {
          let end = Math.min(text.length, at + SLICE_CHARS);
          // A surrogate pair stays in one piece.
          if (end < text.length && (text.charCodeAt(end) & 0xfc00) === 0xdc00) end++;
          await this.#writeAll(this.#encoder.encode(text.slice(at, end)));
          at = end;
        }
        this.#backlog -= text.length;
      }
    } catch (error) {
      this.#isClosed = true;
      this.#queue = [];
      this.#backlog = 0;
      if (!(error instanceof Deno.errors.BrokenPipe)) {
        this.#failure = toDiskError(error, this.#name, "write");
      }
      this.#onClosed();
    }
    this.#draining = undefined;
  }

  // Bytes, or all the text in front of them, as one.
  #take(): string | Uint8Array {
    const end = this.#queue.findIndex((item) => typeof item !== "string");
    if (end === 0) return this.#queue.shift()!;
    const texts = this.#queue.splice(0, end < 0 ? this.#queue.length : end);
    return texts.length === 1 ? texts[0]! : texts.join("");
  }

  async #writeAll(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) at += await this.#sink.write(data.subarray(at));
  }
}
