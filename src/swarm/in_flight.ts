/**
 * What was asked of peers and is not here: answered, refused, taken back, late, or overdue.
 *
 * A request that is given up on frees its block for others at once. It may be answered all the same, so
 * the peer gets an allowance of one late block for it; what comes beyond that was never asked for, and
 * somebody who sends much of it is flooding us.
 *
 * Invariant: a block is asked of a peer just where that peer's queue has it. Hot path: {@link
 * InFlight.cancelOthers} allocates nothing.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import { BLOCK_BYTES, type Millis, type PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Assembly, OpenPiece } from "./assembly.ts";
import type { Peer } from "./peer.ts";
import { isOverdue, MAX_DEPTH, queueMs } from "./pipeline.ts";

/** Payload nobody asked for that is borne from one peer, per minute. */
export const UNASKED_LIMIT_BYTES: number = 32 * BLOCK_BYTES;
/** A peer that has sent nothing for this long when a request is overdue is snubbed. */
const SILENCE_MS = 5_000;
/** So many times its usual time for a block is silence for a slow peer. */
const SILENT_BLOCKS = 4;
/** A snubbed peer is left alone for half the time that it was silent, at most this long. */
const MAX_SNUB_PAUSE_MS = 60_000;
/** After a refused request a peer is left alone for this long, or the two would play ping-pong. */
const REJECT_PAUSE_MS = 500;
/** Pauses without a block in between after which a peer is no use. One may end thousands of requests. */
const MAX_REJECT_PAUSES = 60;

/** What it works with. */
export interface InFlightParts {
  readonly map: PieceMap;
  readonly assembly: Assembly;
  /** A peer has left, and of this piece nothing is asked and nothing is here any more. */
  readonly onAbandoned: (open: OpenPiece) => void;
}

/** The requests of all peers. */
export class InFlight {
  readonly #parts: InFlightParts;
  readonly #bySlot: (Peer | undefined)[] = [];
  // Blocks in the `overdue` of all peers: mostly none, so that arriving blocks cost nothing.
  #overdue = 0;

  constructor(parts: InFlightParts) {
    this.#parts = parts;
  }

  /** A slot number for the next peer. */
  freeSlot(): number {
    let slot = 0;
    while (this.#bySlot[slot] !== undefined) slot++;
    return slot;
  }

  /** A peer has come. */
  add(peer: Peer): void {
    this.#bySlot[peer.slot] = peer;
  }

  /** A peer has gone: what was asked of it is free again. */
  delete(peer: Peer): void {
    this.#bySlot[peer.slot] = undefined;
    this.#overdue -= peer.overdue.length;
    peer.requests.drain((piece, block) => {
      const open = this.#parts.assembly.get(piece);
      if (open === undefined) return;
      this.#parts.assembly.release(open, block, peer.slot);
      if (open.free === open.blocks) this.#parts.onAbandoned(open);
    });
  }

  /** Everything that was asked of the peer may be asked of others. */
  releaseAll(peer: Peer): void {
    peer.requests.drain((piece, block) => this.#giveUp(peer, piece, block));
    peer.current = -1;
  }

  /** Gives up on what is overdue; a peer that sends nothing at all is snubbed. True where it is. */
  releaseOverdue(peer: Peer, now: Millis): boolean {
    peer.isDoubtful = true;
    const silentMs = now - peer.lastBlockAt;
    if (silentMs >= SILENCE_MS) {
      peer.isSnubbed = true;
      peer.isInSlowStart = false;
      peer.depth = 1;
      // Asked at once it would take the same blocks again, before anybody else can.
      peer.pausedUntil = now + Math.min(silentMs / 2, MAX_SNUB_PAUSE_MS);
      while (peer.requests.length > 0) this.#giveUpOldest(peer, now);
      peer.current = -1;
      return true;
    }
    while (isOverdue(peer, now)) this.#giveUpOldest(peer, now);
    return false;
  }

  #giveUpOldest(peer: Peer, now: Millis): void {
    const { oldestPiece, oldestBlock } = peer.requests;
    peer.requests.remove(oldestPiece, oldestBlock);
    this.#giveUp(peer, oldestPiece, oldestBlock);
    if (peer.overdue.length >= MAX_DEPTH) return;
    peer.overdue.push(oldestPiece, oldestBlock, now);
    this.#overdue++;
  }

  /** Notes whether the peer keeps us waiting. Call with every tick. */
  watch(peer: Peer, now: Millis): void {
    const since = Math.max(peer.lastBlockAt, peer.requests.oldestAt);
    peer.isSilent = now - since >= Math.max(SILENCE_MS, SILENT_BLOCKS * peer.blockMs);
  }

  /**
   * Makes room for another peer at a block that is asked of two: the second goes, if both are silent.
   * False where the block stays with them.
   */
  replaceSilent(open: OpenPiece, block: number): boolean {
    const first = this.#bySlot[open.first[block]!];
    const second = this.#bySlot[open.second[block]!];
    if (first?.isSilent !== true || second?.isSilent !== true) return false;
    second.isDoubtful = true;
    second.requests.remove(open.piece, block);
    this.#giveUp(second, open.piece, block);
    return true;
  }

  /**
   * Gives a block that is asked of one peer to another, which would send it sooner: one that keeps us waiting
   * loses what it is not sending yet, others what comes last. False where it stays.
   */
  takeOver(open: OpenPiece, block: number, peer: Peer): boolean {
    const slot = open.first[block]!;
    const holder = this.#bySlot[slot];
    if (holder === undefined || holder === peer || open.second[block]! >= 0) return false;
    const { oldestPiece, oldestBlock } = holder.requests;
    // What it sends now cannot be taken back.
    if (oldestPiece === open.piece && oldestBlock === block) return false;
    if (holder.isSilent) holder.isDoubtful = true;
    else if (!isFarBehind(holder, peer)) return false;
    this.#cancel(open, block, slot);
    open.first[block] = peer.slot;
    return true;
  }

  /**
   * The peer has a piece no longer that it was on trial with: it cannot prove itself by it, so what it gave
   * is thrown away and the trial goes on elsewhere. Returns how many bytes that was.
   */
  endTrial(peer: Peer, piece: PieceIndex): number {
    const at = peer.trial.indexOf(piece);
    const open = this.#parts.assembly.get(piece);
    // The disk's verdict ends it as well.
    if (at < 0 || open === undefined || open.isWithDisk) return 0;
    peer.trial.splice(at, 1);
    const wasted = this.#parts.assembly.discard(open, peer.giver);
    if (open.free === open.blocks) this.#parts.onAbandoned(open);
    return wasted;
  }

  /** The peer refused a request (BEP 6). */
  onReject(peer: Peer, piece: PieceIndex, block: number, now: Millis): void {
    if (peer.requests.remove(piece, block) < 0) {
      // The answer to one that was given up on.
      if (peer.lateAllowance > 0) peer.lateAllowance--;
      return;
    }
    const wasAllowed = peer.allowedFast.delete(piece);
    this.#release(peer, piece, block);
    // Behind a choke this is how BEP 6 takes requests back, no refusal.
    if (peer.peerChoking && !wasAllowed) return;
    // It has taken the piece back and refuses nothing else.
    if (!peer.have.has(piece)) return;
    if (now >= peer.pausedUntil && ++peer.rejects > MAX_REJECT_PAUSES) peer.closing ??= "no-use";
    peer.pausedUntil = Math.max(peer.pausedUntil, now + REJECT_PAUSE_MS);
  }

  /**
   * A block came that is not in the peer's queue. Whether it may be kept.
   *
   * @throws {PeerError} flood.
   */
  mayBeLate(peer: Peer, piece: PieceIndex, bytes: number): boolean {
    if (peer.lateAllowance > 0) {
      peer.lateAllowance--;
      // An unproven peer may not reach more pieces by being late than by being asked.
      return peer.isTrusted || peer.trial.includes(piece);
    }
    peer.unaskedBytes += bytes;
    if (peer.unaskedBytes > UNASKED_LIMIT_BYTES) throw new PeerError("flood");
    return false;
  }

  /** A block came from `giver`: whoever else was asked need not send it. */
  cancelOthers(open: OpenPiece, block: number, giver: Peer): void {
    const first = open.first[block]!;
    const second = open.second[block]!;
    if (first >= 0 && first !== giver.slot) this.#cancel(open, block, first);
    if (second >= 0 && second !== giver.slot) this.#cancel(open, block, second);
    if (this.#overdue > 0) this.#cancelOverdue(open.piece, block, giver);
  }

  /** Whoever was given up on need not send it any more. */
  #cancelOverdue(piece: PieceIndex, block: number, giver: Peer): void {
    for (let slot = 0; slot < this.#bySlot.length; slot++) {
      const peer = this.#bySlot[slot];
      if (peer === undefined || peer.overdue.remove(piece, block) < 0) continue;
      this.#overdue--;
      if (peer === giver) continue;
      peer.encoder.cancel(piece, block * BLOCK_BYTES, this.#parts.map.blockBytes(piece, block));
    }
  }

  /** Whether a seed serves us, which could give any piece. */
  get hasSeed(): boolean {
    return this.#bySlot.some((peer) => peer !== undefined && peer.isSeed && !peer.peerChoking);
  }

  /** Nothing of a piece is wanted any more: what was asked of it is taken back. */
  cancelAll(open: OpenPiece): void {
    for (let block = 0; block < open.blocks; block++) {
      for (const slot of [open.second[block]!, open.first[block]!]) {
        if (slot < 0) continue;
        this.#cancel(open, block, slot);
        this.#parts.assembly.release(open, block, slot);
      }
    }
  }

  /**
   * How long a block will keep us waiting, as far as is known of those it was asked of. What a peer's oldest
   * request has waited says more than its rate, when it stalls.
   */
  waitMs(open: OpenPiece, block: number, now: Millis): number {
    let ms = Infinity;
    for (let slot = open.first[block]!, i = 0; i < 2; slot = open.second[block]!, i++) {
      const peer = this.#bySlot[slot];
      if (peer === undefined) continue;
      ms = Math.min(ms, Math.max(queueMs(peer), now - peer.requests.oldestAt));
    }
    return ms;
  }

  /** The second peer that a block was asked of, if any, need not send it. */
  takeBackSecond(open: OpenPiece, block: number): void {
    const slot = open.second[block]!;
    if (slot < 0) return;
    this.#cancel(open, block, slot);
    this.#parts.assembly.release(open, block, slot);
  }

  #cancel(open: OpenPiece, block: number, slot: number): void {
    const other = this.#bySlot[slot];
    if (other === undefined || other.requests.remove(open.piece, block) < 0) return;
    allowLate(other);
    const { piece } = open;
    const length = this.#parts.map.blockBytes(piece, block);
    other.encoder.cancel(piece, block * BLOCK_BYTES, length);
  }

  #giveUp(peer: Peer, piece: number, block: number): void {
    allowLate(peer);
    this.#release(peer, piece, block);
  }

  #release(peer: Peer, piece: number, block: number): void {
    const open = this.#parts.assembly.get(piece);
    if (open !== undefined) this.#parts.assembly.release(open, block, peer.slot);
  }
}

/** Bounded, or a peer could save up for a flood by choking us again and again. */
function allowLate(peer: Peer): void {
  if (peer.lateAllowance < MAX_DEPTH) peer.lateAllowance++;
}

/** Whether a peer has so much to send that another would be done with its last block sooner. */
function isFarBehind(holder: Peer, other: Peer): boolean {
  // Of one that has sent nothing yet nothing is known.
  if (holder.blockMs === 0) return false;
  const otherMs = other.blockMs > 0 ? other.blockMs : holder.blockMs;
  return holder.requests.length * holder.blockMs >= (other.requests.length + 2) * otherMs;
}
