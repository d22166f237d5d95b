/**
 * The routing table between two runs: our id and the nodes, as bencode. With it, a second start needs no
 * bootstrap.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { BencodeDict, type BencodeValue, decode } from "../bencode/decode.ts";
import { encode } from "../bencode/encode.ts";
import { type Contact, decodeContacts, type Family } from "./contact.ts";
import { ID_BYTES } from "./node_id.ts";

/** Nodes that are read back. */
const MAX_NODES = 1000;
const MAX_BYTES = 65_536;
const KEYS = { 4: "nodes", 6: "nodes6" } as const;

/** What is read back. */
export interface SavedTable {
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** The nodes, in the order they were saved. */
  readonly contacts: readonly Contact[];
}

/** An id and nodes in compact form as bytes. */
export function encodeTable(
  id: Uint8Array,
  nodes: readonly Uint8Array[],
  family: Family,
): Uint8Array {
  return encode({ id, [KEYS[family]]: concat(nodes.slice(0, MAX_NODES)) });
}

/** A table from bytes, `undefined` where they are none of this family. Never throws. */
export function decodeTable(bytes: Uint8Array, family: Family): SavedTable | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  let root: BencodeValue;
  try {
    root = decode(bytes, { maxItems: 100, maxDepth: 4 });
  } catch {
    return undefined;
  }
  if (!(root instanceof BencodeDict)) return undefined;
  const id = root.get("id");
  const list = root.get(KEYS[family]);
  if (!(id instanceof Uint8Array) || id.length !== ID_BYTES) return undefined;
  if (!(list instanceof Uint8Array)) return undefined;
  const contacts = decodeContacts(list, family, MAX_NODES);
  return contacts && { id: id.slice(), contacts };
}
