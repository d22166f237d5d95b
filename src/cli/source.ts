/**
 * SOURCE → the torrent it names: a path, standard input, an http(s) URL.
 *
 * What the user typed may always be contacted; where a server sends us on is another matter, and a public
 * one must not send us to a private address.
 *
 * @module
 */

import { BencodeError, MetainfoError, NetworkError } from "../base/errors.ts";
import { MIB } from "../base/units.ts";
import { USER_AGENT } from "../base/version.ts";
import { parseInfoHash } from "../metainfo/info_hash.ts";
import { parseMagnet } from "../metainfo/magnet.ts";
import { MAX_TORRENT_BYTES, type Metainfo, parseTorrent } from "../metainfo/torrent_file.ts";
import type { Hasher } from "../ports/hash.ts";
import type { HttpClient, HttpResponse } from "../ports/http.ts";
import type { Shell } from "../ports/shell.ts";
import { isLocalHost } from "../session/policy.ts";
import { nameOfSource, sourceKind } from "./source_kind.ts";
import { UsageError } from "./usage_error.ts";

/** What reading a source needs. */
export interface SourceReader {
  readonly shell: Pick<Shell, "readSource" | "system">;
  readonly http: HttpClient;
  readonly hasher: Hasher;
  /** Permit redirects from public to private addresses. */
  readonly allowPrivate: boolean;
}

/** Room for a list of some hundred thousand sources. */
const MAX_LIST_BYTES = 16 * MIB;
const FETCH_TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 10;

/**
 * Refuses what no SOURCE can be, before anything is opened or contacted.
 *
 * @throws {MagnetError} for a magnet link that makes no sense.
 * @throws {UsageError} for what this version does not support.
 */
export function checkSource(source: string): void {
  const kind = sourceKind(source);
  if (kind === "magnet") parseMagnet(source);
  if (kind === "magnet" || (kind === "infohash" && parseInfoHash(source) !== undefined)) {
    const what = kind === "magnet" ? "magnet links are" : "a bare infohash is";
    throw new UsageError(
      `Cannot use ${nameOfSource(source)}: ${what} not supported in this version`,
      {
        hint: "give a .torrent file or the URL of one",
      },
    );
  }
}

/** A torrent file. */
export interface TorrentFile {
  /** The file as it is. */
  readonly bytes: Uint8Array;
  /** What it says. */
  readonly metainfo: Metainfo;
}

/** Reads and checks the torrent of a SOURCE, as {@link readTorrentFile} does. */
export async function readTorrent(
  source: string,
  reader: SourceReader,
  options: { readonly signal: AbortSignal },
): Promise<Metainfo> {
  return (await readTorrentFile(source, reader, options)).metainfo;
}

/**
 * Reads and checks the torrent file of a SOURCE.
 *
 * @throws {DiskError} when it cannot be read, {@link NetworkError} when it cannot be fetched.
 * @throws {MetainfoError} when it is no torrent, or was refused by the safety policy.
 * @throws the signal's reason, when it aborts.
 */
export async function readTorrentFile(
  source: string,
  reader: SourceReader,
  options: { readonly signal: AbortSignal },
): Promise<TorrentFile> {
  checkSource(source);
  const { signal } = options;
  const bytes = sourceKind(source) === "url"
    ? await fetchTorrent(source, reader, signal)
    : await reader.shell.readSource(source, { maxBytes: MAX_TORRENT_BYTES, signal });
  try {
    const { hasher, shell } = reader;
    return { bytes, metainfo: parseTorrent(bytes, { hasher, system: shell.system }) };
  } catch (error) {
    throw explained(error, source, bytes);
  }
}

/**
 * The sources that a file (`-`: standard input) lists, one a line; blank lines and those that begin with `#`
 * are left out.
 *
 * @throws {DiskError} when it cannot be read, {@link UsageError} when it lists none.
 */
export async function readList(
  path: string,
  shell: Pick<Shell, "readSource">,
  signal: AbortSignal,
): Promise<string[]> {
  const bytes = await shell.readSource(path, { maxBytes: MAX_LIST_BYTES, signal });
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/).map((line) => line.trim());
  const sources = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (sources.length === 0) {
    throw new UsageError(`Cannot use --input-file ${nameOfSource(path)}: it lists no source`);
  }
  return sources;
}

async function fetchTorrent(
  url: string,
  reader: SourceReader,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const refused: URL[] = [];
  const mayRedirect = (from: URL, to: URL) => {
    const isSafe = reader.allowPrivate || isLocalHost(from.hostname) || !isLocalHost(to.hostname);
    if (!isSafe) refused.push(to);
    return isSafe;
  };
  let response: HttpResponse;
  try {
    response = await reader.http.get(url, {
      headers: { "user-agent": USER_AGENT, accept: "application/x-bittorrent, */*;q=0.1" },
      maxBytes: MAX_TORRENT_BYTES,
      timeoutMs: FETCH_TIMEOUT_MS,
      maxRedirects: MAX_REDIRECTS,
      mayRedirect,
      signal,
    });
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    if (refused.length > 0) throw refusal(url, refused[0]!, error);
    if (error.kind !== "too-large") throw error;
    throw new MetainfoError(`${error.message}, too large for a torrent file`, "", { cause: error });
  }
  if (response.status !== 200) {
    const why = `the server answers with status ${response.status}`;
    throw new NetworkError("other", `Cannot fetch ${nameOfSource(url)}: ${why}`);
  }
  return response.body;
}

function refusal(url: string, to: URL, cause: Error): MetainfoError {
  const why = `it redirects to ${to.host}, a private address (--allow-private permits it)`;
  return new MetainfoError(`Cannot fetch ${nameOfSource(url)}: ${why}`, "", { cause });
}

/** The error with the source in front, and in words where what came is a web page. */
function explained(error: unknown, source: string, bytes: Uint8Array): unknown {
  if (!(error instanceof BencodeError || error instanceof MetainfoError)) return error;
  const start = new TextDecoder().decode(bytes.subarray(0, 512)).trimStart();
  const what = /^(?:<!doctype|<html|<\?xml|<head|<body)/i.test(start)
    ? "it is a web page, not a torrent"
    : bytes.length === 0
    ? "it is empty"
    : lowerFirst(error.message);
  const path = error instanceof MetainfoError ? error.path : "";
  return new MetainfoError(`Cannot use ${nameOfSource(source)}: ${what}`, path, { cause: error });
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
