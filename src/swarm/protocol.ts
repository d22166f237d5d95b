/**
 * What each message of a peer means: one short method a message (BEP 3, 6, 10).
 *
 * Every integer is checked before it is used; a peer that breaks the rules costs itself its connection
 * by a `PeerError`. Called by the wire decoder, calls the swarm. Hot path: {@link PeerProtocol.onPiece}.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import { PeerError } from "../base/errors.ts";
import { BLOCK_BYTES, type Millis, type PieceIndex } from "../base/units.ts";
import type { WireHandler } from "../wire/decoder.ts";
import type { Peer } from "./peer.ts";
import type { Swarm } from "./swarm.ts";

/** Pieces a peer may allow us while it chokes us; more are of no use. */
export const MAX_ALLOWED_FAST = 100;
/** Suggestions of a peer that are kept; the newest count. */
const MAX_SUGGESTIONS = 32;

/** Turns the messages of one peer into what happens in its swarm. */
export class PeerProtocol implements WireHandler {
  readonly #swarm: Swarm;
  readonly #peer: Peer;
  /** The time of the read whose messages are being handled; set before each commit. */
  now: Millis;

  constructor(swarm: Swarm, peer: Peer, now: Millis) {
    this.#swarm = swarm;
    this.#peer = peer;
    this.now = now;
  }

  onKeepAlive(): void {}

  onChoke(): void {
    this.#peer.peerChoking = true;
    this.#peer.suggestions.length = 0;
    this.#peer.unchokedAt = undefined;
    // With the fast extension every request is answered or rejected by itself (BEP 6).
    if (!this.#peer.supportsFast) this.#swarm.releaseAll(this.#peer);
  }

  onUnchoke(): void {
    this.#peer.peerChoking = false;
    this.#peer.unchokedAt ??= this.now;
  }

  onInterested(): void {
    this.#peer.peerInterested = true;
    this.#swarm.giving.onInterest(this.#peer);
  }

  onNotInterested(): void {
    this.#peer.peerInterested = false;
    this.#swarm.giving.onInterest(this.#peer);
  }

  onHave(index: number): void {
    const piece = this.#piece(index);
    if (!this.#peer.have.has(piece)) this.#peer.chatter.refund(0);
    this.#swarm.onHave(this.#peer, piece);
  }

  onBitfield(bits: Uint8Array): void {
    const pieces = Bitfield.fromWire(bits, this.#swarm.map.pieceCount);
    if (pieces === undefined) throw new PeerError("bad-bitfield");
    if (this.#peer.saidPieces) this.#addPieces(pieces);
    else this.#swarm.onPieces(this.#peer, pieces);
  }

  /** BEP 3 knows a bitfield as the first message only; aria2 sends another where several haves are due. */
  #addPieces(pieces: Bitfield): void {
    for (const piece of this.#swarm.map.indices()) {
      if (pieces.has(piece) && !this.#peer.have.has(piece)) this.#swarm.onHave(this.#peer, piece);
    }
  }

  onHaveAll(): void {
    this.#needsFast();
    this.#onlyOnce();
    const all = new Bitfield(this.#swarm.map.pieceCount);
    all.fill();
    this.#swarm.onPieces(this.#peer, all);
  }

  onHaveNone(): void {
    this.#needsFast();
    this.#onlyOnce();
    this.#peer.saidPieces = true;
  }

  onRequest(index: number, begin: number, length: number): void {
    this.#swarm.giving.onRequest(this.#peer, index, begin, length);
  }

  onPiece(index: number, begin: number, block: Uint8Array): void {
    this.#swarm.onBlock(this.#peer, index, begin, block, this.now);
  }

  onCancel(index: number, begin: number, length: number): void {
    this.#swarm.giving.onCancel(this.#peer, this.#piece(index), begin, length);
  }

  onPort(port: number): void {
    this.#peer.dhtPort = port;
  }

  onSuggest(index: number): void {
    this.#needsFast();
    const { suggestions } = this.#peer;
    suggestions.push(this.#piece(index));
    if (suggestions.length > MAX_SUGGESTIONS) suggestions.shift();
  }

  onReject(index: number, begin: number, _length: number): void {
    this.#needsFast();
    this.#swarm.onReject(this.#peer, this.#piece(index), Math.floor(begin / BLOCK_BYTES), this.now);
  }

  onAllowedFast(index: number): void {
    this.#needsFast();
    const piece = this.#piece(index);
    if (this.#peer.allowedFast.size < MAX_ALLOWED_FAST) this.#peer.allowedFast.add(piece);
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.#swarm.extensions.onExtended(this.#peer, id, payload, this.now);
  }

  #piece(index: number): PieceIndex {
    const piece = this.#swarm.map.index(index);
    if (piece === undefined) throw new PeerError("bad-index");
    return piece;
  }

  #onlyOnce(): void {
    if (this.#peer.saidPieces) throw new PeerError("bad-bitfield");
  }

  #needsFast(): void {
    if (!this.#peer.supportsFast) throw new PeerError("bad-message");
  }
}
