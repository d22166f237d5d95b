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
import { MAX_TORRENT_BYTES, type Metainfo, parseTorrent } from "../metainfo/torrent_file.ts";
import type { Cache } from "../ports/cache.ts";
import type { Hasher } from "../ports/hash.ts";
import type { HttpClient, HttpResponse } from "../ports/http.ts";
import type { Shell } from "../ports/shell.ts";
import { isLocalHost } from "../session/policy.ts";
import { magnetOf } from "./magnet_source.ts";
import { nameOfSource, sourceKind } from "./source_kind.ts";
import { keepUrl, readUrl } from "./url_cache.ts";
import { UsageError } from "./usage_error.ts";

/** What reading a source needs. */
export interface SourceReader {
  readonly shell: Pick<Shell, "readSource" | "system">;
  readonly http: HttpClient;
  readonly hasher: Hasher;
  /** Keeps what URLs give, for the time they cannot be fetched. */
  readonly cache: Cache;
  /** Says that what was kept is used. */
  readonly warn: (message: string) => void;
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
 * @throws as `magnetOf` does.
 */
export function checkSource(source: string): void {
  magnetOf(source);
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
 * @throws {UsageError} for a URL of another scheme than http and https.
 * @throws {DiskError} when it cannot be read, {@link NetworkError} when it cannot be fetched.
 * @throws {MetainfoError} when it is no torrent, or was refused by the safety policy.
 * @throws the signal's reason, when it aborts.
 */
export async function readTorrentFile(
  source: string,
  reader: SourceReader,
  options: { readonly signal: AbortSignal },
): Promise<TorrentFile> {
  const { signal } = options;
  if (sourceKind(source) === "url") return await fetchOrRecall(source, reader, signal);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1];
  if (scheme !== undefined) {
    throw new UsageError(`Cannot fetch ${nameOfSource(source)}: it is no http or https URL`, {
      hint: scheme.toLowerCase() === "file"
        ? "a file is named by its path, without file://"
        : "fetch it by other means, and name the file, or - for standard input",
    });
  }
  const bytes = await reader.shell.readSource(source, { maxBytes: MAX_TORRENT_BYTES, signal });
  return parsed(bytes, source, reader);
}

/** What a URL gives, or what it gave the last time where it cannot be fetched. */
async function fetchOrRecall(
  url: string,
  reader: SourceReader,
  signal: AbortSignal,
): Promise<TorrentFile> {
  const { cache, hasher, shell } = reader;
  const world = { cache, hasher, system: shell.system };
  try {
    const file = parsed(await fetchTorrent(url, reader, signal), url, reader);
    await keepUrl(world, url, { bytes: file.bytes, infoHash: file.metainfo.infoHash });
    return file;
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    const kept = await readUrl(world, url);
    if (kept === undefined) throw error;
    reader.warn(`${error.message}; the torrent file of last time is used`);
    return kept;
  }
}

function parsed(bytes: Uint8Array, source: string, { hasher, shell }: SourceReader): TorrentFile {
  try {
    return { bytes, metainfo: parseTorrent(bytes, { hasher, system: shell.system }) };
  } catch (error) {
    throw explained(error, source, bytes);
  }
}

/**
 * The sources that a file (`-`: standard input) lists, one a line; blank lines and those that begin with `#`
 * are left out.
 *
 * @throws {DiskError} when it cannot be read, {@link UsageError} when it lists none, or options of a source as
 * the lists of aria2 do, which nobody would see ignored.
 */
export async function readList(
  path: string,
  shell: Pick<Shell, "readSource">,
  signal: AbortSignal,
): Promise<string[]> {
  const bytes = await shell.readSource(path, { maxBytes: MAX_LIST_BYTES, signal });
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const what = `Cannot use --input-file ${nameOfSource(path)}`;
  const option = lines.findIndex((line) => /^\s+[a-z][a-z-]+=/.test(line));
  if (option >= 0) {
    throw new UsageError(`${what}: line ${option + 1} gives an option, ${lines[option]!.trim()}`, {
      hint: "a line is a SOURCE and nothing else; options are for all of them, on the command line",
    });
  }
  const sources = lines.map((line) => line.trim()).filter((line) => !/^(?:#|$)/.test(line));
  if (sources.length === 0) throw new UsageError(`${what}: it lists no source`);
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
