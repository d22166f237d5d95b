/**
 * The paths and lengths of a torrent's files on shared memory: one copy for all threads, where a
 * structured clone of 100,000 entries would cost each Worker 60 MB.
 *
 * @module
 */

import { shortAscii } from "../base/text.ts";
import type { StoreFile } from "../ports/disk.ts";

/** Packed files; plain data that may be sent to Workers. */
export interface PackedFiles {
  /** Paths in UTF-8, components joined with "/", one behind the other. */
  readonly paths: SharedArrayBuffer;
  /** Where each path ends in `paths`: 32-bit integers. */
  readonly ends: SharedArrayBuffer;
  /** Length of each file: 64-bit floats. */
  readonly lengths: SharedArrayBuffer;
}

/** Packs the files of a store. */
export function packFiles(files: readonly StoreFile[]): PackedFiles {
  const ends = new SharedArrayBuffer(files.length * Uint32Array.BYTES_PER_ELEMENT);
  const lengths = new SharedArrayBuffer(files.length * Float64Array.BYTES_PER_ELEMENT);
  const endOf = new Uint32Array(ends);
  const lengthOf = new Float64Array(lengths);
  const encoder = new TextEncoder();
  let bytes = new Uint8Array(4096);
  let used = 0;
  files.forEach((file, i) => {
    const path = encoder.encode(file.path.join("/"));
    if (used + path.length > bytes.length) {
      const grown = new Uint8Array(Math.max(2 * bytes.length, used + path.length));
      grown.set(bytes);
      bytes = grown;
    }
    bytes.set(path, used);
    used += path.length;
    endOf[i] = used;
    lengthOf[i] = file.length;
  });
  const paths = new SharedArrayBuffer(used);
  new Uint8Array(paths).set(bytes.subarray(0, used));
  return { paths, ends, lengths };
}

/** Reads packed files. */
export class FileTable {
  readonly #paths: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #lengths: Float64Array;
  readonly #decoder = new TextDecoder();

  constructor(packed: PackedFiles) {
    this.#paths = new Uint8Array(packed.paths);
    this.#ends = new Uint32Array(packed.ends);
    this.#lengths = new Float64Array(packed.lengths);
  }

  /** How many files there are. */
  get count(): number {
    return this.#lengths.length;
  }

  /** Length of a file in bytes; `undefined` where there is no such file. */
  length(file: number): number | undefined {
    return this.#lengths[file];
  }

  /** Path of a file below the root, components joined with "/"; "" where there is no such file. */
  path(file: number): string {
    const start = this.#ends[file - 1] ?? 0;
    const end = this.#ends[file] ?? 0;
    // A copy, since text decoders refuse shared memory.
    return shortAscii(this.#paths.subarray(start, end)) ??
      this.#decoder.decode(this.#paths.slice(start, end));
  }
}
