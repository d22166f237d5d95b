/**
 * Data to download: files of seeded bytes, and the comparison of a download with them.
 *
 * The same seed and layout give the same bytes, so that a failure can be repeated. Empty files and any
 * name the file system takes are welcome.
 *
 * @module
 */

import { join } from "@std/path";
import { Buffer } from "node:buffer";

/** 1 024 bytes. */
export const KIB = 1024;
/** 1 024 KiB. */
export const MIB = 1024 * KIB;

/** One file of a dataset: its path below the torrent's folder, `/`-joined. */
export interface FileSpec {
  readonly path: string;
  readonly bytes: number;
}

/** Files on disk under `root/name`; a single file is `root/name` itself and has no `files`. */
export interface Dataset {
  /** The torrent's name. */
  readonly name: string;
  /** The folder that holds `name`. */
  readonly root: string;
  /** The files in the order of their making; empty for a single file. */
  readonly files: readonly FileSpec[];
  /** All bytes. */
  readonly totalBytes: number;
}

/** What a dataset is made of. */
export interface DatasetSpec {
  /** The torrent's name. */
  readonly name: string;
  /** Seed of the bytes (1). */
  readonly seed?: number;
  /** Bytes of a single file. */
  readonly bytes?: number;
  /** The files of a folder; wins over `bytes`. */
  readonly files?: readonly FileSpec[];
}

/** Writes the files of a spec below `root`. */
export async function makeDataset(root: string, spec: DatasetSpec): Promise<Dataset> {
  const generator = new ByteSource(spec.seed ?? 1);
  const top = join(root, spec.name);
  const files = spec.files ?? [];
  if (spec.files === undefined) {
    await writeFile(top, spec.bytes ?? 0, generator);
  } else {
    const made = new Set<string>();
    for (const file of files) {
      const path = join(top, file.path);
      const folder = path.slice(0, path.lastIndexOf("/"));
      if (!made.has(folder)) await Deno.mkdir(folder, { recursive: true });
      made.add(folder);
      await writeFile(path, file.bytes, generator);
    }
  }
  const totalBytes = spec.files === undefined
    ? spec.bytes ?? 0
    : files.reduce((sum, file) => sum + file.bytes, 0);
  return { name: spec.name, root, files, totalBytes };
}

/**
 * Compares a download with its dataset: the same files, the same bytes, and nothing else in `output`
 * when `alone` (the default).
 *
 * @throws Error that names the first difference.
 */
export async function assertSame(
  dataset: Dataset,
  output: string,
  options: { alone?: boolean } = {},
): Promise<void> {
  if (dataset.files.length === 0) {
    await assertSameFile(join(dataset.root, dataset.name), join(output, dataset.name));
  }
  for (const file of dataset.files) {
    const path = join(dataset.name, file.path);
    await assertSameFile(join(dataset.root, path), join(output, path));
  }
  if (options.alone === false) return;
  const wanted = new Set(
    dataset.files.length === 0
      ? [dataset.name]
      : dataset.files.map((file) => `${dataset.name}/${file.path}`),
  );
  for await (const path of filesBelow(output)) {
    if (!wanted.has(path)) throw new Error(`Cannot accept the download: "${path}" is not of it`);
  }
}

/** Paths of every file below a folder, relative to it. */
export async function* filesBelow(folder: string, prefix = ""): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(folder, prefix))) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(folder, path);
    else yield path;
  }
}

async function assertSameFile(wanted: string, got: string): Promise<void> {
  using a = await Deno.open(wanted);
  using b = await Deno.open(got);
  const [sizeA, sizeB] = [(await a.stat()).size, (await b.stat()).size];
  if (sizeA !== sizeB) {
    throw new Error(`Cannot accept "${got}": ${sizeB} bytes instead of ${sizeA}`);
  }
  const [left, right] = [Buffer.alloc(MIB), Buffer.alloc(MIB)];
  for (let offset = 0; offset < sizeA; offset += MIB) {
    const length = Math.min(MIB, sizeA - offset);
    readFully(a, left.subarray(0, length));
    readFully(b, right.subarray(0, length));
    if (left.compare(right, 0, length, 0, length) !== 0) {
      throw new Error(`Cannot accept "${got}": other bytes between ${offset} and ${offset + MIB}`);
    }
  }
}

function readFully(file: Deno.FsFile, into: Uint8Array): void {
  for (let at = 0; at < into.length;) {
    const count = file.readSync(into.subarray(at));
    if (count === null) throw new Error("Cannot read a file: it ended early");
    at += count;
  }
}

async function writeFile(path: string, bytes: number, source: ByteSource): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let left = bytes; left > 0;) {
    const block = source.next(Math.min(left, MIB));
    for (let at = 0; at < block.length;) at += file.writeSync(block.subarray(at));
    left -= block.length;
  }
}

/** An endless stream of seeded bytes (xorshift32; four bytes a step). */
export class ByteSource {
  #state: number;
  readonly #words = new Uint32Array(MIB / 4);

  /** @param seed any integer; the same one gives the same bytes. */
  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }

  /** The next bytes, at most 1 MiB; a view that is valid until the next call. */
  next(count: number): Uint8Array<ArrayBuffer> {
    let x = this.#state;
    const words = (count + 3) >> 2;
    for (let at = 0; at < words; at++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#words[at] = x;
    }
    this.#state = x;
    return new Uint8Array(this.#words.buffer, 0, count);
  }
}
