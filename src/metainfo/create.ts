/**
 * A torrent file of our own making (BEP 3, 12, 19, 27, 47): a {@link Layout} and its piece hashes in,
 * canonical bencode out.
 *
 * The info dictionary has what the files are, and `private` and `source` where asked for: nothing else, so
 * that its hash is the one that other programs get for the same files and piece length. What may change
 * without making another torrent of it stands outside. Whoever calls hashes the pieces, which are many.
 *
 * @module
 */

import { BugError } from "../base/errors.ts";
import { type Encodable, encode } from "../bencode/encode.ts";
import type { Layout } from "./layout.ts";

/** What a torrent says besides its files. */
export interface Extras {
  /** Announce URLs by tier (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  /** HTTP seeds (BEP 19). */
  readonly webSeeds?: readonly string[];
  /** Peers come from its trackers only (BEP 27). Part of the infohash. */
  readonly isPrivate?: boolean;
  /** Keeps the infohashes of different trackers apart. Part of the infohash. */
  readonly source?: string;
  /** Free text. */
  readonly comment?: string;
  /** The program that makes it. */
  readonly createdBy?: string;
  /** Unix seconds; no date where not given. */
  readonly createdAt?: number;
}

/** A dictionary to be encoded. */
type Fields = Readonly<Record<string, Encodable | undefined>>;

/** The torrent file of a layout: `pieceHashes` are the SHA-1 digests of its pieces, 20 bytes each. */
export function createTorrent(
  layout: Layout,
  pieceHashes: Uint8Array,
  extras: Extras = {},
): Uint8Array<ArrayBuffer> {
  if (pieceHashes.length !== layout.pieceMap.pieceCount * HASH_BYTES) {
    throw new BugError(`Cannot create torrent: ${pieceHashes.length} bytes of piece hashes`);
  }
  const { comment, createdBy, createdAt } = extras;
  return encode({
    ...trackerFields(extras.trackers ?? []),
    ...webSeedFields(extras.webSeeds ?? []),
    comment,
    "created by": createdBy,
    "creation date": createdAt,
    info: infoFields(layout, pieceHashes, extras),
  });
}

/** `announce`, and `announce-list` where there is more than one URL. Empty tiers are left out. */
export function trackerFields(tiers: readonly (readonly string[])[]): Fields {
  const full = tiers.filter((tier) => tier.length > 0);
  const urls = full.flat();
  return { announce: urls[0], "announce-list": urls.length > 1 ? full : undefined };
}

/** `url-list`: one URL by itself, several as a list. */
export function webSeedFields(urls: readonly string[]): Fields {
  return { "url-list": urls.length > 1 ? urls : urls[0] };
}

const HASH_BYTES = 20;

function infoFields(layout: Layout, pieces: Uint8Array, extras: Extras): Fields {
  const { name, isSingleFile, files, pieceMap } = layout;
  return {
    ...(isSingleFile ? { length: files[0]!.length } : {
      files: files.map(({ path, length, isPad }) => ({
        ...(isPad ? { attr: "p" } : {}),
        length,
        path,
      })),
    }),
    name,
    "piece length": pieceMap.pieceLength,
    pieces,
    private: extras.isPrivate === true ? 1 : undefined,
    source: extras.source,
  };
}
