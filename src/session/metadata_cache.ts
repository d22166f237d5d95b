/**
 * Info dictionaries that were fetched, kept in the user's cache as torrent files named by infohash, so that
 * a second run needs no peers for them.
 *
 * What is read is believed only if it has the hash that was asked for.
 *
 * @module
 */

import { concat, equalBytes, hex } from "../base/bytes.ts";
import { BencodeError, MetainfoError } from "../base/errors.ts";
import { type Metainfo, parseTorrent } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";

/** What the cache is used with. */
export type CacheWorld = Pick<World, "cache" | "hasher" | "system">;

/** A torrent as it was kept. */
export interface KeptTorrent {
  /** The torrent file; one that was made of an info dictionary has nothing else in it. */
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
}

/** The torrent with this infohash (20 bytes), `undefined` where none was kept. */
export async function readKept(
  world: CacheWorld,
  infoHash: Uint8Array,
): Promise<KeptTorrent | undefined> {
  const bytes = await world.cache.read(nameOf(infoHash));
  if (bytes === undefined) return undefined;
  try {
    const { hasher, system } = world;
    const metainfo = parseTorrent(bytes, { hasher, system });
    return equalBytes(metainfo.infoHash, infoHash) ? { bytes, metainfo } : undefined;
  } catch (error) {
    if (error instanceof BencodeError || error instanceof MetainfoError) return undefined;
    throw error;
  }
}

/** Keeps a torrent file. */
export async function keepTorrent(
  world: CacheWorld,
  torrent: { readonly bytes: Uint8Array; readonly infoHash: Uint8Array },
): Promise<void> {
  await world.cache.write(nameOf(torrent.infoHash), torrent.bytes);
}

/** A torrent file that has nothing but an info dictionary. */
export function torrentOf(infoBytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([HEAD, infoBytes, TAIL]);
}

const HEAD = new TextEncoder().encode("d4:info");
const TAIL = new TextEncoder().encode("e");

function nameOf(infoHash: Uint8Array): string {
  return `metadata/${hex(infoHash)}.torrent`;
}
