/**
 * What the tests of this room share: drawings of sets, peers, memory for pieces, the true content of a torrent.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Bitfield } from "../../src/base/bitfield.ts";
import { BLOCK_BYTES, type PieceIndex } from "../../src/base/units.ts";
import type { PieceMap } from "../../src/metainfo/piece_map.ts";
import type { PieceBuffer } from "../../src/ports/disk.ts";
import { type Assembly, FREE, HERE, type OpenPiece } from "../../src/swarm/assembly.ts";
import { Peer, type PeerInit } from "../../src/swarm/peer.ts";
import { Encoder } from "../../src/wire/encoder.ts";

/** A set drawn with an `x` for each that is in it: `"x xx"`. */
export function bits(drawn: string): Bitfield {
  const out = new Bitfield(drawn.length);
  for (let i = 0; i < drawn.length; i++) if (drawn[i] === "x") out.add(i);
  return out;
}

/** The drawing of a set. */
export function draw(set: Bitfield): string {
  return Array.from({ length: set.length }, (_, i) => (set.has(i) ? "x" : " ")).join("");
}

/** A peer that we have dialled, with both kinds of extensions, of a torrent of four pieces. */
export function newPeer(init: Partial<PeerInit> = {}): Peer {
  return new Peer({
    giver: 1,
    address: { host: "9.0.0.1", port: 6881 },
    peerId: new Uint8Array(20),
    supportsFast: true,
    supportsExtended: true,
    isOutgoing: true,
    encoder: new Encoder(),
    pieceCount: 4,
    now: 0,
    ...init,
  });
}

/** Memory for `count` pieces of `pieceBytes`; releasing twice is an error. */
export class Pool {
  readonly #free: Uint8Array[] = [];
  /** Buffers that are out. */
  out = 0;

  constructor(count: number, pieceBytes: number) {
    for (let i = 0; i < count; i++) this.#free.push(new Uint8Array(pieceBytes));
  }

  /** Buffers that can be had. */
  get free(): number {
    return this.#free.length;
  }

  /** A buffer, or `undefined` when all are out. */
  readonly allocate = (): PieceBuffer | undefined => {
    const bytes = this.#free.pop();
    if (bytes === undefined) return undefined;
    this.out++;
    let isOut = true;
    const release = () => {
      if (!isOut) throw new Error("a buffer was released twice");
      isOut = false;
      this.out--;
      this.#free.push(bytes);
    };
    return { bytes, put: (data, at) => bytes.set(data, at), release };
  };
}

/** The true bytes of a block: its piece and number, over and over. */
export function trueBlock(map: PieceMap, piece: number, block: number): Uint8Array {
  const out = new Uint8Array(map.blockBytes(map.index(piece)!, block)).fill(block + 1);
  out[0] = piece;
  return out;
}

/** Whether the block at its place in a piece's buffer is the true one. */
export function isTrue(map: PieceMap, piece: number, block: number, bytes: Uint8Array): boolean {
  const at = block * BLOCK_BYTES;
  const length = map.blockBytes(map.index(piece)!, block);
  if (bytes[at] !== (piece & 0xff)) return false;
  for (let i = at + 1; i < at + length; i++) if (bytes[i] !== ((block + 1) & 0xff)) return false;
  return true;
}

/** SHA-1 of every block of a piece's buffer, as the disk gives them. */
export function blockDigests(map: PieceMap, piece: number, bytes: Uint8Array): Uint8Array {
  const index = map.index(piece)!;
  const out = new Uint8Array(20 * map.blockCount(index));
  for (let block = 0; block < map.blockCount(index); block++) {
    const at = block * BLOCK_BYTES;
    const part = bytes.subarray(at, at + map.blockBytes(index, block));
    out.set(createHash("sha1").update(part).digest(), 20 * block);
  }
  return out;
}

/**
 * Opens a piece in the state that is drawn, a sign a block: `.` free, `a` to `z` asked of slots 0 to 25,
 * `x` here (given by nobody).
 */
export function openDrawn(
  assembly: Assembly,
  piece: number,
  drawn: string,
  pool: Pool,
): OpenPiece {
  const open = assembly.open(piece as PieceIndex, pool.allocate()!, 0);
  const slots = [...drawn].map((sign) => Math.max(0, sign.charCodeAt(0) - 97));
  for (const slot of slots) assembly.ask(open, slot);
  const nothing = new Uint8Array(0);
  for (let block = 0; block < drawn.length; block++) {
    if (drawn[block] === ".") assembly.release(open, block, slots[block]!);
    if (drawn[block] === "x") assembly.put(open, block, nothing, -1, 0);
  }
  return open;
}

/** The drawing of an open piece; of two that were asked the first is shown. */
export function drawPiece(open: OpenPiece): string {
  let out = "";
  for (let block = 0; block < open.blocks; block++) {
    const state = open.state[block];
    if (state === FREE) out += ".";
    else out += state === HERE ? "x" : String.fromCharCode(97 + open.first[block]!);
  }
  return out;
}
