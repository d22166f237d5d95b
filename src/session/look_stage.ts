/**
 * Stages of peers that are only looked at: they are heard, and nothing is asked of them but whether they would
 * serve us.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { Millis } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { Extensions } from "../swarm/extensions.ts";
import type { Peer } from "../swarm/peer.ts";
import { PeerProtocol } from "../swarm/protocol.ts";
import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS, Swarm } from "../swarm/swarm.ts";
import type { PeerHandler, Stage } from "./stage.ts";

/** Peers of a torrent whose pieces are known. There is no memory for a piece, so none is ever asked for. */
export class Audience implements Stage {
  readonly isComplete = false;
  readonly #swarm: Swarm;
  readonly #clock: Clock;

  constructor(parts: {
    readonly map: PieceMap;
    readonly random: Random;
    readonly clock: Clock;
    readonly extensions: Extensions;
  }) {
    const { map, random, clock, extensions } = parts;
    const wanted = new Bitfield(map.pieceCount);
    wanted.fill();
    this.#clock = clock;
    this.#swarm = new Swarm({
      ...{ map, random, extensions, wanted },
      have: new Bitfield(map.pieceCount),
      allocate: () => undefined,
      isSequential: false,
      now: clock.now(),
    });
  }

  get peers(): readonly Peer[] {
    return this.#swarm.peers;
  }

  get pieceCount(): number {
    return this.#swarm.map.pieceCount;
  }

  enter(peer: Peer): PeerHandler {
    this.#swarm.join(peer);
    return new PeerProtocol(this.#swarm, peer, this.#clock.now());
  }

  leave(peer: Peer): void {
    this.#swarm.removePeer(peer);
  }

  senderFor(): undefined {}

  receiveBuffer(): undefined {}

  fill(): void {}

  fillAll(): void {}

  settle(): void {
    if (this.#swarm.giving.isRoundDue) this.#swarm.giving.tick(this.#clock.now());
  }

  tick(now: Millis): void {
    this.#swarm.tick(now);
  }
}

/** Peers of a torrent of which nothing but its infohash is known. */
export class Bystanders implements Stage {
  readonly pieceCount = undefined;
  readonly isComplete = false;
  readonly #extensions: Extensions;
  readonly #peers: Peer[] = [];

  constructor(extensions: Extensions) {
    this.#extensions = extensions;
  }

  get peers(): readonly Peer[] {
    return this.#peers;
  }

  enter(peer: Peer): PeerHandler {
    this.#peers.push(peer);
    return new Ear(peer, this.#extensions);
  }

  leave(peer: Peer): void {
    const at = this.#peers.indexOf(peer);
    if (at >= 0) this.#peers.splice(at, 1);
  }

  senderFor(): undefined {}

  receiveBuffer(): undefined {}

  fill(): void {}

  fillAll(): void {}

  settle(): void {}

  tick(now: Millis): void {
    for (const peer of this.#peers) {
      if (now - peer.lastReadAt >= IDLE_TIMEOUT_MS) peer.closing ??= "idle";
      if (now - peer.lastWriteAt >= KEEP_ALIVE_MS) peer.encoder.keepAlive();
    }
  }
}

/** Hears who serves and which extensions are spoken; what needs the pieces to make sense is passed over. */
class Ear implements PeerHandler {
  now: Millis = 0;
  readonly #peer: Peer;
  readonly #extensions: Extensions;

  constructor(peer: Peer, extensions: Extensions) {
    this.#peer = peer;
    this.#extensions = extensions;
  }

  onChoke(): void {
    this.#peer.peerChoking = true;
  }

  onUnchoke(): void {
    this.#peer.peerChoking = false;
  }

  onPort(port: number): void {
    this.#peer.dhtPort = port;
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.#extensions.onExtended(this.#peer, id, payload, this.now);
  }

  onKeepAlive(): void {}
  onInterested(): void {}
  onNotInterested(): void {}
  onHave(): void {}
  onBitfield(): void {}
  onHaveAll(): void {}
  onHaveNone(): void {}
  onRequest(): void {}
  onPiece(): void {}
  onCancel(): void {}
  onSuggest(): void {}
  onReject(): void {}
  onAllowedFast(): void {}
}
