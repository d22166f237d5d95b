/**
 * The open descriptors of one thread: a bounded set over all its stores, least recently used closed
 * first, so that any number of files lives with a few dozen descriptors (`ulimit -n 256` is enough).
 *
 * @module
 */

import * as fs from "node:fs";
import { toDiskError } from "./disk_errors.ts";

/** An open file. */
export interface Handle {
  /** The descriptor. */
  readonly fd: number;
  /** Whether it may be written to. */
  readonly isWritable: boolean;
  /** Where it lies, for messages. */
  readonly path: string;
  /** What was last seen at the path, once somebody looked: when, and the file's number and time. */
  look?: { readonly at: number; readonly id: number; readonly time: number };
}

/** At most `limit` open descriptors. */
export class HandleCache {
  readonly #limit: number;
  // Insertion order is the order of use.
  readonly #handles = new Map<number, Handle>();
  #lastKey = -1;
  #last: Handle | undefined;

  /** @param limit the most descriptors, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are open. */
  get size(): number {
    return this.#handles.size;
  }

  /** The handle of a key, which thereby is the last one to be closed. */
  get(key: number): Handle | undefined {
    if (key === this.#lastKey) return this.#last;
    const handle = this.#handles.get(key);
    if (!handle) return undefined;
    this.#handles.delete(key);
    return this.#keep(key, handle);
  }

  /**
   * Takes over a descriptor; the key must be free.
   *
   * @throws {DiskError} where closing another one fails.
   */
  add(key: number, handle: Handle): void {
    this.#keep(key, handle);
    if (this.#handles.size <= this.#limit) return;
    for (const oldest of this.#handles.keys()) return this.close(oldest);
  }

  /**
   * Closes one, if it is open.
   *
   * @throws {DiskError} some network file systems tell of a lost write only now.
   */
  close(key: number): void {
    const handle = this.#handles.get(key);
    if (!handle) return;
    this.#handles.delete(key);
    if (key === this.#lastKey) this.#lastKey = -1;
    try {
      fs.closeSync(handle.fd);
    } catch (error) {
      throw toDiskError(error, handle.path, "write");
    }
  }

  /**
   * Closes all with `first <= key < end`, whatever fails on the way.
   *
   * @throws {DiskError} the first failure.
   */
  closeRange(first: number, end: number): void {
    let failure: { error: unknown } | undefined;
    for (const key of [...this.#handles.keys()]) {
      if (key < first || key >= end) continue;
      try {
        this.close(key);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  #keep(key: number, handle: Handle): Handle {
    this.#handles.set(key, handle);
    this.#lastKey = key;
    this.#last = handle;
    return handle;
  }
}
