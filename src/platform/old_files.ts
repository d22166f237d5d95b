/**
 * Files of a folder that may be older copies of what is wanted.
 *
 * @module
 */

import { dirname } from "@std/path/dirname";
import type { OldFiles, OldFilesOptions } from "../ports/disk.ts";

/** Lists them; a single file is a folder with nothing else in it. @throws {DiskError} */
export async function listOld(folder: string, options: OldFilesOptions): Promise<OldFiles> {
  const { listFolder } = await import("./folder_list.ts");
  const { name, root, isSingleFile, files, isCut } = await listFolder(folder, {
    ...options,
    followsLinks: false,
  });
  if (!isSingleFile) return { root, files, isCut };
  const only = files.filter(({ length }) => options.wants(length));
  return { root: dirname(root), files: only.map((file) => ({ ...file, path: [name] })), isCut };
}
