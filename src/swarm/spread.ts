/**
 * What a seed suggests (BEP 6, https://www.bittorrent.org/beps/bep_0006.html) so that it gives no piece twice
 * before it gave each once.
 *
 * Leeches know what their own neighbours have; in a large swarm several ask a seed for the same piece, which
 * costs a seed with a slow line most of it. The seed knows best what it gave: to every peer it serves it
 * suggests pieces that nobody has and that were neither suggested to nor asked by anybody, in their order from
 * a random start on. Unlike super-seeding nothing is held back: whoever does not follow asks for what it likes.
 *
 * ```
 * out    | 1 1 1 0 1 0 0 0 0 0 1 |     suggested or asked for: not suggested to others
 *                  ^ cursor: what is out or with some leech is passed over
 * ```
 *
 * What a peer did not get before it was choked or left, or did not ask for in a while, goes to somebody else.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { KIB, type Millis, type PieceIndex } from "../base/units.ts";
import type { Random } from "../ports/random.ts";
import type { Peer } from "./peer.ts";

/** What a peer asks for before anything is known of its speed. */
const FIRST_BYTES: number = 96 * KIB;
/** What is suggested lasts so long: what one peer is told of, another is not. */
const AHEAD_SECONDS = 1;
/** Suggestions that a peer has not followed, at the most. */
const MAX_SUGGESTED = 16;
/** Whoever has followed no suggestion for this long is given none until it is unchoked again. */
export const FOLLOW_MS = 15_000;
/** Pieces looked at for one suggestion at the most. */
const MAX_WALK = 4096;

/** What it works with. */
export interface SpreadParts {
  /** Verified pieces, live. */
  readonly have: Bitfield;
  /** Peers (seeds left out) that have a piece. */
  readonly count: (piece: number) => number;
  /** Bytes of every piece but the last. */
  readonly pieceLength: number;
  readonly random: Random;
}

/** What one seed suggests to whom. */
export class Spread {
  readonly #parts: SpreadParts;
  readonly #out: Bitfield;
  /** -1 before the first suggestion. */
  #cursor = -1;
  /** Pieces to look at before there is nothing to suggest. */
  #left: number;

  constructor(parts: SpreadParts) {
    this.#parts = parts;
    this.#out = new Bitfield(parts.have.length);
    this.#left = parts.have.length;
  }

  /** Suggests as many pieces as a served peer may ask for soon. */
  suggest(peer: Peer, now: Millis): void {
    if (!peer.supportsFast || peer.isUploadOnly || peer.isStubborn) return;
    if (peer.suggested.length === 0) peer.followedAt = now;
    if (now - peer.followedAt >= FOLLOW_MS) {
      this.onEnd(peer);
      peer.isStubborn = true;
      return;
    }
    const ahead = peer.up.total === 0 ? FIRST_BYTES : AHEAD_SECONDS * peer.up.rate(now);
    const most = Math.min(MAX_SUGGESTED, 1 + Math.ceil(ahead / this.#parts.pieceLength));
    while (peer.suggested.length < most) {
      const piece = this.#next();
      if (piece === undefined) return;
      peer.suggested.push(piece);
      peer.encoder.suggest(piece);
    }
  }

  /** A peer asks for a piece. */
  onAsked(peer: Peer, piece: PieceIndex, now: Millis): void {
    this.#out.add(piece);
    const at = peer.suggested.indexOf(piece);
    if (at < 0) return;
    peer.suggested.splice(at, 1);
    peer.followedAt = now;
    this.suggest(peer, now);
  }

  /** What a peer was told of or asked for, and does not get: somebody else may. */
  giveBack(piece: number): void {
    if (this.#out.delete(piece)) this.#left = this.#parts.have.length;
  }

  /** A peer is not served any more, or gone. */
  onEnd(peer: Peer): void {
    for (const piece of peer.suggested) this.giveBack(piece);
    peer.suggested.length = 0;
    peer.isStubborn = false;
  }

  /** A piece that nobody has and nobody was told of, which is told from now on. */
  #next(): PieceIndex | undefined {
    const { have, count, random } = this.#parts;
    if (this.#cursor < 0) this.#cursor = random.below(have.length);
    for (let tries = 0; tries < MAX_WALK && this.#left > 0; tries++, this.#left--) {
      const piece = this.#cursor;
      this.#cursor = piece + 1 < have.length ? piece + 1 : 0;
      if (!have.has(piece) || count(piece) > 0 || !this.#out.add(piece)) continue;
      return piece as PieceIndex;
    }
    return undefined;
  }
}
