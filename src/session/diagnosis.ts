/**
 * Why a download does not move, in words a person can act on.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { PeerCloseReason } from "../base/errors.ts";
import type { Peer } from "../swarm/peer.ts";
import type { DhtReport } from "./dht_report.ts";
import type { CloseCounts } from "./events.ts";
import type { TrackerStats } from "./stats.ts";

/** What is known when a download stalls. */
export interface StallFacts {
  readonly peers: readonly Peer[];
  /** Addresses ever heard of. */
  readonly peersKnown: number;
  readonly peersBanned: number;
  /** Why connections ended, counted. */
  readonly closed: CloseCounts;
  readonly lacking: Bitfield;
  readonly trackers: readonly TrackerStats[];
  /** Payload bytes that failed their hash. */
  readonly corruptBytes: number;
  readonly dht: DhtReport;
}

/** Whether datagrams leave this machine and answers come back. */
export type UdpState = "works" | "silent" | "unknown";

/** A tracker that has not answered for so long is taken for silent. */
const SILENT_MS = 5_000;
/** From here on it is worth saying for how long a tracker has not answered. */
const WAITED_MS = 1_000;
/** So many questions to the DHT without one answer are no accident. */
const SILENT_QUERIES = 8;

/**
 * What trackers and the DHT tell of UDP. One tracker that is silent may be dead; two of them, or the whole
 * DHT, and nobody who answers: datagrams do not come through.
 */
export function udpState(trackers: readonly TrackerStats[], dht: DhtReport): UdpState {
  const asked = trackers.filter(({ url }) => url.startsWith("udp:"));
  const isHeard = asked.some(({ isWorking, failure }) => isWorking || failure === "refused");
  if (isHeard || dht.isReachable) return "works";
  const silent = asked.filter(isSilent).map(({ url }) => new URL(url).hostname);
  const queries = dht.families.reduce((sum, { sent }) => sum + sent, 0);
  return new Set(silent).size >= 2 || queries >= SILENT_QUERIES ? "silent" : "unknown";
}

/** Whether a tracker was asked and has given no sign of life. */
export function isSilent({ failure, waitingMs }: TrackerStats): boolean {
  return failure === "timeout" || (failure === null && waitingMs >= SILENT_MS);
}

/** Why the metadata does not come, without a full stop. */
export function diagnoseMetadata(facts: Omit<StallFacts, "lacking" | "corruptBytes">): string {
  const { peers, peersBanned } = facts;
  if (peers.length === 0) return unreached(facts, "sent wrong metadata");
  const able = peers.filter((peer) => peer.extensions?.metadataSize !== undefined).length;
  const liars = peersBanned > 0 ? ` (${count(peersBanned, "other")} sent wrong metadata)` : "";
  if (able === 0) return `none of ${count(peers.length, "connected peer")} has it${liars}`;
  return `${count(able, "peer")} that should have it sent nothing${liars}`;
}

/** The most likely reason, without a full stop. */
export function diagnose(facts: StallFacts): string {
  const { peers } = facts;
  if (peers.length === 0) {
    return unreached(facts, facts.corruptBytes > 0 ? "sent corrupt data" : "broke the protocol");
  }
  const nowhere = missingEverywhere(facts);
  if (nowhere.length === facts.lacking.count) {
    return `none of ${count(peers.length, "connected peer")} has the missing pieces (${
      ranges(nowhere)
    })`;
  }
  if (nowhere.length > 0 && peers.every((peer) => !peer.amInterested)) {
    return `pieces ${ranges(nowhere)} are with nobody`;
  }
  if (peers.every((peer) => peer.peerChoking)) {
    return peers.length === 1 ? "the only peer chokes us" : `all ${peers.length} peers choke us`;
  }
  if (nowhere.length > 0) return `pieces ${ranges(nowhere)} are with nobody`;
  return `${count(peers.length, "connected peer")} sent nothing`;
}

/** Numbers as `7, 9-12`, cut short after a few. */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length && parts.length <= 8; i++) {
    const first = numbers[i]!;
    let last = first;
    while (numbers[i + 1] === last + 1) last = numbers[++i]!;
    parts.push(first === last ? `${first}` : `${first}-${last}`);
  }
  if (parts.length > 8) parts[8] = "…";
  return parts.join(", ");
}

/** Why there is not a single peer; `lies` is what banned ones did. */
function unreached(
  facts: Omit<StallFacts, "lacking" | "corruptBytes">,
  lies: string,
): string {
  const { peersKnown, peersBanned, trackers, closed } = facts;
  const trouble = `${trackerErrors(trackers)}${udpTrouble(facts)}`;
  if (peersKnown === 0) return `no peers found${trouble}`;
  if (peersBanned > 0) {
    return `${count(peersBanned, "peer")} ${lies} and nobody else can be reached`;
  }
  const ways = partings(closed);
  const isReached = ways.some(([way]) => way !== UNREACHED);
  if (peersKnown === 1) {
    return `the only known peer ${isReached ? ways[0]![0] : "cannot be reached"}${trouble}`;
  }
  if (!isReached) return `none of ${peersKnown} known peers can be reached${trouble}`;
  const said = ways.slice(0, 3).map(([way, n]) => `${way} ${n === 1 ? "once" : `${n} times`}`);
  return `none of ${peersKnown} known peers stays: they ${said.join(", ")}${trouble}`;
}

const UNREACHED = "could not be reached";
/** How a connection ended, of a peer. What is our own doing is no reason. */
const PARTINGS: Readonly<Partial<Record<PeerCloseReason, string>>> = {
  "dial-failed": UNREACHED,
  "eof": "hung up",
  "reset": "hung up",
  "handshake-timeout": "said nothing",
  "wrong-info-hash": "had another torrent",
  "bad-handshake": "spoke another protocol",
};

/** How connections ended and how often, the most frequent way first. */
function partings(closed: CloseCounts): [way: string, times: number][] {
  const counts = new Map<string, number>();
  for (const [reason, n] of Object.entries(closed)) {
    const way = PARTINGS[reason as PeerCloseReason];
    if (way !== undefined) counts.set(way, (counts.get(way) ?? 0) + n);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

function missingEverywhere(facts: StallFacts): number[] {
  const out: number[] = [];
  for (let piece = 0; piece < facts.lacking.length; piece++) {
    if (facts.lacking.has(piece) && !facts.peers.some((p) => p.have.has(piece))) out.push(piece);
  }
  return out;
}

function trackerErrors(trackers: readonly TrackerStats[]): string {
  if (trackers.length === 0) return " and no tracker is used";
  const failing = trackers.filter((t) => !t.isWorking).slice(0, 3);
  if (failing.length === 0) return "";
  return ` (${failing.map((t) => `${t.url}: ${trackerWords(t)}`).join("; ")})`;
}

/** How a tracker stands, in words; of one that does not answer, for how long. */
export function trackerWords(tracker: TrackerStats): string {
  const { status, failure, waitingMs, isWorking } = tracker;
  if (isWorking || failure !== null || waitingMs < WAITED_MS) return status;
  return `no answer for ${Math.round(waitingMs / 1000)} s`;
}

function udpTrouble({ trackers, dht }: Pick<StallFacts, "trackers" | "dht">): string {
  return udpState(trackers, dht) === "silent" ? "; UDP seems to be blocked" : "";
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
