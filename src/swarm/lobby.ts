/**
 * Where peers are while the metadata is not known: what they say is noted for the swarm, and nothing is
 * given or asked for but what extensions do.
 *
 * Peers hear that we are interested as soon as they have anything, so that they may unchoke us meanwhile.
 * They are not told what we have, since a bitfield needs the number of pieces; it comes when they join the
 * swarm, as with other clients that start from a magnet.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import { MIB, type Millis } from "../base/units.ts";
import type { WireHandler } from "../wire/decoder.ts";
import { EarlyPieces } from "./early_pieces.ts";
import type { Extensions } from "./extensions.ts";
import type { Peer } from "./peer.ts";
import { MAX_ALLOWED_FAST } from "./protocol.ts";
import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from "./swarm.ts";

/** Requests for blocks before a peer is cut. */
const MAX_REQUESTS = 2000;
/** Bytes of blocks that nobody asked for before a peer is cut. */
const MAX_UNASKED_BYTES: number = MIB;

/** The peers of a torrent that is not known yet. */
export class Lobby {
  readonly #extensions: Extensions;
  readonly #wantsData: boolean;
  readonly #peers: Peer[] = [];

  /** `wantsData`: whether blocks are to be had of them later on. */
  constructor(extensions: Extensions, options: { readonly wantsData: boolean }) {
    this.#extensions = extensions;
    this.#wantsData = options.wantsData;
  }

  /** Connected peers. Not to be changed. */
  get peers(): readonly Peer[] {
    return this.#peers;
  }

  /** A peer comes. */
  enter(peer: Peer, now: Millis): LobbyProtocol {
    peer.early = new EarlyPieces();
    this.#peers.push(peer);
    return new LobbyProtocol(peer, { now, ...this.#rules });
  }

  /** A peer leaves, for the swarm or for good. */
  leave(peer: Peer): void {
    const at = this.#peers.indexOf(peer);
    if (at >= 0) this.#peers.splice(at, 1);
  }

  /** Lets time pass: who says nothing for long is closed, others hear from us now and then. */
  tick(now: Millis): void {
    for (const peer of this.#peers) {
      if (now - peer.lastReadAt >= IDLE_TIMEOUT_MS) peer.closing ??= "idle";
      if (now - peer.lastWriteAt >= KEEP_ALIVE_MS && peer.encoder.length === 0) {
        peer.encoder.keepAlive();
      }
    }
  }

  get #rules(): { extensions: Extensions; wantsData: boolean } {
    return { extensions: this.#extensions, wantsData: this.#wantsData };
  }
}

/** Turns the messages of one peer into notes. */
export class LobbyProtocol implements WireHandler {
  readonly #peer: Peer;
  readonly #early: EarlyPieces;
  readonly #extensions: Extensions;
  readonly #wantsData: boolean;
  /** The time of the read whose messages are being handled; set before each commit. */
  now: Millis;

  constructor(
    peer: Peer,
    rules: { readonly extensions: Extensions; readonly wantsData: boolean; readonly now: Millis },
  ) {
    this.#peer = peer;
    this.#early = peer.early ??= new EarlyPieces();
    this.#extensions = rules.extensions;
    this.#wantsData = rules.wantsData;
    this.now = rules.now;
  }

  onKeepAlive(): void {}

  onChoke(): void {
    this.#peer.peerChoking = true;
    this.#peer.unchokedAt = undefined;
  }

  onUnchoke(): void {
    this.#peer.peerChoking = false;
    this.#peer.unchokedAt ??= this.now;
  }

  onInterested(): void {
    this.#peer.peerInterested = true;
  }

  onNotInterested(): void {
    this.#peer.peerInterested = false;
  }

  onHave(index: number): void {
    this.#early.onHave(index);
    this.#showInterest();
  }

  onBitfield(bits: Uint8Array): void {
    this.#early.onBitfield(bits);
    if (!this.#peer.amInterested && this.#early.hasAny) this.#showInterest();
  }

  onHaveAll(): void {
    this.#needsFast();
    this.#early.onHaveAll();
    this.#showInterest();
  }

  onHaveNone(): void {
    this.#needsFast();
    this.#early.onHaveNone();
  }

  onRequest(index: number, begin: number, length: number): void {
    if (++this.#peer.refusedRequests > MAX_REQUESTS) throw new PeerError("flood");
    if (this.#peer.supportsFast) this.#peer.encoder.reject(index, begin, length);
  }

  onPiece(_index: number, _begin: number, block: Uint8Array): void {
    this.#peer.unaskedBytes += block.length;
    if (this.#peer.unaskedBytes > MAX_UNASKED_BYTES) throw new PeerError("flood");
  }

  onCancel(): void {}

  onPort(port: number): void {
    this.#peer.dhtPort = port;
  }

  onSuggest(): void {
    this.#needsFast();
  }

  onReject(): void {
    this.#needsFast();
  }

  onAllowedFast(index: number): void {
    this.#needsFast();
    if (this.#peer.allowedFast.size < MAX_ALLOWED_FAST) this.#peer.allowedFast.add(index);
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.#extensions.onExtended(this.#peer, id, payload, this.now);
  }

  #showInterest(): void {
    if (this.#peer.amInterested || !this.#wantsData) return;
    this.#peer.amInterested = true;
    this.#peer.encoder.interested();
  }

  #needsFast(): void {
    if (!this.#peer.supportsFast) throw new PeerError("bad-message");
  }
}

/**
 * What a peer said in the lobby, said again to the swarm that it has just joined.
 *
 * @throws {PeerError} it does not fit the torrent.
 */
export function replayLobby(
  peer: Peer,
  to: Pick<WireHandler, "onBitfield" | "onHaveAll" | "onHaveNone">,
): void {
  const { early } = peer;
  peer.early = undefined;
  peer.refusedRequests = peer.unaskedBytes = 0;
  for (const index of peer.allowedFast) {
    if (index >= peer.have.length) throw new PeerError("bad-index");
  }
  early?.replay(to, peer.have.length);
}
