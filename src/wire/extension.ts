/**
 * The extension protocol (BEP 10, https://www.bittorrent.org/beps/bep_0010.html): the handshake that
 * names the extensions, and the ids that we give to ours.
 *
 * "The extension message IDs are the IDs used to send the extension messages to the peer sending this
 * handshake": what we receive carries our ids, what we send carries the peer's. A new extension is one
 * codec beside this file and one line in {@link EXTENSION_IDS}.
 *
 * @module
 */

import { BencodeDict } from "../bencode/decode.ts";
import { encode } from "../bencode/encode.ts";
import { readBytes, readDict, readInteger } from "./payload.ts";
import { MAX_METADATA_BYTES } from "./ut_metadata.ts";

/** The id of the extension handshake itself. */
export const EXTENSION_HANDSHAKE_ID = 0;

/** Our id of every extension that we speak: peers put it before the messages they send to us. */
export const EXTENSION_IDS = {
  ut_pex: 1,
  ut_metadata: 2,
  lt_donthave: 3,
} as const;

/** An extension that we speak, by the name it has on the wire. */
export type ExtensionName = keyof typeof EXTENSION_IDS;

/** What we say in an extension handshake. */
export interface ExtensionOffer {
  /** Our ids by extension name, 1 to 255; 0 takes an earlier one back. */
  readonly m: Readonly<Record<string, number>>;
  /** Client name and version. */
  readonly v: string;
  /** Our listening port, for a peer that did not dial it. */
  readonly port?: number;
  /** Requests that we queue without dropping any. */
  readonly reqq: number;
  /** Bytes of the info dictionary, once we have it (BEP 9). */
  readonly metadataSize?: number;
  /** Whether we download nothing more (BEP 21). */
  readonly uploadOnly?: boolean;
  /** The peer's own address as we see it: 4 or 16 bytes. */
  readonly yourIp?: Uint8Array;
}

/**
 * What a peer said in an extension handshake, copied. A field is `undefined` where the peer left it out
 * or where it is of the wrong type or out of range.
 */
export interface ExtensionHandshake {
  /** The peer's ids by extension name, 0 to 255, at most 64 of them. 0 means "no longer". */
  readonly ids: ReadonlyMap<string, number>;
  /** Client name and version: at most 64 characters, not cleaned of control characters. */
  readonly version: string | undefined;
  /** Where the peer listens, 1 to 65535. */
  readonly port: number | undefined;
  /** Requests it queues, 1 to 1,000,000. Without it libtorrent's 250 is the custom. */
  readonly requestQueue: number | undefined;
  /** Bytes of the info dictionary, 1 to 96 MiB (BEP 9). */
  readonly metadataSize: number | undefined;
  /** Whether it downloads nothing more (BEP 21). */
  readonly uploadOnly: boolean | undefined;
  /** Our address as the peer sees it: 4 or 16 bytes. */
  readonly yourIp: Uint8Array | undefined;
  /** Whether it would rather have its connections encrypted (`e`, BEP 11). */
  readonly prefersEncryption: boolean | undefined;
}

/** Names and ids that are kept of one handshake: no client has more than a dozen. */
const MAX_IDS = 64;
const MAX_NAME_LENGTH = 64;
const MAX_VERSION_LENGTH = 64;
const MAX_REQUEST_QUEUE = 1_000_000;

const utf8 = new TextDecoder();

/** The payload of an extension handshake, to be sent under id 0. */
export function encodeExtensionHandshake(offer: ExtensionOffer): Uint8Array<ArrayBuffer> {
  return encode({
    m: offer.m,
    metadata_size: offer.metadataSize,
    p: offer.port,
    reqq: offer.reqq,
    upload_only: offer.uploadOnly === undefined ? undefined : Number(offer.uploadOnly),
    v: offer.v,
    yourip: offer.yourIp,
  });
}

/**
 * Reads the payload of an extension handshake. "All items in the dictionary are optional. Any unknown
 * names should be ignored."
 *
 * @throws {PeerError} `bad-message` where it is no dictionary.
 */
export function decodeExtensionHandshake(payload: Uint8Array): ExtensionHandshake {
  const { dict } = readDict(payload);
  const version = readBytes(dict, "v");
  const yourIp = readBytes(dict, "yourip");
  const uploadOnly = readInteger(dict, "upload_only", { min: 0, max: 1 });
  const encryption = readInteger(dict, "e", { min: 0, max: 1 });
  return {
    ids: readIds(dict),
    // A character is at most four bytes long.
    version: version && [...utf8.decode(version.subarray(0, 4 * MAX_VERSION_LENGTH))]
      .slice(0, MAX_VERSION_LENGTH).join(""),
    port: readInteger(dict, "p", { min: 1, max: 65_535 }),
    requestQueue: readInteger(dict, "reqq", { min: 1, max: MAX_REQUEST_QUEUE }),
    metadataSize: readInteger(dict, "metadata_size", { min: 1, max: MAX_METADATA_BYTES }),
    uploadOnly: uploadOnly === undefined ? undefined : uploadOnly === 1,
    yourIp: yourIp?.length === 4 || yourIp?.length === 16 ? yourIp.slice() : undefined,
    prefersEncryption: encryption === undefined ? undefined : encryption === 1,
  };
}

/**
 * Brings the ids of a peer up to date with another handshake of it: "the `m` dictionary is additive", and
 * "the value 0 is used to turn off an extension". No more than 64 names are ever kept.
 */
export function mergeExtensionIds(
  known: Map<string, number>,
  update: ReadonlyMap<string, number>,
): void {
  for (const [name, id] of update) {
    if (id === 0) known.delete(name);
    else if (known.has(name) || known.size < MAX_IDS) known.set(name, id);
  }
}

/**
 * What is known after a further extension handshake: "the extension handshake message may be sent more
 * than once", later ones add to what was said before. Ids are merged into a new map.
 */
export function mergeExtensions(
  known: ExtensionHandshake | undefined,
  update: ExtensionHandshake,
): ExtensionHandshake {
  if (known === undefined) return update;
  const ids = new Map(known.ids);
  mergeExtensionIds(ids, update.ids);
  return {
    ids,
    version: update.version ?? known.version,
    port: update.port ?? known.port,
    requestQueue: update.requestQueue ?? known.requestQueue,
    metadataSize: update.metadataSize ?? known.metadataSize,
    uploadOnly: update.uploadOnly ?? known.uploadOnly,
    yourIp: update.yourIp ?? known.yourIp,
    prefersEncryption: update.prefersEncryption ?? known.prefersEncryption,
  };
}

function readIds(dict: BencodeDict): Map<string, number> {
  const ids = new Map<string, number>();
  const m = dict.get("m");
  if (!(m instanceof BencodeDict)) return ids;
  for (const [name, id] of m.entries()) {
    if (ids.size === MAX_IDS) break;
    const isId = typeof id === "number" && id >= 0 && id <= 255;
    if (isId && name.length <= MAX_NAME_LENGTH) ids.set(name, id);
  }
  return ids;
}
