/**
 * Which sources of peers a torrent may use: the one gate for all of them.
 *
 * "When generating torrents with private=1, clients must obtain peers only through the private tracker"
 * (BEP 27, https://www.bittorrent.org/beps/bep_0027.html): a private torrent uses its trackers and what
 * the user typed; who dials us may come in, since only its tracker told it of us. PEX, LSD and the DHT,
 * PORT messages included, are closed to it in both directions. Asked before a source is started, and again
 * for every address that enters the book.
 *
 * @module
 */

/** Where an address came from. */
export type PeerSource = "user" | "tracker" | "incoming" | "pex" | "dht" | "lsd";

/** What decides. */
export interface SourceRules {
  /** Whether the torrent is private; `false` while that is not known yet. */
  readonly isPrivate: boolean;
  /** The user wants no peers at all. */
  readonly noPeers?: boolean | undefined;
  /** The user wants no trackers. */
  readonly noTrackers?: boolean | undefined;
  /** The user wants no DHT. */
  readonly noDht?: boolean | undefined;
  /** The user wants no peers of peers. */
  readonly noPex?: boolean | undefined;
  /** The user wants nothing of the local network. */
  readonly noLsd?: boolean | undefined;
}

/** The sources of peers that a torrent may use. */
export type PeerSources = ReadonlySet<PeerSource>;

/** Every source, for a torrent that is public and a user who forbids nothing. */
export const ALL_SOURCES: PeerSources = new Set<PeerSource>([
  "user",
  "tracker",
  "incoming",
  "pex",
  "dht",
  "lsd",
]);

/** The sources that may be used, to learn from and to tell to. */
export function permittedSources(rules: SourceRules): PeerSources {
  const out = new Set<PeerSource>();
  if (rules.noPeers) return out;
  out.add("user").add("incoming");
  if (!rules.noTrackers) out.add("tracker");
  if (rules.isPrivate) return out;
  if (!rules.noDht) out.add("dht");
  if (!rules.noPex) out.add("pex");
  if (!rules.noLsd) out.add("lsd");
  return out;
}
