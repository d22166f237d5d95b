/**
 * What the stores of tests hash pieces against.
 *
 * @module
 */

import { SHA1_BYTES } from "../../src/disk/disk_metainfo.ts";
import type { PieceJob } from "../../src/ports/disk.ts";

/** The digest that a piece must have: a view, 20 bytes. */
export function expectedOf({ expected, expectedAt = 0 }: PieceJob): Uint8Array {
  return expected.subarray(expectedAt, expectedAt + SHA1_BYTES);
}
