/**
 * The message of `lt_donthave` (BEP 54, https://www.bittorrent.org/beps/bep_0054.html): the sender takes
 * back that it has a piece. `<len=0006><id=20><extended id><index>`; here is the payload behind the ids.
 *
 * @module
 */

import { getUint32, putUint32 } from "../base/bytes.ts";
import { badPayload } from "./payload.ts";

/** "The four-byte index of the piece that is no longer available at the sender." */
export function encodeDontHave(index: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(4);
  putUint32(out, 0, index);
  return out;
}

/**
 * The index, a uint32 that is not yet checked against the torrent.
 *
 * @throws {PeerError} `bad-message` where the payload is not four bytes.
 */
export function decodeDontHave(payload: Uint8Array): number {
  if (payload.length !== 4) throw badPayload(`lt_donthave has ${payload.length} bytes`);
  return getUint32(payload, 0);
}
