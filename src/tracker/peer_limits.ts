/**
 * What bounds the state of a tracker server.
 *
 * @module
 */

/** What bounds a table. */
export interface PeerLimits {
  /** Peers in all. */
  readonly peers: number;
  /** Torrents in all, those that were admitted by name included. */
  readonly torrents: number;
  /** Peers of one torrent. */
  readonly peersPerTorrent: number;
  /** Peers of one address. Local addresses are exempt: a whole network may stand behind one. */
  readonly peersPerAddress: number;
  /** Peers of one address in one torrent. */
  readonly portsPerAddress: number;
  /** The same for local addresses. */
  readonly portsPerLocalAddress: number;
}

/** Room for two million peers in a quarter of a gigabyte; a hundred hostile addresses fill less than half of it. */
export const DEFAULT_LIMITS: PeerLimits = {
  peers: 2_000_000,
  torrents: 1_000_000,
  peersPerTorrent: 200_000,
  // Above what the largest seed boxes announce, and a shared address of a provider.
  peersPerAddress: 8192,
  portsPerAddress: 64,
  portsPerLocalAddress: 1024,
};
