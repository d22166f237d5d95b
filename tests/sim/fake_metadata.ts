/**
 * How a scripted peer speaks `ut_metadata` (BEP 9, 10), honestly or not. By hand, without the wire room.
 *
 * @module
 */

import { concat } from "../../src/base/bytes.ts";
import { ID, message } from "./raw_wire.ts";
import type { TestTorrent } from "./torrents.ts";

/** How a peer gives metadata; what is left out is honest. */
export interface MetadataBehaviour {
  /** The size it claims; 0 says none. */
  readonly size?: number;
  /** "lies" changes a byte of each part, "mute" answers nothing, "rejects" refuses, "floods" says it 50 times. */
  readonly manner?: "honest" | "lies" | "mute" | "rejects" | "floods" | "other-size" | "long";
  /** Lies in these parts only. */
  readonly only?: (part: number) => boolean;
  /** Time per part (0). */
  readonly partMs?: number;
}

const PART = 16_384;
/** The id the peer gives to ut_metadata. */
export const THEIR_ID = 9;
/** Our id of ut_metadata, as the program says it. */
const OUR_ID = 2;

const ascii = (text: string) => new TextEncoder().encode(text);

/** The extension handshake of such a peer. */
export function metadataHello(torrent: TestTorrent, behaviour: MetadataBehaviour): Uint8Array {
  const size = behaviour.size ?? torrent.metainfo.infoBytes.length;
  const claim = size === 0 ? "" : `13:metadata_sizei${size}e`;
  return extended(0, ascii(`d1:md11:ut_metadatai${THEIR_ID}ee${claim}e`));
}

/** The part that a message of ours asks for, `undefined` where it asks for none. */
export function askedPart(payload: Uint8Array): number | undefined {
  if (payload[0] !== THEIR_ID) return undefined;
  const match = /^d8:msg_typei0e5:piecei(\d+)ee$/.exec(
    new TextDecoder().decode(payload.subarray(1)),
  );
  return match ? Number(match[1]) : undefined;
}

/** What such a peer says to a request. */
export function metadataAnswers(
  torrent: TestTorrent,
  part: number,
  behaviour: MetadataBehaviour,
): Uint8Array[] {
  const { manner = "honest", only = () => true } = behaviour;
  const info = torrent.metainfo.infoBytes;
  const size = behaviour.size ?? info.length;
  if (manner === "mute") return [];
  if (manner === "rejects") return [extended(OUR_ID, ascii(`d8:msg_typei2e5:piecei${part}ee`))];
  const claimed = manner === "other-size" ? size + 1 : size;
  const length = Math.min(PART, size - part * PART) + (manner === "long" ? 1 : 0);
  const data = new Uint8Array(Math.max(0, length));
  data.set(info.subarray(part * PART, part * PART + data.length).subarray(0, data.length));
  if (manner === "lies" && only(part)) data[data.length >> 1]! ^= 0x55;
  const head = ascii(`d8:msg_typei1e5:piecei${part}e10:total_sizei${claimed}ee`);
  const answer = extended(OUR_ID, concat([head, data]));
  return Array.from({ length: manner === "floods" ? 50 : 1 }, () => answer);
}

function extended(id: number, payload: Uint8Array): Uint8Array {
  return message(ID.extended, [id, ...payload]);
}
