/**
 * A file of a torrent to standard output: which one, and its bytes.
 *
 * @module
 */

import { StreamError } from "../base/errors.ts";
import type { Output } from "../ports/shell.ts";
import type { FileEntry } from "../metainfo/torrent_file.ts";
import { forTerminal } from "./escape.ts";
import { type Failure, failureOf } from "./exit.ts";
import { chooseFiles, closeHint, closeNames, type FileWish } from "./select.ts";
import { UsageError } from "./usage_error.ts";

/** A file that can be poured. */
export type Pourable = Pick<FileEntry, "displayPath" | "isPad" | "path">;

/**
 * The one file that is wanted: FILE where that was given, else the only one of the wish; `how` tells how one
 * is named.
 *
 * @throws {UsageError} where there is no such file, or more than one is left.
 */
export function chooseOne(
  files: readonly Pourable[],
  wish: FileWish,
  { name, how }: { readonly name: string | undefined; readonly how: string },
): number {
  if (name !== undefined) return fileNamed(files, name);
  const { selection } = chooseFiles(files, wish);
  const all = selection ?? [...files.keys()].filter((file) => !files[file]!.isPad);
  if (all.length === 1) return all[0]!;
  const names = all.slice(0, 3).map((file) => files[file]!.displayPath);
  const some = `${names.join(", ")}${all.length > 3 ? ", …" : ""}`;
  throw new UsageError(
    `Cannot stream: one file goes to standard output, and ${all.length} are here`,
    { hint: `${how}: ${some}` },
  );
}

/** By its path inside the torrent, with or without the top folder, or else by its number. */
function fileNamed(files: readonly Pourable[], name: string): number {
  const at = files.findIndex((file) =>
    !file.isPad && (file.displayPath === name || file.path.join("/") === name)
  );
  if (at >= 0) return at;
  const number = /^[1-9]\d{0,8}$/.test(name) ? Number(name) - 1 : -1;
  if (number >= 0 && files[number]?.isPad === false) return number;
  const isNumber = /^\d+$/.test(name);
  const close = isNumber ? [] : closeNames(name, files);
  throw new UsageError(`Cannot stream ${JSON.stringify(name)}: there is no such file`, {
    hint: isNumber
      ? `the torrent has ${files.length}; starling info shows their numbers`
      : closeHint(close) ?? "starling info lists the files",
  });
}

/** Bytes that are written at a time. */
const POUR_BYTES = 262_144;

/** How it ended: all was taken, the reader went away before, or something else is to be said. */
export type Poured = "taken" | "left" | "broken" | Failure;

/**
 * Writes a stream to an output, no faster than that takes it: byte by byte, but to a terminal as text that
 * moves no cursor. Never rejects: "broken" is a stream that broke off, of which its torrent tells why.
 */
export async function pour(
  stream: ReadableStream<Uint8Array>,
  output: Output,
): Promise<Poured> {
  let isClosed = false;
  output.closed.then(() => isClosed = true);
  const reader = stream.getReader({ mode: "byob" });
  // The same memory goes to and fro: chunks of their own would be garbage by the hundred a second.
  let memory = new Uint8Array(POUR_BYTES);
  const text = output.isTerminal ? new ShownText() : undefined;
  try {
    for (;;) {
      const { value, done } = await reader.read(memory);
      if (done) break;
      if (text === undefined) output.writeBytes(value);
      else output.write(text.next(value));
      await output.flush();
      if (isClosed) return "left";
      memory = new Uint8Array(value.buffer);
    }
    if (text !== undefined) output.write(text.end());
    return "taken";
  } catch (error) {
    return error instanceof StreamError ? "broken" : failureOf(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Bytes as a terminal may show them: what is no text, or would move the cursor, is escaped. */
class ShownText {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #isInLine = false;

  /** What there is to show of the next bytes. */
  next(bytes: Uint8Array): string {
    return this.#shown(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What is left, and an end of the last line. */
  end(): string {
    const rest = this.#shown(this.#decoder.decode());
    return this.#isInLine ? `${rest}\n` : rest;
  }

  #shown(text: string): string {
    if (text !== "") this.#isInLine = !text.endsWith("\n");
    return text.replace(/[^\n\t]+/g, forTerminal);
  }
}
