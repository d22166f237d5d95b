/**
 * Torrent files of URLs, kept in the user's cache: where a URL cannot be fetched the file of last time serves.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { decodeHex } from "@std/encoding/hex";
import {
  type CacheWorld,
  keepTorrent,
  type KeptTorrent,
  readKept,
} from "../session/metadata_cache.ts";

/** Keeps the torrent file that a URL has given. */
export async function keepUrl(
  world: CacheWorld,
  url: string,
  torrent: { readonly bytes: Uint8Array; readonly infoHash: Uint8Array },
): Promise<void> {
  await keepTorrent(world, torrent);
  await world.cache.write(nameOf(world, url), encoder.encode(hex(torrent.infoHash)));
}

/** What the URL gave the last time, `undefined` where that was never or is gone. */
export async function readUrl(world: CacheWorld, url: string): Promise<KeptTorrent | undefined> {
  const bytes = await world.cache.read(nameOf(world, url));
  const text = new TextDecoder().decode(bytes?.subarray(0, 100));
  return /^[0-9a-f]{40}$/.test(text) ? await readKept(world, decodeHex(text)) : undefined;
}

const encoder = new TextEncoder();

/** A URL may hold a passkey: its digest tells nobody. */
function nameOf({ hasher }: CacheWorld, url: string): string {
  return `urls/${hex(hasher.sha256(encoder.encode(url)))}`;
}
