/**
 * What `doctor` found, in words: one finding for each thing that a download needs. Pure.
 *
 * @module
 */

import type { PeerCloseReason } from "../base/errors.ts";
import type { FolderRoom } from "../ports/shell.ts";
import type { DhtReport } from "../session/dht_report.ts";
import { isSilent, ranges, trackerWords, udpState } from "../session/diagnosis.ts";
import type { LookReport } from "../session/look.ts";
import type { TrackerStats } from "../session/stats.ts";
import { forTerminal } from "./escape.ts";
import type { OnDisk } from "./on_disk.ts";
import { formatBytes, formatCount } from "./units.ts";

/** What was looked at. */
export type Check =
  | "disk"
  | "data"
  | "port"
  | "proxy"
  | "tracker"
  | "udp"
  | "dht"
  | "peers"
  | "pieces";

/** How it stands: good, perhaps a problem, a problem, not to be known from here, or switched off. */
export type FindingState = "ok" | "warning" | "bad" | "unknown" | "off";

/** One finding. */
export interface Finding {
  readonly check: Check;
  readonly state: FindingState;
  /** What there is to say: raw text. */
  readonly message: string;
}

/** A finding as a line of standard output. */
export function findingLine({ check, state, message }: Finding): string {
  return `${state.padEnd(8)} ${check.padEnd(8)} ${forTerminal(message)}`;
}

/** Where the download would go. `bytes` is what all of it takes there, where that is known. */
export function diskFinding(
  room: FolderRoom,
  bytes: number | undefined,
  found: OnDisk | undefined,
): Finding {
  const { path, trouble, freeBytes } = room;
  if (trouble !== undefined) {
    return { check: "disk", state: "bad", message: `${path} cannot be written to: ${trouble}` };
  }
  const isShort = freeBytes !== undefined && bytes !== undefined &&
    freeBytes < bytes - (found?.bytes ?? 0);
  const free = freeBytes === undefined ? "free space not known" : `${formatBytes(freeBytes)} free`;
  const needed = bytes === undefined ? "" : `, the whole torrent takes ${formatBytes(bytes)}`;
  const message = `${path} can be written to, ${free}${needed}`;
  return { check: "disk", state: isShort ? "bad" : "ok", message };
}

/** What of the torrent is there already. */
export function dataFinding(
  { bytes, checked, isDone, have, trouble }: OnDisk,
  bytesTotal: number,
): Finding {
  const check = "data";
  const share = `${formatBytes(bytes)} of ${formatBytes(bytesTotal)}`;
  if (trouble !== undefined) {
    return { check, state: "bad", message: `${share} is there; ${trouble.message}` };
  }
  if (have.isFull) return { check, state: "ok", message: `all of it is there, ${share}` };
  if (!isDone) {
    const pieces = `${formatCount(checked)} of ${count(have.length, "piece")}`;
    const message = `${share} is there among the ${pieces} that were compared in this time`;
    return { check, state: "unknown", message };
  }
  const message = bytes === 0 ? "nothing of it is there yet" : `${share} is there already`;
  return { check, state: "ok", message };
}

/** Where peers are accepted. `trouble` is why the port that was asked for could not be had. */
export function portFinding(
  port: number,
  trouble: string | undefined,
  incoming: number,
): Finding {
  if (trouble !== undefined) return { check: "port", state: "bad", message: trouble };
  if (port === 0) {
    const message = "cannot listen on any port: peers can be dialled, but none can dial us";
    return { check: "port", state: "warning", message };
  }
  const state = incoming > 0 ? "ok" : "unknown";
  const message = incoming > 0
    ? `listening on ${port}; ${count(incoming, "peer")} reached us there`
    : `listening on ${port}; whether others can reach it is not to be known from here`;
  return { check: "port", state, message };
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] as const;

/** The variables that web requests obey and nothing else does. */
export function proxyFindings(env: (name: string) => string | undefined): Finding[] {
  const set = PROXIES.flatMap((name) => [name, name.toLowerCase()]).filter((name) => env(name));
  if (set.length === 0) return [];
  const what = "torrent files and HTTP trackers are fetched through it; peers, UDP trackers and " +
    "the DHT are not";
  return [{ check: "proxy", state: "warning", message: `${set.join(", ")} is set: ${what}` }];
}

/** Each tracker's answer or error; peers of a private torrent are with one at a time. */
export function trackerFindings(trackers: readonly TrackerStats[], isPrivate: boolean): Finding[] {
  const isServed = isPrivate && trackers.some(({ isWorking }) => isWorking);
  return trackers.map((tracker): Finding => {
    const { url, isWorking, failure, seeds, leeches } = tracker;
    if (isServed && !isWorking && failure === null) {
      const message = `${url}: not asked, since a private torrent keeps to the one that works`;
      return { check: "tracker", state: "off", message };
    }
    const isOpen = failure === null && !isWorking && !isSilent(tracker);
    const state = isWorking ? "ok" : isOpen ? "unknown" : "bad";
    const parts = [trackerWords(tracker)];
    if (isWorking && seeds !== null) parts.push(`${count(seeds, "seed")}`);
    if (isWorking && leeches !== null) parts.push(count(leeches, "leech", "leeches"));
    return { check: "tracker", state, message: `${url}: ${parts.join(", ")}` };
  });
}

/** Whether datagrams go out and come back. */
export function udpFinding(trackers: readonly TrackerStats[], dht: DhtReport): Finding {
  switch (udpState(trackers, dht)) {
    case "works":
      return { check: "udp", state: "ok", message: "datagrams leave and answers come back" };
    case "silent": {
      const message =
        "nobody answers datagrams: UDP seems to be blocked, so UDP trackers and the " +
        "DHT are of no use";
      return { check: "udp", state: "bad", message };
    }
    default: {
      const message = "too few UDP trackers and DHT nodes were asked to tell whether UDP works";
      return { check: "udp", state: "unknown", message };
    }
  }
}

/** How the DHT stands. */
export function dhtFinding(dht: DhtReport): Finding {
  if (dht.state === "failed") {
    return { check: "dht", state: "bad", message: `it cannot be used: ${dht.error}` };
  }
  if (!dht.isReachable) {
    const sent = dht.families.reduce((sum, family) => sum + family.sent, 0);
    const message = `no answer to ${count(sent, "question")}`;
    return { check: "dht", state: sent > 0 ? "bad" : "unknown", message };
  }
  const reached = dht.families.filter(({ answered }) => answered > 0);
  const parts = reached.map(({ family, confirmedNodes, nodes }) =>
    `IPv${family}: ${count(confirmedNodes, "node")} answered, ${formatCount(nodes)} known`
  );
  const seen = reached.flatMap(({ externalHost }) => externalHost ?? []);
  if (seen.length > 0) parts.push(`others see us at ${seen.join(" and ")}`);
  return { check: "dht", state: "ok", message: parts.join("; ") };
}

/** What each source gave, and how many peers could be reached; `isComplete` where none is needed. */
export function peersFinding(look: LookReport, isComplete: boolean): Finding {
  const { peersKnown, peers, seeds, serving, dialling, missing } = look;
  const given = Object.entries(look.known).map(([source, n]) =>
    `${formatCount(n)} ${SOURCES[source as keyof typeof SOURCES]}`
  );
  const known = `${formatCount(peersKnown)} known${
    given.length > 0 ? ` (${given.join(", ")})` : ""
  }`;
  const parts = [known, `${formatCount(peers)} connected`];
  if (peers > 0 && missing !== undefined) {
    parts.push(`${formatCount(seeds)} have everything`, `${formatCount(serving)} would serve us`);
  }
  if (dialling > 0) parts.push(`${formatCount(dialling)} being dialled`);
  const message = `${parts.join(", ")}${partings(look)}`;
  if (isComplete) return { check: "peers", state: "ok", message };
  if (peers === 0) return { check: "peers", state: "bad", message };
  const isRefused = missing !== undefined && serving === 0;
  return { check: "peers", state: isRefused ? "warning" : "ok", message };
}

/** Which pieces are needed and nobody has. */
export function piecesFinding({ missing, peers }: LookReport, isComplete: boolean): Finding {
  if (isComplete) return { check: "pieces", state: "ok", message: "all of them are there" };
  if (missing === undefined) {
    const message = "not known: nobody has sent the metadata yet";
    return { check: "pieces", state: "unknown", message };
  }
  if (missing.length === 0) {
    return { check: "pieces", state: "ok", message: "a connected peer has each of them" };
  }
  const message = peers === 0
    ? "nobody is connected who could have any"
    : `no connected peer has ${ranges(missing)}`;
  return { check: "pieces", state: "bad", message };
}

const SOURCES = {
  user: "named by you",
  tracker: "from trackers",
  incoming: "dialled us",
  pex: "from other peers",
  dht: "from the DHT",
  lsd: "on the local network",
} as const;

/** The reasons that a person has a use for. */
const PARTINGS: Readonly<Partial<Record<PeerCloseReason, string>>> = {
  "dial-failed": "could not be reached",
  "eof": "hung up",
  "reset": "hung up",
  "handshake-timeout": "said nothing",
  "wrong-info-hash": "had another torrent",
  "self": "was this program",
};

/** Why connections ended, the most frequent reasons first. */
function partings({ closed }: LookReport): string {
  const counts = new Map<string, number>();
  for (const [reason, n] of Object.entries(closed)) {
    const words = PARTINGS[reason as PeerCloseReason] ?? "were dropped";
    counts.set(words, (counts.get(words) ?? 0) + n);
  }
  const parts = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  return parts.map(([words, n]) => `, ${formatCount(n)} ${words}`).join("");
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
