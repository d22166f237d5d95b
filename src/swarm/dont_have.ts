/**
 * `lt_donthave` (BEP 54, https://www.bittorrent.org/beps/bep_0054.html): a piece that was told of is gone.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import type { PieceIndex } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import { decodeDontHave, encodeDontHave } from "../wire/lt_donthave.ts";
import { type Extension, sendExtended } from "./extensions.ts";
import type { Peer } from "./peer.ts";

/** What hears of it. */
export interface DontHaveSink {
  readonly map: PieceMap;
  /** The peer has a piece no longer. */
  onDontHave(peer: Peer, piece: PieceIndex): void;
}

/** The extension. */
export class DontHave implements Extension {
  readonly name = "lt_donthave";
  readonly #sink: DontHaveSink;
  readonly #onKnown: (peer: Peer) => void;
  readonly #known = new WeakSet<Peer>();

  /** Tells `sink` what peers lost, and `onKnown` who understands, from its first word of it on. */
  constructor(sink: DontHaveSink, onKnown: (peer: Peer) => void = () => {}) {
    this.#sink = sink;
    this.#onKnown = onKnown;
  }

  /** @throws {PeerError} `bad-index` for a piece that there is not. */
  onMessage(peer: Peer, payload: Uint8Array): void {
    const piece = this.#sink.map.index(decodeDontHave(payload));
    if (piece === undefined) throw new PeerError("bad-index");
    this.#sink.onDontHave(peer, piece);
  }

  onHandshake(peer: Peer): void {
    if (!peer.knowsDontHave || this.#known.has(peer)) return;
    this.#known.add(peer);
    this.#onKnown(peer);
  }
}

/** Says to a peer that we have a piece no longer, if it understands that. */
export function sendDontHave(peer: Peer, piece: PieceIndex): void {
  sendExtended(peer, "lt_donthave", encodeDontHave(piece));
}
