/**
 * Super-seeding (BEP 16, https://www.bittorrent.org/beps/bep_0016.html): the first seed gives every piece
 * once before it gives any twice.
 *
 * It pretends to have nothing and offers each peer one piece by HAVE; the next when the first was seen at
 * somebody else, who can only have it from that peer. A piece that nobody has is offered to one peer at a
 * time. Where every piece is with somebody, peers can get them from each other, and more is offered only
 * when nothing was heard of for a while. It ends when somebody else has everything: from then on it says
 * what it has.
 *
 * ```
 * fresh ──offer──▶ offered to P ──HAVE of P──▶ with P ──HAVE of Q──▶ seen: P is offered another
 *   ▲                  │ P leaves or dawdles        │ P leaves
 *   └──────────────────┴────────────────────────────┘
 * ```
 *
 * Pure: time is an argument.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { Millis, PieceIndex } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { HoldingsWatcher } from "./holdings.ts";
import type { Peer } from "./peer.ts";

/** A peer that did not get an offered piece by then may keep it; others are offered it, too. */
export const DAWDLE_MS = 60_000;
/** A peer whose piece nobody else has taken by then is offered another. */
export const UNSEEN_MS = 30_000;
/** When nobody got anything for this long, more is offered though all of it is with somebody. */
export const STALL_MS = 10_000;
/** Somebody who has been alone for this long is offered so many pieces at a time. */
const LONE_MS = 5_000;
const LONE_PER_TICK = 32;
/** A peer that has not said what it has by then has nothing. */
const SILENCE_MS = 2_000;
/** Pieces looked at for one that few have. */
const SAMPLE = 64;
/** Pieces gone through for them at the most. */
const MAX_WALK = 8192;
/** HAVE messages for each peer and tick when it ends: nine bytes each. */
const TOLD_PER_TICK = 4096;

/** What it works with. */
export interface SuperSeedParts {
  /** Verified pieces, live. */
  readonly have: Bitfield;
  /** Peers (seeds left out) that have a piece. */
  readonly count: (piece: number) => number;
  /** Bytes of a piece. */
  readonly pieceBytes: (piece: number) => number;
  readonly random: Random;
}

/** What one peer was told. */
interface Told {
  /** Pieces it was told of. */
  readonly pieces: Bitfield;
  /** The piece it was last offered, -1 before the first. */
  piece: number;
  /** When it was offered, and when the peer was first seen to have it. */
  offeredAt: Millis;
  gotAt: Millis;
  /** Payload bytes it was given before that. */
  givenBefore: number;
  /** The offer has served its purpose: another may follow. */
  isOver: boolean;
  /** How far it was told of everything. */
  cursor: number;
}

/** What a first seed says of its pieces, and to whom. */
export class SuperSeed implements HoldingsWatcher {
  readonly #parts: SuperSeedParts;
  readonly #told = new Map<Peer, Told>();
  /** Pieces that are with nobody and offered to nobody, in random order; some may be out of date. */
  readonly #fresh: number[] = [];
  #isOn = true;
  #now: Millis = 0;
  #heardAt: Millis = 0;

  constructor(parts: SuperSeedParts) {
    this.#parts = parts;
    for (let piece = 0; piece < parts.have.length; piece++) {
      if (parts.have.has(piece)) this.#putBack(piece);
    }
  }

  /** Whether it goes on. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** A newcomer that is told of nothing. */
  onJoin(peer: Peer): void {
    const pieces = new Bitfield(this.#parts.have.length);
    this.#told.set(peer, {
      pieces,
      piece: -1,
      offeredAt: this.#now,
      gotAt: Infinity,
      givenBefore: 0,
      isOver: true,
      cursor: 0,
    });
  }

  /** Whether the peer may ask for a piece: it was told of it, or nothing is held back any more. */
  mayAsk(peer: Peer, piece: number): boolean {
    return !this.#isOn || this.#told.get(peer)?.pieces.has(piece) !== false;
  }

  onPieces(peer: Peer): void {
    if (peer.isSeed) this.#isOn = false;
  }

  onHave(peer: Peer, piece: PieceIndex): void {
    if (peer.isSeed) this.#isOn = false;
    if (!this.#isOn) return;
    this.#heardAt = this.#now;
    for (const [other, told] of this.#told) {
      if (told.piece !== piece || told.isOver) continue;
      // Some never say that they have what we have, too: then the first to say it got it from them.
      if (other === peer && this.#parts.count(piece) < 2) continue;
      told.isOver = true;
      this.#offer(other, told);
    }
  }

  onGone(peer: Peer): void {
    const told = this.#told.get(peer);
    if (!this.#told.delete(peer) || told === undefined || !this.#isOn) return;
    for (let piece = 0; piece < peer.have.length; piece++) {
      if (!peer.have.has(piece) && !told.pieces.has(piece)) continue;
      if (this.#parts.count(piece) === 0) this.#putBack(piece);
    }
  }

  /** Lets time pass. */
  tick(now: Millis): void {
    this.#now = now;
    if (!this.#isOn) return this.#tellAll();
    for (const [peer, told] of this.#told) {
      // It is about to be let go: we have everything as well.
      if (peer.isUploadOnly) this.#isOn = false;
      if (!told.isOver) this.#giveUp(peer, told);
      const isKnown = peer.saidPieces || now - peer.connectedAt >= SILENCE_MS;
      if (told.isOver && isKnown) this.#offer(peer, told);
      if (isKnown) this.#indulge(peer, told);
    }
  }

  /** There is nobody to get it from somebody who is alone. */
  #indulge(peer: Peer, told: Told): void {
    if (this.#told.size > 1 || this.#now - peer.connectedAt < LONE_MS) return;
    for (let i = 0; i < LONE_PER_TICK && this.#fresh.length > 0; i++) this.#offer(peer, told);
  }

  /** Ends an offer that holds the peer up. */
  #giveUp(peer: Peer, told: Told): void {
    const isGiven = peer.up.total - told.givenBefore >= this.#parts.pieceBytes(told.piece);
    if (isGiven || peer.have.has(told.piece)) {
      told.gotAt = Math.min(told.gotAt, this.#now);
      told.isOver = this.#now - told.gotAt >= UNSEEN_MS;
    } else if (this.#now - told.offeredAt >= DAWDLE_MS) {
      told.isOver = true;
      if (this.#parts.count(told.piece) === 0) this.#putBack(told.piece);
    }
  }

  #offer(peer: Peer, told: Told): void {
    const piece = this.#takeFresh(peer, told) ?? this.#rarest(peer, told);
    if (piece === undefined) return;
    told.pieces.add(piece);
    told.piece = piece;
    told.offeredAt = this.#now;
    told.gotAt = Infinity;
    told.givenBefore = peer.up.total;
    told.isOver = false;
    peer.encoder.have(piece);
  }

  /** A piece that nobody has and nobody was offered. */
  #takeFresh(peer: Peer, told: Told): number | undefined {
    const { have, count } = this.#parts;
    for (let at = this.#fresh.length - 1, tries = SAMPLE; at >= 0 && tries > 0; at--, tries--) {
      const piece = this.#fresh[at]!;
      const isFresh = have.has(piece) && count(piece) === 0;
      if (isFresh && (told.pieces.has(piece) || peer.have.has(piece))) continue;
      this.#fresh[at] = this.#fresh[this.#fresh.length - 1]!;
      this.#fresh.pop();
      if (isFresh) return piece;
    }
    return undefined;
  }

  /** A piece that few have, when the swarm stands still. */
  #rarest(peer: Peer, told: Told): number | undefined {
    if (this.#now - this.#heardAt < STALL_MS) return undefined;
    const { have, count, random } = this.#parts;
    const start = random.below(have.length);
    const most = Math.min(have.length, MAX_WALK);
    let best: number | undefined;
    for (let i = 0, seen = 0; i < most && seen < SAMPLE; i++) {
      const piece = (start + i) % have.length;
      if (!have.has(piece) || told.pieces.has(piece) || peer.have.has(piece)) continue;
      seen++;
      if (best === undefined || count(piece) < count(best)) best = piece;
    }
    if (best !== undefined) this.#heardAt = this.#now;
    return best;
  }

  #putBack(piece: number): void {
    const at = this.#parts.random.below(this.#fresh.length + 1);
    if (at < this.#fresh.length) this.#fresh.push(this.#fresh[at]!);
    this.#fresh[at] = piece;
  }

  /** Nothing is held back any more: those who were told of little hear of the rest, some at a time. */
  #tellAll(): void {
    const { have } = this.#parts;
    for (const [peer, told] of this.#told) {
      let left = TOLD_PER_TICK;
      for (; told.cursor < have.length && left > 0; told.cursor++) {
        const piece = told.cursor as PieceIndex;
        if (!have.has(piece) || told.pieces.has(piece) || peer.have.has(piece)) continue;
        peer.encoder.have(piece);
        left--;
      }
      if (told.cursor >= have.length) this.#told.delete(peer);
    }
  }
}
