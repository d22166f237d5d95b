/**
 * The open pieces: which block is free, asked for or here, who was asked and who gave it.
 *
 * ```
 * block state   FREE ──request──▶ ASKED ──arrives──▶ HERE
 *                 ◀──release──────┘
 * asked of      first[block], and in the endgame also second[block] (peer slots, -1 for nobody)
 * given by      giver[block] (names that outlive the connection, for blame)
 * ```
 *
 * Invariants: `free + asked + here = blocks`; a block that is HERE is asked of nobody; a piece is in
 * at most one of: not open, open, with the disk. Memory is bounded by the disk's buffers: a piece opens
 * only when one can be had. Hot path: per-block work allocates nothing.
 *
 * @module
 */

import { BLOCK_BYTES, type Millis, type PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { PieceBuffer } from "../ports/disk.ts";

/** State of a block: nobody was asked. */
export const FREE = 0;
/** State of a block: asked for and not here. */
export const ASKED = 1;
/** State of a block: its bytes are in the buffer. */
export const HERE = 2;

/** A piece that is being downloaded. */
export interface OpenPiece {
  /** Which piece. */
  piece: PieceIndex;
  /** Its memory. */
  buffer: PieceBuffer;
  /** Blocks it has; the tables below may be longer. */
  blocks: number;
  /** {@link FREE}, {@link ASKED} or {@link HERE} per block. */
  readonly state: Uint8Array;
  /** Peer slot asked first, per block. */
  readonly first: Int16Array;
  /** Peer slot asked second (endgame), per block. */
  readonly second: Int16Array;
  /** Giver of each block that is here. */
  readonly giver: Int32Array;
  /** Blocks nobody was asked for. */
  free: number;
  /** Blocks whose bytes are here. */
  here: number;
  /** No block below this one is free. */
  cursor: number;
  /** Slot of the only peer that may take part, -1 for any: a suspect proves itself alone. */
  exclusive: number;
  /** When it was opened. */
  openedAt: Millis;
  /** When it last got a block. */
  lastBlockAt: Millis;
  /** The disk has it: nothing more is taken. */
  isWithDisk: boolean;
  /** Place in {@link Assembly.withFree}, -1 while no block is free. */
  freeAt: number;
}

/** The set of open pieces. */
export class Assembly {
  readonly #map: PieceMap;
  readonly #at: Int32Array;
  readonly #open: OpenPiece[] = [];
  // Tables of closed pieces, to be used again: with 16 KiB pieces a piece is opened per block.
  readonly #spare: OpenPiece[] = [];
  readonly #free: OpenPiece[] = [];
  #pending = 0;

  constructor(map: PieceMap) {
    this.#map = map;
    this.#at = new Int32Array(map.pieceCount).fill(-1);
  }

  /** Open pieces, those with the disk included; order means nothing. Not to be changed. */
  get all(): readonly OpenPiece[] {
    return this.#open;
  }

  /** Open pieces with a free block; few, since a piece is opened only when these do not serve. Not to be changed. */
  get withFree(): readonly OpenPiece[] {
    return this.#free;
  }

  /** Open pieces that the disk has. */
  get withDisk(): number {
    return this.#pending;
  }

  /** The open piece, if it is open. */
  get(piece: number): OpenPiece | undefined {
    const at = this.#at[piece];
    return at === undefined || at < 0 ? undefined : this.#open[at];
  }

  /** Opens a piece; the buffer is the assembly's until the piece goes to the disk or is dropped. */
  open(piece: PieceIndex, buffer: PieceBuffer, now: Millis): OpenPiece {
    const blocks = this.#map.blockCount(piece);
    const open = this.#spare.pop() ?? newTables(piece, buffer, this.#map.blocksPerPiece);
    open.piece = piece;
    open.buffer = buffer;
    open.blocks = open.free = blocks;
    open.here = open.cursor = 0;
    open.exclusive = -1;
    open.openedAt = open.lastBlockAt = now;
    open.isWithDisk = false;
    open.state.fill(FREE);
    open.first.fill(-1);
    open.second.fill(-1);
    open.giver.fill(-1);
    this.#listFree(open);
    this.#at[piece] = this.#open.length;
    this.#open.push(open);
    return open;
  }

  /** Takes the first free block for a peer; the piece must have one. */
  ask(open: OpenPiece, slot: number): number {
    let block = open.cursor;
    while (open.state[block] !== FREE) block++;
    open.state[block] = ASKED;
    open.first[block] = slot;
    if (--open.free === 0) this.#unlistFree(open);
    open.cursor = block + 1;
    return block;
  }

  /** Asks a second peer for a block that is asked of another and of nobody else. */
  askTwice(open: OpenPiece, block: number, slot: number): void {
    open.second[block] = slot;
  }

  /** Gives up what was asked of a peer; the block is free again unless another peer was asked too. */
  release(open: OpenPiece, block: number, slot: number): void {
    if (open.state[block] !== ASKED) return;
    if (open.second[block] === slot) open.second[block] = -1;
    else if (open.first[block] === slot) {
      open.first[block] = open.second[block]!;
      open.second[block] = -1;
    } else return;
    if (open.first[block]! >= 0) return;
    open.state[block] = FREE;
    if (open.free++ === 0) this.#listFree(open);
    if (block < open.cursor) open.cursor = block;
  }

  /** Copies a block that is not here yet into its place; true when the piece is whole. */
  put(open: OpenPiece, block: number, data: Uint8Array, giver: number, now: Millis): boolean {
    open.buffer.put(data, block * BLOCK_BYTES);
    if (open.state[block] === FREE && --open.free === 0) this.#unlistFree(open);
    open.state[block] = HERE;
    open.first[block] = -1;
    open.second[block] = -1;
    open.giver[block] = giver;
    open.here++;
    open.lastBlockAt = now;
    return open.here === open.blocks;
  }

  /** Throws away what a giver gave, as lies tend to come in numbers; returns how many bytes that was. */
  discard(open: OpenPiece, giver: number): number {
    let bytes = 0;
    for (let block = 0; block < open.blocks; block++) {
      if (open.state[block] !== HERE || open.giver[block] !== giver) continue;
      open.state[block] = FREE;
      open.giver[block] = -1;
      open.here--;
      if (open.free++ === 0) this.#listFree(open);
      if (block < open.cursor) open.cursor = block;
      bytes += this.#map.blockBytes(open.piece, block);
    }
    return bytes;
  }

  /** Of the pieces that nobody is asked for, and that have nothing or got nothing since, the least complete. */
  idlest(since: Millis): OpenPiece | undefined {
    let idle: OpenPiece | undefined;
    for (const open of this.#open) {
      const isAsked = open.here + open.free < open.blocks;
      if (isAsked || open.isWithDisk || (open.here > 0 && open.lastBlockAt > since)) continue;
      if (idle === undefined || open.here < idle.here) idle = open;
    }
    return idle;
  }

  /** The disk takes the piece. */
  hand(open: OpenPiece): void {
    open.isWithDisk = true;
    this.#pending++;
  }

  /** Closes a piece and gives its memory back. */
  close(open: OpenPiece): void {
    const at = this.#at[open.piece]!;
    const last = this.#open.pop()!;
    if (last !== open) {
      this.#open[at] = last;
      this.#at[last.piece] = at;
    }
    this.#at[open.piece] = -1;
    this.#unlistFree(open);
    if (open.isWithDisk) this.#pending--;
    open.buffer.release();
    if (this.#spare.length * this.#map.blocksPerPiece < SPARE_BLOCKS) this.#spare.push(open);
  }

  #listFree(open: OpenPiece): void {
    open.freeAt = this.#free.length;
    this.#free.push(open);
  }

  #unlistFree(open: OpenPiece): void {
    if (open.freeAt < 0) return;
    const last = this.#free.pop()!;
    if (last !== open) {
      this.#free[open.freeAt] = last;
      last.freeAt = open.freeAt;
    }
    open.freeAt = -1;
  }

  /** Proves the invariants; for tests. */
  checkInvariants(): void {
    for (const open of this.#open) {
      let free = 0;
      let here = 0;
      for (let block = 0; block < open.blocks; block++) {
        const state = open.state[block];
        if (state === FREE) free++;
        if (state === HERE) here++;
        const asked = open.first[block]! >= 0;
        if (asked !== (state === ASKED)) {
          throw new Error(`block ${block} of ${open.piece}: asked of nobody`);
        }
        if (!asked && open.second[block]! >= 0) {
          throw new Error(`block ${block}: second without first`);
        }
        if (state === FREE && block < open.cursor) {
          throw new Error(`block ${block} below the cursor`);
        }
      }
      if (free !== open.free || here !== open.here) {
        throw new Error(`piece ${open.piece}: miscounted`);
      }
      if ((open.freeAt >= 0) !== (free > 0)) throw new Error(`piece ${open.piece}: free list`);
      if (this.get(open.piece) !== open) throw new Error(`piece ${open.piece}: lost`);
    }
  }
}

/** Tables kept for reuse have so many blocks at the most: enough for what comes and goes within a moment. */
const SPARE_BLOCKS = 4096;

function newTables(piece: PieceIndex, buffer: PieceBuffer, blocks: number): OpenPiece {
  return {
    piece,
    buffer,
    blocks,
    state: new Uint8Array(blocks),
    first: new Int16Array(blocks),
    second: new Int16Array(blocks),
    giver: new Int32Array(blocks),
    free: blocks,
    here: 0,
    cursor: 0,
    exclusive: -1,
    openedAt: 0,
    lastBlockAt: 0,
    isWithDisk: false,
    freeAt: -1,
  };
}
