/**
 * The same torrent under another name on the disk.
 *
 * @module
 */

import type { Metainfo } from "./torrent_file.ts";

/**
 * The torrent with its file or top folder called `name`, which must be one safe component: the user's own.
 * The infohash stays.
 */
export function renamed(metainfo: Metainfo, name: string): Metainfo {
  if (name === metainfo.name) return metainfo;
  const files = metainfo.files.map((file) => ({ ...file, path: [name, ...file.path.slice(1)] }));
  return { ...metainfo, name, files };
}
