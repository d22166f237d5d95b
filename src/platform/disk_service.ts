/**
 * Serves {@link Request}s: the same code answers in a Worker and, where there is none, on the main
 * thread.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import { toPlain } from "./disk_errors.ts";
import {
  type ItemError,
  type Reply,
  type Request,
  SPAN_NUMBERS,
  STAGE_BYTES,
  type StoreMemory,
} from "./disk_messages.ts";
import { HandleCache } from "./handle_cache.ts";
import { OpenFiles } from "./open_files.ts";
import { chooseDigest, DIGEST_BYTES, digestPiece } from "./piece_hash.ts";
import { blockDigests, isSame, StoreFiles } from "./store_files.ts";

// Two Workers keep fewer than 64 files open between them.
const MOST_OPEN_FILES = 28;

interface OpenStore {
  readonly files: StoreFiles;
  readonly memory: StoreMemory;
  /** Requests that wait for a digest. */
  readonly pending: Set<Promise<unknown>>;
}

type Of<T extends Request["type"]> = Extract<Request, { type: T }>;

/** All stores of one thread. */
export class DiskService {
  readonly #stores = new Map<number, OpenStore>();
  readonly #handles = new HandleCache(MOST_OPEN_FILES);

  /**
   * Does what a request asks; `undefined` for the one kind that has no answer. Never throws or rejects.
   * Requests overlap while digests are waited for; `sync` and `close` come after all before them.
   */
  serve(request: Request): Reply | Promise<Reply> | undefined {
    if (request.type === "open") {
      const { store, spec, memory } = request;
      const open = new OpenFiles(spec, this.#handles, store);
      this.#stores.set(store, {
        files: new StoreFiles(spec, memory, open),
        memory,
        pending: new Set(),
      });
      return undefined;
    }
    const { id } = request;
    const open = this.#stores.get(request.store);
    if (!open) return { id, bug: `Cannot serve store ${request.store}: it is not open` };
    try {
      const answer = this.#answer(request, open);
      if (!(answer instanceof Promise)) return answer;
      const safe = answer.catch((error) => failure(id, error));
      open.pending.add(safe);
      safe.then(() => open.pending.delete(safe));
      return safe;
    } catch (error) {
      return failure(id, error);
    }
  }

  #answer(request: Exclude<Request, { type: "open" }>, open: OpenStore): Reply | Promise<Reply> {
    const { id } = request;
    const { files } = open;
    switch (request.type) {
      case "pieces":
        return writePieces(files, request);
      case "check":
        return checkPieces(files, request);
      case "stat":
        return statFiles(files, request);
      case "read": {
        const into = new Uint8Array(
          open.memory.stage,
          request.stage * STAGE_BYTES,
          request.length,
        );
        return { id, values: Float64Array.of(files.read(request.file, request.offset, into)) };
      }
      case "write":
        files.write(request.file, request.offset, request.data);
        return { id };
      case "reserve":
        return { id, values: Float64Array.of(files.reserve(request.file, request.from)) };
      case "create-empty":
        files.createEmpty(request.file);
        return { id };
      case "sync":
        return after(open, () => {
          files.sync();
          return { id };
        });
      case "close":
        this.#stores.delete(request.store);
        return after(open, () => {
          files[Symbol.dispose]();
          return { id };
        });
    }
  }
}

function failure(id: number, error: unknown): Reply {
  if (error instanceof DiskError) return { id, error: toPlain(error) };
  return { id, bug: error instanceof Error ? error.stack ?? error.message : String(error) };
}

async function after(open: OpenStore, work: () => Reply): Promise<Reply> {
  await Promise.all(open.pending);
  return work();
}

async function writePieces(
  files: StoreFiles,
  { id, rows, expected }: Of<"pieces">,
): Promise<Reply> {
  const values = new Float64Array(expected.length / DIGEST_BYTES);
  const itemErrors: ItemError[] = [];
  const digests: Uint8Array<ArrayBuffer>[] = [];
  const digestItems: number[] = [];
  await chooseDigest();
  // All are begun before the first is waited for: they may be hashed beside each other.
  const begun: (Uint8Array | Promise<Uint8Array>)[] = [];
  for (let at = 0; begun.length < values.length; at += 4 + rows[at + 3]! * SPAN_NUMBERS) {
    begun.push(digestPiece(files.slot(rows[at]!, rows[at + 1]!)));
  }
  for (let item = 0, at = 0; item < values.length; item++) {
    const piece = files.slot(rows[at]!, rows[at + 1]!);
    const wantsDigests = rows[at + 2] !== 0;
    const spans = rows[at + 3]!;
    const isGood = isSame(await begun[item]!, digestAt(expected, item));
    if (isGood) {
      try {
        files.writeSpans(piece, rows, at + 4, spans);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        itemErrors.push({ item, error: toPlain(error) });
      }
    }
    if (wantsDigests || !isGood) {
      digests.push(blockDigests(piece));
      digestItems.push(item);
    }
    values[item] = isGood ? 1 : 0;
    at += 4 + spans * SPAN_NUMBERS;
  }
  return {
    id,
    values,
    ...(itemErrors.length > 0 && { itemErrors }),
    ...(digests.length > 0 && { digests, digestItems }),
  };
}

async function checkPieces(
  files: StoreFiles,
  { id, rows, expected }: Of<"check">,
): Promise<Reply> {
  const values = new Float64Array(expected.length / DIGEST_BYTES);
  await chooseDigest();
  // The next piece is read while the one before is hashed.
  let before: Promise<void> | undefined;
  const settle = async (item: number, digest: Uint8Array | Promise<Uint8Array>) => {
    values[item] = isSame(await digest, digestAt(expected, item)) ? 1 : 0;
  };
  for (let item = 0, at = 0; item < values.length; item++) {
    const spans = rows[at]!;
    const digest = files.digestOf(rows, at + 1, spans);
    await before;
    before = digest && settle(item, digest);
    at += 1 + spans * SPAN_NUMBERS;
  }
  await before;
  return { id, values };
}

function digestAt(expected: Uint8Array, item: number): Uint8Array {
  return expected.subarray(item * DIGEST_BYTES, (item + 1) * DIGEST_BYTES);
}

function statFiles(files: StoreFiles, { id, files: indices }: Of<"stat">): Reply {
  const values = new Float64Array(indices.length * 2);
  const itemErrors: ItemError[] = [];
  for (let item = 0; item < indices.length; item++) {
    values[2 * item] = -1;
    try {
      const found = files.stat(indices[item]!);
      if (!found) continue;
      values[2 * item] = found.size;
      values[2 * item + 1] = found.mtimeMs;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      itemErrors.push({ item, error: toPlain(error) });
    }
  }
  return { id, values, ...(itemErrors.length > 0 && { itemErrors }) };
}
