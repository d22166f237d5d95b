/**
 * The first stage of a torrent that is known by its infohash alone: peers wait in the lobby while the
 * metadata is fetched from them (BEP 9).
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { Clock } from "../ports/clock.ts";
import type { Hasher } from "../ports/hash.ts";
import { Lobby } from "../swarm/lobby.ts";
import { Metadata } from "../swarm/metadata.ts";
import { MetadataFetch } from "../swarm/metadata_fetch.ts";
import type { Peer } from "../swarm/peer.ts";
import type { Connections } from "./connections.ts";
import type { PeerHandler, Stage } from "./stage.ts";

/** What the stage works with. */
export interface MetadataPhaseParts {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly hasher: Pick<Hasher, "sha1">;
  /** Whether the data is wanted afterwards. */
  readonly wantsData: boolean;
}

/** The stage. */
export class MetadataPhase implements Stage {
  readonly pieceCount = undefined;
  readonly isComplete = false;
  /** The info dictionary, with the right hash; never rejects. */
  readonly info: Promise<Uint8Array<ArrayBuffer>>;
  readonly #parts: MetadataPhaseParts;
  readonly #lobby: Lobby;
  readonly #fetch: MetadataFetch;
  readonly #resolve: (info: Uint8Array<ArrayBuffer>) => void;

  /** Speaks `ut_metadata` from now on; peers are to enter by `connections.enter`. */
  constructor(parts: MetadataPhaseParts) {
    const { infoHash, hasher, clock, connections, wantsData } = parts;
    this.#parts = parts;
    this.#lobby = new Lobby(connections.extensions, { wantsData });
    this.#fetch = new MetadataFetch({ infoHash, hasher, now: clock.now() });
    connections.extensions.add(new Metadata({ fetch: this.#fetch }));
    const { promise, resolve } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    [this.info, this.#resolve] = [promise, resolve];
  }

  get peers(): readonly Peer[] {
    return this.#lobby.peers;
  }

  /** Time of the last part that was kept and has not been proven wrong since, or of the start. */
  get progressAt(): Millis {
    return this.#fetch.progressAt;
  }

  enter(peer: Peer): PeerHandler {
    return this.#lobby.enter(peer, this.#parts.clock.now());
  }

  leave(peer: Peer): void {
    this.#lobby.leave(peer);
  }

  senderFor(): undefined {
    return undefined;
  }

  receiveBuffer(): undefined {
    return undefined;
  }

  fill(): void {}

  fillAll(): void {}

  tick(now: Millis): void {
    this.#lobby.tick(now);
  }

  /** The metadata to whom it concerns, liars to the book. */
  settle(): void {
    for (const giver of this.#fetch.takeGuilty()) this.#parts.connections.book.ban(giver);
    const info = this.#fetch.take();
    if (info !== undefined) this.#resolve(info);
  }
}
