/**
 * What the peers have, and what follows from it: availability, how useful each peer is, our interest.
 *
 * Invariants: `peer.useful` counts the pieces that the peer has of those we lack; we are interested just
 * where it is above zero; a seed is left out of the availability, as it would change no order.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import { PeerError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { Availability } from "./availability.ts";
import type { Peer } from "./peer.ts";

/** How often a peer may cease to be a seed. */
const MAX_SEEDS_ENDED = 8;

/** Is told of what peers have, after the books are kept. */
export interface HoldingsWatcher {
  /** The peer has said what it has. */
  onPieces(peer: Peer): void;
  /** The peer has one more piece. */
  onHave(peer: Peer, piece: PieceIndex): void;
  /** The peer is gone. */
  onGone(peer: Peer): void;
}

/** Keeps the pieces of every peer. */
export class Holdings {
  /** Somebody who wants to know. */
  watcher: HoldingsWatcher | undefined;
  readonly #lacking: Bitfield;
  readonly #availability: Availability;

  /** `lacking` has the wanted pieces that are not verified; whoever takes one out calls {@link onVerified}. */
  constructor(lacking: Bitfield, availability: Availability) {
    this.#lacking = lacking;
    this.#availability = availability;
  }

  /** The peer has exactly these pieces; said once, first. Copies the bits. */
  onPieces(peer: Peer, bits: Bitfield): void {
    peer.have.bytes.set(bits.bytes);
    peer.have.recount();
    peer.saidPieces = true;
    peer.dryAt = -1;
    if (!peer.isSeed) forEachPiece(peer.have, (piece) => this.#availability.add(piece));
    peer.useful = 0;
    const lacking = this.#lacking.bytes;
    for (let i = 0; i < lacking.length; i++) {
      for (let both = lacking[i]! & peer.have.bytes[i]!; both !== 0; both &= both - 1) {
        peer.useful++;
      }
    }
    updateInterest(peer);
    this.watcher?.onPieces(peer);
  }

  /** The peer has one more piece. */
  onHave(peer: Peer, piece: PieceIndex): void {
    peer.saidPieces = true;
    if (!peer.have.add(piece)) return;
    peer.dryAt = -1;
    if (peer.isSeed) {
      // It was counted piece by piece so far and is not counted from here on.
      forEachPiece(peer.have, (had) => had !== piece && this.#availability.subtract(had));
    } else this.#availability.add(piece);
    this.watcher?.onHave(peer, piece);
    if (!this.#lacking.has(piece)) return;
    peer.useful++;
    updateInterest(peer);
  }

  /** The peer has a piece no longer. @throws {PeerError} flood: it goes to and fro, which costs us a walk each time. */
  onDontHave(peer: Peer, piece: PieceIndex): void {
    const wasSeed = peer.isSeed;
    if (!peer.have.delete(piece)) return;
    if (!wasSeed) this.#availability.subtract(piece);
    else if (++peer.seedsEnded > MAX_SEEDS_ENDED) throw new PeerError("flood");
    else forEachPiece(peer.have, (has) => this.#availability.add(has));
    if (!this.#lacking.has(piece)) return;
    peer.useful--;
    updateInterest(peer);
  }

  /** We lack a piece no longer that the peer has. */
  onVerified(peer: Peer): void {
    peer.useful--;
    updateInterest(peer);
  }

  /** We lack a piece again, which the peer has. */
  onWanted(peer: Peer): void {
    peer.useful++;
    updateInterest(peer);
  }

  /** The peer is gone. */
  onGone(peer: Peer): void {
    if (!peer.isSeed) forEachPiece(peer.have, (piece) => this.#availability.subtract(piece));
    this.watcher?.onGone(peer);
  }
}

function updateInterest(peer: Peer): void {
  const wants = peer.useful > 0;
  if (wants === peer.amInterested) return;
  peer.amInterested = wants;
  if (wants) peer.encoder.interested();
  else peer.encoder.notInterested();
}

function forEachPiece(pieces: Bitfield, each: (piece: number) => void): void {
  const { bytes } = pieces;
  for (let i = 0; i < bytes.length; i++) {
    for (let byte = bytes[i]!; byte !== 0;) {
      const bit = Math.clz32(byte) - 24;
      each(i * 8 + bit);
      byte &= ~(0x80 >>> bit);
    }
  }
}
