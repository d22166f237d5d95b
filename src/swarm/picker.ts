/**
 * Which blocks to ask of a peer next.
 *
 * Where somebody reads, the first piece ahead of the reader that is due (see `readers.ts`). Then, in this
 * order: the piece it works on; what it suggests (BEP 6); any open piece it can help to finish; a new
 * piece, the rarest it has (the first few at random, so that a new swarm spreads out), or the lowest where
 * pieces are wanted in order; and when nothing is left to open, a block that somebody else was asked for
 * (endgame; also while no memory can be had, so that slow peers cannot hold all of it). A peer none of whose
 * pieces has verified yet takes part in two pieces at most; one on parole loads pieces alone, and helps others
 * only where it finds none.
 *
 * A decision costs O(1) amortised: the walk down the rarest pieces is bounded, the fallback through a
 * peer's own pieces goes on where it last ended, and one that found nothing is not repeated before
 * something changes. Hot path: nothing is allocated per block.
 *
 * @module
 */

import { BLOCK_BYTES, type Millis, type PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { PieceBuffer } from "../ports/disk.ts";
import type { Random } from "../ports/random.ts";
import { ASKED, type Assembly, type OpenPiece } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { InFlight } from "./in_flight.ts";
import type { Peer } from "./peer.ts";
import { depthLimit, queueMs } from "./pipeline.ts";
import type { Reader, Readers } from "./readers.ts";

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
  readonly inFlight: InFlight;
  readonly readers: Pick<Readers, "all" | "endOf" | "lead" | "measure" | "isWindowed" | "isAtEnd">;
  readonly random: Random;
  /** A buffer for a new piece, or `undefined` while memory is short. */
  readonly allocate: () => PieceBuffer | undefined;
  /** Pieces in order. */
  readonly isSequential: boolean;
  /** Whether our own rate limit holds everything up: nothing is asked twice then. */
  readonly isThrottled?: ((now: Millis) => boolean) | undefined;
}

/** Chooses blocks. */
export class Picker {
  readonly #parts: PickerParts;
  #opened = 0;
  #openedAt: Millis = -Infinity;

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
    peer.encoder.request(open.piece, block * BLOCK_BYTES, map.blockBytes(open.piece, block));
  }

  /** An open piece with a free block for this peer, opened if need be. */
  #openFor(peer: Peer, now: Millis): OpenPiece | undefined {
    const { assembly, readers } = this.#parts;
    for (let i = 0; i < readers.all.length; i++) {
      const due = this.#dueFor(peer, readers.all[i]!, now);
      if (due !== undefined) {
        this.#join(peer, due);
        return due;
      }
    }
    const current = peer.current < 0 ? undefined : assembly.get(peer.current);
    if (current !== undefined && current.free > 0 && this.#mayJoin(peer, current)) return current;
    let best = this.#suggested(peer, now) ?? this.#nearestEnd(peer) ?? this.#openNew(peer, now);
    // A suspect that found nothing to load alone may look again.
    if (best === undefined && peer.isOnParole) best = this.#nearestEnd(peer);
    if (best !== undefined) this.#join(peer, best);
    return best;
  }

  /** What a reader needs first of what the peer can bring in time, or else can bring at all. */
  #dueFor(peer: Peer, reader: Reader, now: Millis): OpenPiece | undefined {
    const { readers } = this.#parts;
    const end = readers.endOf(reader);
    if (reader.next >= end) return undefined;
    const from = Math.min(reader.next + readers.lead(peer, reader), end - 1);
    // One that is slow finishes what it began.
    const current = from > reader.next ? this.#parts.assembly.get(peer.current) : undefined;
    if (current !== undefined && current.free > 0 && this.#mayJoin(peer, current)) return current;
    const inTime = this.#dueIn(peer, from, end, now);
    if (inTime !== undefined || from === reader.next) return inTime;
    // Better late than never, where nobody else seems to have it.
    const isLate = now - reader.waitsSince >= PATIENCE_MS;
    return isLate ? this.#dueIn(peer, reader.next, from, now) : undefined;
  }

  #dueIn(peer: Peer, from: number, end: number, now: Millis): OpenPiece | undefined {
    let first: OpenPiece | undefined;
    for (const open of this.#parts.assembly.withFree) {
      const { piece } = open;
      if (piece < from || piece >= end || (first !== undefined && piece > first.piece)) continue;
      if (this.#mayJoin(peer, open)) first = open;
    }
    if (peer.peerChoking || !this.#mayOpen(peer)) return first;
    const piece = this.#next(peer, from, first?.piece ?? end);
    return (piece === undefined ? undefined : this.#open(peer, piece, now)) ?? first;
  }

  /** What the peer suggests: a seed knows best what it has given to nobody. */
  #suggested(peer: Peer, now: Millis): OpenPiece | undefined {
    const { suggestions } = peer;
    const { assembly, availability } = this.#parts;
    if (this.#parts.isSequential || peer.peerChoking) return undefined;
    while (suggestions.length > 0) {
      const piece = suggestions[0]!;
      const isNew = peer.have.has(piece) && availability.pickable.has(piece);
      if (isNew && !this.#mayOpen(peer)) return undefined;
      suggestions.shift();
      const open = isNew ? this.#open(peer, piece, now) : assembly.get(piece);
      if (open !== undefined && open.free > 0 && this.#mayJoin(peer, open)) return open;
    }
    return undefined;
  }

  /** The open piece with the fewest free blocks that the peer may join: its memory comes back soonest. */
  #nearestEnd(peer: Peer): OpenPiece | undefined {
    let best: OpenPiece | undefined;
    for (const open of this.#parts.assembly.withFree) {
      if ((best === undefined || open.free < best.free) && this.#mayJoin(peer, open)) best = open;
    }
    return best;
  }

  #mayJoin(peer: Peer, open: OpenPiece): boolean {
    if (open.isWithDisk || !peer.have.has(open.piece) || !peer.mayRequest(open.piece)) return false;
    if (open.exclusive >= 0) return open.exclusive === peer.slot;
    if (peer.isOnParole && !this.#mayHelp(peer)) return false;
    return peer.isTrusted || peer.trial.includes(open.piece) ||
      peer.trial.length < MAX_TRIAL_PIECES;
  }

  /** Whether a suspect can load nothing alone, so that it may join others: blame goes by block. */
  #mayHelp(peer: Peer): boolean {
    return this.#isDry(peer) || (peer.isStarved && peer.requests.length === 0);
  }

  /** Whether there is nothing to open that the peer has, as far as is known. */
  #isDry(peer: Peer): boolean {
    const { availability } = this.#parts;
    return availability.length === 0 || peer.dryAt === availability.entries;
  }

  #join(peer: Peer, open: OpenPiece): void {
    peer.current = open.piece;
    if (!peer.isTrusted && !peer.trial.includes(open.piece)) peer.trial.push(open.piece);
  }

  #openNew(peer: Peer, now: Millis): OpenPiece | undefined {
    if (!this.#mayOpen(peer)) return undefined;
    const piece = peer.peerChoking ? this.#chooseAllowed(peer) : this.#choose(peer);
    return piece === undefined ? undefined : this.#open(peer, piece, now);
  }

  #mayOpen(peer: Peer): boolean {
    return !this.#isDry(peer) && (peer.isTrusted || peer.trial.length < MAX_TRIAL_PIECES);
  }

  #open(peer: Peer, piece: PieceIndex, now: Millis): OpenPiece | undefined {
    const { assembly, availability } = this.#parts;
    const buffer = this.#parts.allocate();
    if (buffer === undefined) {
      peer.isStarved = true;
      return undefined;
    }
    availability.leave(piece);
    this.#opened++;
    this.#openedAt = now;
    const open = assembly.open(piece, buffer, now);
    if (peer.isOnParole) open.exclusive = peer.slot;
    return open;
  }

  #choose(peer: Peer): PieceIndex | undefined {
    const piece = this.#parts.isSequential ? this.#next(peer, 0) : this.#rarest(peer);
    // The search is not made again until a piece comes back or the peer has one more.
    if (piece === undefined) peer.dryAt = this.#parts.availability.entries;
    return piece;
  }

  #rarest(peer: Peer): PieceIndex | undefined {
    const { availability, random } = this.#parts;
    const { length } = availability;
    if (this.#opened < RANDOM_FIRST_PIECES) {
      const piece = availability.at(random.below(length));
      if (peer.have.has(piece)) return piece;
    }
    // What only seeds have comes first in the order, and only a seed can give it.
    const from = peer.isSeed ? 0 : availability.firstHeld;
    const end = Math.min(length, from + MAX_WALK);
    for (let i = from; i < end; i++) {
      const piece = availability.at(i);
      if (peer.have.has(piece)) return piece;
    }
    if (end === length) return undefined;
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

  /** The first piece in a range that may be opened and that the peer has; eight pieces a step. */
  #next(
    peer: Peer,
    from: number,
    end: number = this.#parts.map.pieceCount,
  ): PieceIndex | undefined {
    const { availability } = this.#parts;
    const pickable = availability.pickable.bytes;
    const have = peer.have.bytes;
    const start = Math.max(from, availability.lowest());
    for (let at = start >>> 3; at * 8 < end; at++) {
      let both = have[at]! & pickable[at]!;
      if (at === start >>> 3) both &= 0xff >>> (start & 7);
      if (both === 0) continue;
      const piece = at * 8 + Math.clz32(both) - 24;
      return piece < end ? piece as PieceIndex : undefined;
    }
    return undefined;
  }

  /** Asks for blocks that somebody else was asked for, where nothing else is left. */
  #fillTwice(peer: Peer, now: Millis): void {
    const { assembly, readers } = this.#parts;
    // Only the idle help out: whoever still waits for blocks of its own would fetch the others' in vain.
    if (peer.requests.length > 0 || this.#parts.isThrottled?.(now) === true) return;
    if (peer.isDoubtful) return;
    // It is not the end: a reader makes room for more.
    if (readers.isWindowed && !readers.isAtEnd) return;
    if (!peer.isStarved) this.#takeOver(peer, now);
    if (peer.requests.length > 0) return;
    const isMemoryHeld = peer.isStarved && assembly.withDisk === 0;
    if (!this.#isEnd(now) && !isMemoryHeld) return;
    const pieces = assembly.all.length;
    if (pieces === 0) return;
    const tries = Math.min(pieces, MAX_TWICE_PIECES);
    const limit = Math.min(peer.depth, Math.max(MIN_TWICE, peer.depth >>> 3), MAX_TWICE);
    const start = this.#parts.random.below(pieces);
    for (let i = 0; i < tries && peer.requests.length < limit; i++) {
      const open = assembly.all[(start + i) % pieces]!;
      if (open.isWithDisk || open.here + open.free === open.blocks || !this.#mayJoin(peer, open)) {
        continue;
      }
      while (peer.requests.length < limit) {
        const block = this.#twin(open, peer.slot);
        if (block < 0) break;
        this.#join(peer, open);
        this.#request(peer, open, block, now);
      }
    }
  }

  /** Whoever has waited for a piece gets it, and what follows, from somebody else. Call about twice a second. */
  rescue(peers: readonly Peer[], now: Millis): void {
    const { readers, assembly } = this.#parts;
    if (readers.all.length === 0) return;
    readers.measure();
    if (this.#parts.isThrottled?.(now) === true) return;
    for (const reader of readers.all) {
      if (now - reader.waitsSince < PATIENCE_MS) continue;
      const idle = peers.filter((peer) => peer.requests.length === 0);
      const end = readers.endOf(reader);
      for (let piece = reader.next; piece < end; piece++) {
        const open = assembly.get(piece);
        if (open === undefined || open.isWithDisk || open.here + open.free === open.blocks) {
          continue;
        }
        // What comes later is no reason to keep others waiting.
        this.#speedUp(open, piece === reader.next ? peers : idle, now);
      }
    }
  }

  /** Blocks that will not come soon are asked of a peer that brings them sooner, too. */
  #speedUp(open: OpenPiece, peers: readonly Peer[], now: Millis): void {
    const { assembly, inFlight } = this.#parts;
    for (let block = 0; block < open.blocks; block++) {
      if (open.state[block] !== ASKED) continue;
      const waitMs = inFlight.waitMs(open, block, now);
      let best: Peer | undefined;
      let bestMs = waitMs / 2;
      for (const peer of peers) {
        const ms = queueMs(peer);
        if (ms >= bestMs || !this.#mayRescue(peer, open, block)) continue;
        best = peer;
        bestMs = ms;
      }
      if (best === undefined) continue;
      inFlight.takeBackSecond(open, block);
      assembly.askTwice(open, block, best.slot);
      this.#request(best, open, block, now);
    }
  }

  #mayRescue(peer: Peer, open: OpenPiece, block: number): boolean {
    if (!peer.isTrusted || peer.isDoubtful || !this.#mayJoin(peer, open)) return false;
    if (open.first[block] === peer.slot || open.second[block] === peer.slot) return false;
    return peer.requests.length < depthLimit(peer);
  }

  /** Whether nobody could give a piece that is not open, for a while now: where a swarm grows, somebody soon will. */
  #isEnd(now: Millis): boolean {
    const { availability, inFlight } = this.#parts;
    if (availability.length === 0) return true;
    return availability.firstHeld >= availability.length && !inFlight.hasSeed &&
      now - this.#openedAt >= STILL_MS;
  }

  /** Takes the last blocks over from whoever has most to send before them, as far as they come sooner so. */
  #takeOver(peer: Peer, now: Millis): void {
    const { assembly, inFlight } = this.#parts;
    const pieces = assembly.all.length;
    const start = pieces === 0 ? 0 : this.#parts.random.below(pieces);
    for (let i = 0; i < Math.min(pieces, MAX_TWICE_PIECES); i++) {
      const open = assembly.all[(start + i) % pieces]!;
      if (open.isWithDisk || open.here + open.free === open.blocks || !this.#mayJoin(peer, open)) {
        continue;
      }
      for (let block = open.blocks - 1; block >= 0 && peer.requests.length < peer.depth; block--) {
        if (open.state[block] !== ASKED || !inFlight.takeOver(open, block, peer)) continue;
        this.#join(peer, open);
        this.#request(peer, open, block, now);
      }
      if (peer.requests.length > 0) return;
    }
  }

  /** Asks the peer for a block that is asked of another, or of two that keep us waiting; -1 without one. */
  #twin(open: OpenPiece, slot: number): number {
    const { assembly, inFlight } = this.#parts;
    for (let block = 0; block < open.blocks; block++) {
      if (open.state[block] !== ASKED) continue;
      const second = open.second[block]!;
      if (open.first[block] === slot || second === slot) continue;
      if (second < 0 || inFlight.replaceSilent(open, block)) {
        assembly.askTwice(open, block, slot);
        return block;
      }
    }
    return -1;
  }
}

/** A piece that a reader has waited for this long is asked of others as well. */
const PATIENCE_MS = 500;

/** A swarm in which nothing could be opened for this long stands still. What comes twice is lost to somebody else. */
const STILL_MS = 10_000;
/** Blocks asked a second time in one go, at least and at most: what arrives twice is waste. */
const MIN_TWICE = 2;
const MAX_TWICE = 16;
/** Pieces looked at for them: with small pieces thousands may be open. */
const MAX_TWICE_PIECES = 64;
