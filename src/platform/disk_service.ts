/**
 * Serves {@link Request}s: the same code answers in a Worker and, where there is none, on the main
 * thread.
 *
 * @module
 */

import { BugError, DiskError } from "../base/errors.ts";
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
import { blockDigests, hasDigest, StoreFiles } from "./store_files.ts";

const DIGEST_BYTES = 20;
// Two Workers keep fewer than 64 files open between them.
const MOST_OPEN_FILES = 28;

interface OpenStore {
  readonly files: StoreFiles;
  readonly memory: StoreMemory;
}

type Of<T extends Request["type"]> = Extract<Request, { type: T }>;

/** All stores of one thread. */
export class DiskService {
  readonly #stores = new Map<number, OpenStore>();
  readonly #handles = new HandleCache(MOST_OPEN_FILES);

  /** Does what a request asks; `undefined` for the one kind that has no answer. Never throws. */
  serve(request: Request): Reply | undefined {
    if (request.type === "open") {
      const { store, spec, memory } = request;
      const open = new OpenFiles(spec, this.#handles, store);
      this.#stores.set(store, { files: new StoreFiles(spec, memory, open), memory });
      return undefined;
    }
    const { id } = request;
    try {
      return this.#answer(request);
    } catch (error) {
      if (error instanceof DiskError) return { id, error: toPlain(error) };
      return { id, bug: error instanceof Error ? error.stack ?? error.message : String(error) };
    }
  }

  #answer(request: Exclude<Request, { type: "open" }>): Reply {
    const { id } = request;
    const open = this.#stores.get(request.store);
    if (!open) throw new BugError(`Cannot serve store ${request.store}: it is not open`);
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
        files.sync();
        return { id };
      case "close":
        this.#stores.delete(request.store);
        files[Symbol.dispose]();
        return { id };
    }
  }
}

function writePieces(files: StoreFiles, { id, rows, expected }: Of<"pieces">): Reply {
  const values = new Float64Array(expected.length / DIGEST_BYTES);
  const itemErrors: ItemError[] = [];
  const digests: Uint8Array<ArrayBuffer>[] = [];
  const digestItems: number[] = [];
  for (let item = 0, at = 0; item < values.length; item++) {
    const piece = files.slot(rows[at]!, rows[at + 1]!);
    const wantsDigests = rows[at + 2] !== 0;
    const spans = rows[at + 3]!;
    const want = expected.subarray(item * DIGEST_BYTES, (item + 1) * DIGEST_BYTES);
    const isGood = hasDigest(piece, want);
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

function checkPieces(files: StoreFiles, { id, rows, expected }: Of<"check">): Reply {
  const values = new Float64Array(expected.length / DIGEST_BYTES);
  for (let item = 0, at = 0; item < values.length; item++) {
    const spans = rows[at]!;
    const want = expected.subarray(item * DIGEST_BYTES, (item + 1) * DIGEST_BYTES);
    values[item] = files.isPieceGood(rows, at + 1, spans, want) ? 1 : 0;
    at += 1 + spans * SPAN_NUMBERS;
  }
  return { id, values };
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
