/**
 * SOURCE → what can be asked without a download: an infohash and who may know of it. A magnet link or a bare
 * infohash says that by itself, without the metadata.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { parseInfoHash } from "../metainfo/info_hash.ts";
import { parseMagnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/torrent_file.ts";
import type { Context } from "./context.ts";
import { isReadable, nameOfSource } from "./source_kind.ts";
import { openTorrent } from "./torrent_source.ts";

/** A torrent as trackers know it. */
export interface Tracked {
  /** 20 bytes; of a torrent that has a v2 infohash alone, the first 20 of that. */
  readonly infoHash: Uint8Array;
  /** What it is called: raw text. */
  readonly name: string;
  /** Its tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  /** Peers that it names, `HOST:PORT` each. */
  readonly peers: readonly string[];
  /** All of it, where SOURCE is a torrent file. */
  readonly metainfo: Metainfo | undefined;
}

/** Reads what `source` says. @throws as `openTorrent` does. */
export async function openTracked(context: Context, source: string): Promise<Tracked> {
  if (isReadable(source)) {
    const { metainfo } = await openTorrent(context, source);
    const { infoHash, name, trackers } = metainfo;
    return { infoHash, name, tiers: trackers, peers: [], metainfo };
  }
  const bare = parseInfoHash(source);
  const magnet = bare === undefined ? parseMagnet(source) : undefined;
  const v2 = bare?.v2 ?? magnet?.infoHashV2;
  const infoHash = bare?.v1 ?? magnet?.infoHash ?? v2!.subarray(0, 20);
  const name = nameOfSource(magnet?.name ?? hex(infoHash));
  const tiers = magnet?.trackers.map((url) => [url]) ?? [];
  return { infoHash, name, tiers, peers: magnet?.peers ?? [], metainfo: undefined };
}
