/**
 * A torrent described: for people, and as one JSON object. Pure.
 *
 * @module
 */

import { hex } from "../base/bytes.ts";
import { formatMagnet } from "../metainfo/magnet.ts";
import type { FileEntry, Metainfo } from "../metainfo/torrent_file.ts";
import { forTerminal } from "./escape.ts";
import { formatBytes, formatCount, formatTime } from "./units.ts";

/** A file as `info --json` lists it. */
export interface InfoFile {
  /** Its number for `--select-file`, from 1. */
  readonly index: number;
  /** Inside the torrent, without its top folder. */
  readonly path: string;
  readonly bytes: number;
  readonly selected: boolean;
}

/** What `info --json` prints. */
export interface InfoObject {
  readonly v: 1;
  readonly type: "info";
  readonly at: number;
  readonly name: string;
  readonly infoHash: string | null;
  readonly infoHashV2: string | null;
  readonly totalBytes: number;
  readonly pieceLength: number;
  readonly pieces: number;
  readonly files: readonly InfoFile[];
  readonly trackers: readonly (readonly string[])[];
  readonly webseeds: readonly string[];
  readonly private: boolean;
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** Unix seconds. */
  readonly createdAt: number | null;
  /** The `source` key that keeps infohashes of trackers apart. */
  readonly source: string | null;
  readonly magnet: string;
}

/** The torrent as one object; `selection` is what the options choose, `undefined` for all. */
export function infoObject(
  metainfo: Metainfo,
  options: { selection: readonly number[] | undefined; at: number },
): InfoObject {
  return {
    v: 1,
    type: "info",
    at: options.at,
    name: metainfo.name,
    infoHash: hex(metainfo.infoHash),
    infoHashV2: metainfo.infoHashV2 === null ? null : hex(metainfo.infoHashV2),
    totalBytes: payloadBytes(metainfo),
    pieceLength: metainfo.pieceMap.pieceLength,
    pieces: metainfo.pieceMap.pieceCount,
    files: listFiles(metainfo, options.selection),
    trackers: metainfo.trackers,
    webseeds: metainfo.webSeeds,
    private: metainfo.isPrivate,
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    createdAt: metainfo.createdAt,
    source: metainfo.source,
    magnet: formatMagnet(metainfo),
  };
}

/** The torrent for people: facts first, then the files with their numbers. */
export function infoText(metainfo: Metainfo, selection: readonly number[] | undefined): string {
  const files = listFiles(metainfo, selection);
  const lines = facts(metainfo, files).map(([key, value]) =>
    `${key.padEnd(13)} ${forTerminal(value)}`
  );
  const digits = Math.max(5, String(files.at(-1)?.index ?? 0).length);
  const columns = `${"file".padStart(digits)}  ${"size".padStart(10)}  path`;
  lines.push("", selection === undefined ? columns : `${columns} (* selected)`);
  for (const file of files) {
    const mark = selection === undefined ? "" : file.selected ? "* " : "  ";
    const size = formatBytes(file.bytes).padStart(10);
    lines.push(`${String(file.index).padStart(digits)}  ${size}  ${mark}${forTerminal(file.path)}`);
  }
  return `${lines.join("\n")}\n`;
}

function facts(metainfo: Metainfo, files: readonly InfoFile[]): [string, string][] {
  const { pieceMap, comment, createdBy, createdAt, source } = metainfo;
  const bytes = payloadBytes(metainfo);
  const exact = bytes >= 1024 ? ` (${formatCount(bytes)} bytes)` : "";
  const count = files.length === 1 ? "1 file" : `${formatCount(files.length)} files`;
  const out: [string, string][] = [["name", metainfo.name], ["infohash", hex(metainfo.infoHash)]];
  if (metainfo.infoHashV2 !== null) out.push(["infohash v2", hex(metainfo.infoHashV2)]);
  out.push(["size", `${formatBytes(bytes)}${exact} in ${count}`]);
  out.push([
    "pieces",
    `${formatCount(pieceMap.pieceCount)} of ${formatBytes(pieceMap.pieceLength)}`,
  ]);
  if (metainfo.isPrivate) out.push(["private", "yes: peers come from its trackers only"]);
  const time = createdAt === null ? undefined : formatTime(createdAt);
  if (time !== undefined) out.push(["created", time]);
  if (createdBy !== null) out.push(["created by", createdBy]);
  if (comment !== null) out.push(["comment", comment]);
  if (source !== null) out.push(["source", source]);
  metainfo.trackers.forEach((tier, i) => {
    for (const url of tier) {
      out.push([metainfo.trackers.length > 1 ? `tracker ${i + 1}` : "tracker", url]);
    }
  });
  for (const url of metainfo.webSeeds) out.push(["web seed", url]);
  out.push(["magnet", formatMagnet(metainfo)]);
  return out;
}

function listFiles(metainfo: Metainfo, selection: readonly number[] | undefined): InfoFile[] {
  const chosen = selection === undefined ? undefined : new Set(selection);
  const out: InfoFile[] = [];
  metainfo.files.forEach((file: FileEntry, index) => {
    if (file.isPad) return;
    const selected = chosen === undefined || chosen.has(index);
    out.push({ index: index + 1, path: file.displayPath, bytes: file.length, selected });
  });
  return out;
}

/** Bytes of the files, without padding. */
function payloadBytes(metainfo: Metainfo): number {
  return metainfo.files.reduce((sum, file) => file.isPad ? sum : sum + file.length, 0);
}
