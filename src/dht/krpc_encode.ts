/**
 * KRPC messages as datagrams: our queries, and the answers to those of others.
 *
 * The size of an answer is known before it is built, so that its lists can be cut to what may be sent: at
 * most {@link MAX_ANSWER} bytes to those who have shown that their address is theirs, and less than three
 * times the question to everyone else, whose address may be that of a victim. Keys are written in their
 * canonical order, one after the other, by functions that know them.
 *
 * https://www.bittorrent.org/beps/bep_0005.html
 *
 * @module
 */

import { putUint16 } from "../base/bytes.ts";
import { VERSION } from "../base/version.ts";
import type { Want } from "./krpc.ts";

/** The largest datagram that may be sent (BEP 32). */
export const MAX_ANSWER = 1024;

/** Who we are: `SL` and two bytes of version (BEP 5). */
const VERSION_BYTES = Uint8Array.of(0x53, 0x4c, ...VERSION.split(".").slice(0, 2).map(Number));

/** A query and its arguments. */
export type Question =
  | { readonly method: "ping" }
  | { readonly method: "find_node"; readonly target: Uint8Array; readonly want?: Want | undefined }
  | {
    readonly method: "get_peers";
    readonly infoHash: Uint8Array;
    readonly want?: Want | undefined;
  }
  | {
    readonly method: "announce_peer";
    readonly infoHash: Uint8Array;
    readonly token: Uint8Array;
    readonly port: number;
    /** The port this datagram comes from counts, and `port` does not. */
    readonly isPortImplied: boolean;
    readonly isSeed: boolean;
  };

/** What a query carries beside its arguments. */
export interface QueryEnvelope {
  /** The transaction id. */
  readonly tid: Uint8Array;
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** We answer no queries (BEP 43). */
  readonly isReadOnly: boolean;
}

/** The datagram of a query. */
export function encodeQuery(question: Question, envelope: QueryEnvelope): Uint8Array {
  out.text("d1:ad2:id").bytes(envelope.id);
  switch (question.method) {
    case "ping":
      break;
    case "find_node":
      out.text("6:target").bytes(question.target);
      want(question.want);
      break;
    case "get_peers":
      out.text("9:info_hash").bytes(question.infoHash);
      want(question.want);
      break;
    case "announce_peer":
      out.text(`12:implied_porti${question.isPortImplied ? 1 : 0}e`);
      out.text("9:info_hash").bytes(question.infoHash);
      out.text(`4:porti${question.port}e`);
      if (question.isSeed) out.text("4:seedi1e");
      out.text("5:token").bytes(question.token);
  }
  out.text("e1:q").string(question.method);
  if (envelope.isReadOnly) out.text("2:roi1e");
  out.text("1:t").bytes(envelope.tid);
  return out.text("1:v").bytes(VERSION_BYTES).text("1:y1:qe").take();
}

function want(want: Want | undefined): void {
  if (want) out.text(`4:wantl${want.n4 ? "2:n4" : ""}${want.n6 ? "2:n6" : ""}e`);
}

/** What an answer carries. Lists are compact. */
export interface Answer {
  /** Of the query. */
  readonly tid: Uint8Array;
  /** Our node id, 20 bytes. */
  readonly id: Uint8Array;
  /** The IP address that the query came from, 4 or 16 bytes (BEP 42). */
  readonly ip: Uint8Array;
  /** And its port. */
  readonly port: number;
  /** What an announce must show. */
  readonly token?: Uint8Array | undefined;
  /** Contacts of IPv4, 26 bytes each. */
  readonly nodes?: Uint8Array | undefined;
  /** Contacts of IPv6, 38 bytes each. */
  readonly nodes6?: Uint8Array | undefined;
  /** Peers, 6 or 18 bytes each. */
  readonly values?: readonly Uint8Array[] | undefined;
  /** Bloom filter of seeds, 256 bytes (BEP 33). */
  readonly seedFilter?: Uint8Array | undefined;
  /** Bloom filter of peers that are no seeds, 256 bytes (BEP 33). */
  readonly peerFilter?: Uint8Array | undefined;
}

/** The datagram of an answer. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const { ip, port, token, nodes, nodes6, values, seedFilter, peerFilter } = answer;
  out.text("d2:ip").endpoint(ip, port).text("1:rd");
  if (peerFilter) out.text("4:BFpe").bytes(peerFilter);
  if (seedFilter) out.text("4:BFsd").bytes(seedFilter);
  out.text("2:id").bytes(answer.id);
  if (nodes) out.text("5:nodes").bytes(nodes);
  if (nodes6) out.text("6:nodes6").bytes(nodes6);
  if (token) out.text("5:token").bytes(token);
  if (values) {
    out.text("6:valuesl");
    for (const value of values) out.bytes(value);
    out.text("e");
  }
  out.text("e1:t").bytes(answer.tid);
  return out.text("1:v").bytes(VERSION_BYTES).text("1:y1:re").take();
}

/** Bytes of an answer that has only the keys every answer has, and the token if `tokenBytes` is not 0. */
export function answerBytes(tidBytes: number, ipBytes: number, tokenBytes: number): number {
  // d 2:ip… 1:rd 2:id20:… [5:token…] e 1:t… 1:v4:…… 1:y1:r e
  const token = tokenBytes === 0 ? 0 : 7 + stringBytes(tokenBytes);
  return 1 + 4 + stringBytes(ipBytes) + 4 + 4 + 23 + token + 1 + 3 + stringBytes(tidBytes) + 9 + 6 +
    1;
}

/** Bytes that a key and its string take in bencode. */
export function entryBytes(key: string, valueBytes: number): number {
  return stringBytes(key.length) + stringBytes(valueBytes);
}

/** Bytes of the key `values` and a list of `count` peers of `bytesEach` (6 or 18). */
export function valuesBytes(count: number, bytesEach: number): number {
  return count === 0 ? 0 : 8 + 2 + count * stringBytes(bytesEach);
}

/** The datagram of a refusal: 202 server, 203 protocol, 204 method unknown; the text is ASCII. */
export function encodeRefusal(tid: Uint8Array, code: number, message: string): Uint8Array {
  out.text(`d1:eli${code}e`).string(message).text("e1:t").bytes(tid);
  return out.text("1:y1:ee").take();
}

function stringBytes(length: number): number {
  return length + 1 + (length < 10 ? 1 : length < 100 ? 2 : length < 1000 ? 3 : 4);
}

/** Writes bencode piece by piece. */
class Writer {
  /** Larger than any message of ours; what would not fit is a bug and throws a RangeError. */
  readonly #bytes = new Uint8Array(4096);
  #length = 0;

  /** ASCII as it is. */
  text(ascii: string): this {
    for (let i = 0; i < ascii.length; i++) this.#bytes[this.#length++] = ascii.charCodeAt(i);
    return this;
  }

  /** ASCII with its length before it. */
  string(ascii: string): this {
    return this.text(`${ascii.length}:${ascii}`);
  }

  /** Bytes with their length before them. */
  bytes(bytes: Uint8Array): this {
    this.text(`${bytes.length}:`);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** An IP address and port as one string. */
  endpoint(ip: Uint8Array, port: number): this {
    this.text(`${ip.length + 2}:`);
    this.#bytes.set(ip, this.#length);
    putUint16(this.#bytes, this.#length + ip.length, port);
    this.#length += ip.length + 2;
    return this;
  }

  /** What was written, as a new array; the writer is empty then. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}

/** One for all, since a message is written in one go. */
const out = new Writer();
