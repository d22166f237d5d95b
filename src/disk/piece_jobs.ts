/**
 * What stores that take one piece at a time have in common.
 *
 * @module
 */

import type { FileStore, OnVerdict, PieceJob } from "../ports/disk.ts";

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
