/**
 * Older copies of a torrent's files, folder by folder, and what is told of them.
 *
 * @module
 */

import { reuseFolder, type ReuseTask } from "../disk/reuse.ts";
import type { Reporter } from "./reporter.ts";

/** What folders are searched for, and who is told. */
export interface ReusePlan extends Omit<ReuseTask, "folder"> {
  readonly reporter: Pick<Reporter, "reuse" | "warning">;
}

/**
 * Takes what the folders have until nothing is missing.
 *
 * @throws {DiskError} where a folder is not there, or the torrent's own files cannot be written; the
 * signal's reason.
 */
export async function reuseAll(
  folders: readonly string[],
  plan: ReusePlan,
  signal: AbortSignal,
): Promise<void> {
  const { reporter, disk } = plan;
  for (const folder of folders) {
    if (disk.isComplete) return;
    const reused = await reuseFolder({ ...plan, folder }, { signal });
    reporter.reuse(folder, reused);
    if (reused.isCut) {
      reporter.warning(`Cannot look through all of ${folder}: it has too much in it`);
    }
  }
}
