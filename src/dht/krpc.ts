/**
 * KRPC messages (BEP 5, with the keys of BEP 32, 33, 42 and 43) read from datagrams that nobody vouches for.
 *
 * Reading never throws: a datagram is one of the messages below or it is `undefined`. A known key of a wrong
 * type or length spoils the message, an unknown one is ignored. Everything is copied out of the datagram.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import type { Address } from "../base/address.ts";
import { cleanLine } from "../base/text.ts";
import { BencodeDict, type BencodeValue, decode } from "../bencode/decode.ts";
import { type Contact, decodeContacts, readAddress } from "./contact.ts";
import { ID_BYTES } from "./node_id.ts";

/** Which contacts an answer should have: those of IPv4, of IPv6, or both (BEP 32). */
export interface Want {
  /** The key `nodes`. */
  readonly n4: boolean;
  /** The key `nodes6`. */
  readonly n6: boolean;
}

interface QueryBase {
  readonly kind: "query";
  /** The transaction id, to be sent back; 1 to 32 bytes. */
  readonly tid: Uint8Array;
  /** The asker's node id, 20 bytes. */
  readonly id: Uint8Array;
  /** The asker answers no queries and belongs into no table (BEP 43). */
  readonly isReadOnly: boolean;
}

/** Are you there? */
export interface PingQuery extends QueryBase {
  /** Which of the queries. */
  readonly method: "ping";
}

/** Which nodes are close to `target`? Also stands for methods we do not know that have a target. */
export interface FindNodeQuery extends QueryBase {
  /** Which of the queries. */
  readonly method: "find_node";
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** `undefined` for the asker's own family. */
  readonly want: Want | undefined;
}

/** Who has this torrent? */
export interface GetPeersQuery extends QueryBase {
  /** Which of the queries. */
  readonly method: "get_peers";
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** `undefined` for the asker's own family. */
  readonly want: Want | undefined;
  /** Rather not seeds (BEP 33). */
  readonly noSeed: boolean;
  /** With Bloom filters of who is there (BEP 33). */
  readonly isScrape: boolean;
}

/** I have this torrent. */
export interface AnnounceQuery extends QueryBase {
  /** Which of the queries. */
  readonly method: "announce_peer";
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The peer's port, 1 to 65535; `undefined` means the port the query came from. */
  readonly port: number | undefined;
  /** What our answer to a get_peers gave it. */
  readonly token: Uint8Array;
  /** It has everything (BEP 33). */
  readonly isSeed: boolean;
}

/** A method that we do not know. */
export interface UnknownQuery extends QueryBase {
  /** Which of the queries. */
  readonly method: "unknown";
}

/** A query. */
export type Query = PingQuery | FindNodeQuery | GetPeersQuery | AnnounceQuery | UnknownQuery;

/** An answer to one of our queries. */
export interface Response {
  /** That it is an answer. */
  readonly kind: "response";
  /** Of the query; 1 to 32 bytes. */
  readonly tid: Uint8Array;
  /** The answering node's id, 20 bytes. */
  readonly id: Uint8Array;
  /** Nodes of IPv4, at most {@link MAX_CONTACTS}. */
  readonly nodes: readonly Contact[];
  /** Nodes of IPv6, at most {@link MAX_CONTACTS}. */
  readonly nodes6: readonly Contact[];
  /** Peers, at most {@link MAX_VALUES}. */
  readonly values: readonly Address[];
  /** What an announce to this node must carry; at most 255 bytes. */
  readonly token: Uint8Array | undefined;
  /** Where our query came from, in the eyes of the answering node (BEP 42). */
  readonly ip: Address | undefined;
}

/** A refusal of one of our queries. */
export interface Refusal {
  /** That it is a refusal. */
  readonly kind: "error";
  /** Of the query; 1 to 32 bytes. */
  readonly tid: Uint8Array;
  /** 201 generic, 202 server, 203 protocol, 204 method unknown; 0 where there is none. */
  readonly code: number;
  /** One clean line. */
  readonly message: string;
}

/** A query that cannot be served, though its sender can be told so. */
export interface MalformedQuery {
  /** That it is a query that makes no sense. */
  readonly kind: "malformed";
  /** 1 to 32 bytes. */
  readonly tid: Uint8Array;
}

/** What a datagram can be. */
export type Message = Query | Response | Refusal | MalformedQuery;

/** Contacts of one family that are taken from one answer; BEP 5 gives 8, some nodes twice that. */
export const MAX_CONTACTS = 16;
/** Peers that are taken from one answer. */
export const MAX_VALUES = 200;

/** Longer datagrams are not looked at; what fits an Ethernet frame is below it. */
const MAX_DATAGRAM = 2048;
const MAX_TID = 32;
const MAX_TOKEN = 255;
const MAX_METHOD = 64;
/** Enough for 200 peers and every key there is. */
const DECODE_OPTIONS = { maxItems: 400, maxDepth: 8 } as const;

/** The message of a datagram, `undefined` where it is none. Never throws. */
export function decodeMessage(datagram: Uint8Array): Message | undefined {
  // Most garbage ends here, without the price of an exception.
  if (datagram.length > MAX_DATAGRAM || datagram[0] !== 0x64) return undefined;
  let root: BencodeValue;
  try {
    root = decode(datagram, DECODE_OPTIONS);
  } catch {
    return undefined;
  }
  if (!(root instanceof BencodeDict)) return undefined;
  const tid = bytesOf(root.get("t"), 1, MAX_TID);
  const type = root.bytes("y");
  if (!tid || type?.length !== 1) return undefined;
  switch (type[0]) {
    case 0x71: // q
      return query(root, tid) ?? { kind: "malformed", tid };
    case 0x72: // r
      return response(root, tid);
    case 0x65: // e
      return refusal(root, tid);
    default:
      return undefined;
  }
}

function query(root: BencodeDict, tid: Uint8Array): Query | undefined {
  const name = root.bytes("q");
  const args = root.dict("a");
  if (!name || name.length > MAX_METHOD || !args) return undefined;
  const id = idOf(args.get("id"));
  if (!id) return undefined;
  const base = { kind: "query", tid, id, isReadOnly: isSet(root.get("ro")) } as const;
  const method = String.fromCharCode(...name);
  switch (method) {
    case "ping":
      return { ...base, method };
    case "get_peers": {
      const infoHash = idOf(args.get("info_hash"));
      if (!infoHash) return undefined;
      const [noSeed, isScrape] = [isSet(args.get("noseed")), isSet(args.get("scrape"))];
      return { ...base, method, infoHash, want: wantOf(args), noSeed, isScrape };
    }
    case "announce_peer":
      return announce(base, args);
    default: {
      const target = idOf(args.get("target")) ?? idOf(args.get("info_hash"));
      if (target) return { ...base, method: "find_node", target, want: wantOf(args) };
      return method === "find_node" ? undefined : { ...base, method: "unknown" };
    }
  }
}

function announce(base: QueryBase, args: BencodeDict): AnnounceQuery | undefined {
  const infoHash = idOf(args.get("info_hash"));
  const token = bytesOf(args.get("token"), 0, MAX_TOKEN);
  const implied = args.get("implied_port");
  const isImplied = typeof implied === "number" && implied !== 0;
  const port = args.get("port");
  const isPort = typeof port === "number" && port >= 1 && port <= 65_535;
  if (!infoHash || !token || (!isImplied && !isPort)) return undefined;
  return {
    ...base,
    method: "announce_peer",
    infoHash,
    port: isImplied ? undefined : port as number,
    token,
    isSeed: isSet(args.get("seed")),
  };
}

function response(root: BencodeDict, tid: Uint8Array): Response | undefined {
  const body = root.dict("r");
  if (!body) return undefined;
  const id = idOf(body.get("id"));
  const nodes = contactsOf(body.get("nodes"), 4);
  const nodes6 = contactsOf(body.get("nodes6"), 6);
  const values = valuesOf(body.get("values"));
  if (!id || !nodes || !nodes6 || !values) return undefined;
  const token = bytesOf(body.get("token"), 1, MAX_TOKEN);
  if (body.has("token") && !token) return undefined;
  const ip = bytesOf(root.get("ip"), 6, 18);
  return { kind: "response", tid, id, nodes, nodes6, values, token, ip: ip && readAddress(ip) };
}

function refusal(root: BencodeDict, tid: Uint8Array): Refusal {
  const body = root.get("e");
  const [code, message] = Array.isArray(body) ? body : [];
  return {
    kind: "error",
    tid,
    code: typeof code === "number" ? code : 0,
    message: message instanceof Uint8Array ? cleanLine(message, 100) : "",
  };
}

function contactsOf(value: BencodeValue | undefined, family: 4 | 6): Contact[] | undefined {
  if (value === undefined) return [];
  return value instanceof Uint8Array ? decodeContacts(value, family, MAX_CONTACTS) : undefined;
}

/** A list of 6 or 18 bytes each, possibly mixed (BEP 32); entries of other lengths are passed over. */
function valuesOf(value: BencodeValue | undefined): Address[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return undefined;
  const out: Address[] = [];
  for (const item of value) {
    if (!(item instanceof Uint8Array)) return undefined;
    const address = readAddress(item);
    if (address && out.length < MAX_VALUES) out.push(address);
  }
  return out;
}

function wantOf(args: BencodeDict): Want | undefined {
  const list = args.get("want");
  if (!Array.isArray(list)) return undefined;
  const has = (digit: number) =>
    list.some((item) =>
      item instanceof Uint8Array && item.length === 2 && item[0] === 0x6e && item[1] === digit
    );
  return { n4: has(0x34), n6: has(0x36) };
}

function idOf(value: BencodeValue | undefined): Uint8Array | undefined {
  return bytesOf(value, ID_BYTES, ID_BYTES);
}

/** A copy of a string of `min` to `max` bytes. */
function bytesOf(
  value: BencodeValue | undefined,
  min: number,
  max: number,
): Uint8Array | undefined {
  if (!(value instanceof Uint8Array) || value.length < min || value.length > max) return undefined;
  return value.slice();
}

function isSet(value: BencodeValue | undefined): boolean {
  return value === 1;
}
