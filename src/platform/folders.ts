/**
 * Files and folders that the user named. The code is loaded when it is first needed: most runs never do.
 *
 * @module
 */

import type { Folders } from "../ports/folder.ts";

/** The files and folders of this machine. */
export const systemFolders: Folders = {
  list: async (path, options) => (await import("./folder_list.ts")).listFolder(path, options),
  write: async (path, data, options) =>
    await (await import("./whole_file.ts")).writeWhole(path, data, options),
};
