/**
 * What we give to peers of one torrent: who may ask, what is owed, who is served.
 *
 * Requests are answered from verified pieces only. A peer that asks for what we lack, or asks and asks while
 * it is choked, is cut after a few. Rounds of the choker run on time and whenever a served peer is done.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { PeerError } from "../base/errors.ts";
import type { Millis, PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Random } from "../ports/random.ts";
import type { AllowedFast } from "./allowed_fast.ts";
import { Choker, ROUND_MS } from "./choker.ts";
import { sendDontHave } from "./dont_have.ts";
import type { Peer } from "./peer.ts";
import { Spread } from "./spread.ts";
import { SuperSeed } from "./superseed.ts";

/** Requests above this size are refused, as all clients do. */
export const MAX_REQUEST_BYTES: number = 128 * 1024;
/** Requests that could not be granted (choked, full, a piece we lack) since a peer was unchoked before it is cut. */
const MAX_REFUSED = 2000;
/** Requests for pieces we lack before a peer is cut. */
const MAX_LACKED = 16;

/** What giving works with. */
export interface GivingParts {
  readonly map: PieceMap;
  /** Verified pieces, live. */
  readonly have: Bitfield;
  /** Connected peers, live. */
  readonly peers: readonly Peer[];
  readonly random: Random;
  /** How many peers (seeds left out) have a piece. */
  readonly count: (piece: number) => number;
  /** Whether nothing is missing any more. */
  readonly isSeeding: () => boolean;
  /** What newcomers may have while they are choked (nothing). */
  readonly allowedFast?: AllowedFast | undefined;
}

/** The giving side of a swarm. */
export class Giving {
  readonly #parts: GivingParts;
  readonly #choker: Choker;
  #roundAt: Millis = -Infinity;
  #isRefillDue = false;
  #superSeed: SuperSeed | undefined;
  readonly #spread: Spread;
  #isSpread = false;
  #now: Millis = 0;
  // Pieces that were offered and are gone.
  readonly #lost: Bitfield;

  constructor(parts: GivingParts) {
    this.#parts = parts;
    this.#choker = new Choker(parts.random);
    this.#lost = new Bitfield(parts.map.pieceCount);
    const { have, count, map, random } = parts;
    this.#spread = new Spread({ have, count, pieceLength: map.pieceLength, random });
  }

  /** Whether {@link tick} is to be called before its time: a slot came free or somebody new wants one. */
  get isRefillDue(): boolean {
    return this.#isRefillDue;
  }

  /** Whether it is held back what we have. */
  get isPretending(): boolean {
    return this.#superSeed?.isOn === true;
  }

  /**
   * Pretends to have nothing from now on (BEP 16), before any peer comes. The answer is to be told of what
   * peers have.
   */
  pretend(): SuperSeed {
    const { map, have, random, count } = this.#parts;
    const pieceBytes = (piece: number) => map.pieceBytes(piece as PieceIndex);
    return this.#superSeed = new SuperSeed({ have, random, count, pieceBytes });
  }

  /** Says to a newcomer what we have, or that it is nothing. */
  offer(peer: Peer, options: { readonly isNothing: boolean }): void {
    const { encoder, supportsFast } = peer;
    const { have, allowedFast, isSeeding } = this.#parts;
    const isNothing = options.isNothing || have.count === 0 || this.isPretending;
    if (this.isPretending) this.#superSeed?.onJoin(peer);
    if (supportsFast && isNothing) encoder.haveNone();
    else if (supportsFast && have.isFull) encoder.haveAll();
    else if (!isNothing) encoder.bitfield(have.bytes);
    if (!isNothing && !isSeeding()) allowedFast?.grant(peer, (piece) => have.has(piece));
  }

  /** A peer is gone. */
  onGone(peer: Peer): void {
    this.#takeBack(peer, () => false);
    peer.peerInterested = false;
    this.onInterest(peer);
  }

  /** The peer's interest changed. */
  onInterest(peer: Peer): void {
    if (peer.amChoking === peer.peerInterested) this.#isRefillDue = true;
  }

  /** The peer asks for a block. @throws {PeerError} a range outside the torrent, or a flood. */
  onRequest(peer: Peer, index: number, begin: number, length: number): void {
    const piece = this.#parts.map.index(index);
    if (piece === undefined) throw new PeerError("bad-index");
    if (length > MAX_REQUEST_BYTES || !this.#parts.map.isRange(piece, begin, length)) {
      throw new PeerError("bad-request");
    }
    if (!this.#parts.have.has(piece) || this.#superSeed?.mayAsk(peer, piece) === false) {
      if (this.#lost.has(piece)) return this.refuseLost(peer, piece, begin, length);
      if (++peer.lackedRequests > MAX_LACKED) throw new PeerError("bad-request");
      return this.#refuse(peer, piece, begin, length);
    }
    const isServed = !peer.amChoking ||
      this.#parts.allowedFast?.take(peer, piece, length) === true;
    if (!isServed || !peer.owed.push(piece, begin, length)) {
      return this.#refuse(peer, piece, begin, length);
    }
    peer.chatter.refund(0);
    if (this.#isSpreading) this.#spread.onAsked(peer, piece, this.#now);
  }

  /** The peer takes a request back; with the fast extension it is told so (BEP 6). */
  onCancel(peer: Peer, piece: PieceIndex, begin: number, length: number): void {
    if (peer.owed.cancel(piece, begin, length) && peer.supportsFast) {
      peer.encoder.reject(piece, begin, length);
    }
  }

  /**
   * A verified piece cannot be read any more: it is not offered from now on, and peers that understand it
   * are told so (BEP 54). False where it was not offered.
   */
  lose(piece: PieceIndex): boolean {
    if (!this.#parts.have.delete(piece)) return false;
    this.#lost.add(piece);
    for (const peer of this.#parts.peers) sendDontHave(peer, piece);
    return true;
  }

  /**
   * Answers a request for a lost piece, which is no fault of the peer's. One without the fast extension gets
   * no answer where it knows that the piece is gone (BEP 54), and is let go where it cannot be told: when it
   * comes back it hears what there is.
   */
  refuseLost(peer: Peer, piece: number, begin: number, length: number): void {
    if (peer.supportsFast) this.#refuse(peer, piece, begin, length);
    else if (!peer.knowsDontHave) peer.closing ??= "no-use";
  }

  /** Lets time pass: makes a round when one is due, and fills what stands idle. */
  tick(now: Millis): void {
    const { peers } = this.#parts;
    this.#now = now;
    this.#superSeed?.tick(now);
    let takers = 0;
    for (const peer of peers) {
      watch(peer, now);
      if (peer.peerInterested && !peer.isUploadOnly) takers++;
    }
    this.#isSpread = takers > 1 && this.#parts.isSeeding();
    const options = { isSeeding: this.#parts.isSeeding() };
    this.#isRefillDue = false;
    const isRound = now - this.#roundAt >= ROUND_MS;
    if (isRound) this.#roundAt = now;
    const served = isRound
      ? this.#choker.round(peers, now, options)
      : this.#choker.refill(peers, now, options);
    for (const peer of peers) {
      if (!served.has(peer)) this.#choke(peer, now);
      else if (peer.amChoking) this.#unchoke(peer, now);
      else if (this.#isSpreading) this.#spread.suggest(peer, now);
    }
  }

  /** Whether somebody is helped by suggestions: several take, and nothing is held back. */
  get #isSpreading(): boolean {
    return this.#isSpread && !this.isPretending;
  }

  #unchoke(peer: Peer, now: Millis): void {
    peer.amChoking = false;
    peer.servedAt = peer.busyAt = now;
    // What crossed our choke on the wire is no flood, however often a peer is choked.
    peer.refusedRequests = 0;
    // It asks as soon as it may.
    if (this.#isSpreading) this.#spread.suggest(peer, now);
    peer.encoder.unchoke();
  }

  #choke(peer: Peer, now: Millis): void {
    if (peer.amChoking) return;
    peer.amChoking = true;
    peer.servedAt = now;
    peer.encoder.choke();
    const { allowedFast } = this.#parts;
    this.#takeBack(peer, (piece, bytes) => allowedFast?.take(peer, piece, bytes) === true);
  }

  /** What is owed is not sent, but for what is kept: pieces that are allowed fast "should not" be refused (BEP 6). */
  #takeBack(peer: Peer, isKept: (piece: PieceIndex, bytes: number) => boolean): void {
    this.#spread.onEnd(peer);
    const owed = { piece: 0, begin: 0, length: 0 };
    for (let left = peer.owed.length; left > 0 && peer.owed.take(owed); left--) {
      if (isKept(owed.piece as PieceIndex, owed.length)) {
        peer.owed.push(owed.piece, owed.begin, owed.length);
        continue;
      }
      this.#spread.giveBack(owed.piece);
      if (peer.supportsFast) peer.encoder.reject(owed.piece, owed.begin, owed.length);
    }
  }

  #refuse(peer: Peer, piece: number, begin: number, length: number): void {
    if (++peer.refusedRequests > MAX_REFUSED) throw new PeerError("flood");
    if (peer.supportsFast) peer.encoder.reject(piece, begin, length);
  }
}

/** Notes whether the peer keeps its slot busy: something is owed, on its way, or was sent since the last time. */
function watch(peer: Peer, now: Millis): void {
  if (peer.owed.length === 0 && !peer.isTaking && peer.up.total === peer.watchedTotal) return;
  peer.watchedTotal = peer.up.total;
  peer.busyAt = now;
}
