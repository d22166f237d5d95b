/**
 * Which kinds of source the peers and the bytes of one torrent came from.
 *
 * Peers that are connected are counted when asked; what gone ones brought is kept by kind.
 *
 * @module
 */

import type { PeerSource } from "../swarm/peer_sources.ts";

/** What one kind of source has brought. */
export interface SourceStats {
  /** The kind. */
  readonly source: PeerSource;
  /** Peers from there that are connected. */
  readonly peers: number;
  /** Those among them that choke us. */
  readonly peersChoking: number;
  /** Payload bytes that peers from there gave since the torrent was added, gone ones included. */
  readonly bytes: number;
}

/** What is asked of a connected peer. */
interface Giver {
  readonly giver: number;
  readonly peerChoking: boolean;
  readonly down: { readonly total: number };
}

/** The books of one torrent, by kind of source. */
export class SourceLedger {
  readonly #gone = new Map<PeerSource, number>();

  /** A peer has gone, having given so many bytes. */
  settle(source: PeerSource, bytes: number): void {
    this.#gone.set(source, (this.#gone.get(source) ?? 0) + bytes);
  }

  /** Every kind that has a peer or has given anything; those that gave most come first. */
  stats(
    peers: readonly Giver[],
    sourceOf: (giver: number) => PeerSource | undefined,
  ): SourceStats[] {
    const kinds = new Map<PeerSource, { peers: number; peersChoking: number; bytes: number }>();
    const kind = (source: PeerSource) => {
      const made = kinds.get(source) ?? { peers: 0, peersChoking: 0, bytes: 0 };
      kinds.set(source, made);
      return made;
    };
    for (const [source, bytes] of this.#gone) if (bytes > 0) kind(source).bytes += bytes;
    for (const { giver, peerChoking, down } of peers) {
      const one = kind(sourceOf(giver) ?? "incoming");
      one.peers++;
      if (peerChoking) one.peersChoking++;
      one.bytes += down.total;
    }
    return [...kinds].map(([source, facts]) => ({ source, ...facts }))
      .sort((a, b) => b.bytes - a.bytes || b.peers - a.peers);
  }
}
