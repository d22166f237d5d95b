/**
 * What stores that take one piece at a time have in common.
 *
 * @module
 */

import type { FileStore, OnVerdict, PieceJob } from "../ports/disk.ts";
import { SHA1_BYTES } from "./disk_metainfo.ts";

/** The digest that a piece must have: a view, 20 bytes. */
export function expectedOf({ expected, expectedAt = 0 }: PieceJob): Uint8Array {
  return expected.subarray(expectedAt, expectedAt + SHA1_BYTES);
}

/** Does `FileStore.hashThenWriteAll` by one call of `hashThenWrite` a piece. */
export async function eachByItself(
  store: Pick<FileStore, "hashThenWrite">,
  jobs: readonly PieceJob[],
  onVerdict: OnVerdict,
): Promise<void> {
  const ends = await Promise.allSettled(jobs.map(async (job, item) => {
    onVerdict(await store.hashThenWrite(job), item);
  }));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
