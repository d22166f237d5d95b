/**
 * Older copies of a torrent's files, folder by folder, what is told of them, and whether there is room for the
 * rest.
 *
 * @module
 */

import { DiskError } from "../base/errors.ts";
import { checkRoom } from "../disk/preflight.ts";
import { reuseFolder, type ReuseTask } from "../disk/reuse.ts";
import type { Known } from "./known.ts";
import type { Reporter } from "./reporter.ts";

/** What folders are searched for, and who is told. */
export interface ReusePlan extends Pick<ReuseTask, "files" | "disk"> {
  readonly known: Known;
  readonly reporter: Pick<Reporter, "reuse" | "warning">;
}

/**
 * Takes what the folders have until nothing is missing. Where there is no room for all that is missing, what
 * takes none is taken first.
 *
 * @throws {DiskError} where there is no room for the rest, a folder is not there, or the torrent's own files
 * cannot be written; the signal's reason.
 */
export async function reuseAll(
  folders: readonly string[],
  plan: ReusePlan,
  signal: AbortSignal,
): Promise<void> {
  try {
    await room(plan);
  } catch (error) {
    const isShort = error instanceof DiskError && error.kind === "full";
    if (!isShort || folders.length === 0) throw error;
    await search(folders, plan, { mustShare: true, signal });
    await room(plan);
  }
  await search(folders, plan, { mustShare: false, signal });
}

/** @throws {DiskError} kind `full` where there is no room for what is missing. */
function room({ known, disk, files }: ReusePlan): Promise<void> {
  const { selected, selection, output, metainfo } = known;
  const bytes = selected.total - selected.done(disk.have, disk.losses);
  return checkRoom(files, { files: metainfo.files, selection, output, bytes });
}

async function search(
  folders: readonly string[],
  plan: ReusePlan,
  { mustShare, signal }: { readonly mustShare: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { reporter, disk, files, known: { metainfo } } = plan;
  for (const folder of folders) {
    if (disk.isComplete) return;
    const reused = await reuseFolder({ files, metainfo, disk, folder, mustShare }, { signal });
    if (mustShare && reused.pieces === 0) continue;
    reporter.reuse(folder, reused);
    if (reused.isCut) {
      reporter.warning(`Cannot look through all of ${folder}: it has too much in it`);
    }
  }
}
