/**
 * Reads what the user named as a source: a file, a pipe, standard input.
 *
 * A FIFO has size 0 and opening one waits for its writer, so everything is opened asynchronously (signals
 * still arrive) and counted while it is read.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { DiskError, MetainfoError } from "../base/errors.ts";
import type { ReadOptions } from "../ports/shell.ts";
import { codeOf, toDiskError } from "./disk_errors.ts";

const CHUNK_BYTES = 65_536;

/**
 * The bytes of the file or pipe at `path`; `-` is standard input. The caller owns them.
 *
 * @throws {DiskError} when it is missing, unreadable or a folder.
 * @throws {MetainfoError} when it has more than `maxBytes`.
 * @throws the signal's reason, when it aborts; a read that waits for a pipe is then left alone.
 */
export async function readSource(path: string, options: ReadOptions): Promise<Uint8Array> {
  const { signal } = options;
  signal?.throwIfAborted();
  const reading = path === "-" ? readStdin(options) : readPath(path, options);
  if (signal === undefined) return await reading;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([reading, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    reading.catch(() => {});
  }
}

async function readStdin(options: ReadOptions): Promise<Uint8Array> {
  try {
    return await readAll(Deno.stdin, "standard input", options);
  } catch (error) {
    throw unreadable(error, "standard input");
  }
}

async function readPath(path: string, options: ReadOptions): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path);
    const { isDirectory, isFile, size } = await file.stat();
    if (isDirectory) throw folder(path);
    if (isFile && size > options.maxBytes) throw tooLarge(path, options.maxBytes);
    return await readAll(file, path, options, isFile ? size : 0);
  } catch (error) {
    throw unreadable(error, path);
  }
}

/** Reads to the end; `expected` bytes, where known, go into one buffer without a copy. */
async function readAll(
  file: { read(into: Uint8Array): Promise<number | null> },
  path: string,
  options: ReadOptions,
  expected = 0,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  // One byte more than expected, so that the end of the file is met inside the buffer.
  let buffer = new Uint8Array(Math.max(expected + 1, CHUNK_BYTES));
  let filled = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const n = await file.read(buffer.subarray(filled));
    if (n === null) break;
    filled += n;
    total += n;
    if (total > options.maxBytes) throw tooLarge(path, options.maxBytes);
    if (filled === buffer.length) {
      chunks.push(buffer);
      buffer = new Uint8Array(CHUNK_BYTES);
      filled = 0;
    }
  }
  const last = buffer.subarray(0, filled);
  return chunks.length === 0 ? last : concat([...chunks, last]);
}

function unreadable(error: unknown, path: string): unknown {
  if (error instanceof DiskError || error instanceof MetainfoError) return error;
  // Opening a folder fails on some systems and succeeds on others.
  return codeOf(error) === "EISDIR" ? folder(path) : toDiskError(error, path, "read");
}

function folder(path: string): DiskError {
  return new DiskError(`Cannot read "${path}": it is a folder`, {
    path,
    operation: "read",
    kind: "in-the-way",
    hint: "name a .torrent file inside it",
  });
}

function tooLarge(path: string, maxBytes: number): MetainfoError {
  return new MetainfoError(
    `Cannot read "${path}": more than ${maxBytes} bytes, too large for a torrent file`,
    "",
  );
}
