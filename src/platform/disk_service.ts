/**
 * Serves {@link Request}s: the same code answers in a Worker and, where there is none, on the main
 * thread.
 *
 * @module
 */

import { BugError, DiskError } from "../base/errors.ts";
import { BLOCK_BYTES } from "../base/units.ts";
import { toPlain } from "./disk_errors.ts";
import {
  type DigestRequest,
  IS_HASHED,
  type ItemError,
  type PiecesRequest,
  type Reply,
  type Request,
  SPAN_NUMBERS,
  STAGE_BYTES,
  STAT_NUMBERS,
  type StoreMemory,
  WANTS_DIGESTS,
} from "./disk_messages.ts";
import { gatherSpans } from "./gather.ts";
import { HandleCache } from "./handle_cache.ts";
import { OpenFiles } from "./open_files.ts";
import { makePieceHasher } from "./hash_choice.ts";
import type { HashLanes, HashSource, PieceHasher } from "./piece_hasher.ts";
import { StoreFiles } from "./store_files.ts";

const DIGEST_BYTES = 20;

interface OpenStore {
  readonly files: StoreFiles;
  readonly memory: StoreMemory;
  readonly hashLanes: HashLanes;
  isAttached: boolean;
}

type Of<T extends Request["type"]> = Extract<Request, { type: T }>;

/** All stores of one thread. */
export class DiskService {
  readonly #stores = new Map<number, OpenStore>();
  #hasher: PieceHasher | undefined;
  #handles: HandleCache | undefined;

  /** Does what a request asks; `undefined` for the one kind that has no answer. Never throws. */
  serve(request: Request): Reply | undefined {
    if (request.type === "open") {
      const { store, plan, memory, hashLanes, maxOpenFiles } = request;
      const handles = this.#handles ??= new HandleCache(maxOpenFiles);
      const opened = new OpenFiles(plan, { seen: memory.seen, handles, store });
      const files = new StoreFiles(plan, memory, opened);
      this.#stores.set(store, { files, memory, hashLanes, isAttached: false });
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

  // Made when it is needed: a thread that only looks at files never does.
  #hasherFor(open: OpenStore): PieceHasher {
    const hasher = this.#hasher ??= makePieceHasher(open.hashLanes);
    if (!open.isAttached) {
      open.isAttached = true;
      if (open.memory.wasm) hasher.attach(open.memory.wasm);
    }
    return hasher;
  }

  #answer(request: Exclude<Request, { type: "open" }>): Reply {
    const { id } = request;
    const open = this.#stores.get(request.store);
    if (!open) throw new BugError(`Cannot serve store ${request.store}: it is not open`);
    const { files } = open;
    switch (request.type) {
      case "pieces":
        return writePieces(files, this.#hasherFor(open), request);
      case "digest":
        return digestPieces(files, this.#hasherFor(open), request);
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
      case "gather":
        return gatherSpans(files, request);
      case "forget":
        files.forget(request.file);
        return { id };
      case "write":
        files.write(request.file, request.offset, request.data);
        return { id };
      case "reserve":
        return { id, values: Float64Array.of(files.reserve(request.file, request.from)) };
      case "create-empty":
        files.createEmpty(request.file);
        return { id };
      case "adopt":
        return { id, values: Float64Array.of(files.adopt(request.file, request.draft) ? 1 : 0) };
      case "sync-files":
        for (const file of request.files) files.syncFile(file);
        return { id };
      case "sync":
        files.sync();
        return { id };
      case "close":
        this.#stores.delete(request.store);
        if (open.memory.wasm) this.#hasher?.detach(open.memory.wasm);
        files[Symbol.dispose]();
        return { id };
    }
  }
}

interface PieceRow {
  readonly bytes: Uint8Array;
  readonly wantsDigests: boolean;
  readonly isHashed: boolean;
  readonly spansAt: number;
  readonly spans: number;
}

function writePieces(
  files: StoreFiles,
  hasher: PieceHasher,
  { id, rows, expected }: PiecesRequest,
): Reply {
  const pieces = readRows(files, rows);
  const values = new Float64Array(pieces.length);
  const itemErrors: ItemError[] = [];
  const digests: Uint8Array<ArrayBuffer>[] = [];
  const digestItems: number[] = [];
  const written = { spans: 0, ms: 0 };
  // Few at a time, so that what was hashed is still in the processor's cache when it is written.
  for (let first = 0; first < pieces.length; first += hasher.lanes) {
    const few = pieces.slice(first, first + hasher.lanes);
    const unknown = few.filter(({ isHashed }) => !isHashed);
    const found = hasher.sha1(unknown.map(({ bytes }) => inMemory(bytes)));
    let next = 0;
    few.forEach(({ bytes, wantsDigests, isHashed, spansAt, spans }, i) => {
      const item = first + i;
      const isGood = isHashed || isExpected(found[next++], expected, item) ||
        isConfirmed(hasher, bytes, { expected, item });
      values[item] = isGood ? 1 : 0;
      try {
        if (isGood) {
          const start = performance.now();
          files.writeSpans(bytes, rows, spansAt, spans);
          written.ms += performance.now() - start;
          written.spans += spans;
        }
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        itemErrors.push({ item, error: toPlain(error) });
      }
      if (isGood && !wantsDigests) return;
      digests.push(blockDigests(bytes, hasher));
      digestItems.push(item);
    });
  }
  return {
    id,
    values,
    written,
    ...(itemErrors.length > 0 && { itemErrors }),
    ...(digests.length > 0 && { digests, digestItems }),
  };
}

function readRows(files: StoreFiles, rows: Float64Array): PieceRow[] {
  const out: PieceRow[] = [];
  for (let at = 0; at < rows.length;) {
    const spans = rows[at + 3]!;
    const bytes = files.slot(rows[at]!, rows[at + 1]!);
    const marks = rows[at + 2]!;
    out.push({
      bytes,
      wantsDigests: (marks & WANTS_DIGESTS) !== 0,
      isHashed: (marks & IS_HASHED) !== 0,
      spansAt: at + 4,
      spans,
    });
    at += 4 + spans * SPAN_NUMBERS;
  }
  return out;
}

function digestPieces(
  files: StoreFiles,
  hasher: PieceHasher,
  { id, rows }: DigestRequest,
): Reply {
  const sources: HashSource[] = [];
  for (let at = 0; at < rows.length;) {
    const spans = rows[at]!;
    sources.push(files.pieceOnDisk(rows, at + 1, spans));
    at += 1 + spans * SPAN_NUMBERS;
  }
  const values = new Float64Array(sources.length);
  const digests = new Uint8Array(sources.length * DIGEST_BYTES);
  hasher.sha1(sources).forEach((digest, i) => {
    if (!digest) return;
    values[i] = 1;
    digests.set(digest, i * DIGEST_BYTES);
  });
  return { id, values, digests: [digests] };
}

// SHA-1 of every block of a piece, 20 bytes each.
function blockDigests(piece: Uint8Array, hasher: PieceHasher): Uint8Array<ArrayBuffer> {
  const blocks: HashSource[] = [];
  for (let at = 0; at < piece.length; at += BLOCK_BYTES) {
    blocks.push(inMemory(piece.subarray(at, at + BLOCK_BYTES)));
  }
  const out = new Uint8Array(blocks.length * DIGEST_BYTES);
  hasher.sha1(blocks).forEach((digest, i) => out.set(digest!, i * DIGEST_BYTES));
  return out;
}

function inMemory(bytes: Uint8Array): HashSource {
  return { length: bytes.length, bytes, read: () => false };
}

// Before a peer is blamed, what eight lanes found is looked at once more by `node:crypto`.
function isConfirmed(
  hasher: PieceHasher,
  bytes: Uint8Array,
  { expected, item }: { expected: Uint8Array; item: number },
): boolean {
  if (hasher.lanes < 8) return false;
  const [digest] = makePieceHasher(1).sha1([inMemory(bytes)]);
  return isExpected(digest, expected, item);
}

function isExpected(digest: Uint8Array | undefined, expected: Uint8Array, item: number): boolean {
  if (!digest) return false;
  for (let i = 0; i < DIGEST_BYTES; i++) {
    if (digest[i] !== expected[item * DIGEST_BYTES + i]) return false;
  }
  return true;
}

function statFiles(files: StoreFiles, { id, files: indices }: Of<"stat">): Reply {
  const values = new Float64Array(indices.length * STAT_NUMBERS);
  const itemErrors: ItemError[] = [];
  files.statAll((look) => {
    for (let item = 0; item < indices.length; item++) {
      const at = item * STAT_NUMBERS;
      values[at] = -1;
      try {
        const found = look(indices[item]!);
        if (!found) continue;
        values[at] = found.size;
        values[at + 1] = found.mtimeMs;
        values[at + 2] = found.id;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        itemErrors.push({ item, error: toPlain(error) });
      }
    }
  });
  return { id, values, ...(itemErrors.length > 0 && { itemErrors }) };
}
