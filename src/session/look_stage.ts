/**
 * The stage of peers that are only looked at: they are heard, and nothing is asked of them but whether they
 * would serve us. There is no memory for a piece, so none is ever asked for.
 *
 * @module
 */

import { Bitfield } from "../base/bitfield.ts";
import type { Millis } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { Extensions } from "../swarm/extensions.ts";
import { replayLobby } from "../swarm/lobby.ts";
import type { Peer } from "../swarm/peer.ts";
import { PeerProtocol } from "../swarm/protocol.ts";
import { Swarm } from "../swarm/swarm.ts";
import type { PeerHandler, Stage } from "./stage.ts";

/** Peers who are heard. */
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
    peer.learnPieceCount(this.pieceCount);
    this.#swarm.join(peer);
    const protocol = new PeerProtocol(this.#swarm, peer, this.#clock.now());
    replayLobby(peer, protocol);
    return protocol;
  }

  leave(peer: Peer): void {
    this.#swarm.removePeer(peer);
  }

  senderFor(): undefined {}

  receiveBuffer(): undefined {}

  fill(): void {}

  fillAll(): void {}

  settle(): void {
    if (this.#swarm.giving.isRefillDue) this.#swarm.giving.tick(this.#clock.now());
  }

  tick(now: Millis): void {
    this.#swarm.tick(now);
  }
}
