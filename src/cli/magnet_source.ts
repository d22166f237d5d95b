/**
 * A SOURCE that names a torrent without being one: a magnet link or a bare infohash.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { parseInfoHash } from "../metainfo/info_hash.ts";
import { type Magnet, parseMagnet } from "../metainfo/magnet.ts";
import { forTerminal } from "./escape.ts";
import { nameOfSource, sourceKind } from "./source_kind.ts";
import { UsageError } from "./usage_error.ts";

/**
 * What the link says; `undefined` where SOURCE is something to read.
 *
 * @throws {MagnetError} for a link that makes no sense.
 * @throws {UsageError} for a torrent of v2 alone.
 */
export function magnetOf(source: string): Magnet | undefined {
  const magnet = linkOf(source);
  if (magnet === undefined || magnet.infoHash !== null) return magnet;
  throw new UsageError(
    `Cannot use ${nameOfSource(source)}: torrents of v2 alone are not supported yet`,
    { hint: "a link with urn:btih: and 40 digits, or a .torrent of v1 or hybrid, works" },
  );
}

/**
 * What a SOURCE is called before it is read, raw, and what a person is told of that, clean: nothing of a link
 * that makes no sense.
 */
export function firstWordsOf(
  source: string,
): { readonly name: string; readonly note: string | undefined } {
  let magnet: Magnet | undefined;
  try {
    magnet = magnetOf(source);
  } catch {
    return { name: nameOfSource(source), note: undefined };
  }
  if (magnet === undefined) {
    const name = nameOfSource(source);
    return { name, note: `reading ${forTerminal(name)}` };
  }
  const name = nameOfMagnet(magnet);
  return { name, note: `fetching the metadata of ${forTerminal(name)}` };
}

/** What the torrent of a link is called while nothing better is known. Raw text. */
export function nameOfMagnet(magnet: Pick<Magnet, "name" | "infoHash">): string {
  return nameOfSource(magnet.name ?? hex(magnet.infoHash ?? new Uint8Array(0)));
}

function linkOf(source: string): Magnet | undefined {
  const kind = sourceKind(source);
  if (kind === "magnet") return parseMagnet(source);
  const bare = kind === "infohash" ? parseInfoHash(source) : undefined;
  if (bare === undefined) return undefined;
  return {
    infoHash: bare.v1 ?? null,
    infoHashV2: bare.v2 ?? null,
    name: null,
    trackers: [],
    peers: [],
    webSeeds: [],
    selection: null,
  };
}
