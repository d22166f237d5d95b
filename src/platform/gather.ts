/**
 * Reads blocks of verified files straight to where they leave from on their way to a peer.
 *
 * Hot path, once per block: one read, and nothing kept.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import { toPlain } from "./disk_errors.ts";
import { GATHER_NUMBERS, type GatherRequest, type ItemError, type Reply } from "./disk_messages.ts";
import type { StoreFiles } from "./store_files.ts";

// The clock costs as much as a tenth of a read.
const LOOK_ROWS = 4;

/** Does as much of the request as its patience allows; an item of `itemErrors` is a row. */
export function gatherSpans(files: StoreFiles, request: GatherRequest): Reply {
  const { id, rows, end, patienceMs } = request;
  const memory = new Uint8Array(request.memory);
  const began = performance.now();
  let faults: ItemError[] | undefined;
  let row = 0;
  for (; row < end; row++) {
    if (row % LOOK_ROWS === LOOK_ROWS - 1 && performance.now() - began > patienceMs) break;
    const at = row * GATHER_NUMBERS;
    const file = rows[at]!;
    const start = rows[at + 2]!;
    const length = rows[at + 3]!;
    if (file < 0) memory.fill(0, start, start + length);
    else {
      try {
        files.readVerified(file, rows[at + 4]!, { offset: rows[at + 1]!, memory, start, length });
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        (faults ??= []).push({ item: row, error: toPlain(error) });
      }
    }
  }
  const values = Float64Array.of(row, performance.now() - began);
  return faults ? { id, values, itemErrors: faults } : { id, values };
}
