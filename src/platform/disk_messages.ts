/**
 * What the main thread and a disk Worker say to each other: plain data, packed into typed arrays so
 * that a thousand small pieces cost one message and not a thousand objects.
 *
 * Pieces travel as rows of numbers. Every row of a `pieces` request is
 * `<slot><length><marks><spans>` and then `<file><offset><start><length>` per span; a row of a
 * `digest` request is `<spans>` and then the same four numbers per span.
 *
 * @module
 */

import type { Allocation, FileSpan } from "../ports/disk.ts";
import type { PlainDiskError } from "./disk_errors.ts";
import type { PackedFiles } from "./packed_files.ts";
import type { HashLanes } from "./piece_hasher.ts";

/** What a store is, as the lanes need it. */
export interface StorePlan {
  /** The folder everything stays inside of. */
  readonly root: string;
  /** The files. */
  readonly files: PackedFiles;
  /** Bytes of a full piece. */
  readonly pieceBytes: number;
  /** How space is taken. */
  readonly allocation: Allocation;
  /** Follow symbolic links below the root. */
  readonly followsLinks: boolean;
}

/** The shared memory of a store. */
export interface StoreMemory {
  /** The piece buffers: slot `n` starts at `n * pieceBytes`. */
  readonly pieces: SharedArrayBuffer;
  /** The memory that `pieces` is the buffer of, where it is one of WebAssembly. */
  readonly wasm: WebAssembly.Memory | undefined;
  /** Where answers to `read` are put: slot `n` starts at `n * STAGE_BYTES`. */
  readonly stage: SharedArrayBuffer;
  /** One byte a file: 1 once it was seen to be a regular file. */
  readonly seen: SharedArrayBuffer;
  /** What a `WriteGuard` keeps. */
  readonly guard: SharedArrayBuffer;
  /** An Int32 that is not 0 once the store is being closed, so that long checks give up. */
  readonly control: SharedArrayBuffer;
}

/** Bytes of one slot of {@link StoreMemory.stage}: the most that one `read` request asks for. */
export const STAGE_BYTES = 262_144;

/** A request; all but `open` are answered by a {@link Reply} with the same `id`. */
export type Request =
  | {
    readonly type: "open";
    readonly store: number;
    readonly plan: StorePlan;
    readonly memory: StoreMemory;
    /** How many pieces to hash at a time. */
    readonly hashLanes: HashLanes;
    /** The most files that the lane keeps open. */
    readonly maxOpenFiles: number;
  }
  | PiecesRequest
  | DigestRequest
  | {
    readonly type: "write";
    readonly store: number;
    readonly id: number;
    readonly file: number;
    readonly offset: number;
    readonly data: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly type: "read";
    readonly store: number;
    readonly id: number;
    readonly file: number;
    readonly offset: number;
    readonly length: number;
    readonly stage: number;
  }
  | {
    readonly type: "reserve";
    readonly store: number;
    readonly id: number;
    readonly file: number;
    readonly from: number;
  }
  | {
    readonly type: "stat";
    readonly store: number;
    readonly id: number;
    readonly files: Float64Array<ArrayBuffer>;
  }
  | {
    readonly type: "sync-files";
    readonly store: number;
    readonly id: number;
    readonly files: Float64Array<ArrayBuffer>;
  }
  | {
    readonly type: "create-empty";
    readonly store: number;
    readonly id: number;
    readonly file: number;
  }
  | {
    readonly type: "adopt";
    readonly store: number;
    readonly id: number;
    readonly file: number;
    readonly draft: string;
  }
  | GatherRequest
  | { readonly type: "forget"; readonly store: number; readonly id: number; readonly file: number }
  | { readonly type: "sync" | "close"; readonly store: number; readonly id: number };

/** Spans of verified files to read to where they are sent from. */
export interface GatherRequest {
  readonly type: "gather";
  readonly store: number;
  readonly id: number;
  /** Rows `<file><offset><start><length><time>`, as in `SpanRows`; read up to row `end`. */
  readonly rows: Float64Array<ArrayBuffer>;
  readonly end: number;
  /** A whole `SendBuffer`. */
  readonly memory: SharedArrayBuffer;
  /** Leave the rest undone after a row that took it beyond so many milliseconds. */
  readonly patienceMs: number;
}

/** Pieces to hash and write. */
export interface PiecesRequest {
  readonly type: "pieces";
  readonly store: number;
  readonly id: number;
  /** See the head of this file. */
  readonly rows: Float64Array<ArrayBuffer>;
  /** 20 bytes a piece. */
  readonly expected: Uint8Array<ArrayBuffer>;
}

/** Pieces to hash where they lie. */
export interface DigestRequest {
  readonly type: "digest";
  readonly store: number;
  readonly id: number;
  /** See the head of this file. */
  readonly rows: Float64Array<ArrayBuffer>;
}

/** The failure of one item of a request. */
export interface ItemError {
  /** Index of the piece or file within the request. */
  readonly item: number;
  /** What happened. */
  readonly error: PlainDiskError;
}

/** An answer. */
export interface Reply {
  /** The request's. */
  readonly id: number;
  /** The request failed as a whole. */
  readonly error?: PlainDiskError;
  /** The Worker is broken: a text for a `BugError`. */
  readonly bug?: string;
  /**
   * `pieces`, `digest`: 0 or 1 a piece. `stat`: size, time and id a file, size -1 where there is none. `read`,
   * `reserve`, `adopt` (0 or 1): one number. `gather`: rows that were done, and the milliseconds they took.
   */
  readonly values?: Float64Array<ArrayBuffer>;
  /** Items that failed by themselves. */
  readonly itemErrors?: readonly ItemError[];
  /** `pieces`: block digests of the pieces named in `digestItems`. `digest`: one array, 20 bytes a piece. */
  readonly digests?: Uint8Array<ArrayBuffer>[];
  /** `pieces`: which pieces `digests` belong to. */
  readonly digestItems?: readonly number[];
  /** `pieces`: spans that were written, and the milliseconds it took. */
  readonly written?: { readonly spans: number; readonly ms: number };
}

/** Numbers of a row of {@link GatherRequest}. */
export const GATHER_NUMBERS = 5;

/** Numbers that an answer to `stat` has for each file. */
export const STAT_NUMBERS = 3;

/** A mark of a piece: the digests of its blocks are asked for, though it be good. */
export const WANTS_DIGESTS = 1;
/** A mark of a piece: its digest is known to be right. */
export const IS_HASHED = 2;

/** Numbers a span takes in a row. */
export const SPAN_NUMBERS = 4;

/** Puts spans into `rows` at `at`; returns where they end. */
export function packSpans(rows: Float64Array, at: number, spans: readonly FileSpan[]): number {
  for (const span of spans) {
    rows[at++] = span.file;
    rows[at++] = span.offset;
    rows[at++] = span.start;
    rows[at++] = span.length;
  }
  return at;
}
