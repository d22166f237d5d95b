/**
 * Turns owed blocks into bytes for one peer: a run of neighbouring blocks is read with one call and leaves
 * as one write, each block behind its header `<len=0009+X><id=7><index><begin>` (BEP 3).
 *
 * Two pieces of memory per serving connection, as long as the connection; nothing is read that a CANCEL or a
 * choke has taken back before its turn came.
 *
 * @module
 */

import { putUint32 } from "../base/bytes.ts";
import { KIB, type PieceIndex } from "../base/units.ts";
import type { Peer } from "../swarm/peer.ts";
import type { Owed } from "../swarm/uploads.ts";

/** Bytes read and sent at a time. */
export const RUN_BYTES: number = 256 * KIB;
const HEADER_BYTES = 13;
const PIECE_ID = 7;

/** Reads bytes of a verified piece; rejects when they are not there any more. */
export type ReadBlocks = (piece: PieceIndex, begin: number, into: Uint8Array) => Promise<void>;

/** What is to be written next. */
export interface OutgoingRun {
  /** Whole messages; a view that is valid until the next run. */
  readonly bytes: Uint8Array;
  /** Payload bytes among them. */
  readonly payload: number;
}

/** Sends the blocks one peer is owed. */
export class BlockSender {
  readonly #peer: Peer;
  readonly #read: ReadBlocks;
  #data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #frames: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(peer: Peer, read: ReadBlocks) {
    this.#peer = peer;
    this.#read = read;
  }

  /** The next run, or `undefined` when nothing is owed. @throws what reading throws; the run is gone then. */
  async next(): Promise<OutgoingRun | undefined> {
    const run = this.#peer.owed.takeRun(RUN_BYTES);
    const first = run[0];
    if (first === undefined) return undefined;
    let payload = 0;
    for (const { length } of run) payload += length;
    if (this.#data.length < payload) this.#data = new Uint8Array(payload);
    const data = this.#data.subarray(0, payload);
    await this.#read(first.piece as PieceIndex, first.begin, data);
    return { bytes: this.#frame(run, data), payload };
  }

  #frame(run: readonly Owed[], data: Uint8Array): Uint8Array {
    const total = data.length + run.length * HEADER_BYTES;
    if (this.#frames.length < total) this.#frames = new Uint8Array(total);
    const out = this.#frames;
    let at = 0;
    let from = 0;
    for (const { piece, begin, length } of run) {
      putUint32(out, at, 9 + length);
      out[at + 4] = PIECE_ID;
      putUint32(out, at + 5, piece);
      putUint32(out, at + 9, begin);
      out.set(data.subarray(from, from + length), at + HEADER_BYTES);
      at += HEADER_BYTES + length;
      from += length;
    }
    return out.subarray(0, total);
  }
}
