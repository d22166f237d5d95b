/**
 * Which blocks to ask of a peer next.
 *
 * In this order: the piece it works on; any open piece it can help to finish; a new piece, the rarest it
 * has (the first few at random, so that a new swarm spreads out), or the lowest where pieces are wanted in
 * order; and when nothing is left to open, a block that somebody else was asked for (endgame; also while
 * no memory can be had, so that slow peers cannot hold all of it). A peer none of whose pieces has verified
 * yet takes part in two pieces at most; one on parole loads pieces alone.
 *
 * A decision costs O(1) amortised: the walk down the rarest pieces is bounded, and the fallback through
 * a peer's own pieces goes on where it last ended. Hot path: nothing is allocated per block.
 *
 * @module
 */

import type { Millis, PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { PieceBuffer } from "../ports/disk.ts";
import type { Random } from "../ports/random.ts";
import type { Assembly, OpenPiece } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { Peer } from "./peer.ts";

/** Pieces picked at random before rarest first begins. */
const RANDOM_FIRST_PIECES = 4;
/** How far down the rarest pieces a decision looks before it goes through the peer's own. */
const MAX_WALK = 64;
/** Pieces an unproven peer takes part in. */
const MAX_TRIAL_PIECES = 2;

/** What the picker works with. */
export interface PickerParts {
  readonly map: PieceMap;
  readonly assembly: Assembly;
  readonly availability: Availability;
  readonly random: Random;
  /** A buffer for a new piece, or `undefined` while memory is short. */
  readonly allocate: () => PieceBuffer | undefined;
  /** Pieces in order. */
  readonly isSequential: boolean;
}

/** Chooses blocks. */
export class Picker {
  readonly #parts: PickerParts;
  #opened = 0;

  constructor(parts: PickerParts) {
    this.#parts = parts;
  }

  /** Asks the peer for blocks until `depth` are in flight or nothing is left for it. */
  fill(peer: Peer, now: Millis): void {
    const room = peer.depth - peer.requests.length;
    // Requests leave in batches: a write per block would cost more than the block.
    if (peer.requests.length > 0 && room < peer.depth >>> 3) return;
    peer.isStarved = false;
    if (!peer.amInterested || (peer.peerChoking && peer.allowedFast.size === 0)) return;
    while (peer.requests.length < peer.depth) {
      const open = this.#openFor(peer, now);
      if (open === undefined) break;
      this.#request(peer, open, this.#parts.assembly.ask(open, peer.slot), now);
    }
    if (peer.requests.length < peer.depth) this.#fillTwice(peer, now);
  }

  #request(peer: Peer, open: OpenPiece, block: number, now: Millis): void {
    peer.requests.push(open.piece, block, now);
    const { map } = this.#parts;
    peer.encoder.request(open.piece, block * 16_384, map.blockBytes(open.piece, block));
  }

  /** An open piece with a free block for this peer, opened if need be. */
  #openFor(peer: Peer, now: Millis): OpenPiece | undefined {
    const { assembly } = this.#parts;
    const current = peer.current < 0 ? undefined : assembly.get(peer.current);
    if (current !== undefined && current.free > 0 && this.#mayJoin(peer, current)) return current;
    let best: OpenPiece | undefined;
    for (const open of assembly.withFree) {
      if (!this.#mayJoin(peer, open)) continue;
      // The one nearest to its end first: memory comes back soonest.
      if (best === undefined || open.free < best.free) best = open;
    }
    best ??= this.#openNew(peer, now);
    if (best !== undefined) this.#join(peer, best);
    return best;
  }

  #mayJoin(peer: Peer, open: OpenPiece): boolean {
    if (open.isWithDisk || !peer.have.has(open.piece) || !peer.mayRequest(open.piece)) return false;
    if (open.exclusive >= 0) return open.exclusive === peer.slot;
    // With nothing new to open, a suspect may help after all: blame goes by block.
    if (peer.isOnParole && this.#parts.availability.length > 0) return false;
    return peer.isTrusted || peer.trial.includes(open.piece) ||
      peer.trial.length < MAX_TRIAL_PIECES;
  }

  #join(peer: Peer, open: OpenPiece): void {
    peer.current = open.piece;
    if (!peer.isTrusted && !peer.trial.includes(open.piece)) peer.trial.push(open.piece);
  }

  #openNew(peer: Peer, now: Millis): OpenPiece | undefined {
    const { assembly, availability } = this.#parts;
    if (availability.length === 0) return undefined;
    if (!peer.isTrusted && peer.trial.length >= MAX_TRIAL_PIECES) return undefined;
    const piece = this.#choose(peer);
    if (piece === undefined) return undefined;
    const buffer = this.#parts.allocate();
    if (buffer === undefined) {
      peer.isStarved = true;
      return undefined;
    }
    availability.leave(piece);
    this.#opened++;
    const open = assembly.open(piece, buffer, now);
    if (peer.isOnParole) open.exclusive = peer.slot;
    return open;
  }

  #choose(peer: Peer): PieceIndex | undefined {
    if (peer.peerChoking) return this.#chooseAllowed(peer);
    const { availability, isSequential, random } = this.#parts;
    if (isSequential) return this.#next(peer, 0);
    const { length } = availability;
    if (this.#opened < RANDOM_FIRST_PIECES) {
      const piece = availability.at(random.below(length));
      if (peer.have.has(piece)) return piece;
    }
    const walk = Math.min(length, MAX_WALK);
    for (let i = 0; i < walk; i++) {
      const piece = availability.at(i);
      if (peer.have.has(piece)) return piece;
    }
    if (walk === length) return undefined;
    const found = this.#next(peer, peer.cursor) ?? this.#next(peer, 0);
    if (found !== undefined) peer.cursor = found + 1;
    return found;
  }

  #chooseAllowed(peer: Peer): PieceIndex | undefined {
    for (const piece of peer.allowedFast) {
      if (this.#parts.availability.pickable.has(piece) && peer.have.has(piece)) {
        return piece as PieceIndex;
      }
    }
    return undefined;
  }

  /** The first piece from `from` on that may be opened and that the peer has; eight pieces a step. */
  #next(peer: Peer, from: number): PieceIndex | undefined {
    const pickable = this.#parts.availability.pickable.bytes;
    const have = peer.have.bytes;
    for (let at = from >>> 3; at < have.length; at++) {
      let both = have[at]! & pickable[at]!;
      if (at === from >>> 3) both &= 0xff >>> (from & 7);
      if (both !== 0) return (at * 8 + Math.clz32(both) - 24) as PieceIndex;
    }
    return undefined;
  }

  /** Asks for blocks that somebody else was asked for, where nothing else is left. */
  #fillTwice(peer: Peer, now: Millis): void {
    const { assembly, availability } = this.#parts;
    const isMemoryHeld = peer.isStarved && peer.requests.length === 0 && assembly.withDisk === 0;
    if (availability.length > 0 && !isMemoryHeld) return;
    const pieces = assembly.all.length;
    if (pieces === 0) return;
    const limit = Math.min(peer.depth, peer.requests.length + MAX_TWICE);
    const start = this.#parts.random.below(pieces);
    for (let i = 0; i < pieces && peer.requests.length < limit; i++) {
      const open = assembly.all[(start + i) % pieces]!;
      if (open.isWithDisk || open.here + open.free === open.blocks || !this.#mayJoin(peer, open)) {
        continue;
      }
      while (peer.requests.length < limit) {
        const block = assembly.askTwice(open, peer.slot);
        if (block < 0) break;
        this.#join(peer, open);
        this.#request(peer, open, block, now);
      }
    }
  }
}

/** Blocks asked a second time in one go: the endgame is short and what arrives twice is waste. */
const MAX_TWICE = 16;
