/**
 * Making .torrent files with other people's programs, so that ours is never its own witness.
 *
 * @module
 */

import { join } from "@std/path";
import type { Dataset } from "./dataset.ts";
import { output } from "./process.ts";
import { PYTHON } from "./programs.ts";

/** A .torrent on disk. */
export interface TorrentFile {
  /** Where it lies. */
  readonly path: string;
  /** SHA-1 of its info dictionary, in hex. */
  readonly infoHash: string;
  /** Bytes of a piece. */
  readonly pieceBytes: number;
  /** The data it describes. */
  readonly dataset: Dataset;
}

/** Which program makes it. Only libtorrent's bencoder does odd piece lengths and empty files. */
export type TorrentTool = "mktorrent" | "transmission-create" | "libtorrent";

/** How a .torrent is made. */
export interface TorrentSpec {
  /** The program ("libtorrent"). */
  readonly tool?: TorrentTool;
  /** Bytes of a piece. */
  readonly pieceBytes: number;
  /** Announce URLs, each a tier. */
  readonly trackers?: readonly string[];
  /** Pad every file to a piece boundary (BEP 47; libtorrent only). */
  readonly pad?: boolean;
}

/** Makes `path` for a dataset. */
export async function makeTorrent(
  dataset: Dataset,
  path: string,
  spec: TorrentSpec,
): Promise<TorrentFile> {
  const { tool = "libtorrent", pieceBytes } = spec;
  await output(await commandOf(tool, dataset, path, spec));
  return { path, pieceBytes, dataset, infoHash: await infoHashOf(await Deno.readFile(path)) };
}

/** A magnet link: the bare infohash, and what trackers there are. */
export function magnetOf({ infoHash }: TorrentFile, trackers: readonly string[] = []): string {
  const more = trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join("");
  return `magnet:?xt=urn:btih:${infoHash}${more}`;
}

/**
 * SHA-1, in hex, of the info dictionary of a well-made torrent.
 *
 * A reader of its own: it walks the outer dictionary and hashes the bytes between.
 */
export async function infoHashOf(torrent: Uint8Array<ArrayBuffer>): Promise<string> {
  for (let at = 1; at < torrent.length && torrent[at] !== 0x65;) {
    const valueAt = endOfValue(torrent, at);
    const end = endOfValue(torrent, valueAt);
    const key = new TextDecoder("latin1").decode(torrent.subarray(at, valueAt));
    if (key === "4:info") {
      const digest = await crypto.subtle.digest("SHA-1", torrent.subarray(valueAt, end));
      return new Uint8Array(digest).toHex();
    }
    at = end;
  }
  throw new Error("Cannot find the info dictionary");
}

async function commandOf(
  tool: TorrentTool,
  dataset: Dataset,
  path: string,
  spec: TorrentSpec,
): Promise<string[]> {
  const data = join(dataset.root, dataset.name);
  const trackers = spec.trackers ?? [];
  switch (tool) {
    case "mktorrent": {
      const urls = trackers.length === 0 ? ["http://127.0.0.1:2/announce"] : trackers;
      const exponent = String(Math.log2(spec.pieceBytes));
      return ["mktorrent", "-d", "-l", exponent, "-o", path, ...flags("-a", urls), data];
    }
    case "transmission-create": {
      const size = String(spec.pieceBytes / 1024);
      return ["transmission-create", "-s", size, "-o", path, ...flags("-t", trackers), data];
    }
    case "libtorrent": {
      const argv = [PYTHON, scriptPath("mk_torrent.py"), "--root", dataset.root];
      argv.push("--name", dataset.name, "--piece", String(spec.pieceBytes), "--out", path);
      if (dataset.files.length > 0) {
        const list = `${path}.files.json`;
        await Deno.writeTextFile(list, JSON.stringify(dataset.files.map((file) => file.path)));
        argv.push("--files", list);
      }
      return [...argv, ...flags("--tracker", trackers), ...(spec.pad ? ["--pad"] : [])];
    }
  }
}

/** The path of a script that lies beside this file. */
export function scriptPath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

function flags(name: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [name, value]);
}

function endOfValue(bytes: Uint8Array, start: number): number {
  const letter = bytes[start];
  if (letter === 0x69) return bytes.indexOf(0x65, start) + 1;
  if (letter === 0x64 || letter === 0x6c) {
    let at = start + 1;
    while (bytes[at] !== 0x65) at = endOfValue(bytes, at);
    return at + 1;
  }
  const colon = bytes.indexOf(0x3a, start);
  return colon + 1 + Number(new TextDecoder().decode(bytes.subarray(start, colon)));
}
