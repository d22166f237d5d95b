/**
 * Reads the one torrent that a verb without peers is about.
 *
 * @module
 */

import type { Hasher } from "../ports/hash.ts";
import type { Context } from "./context.ts";
import { deadline } from "./deadline.ts";
import { forTerminal } from "./escape.ts";
import { openLog } from "./log.ts";
import { magnetOf, nameOfMagnet } from "./magnet_source.ts";
import { fetchMetadata } from "./metadata.ts";
import { readTorrentFile, type TorrentFile } from "./source.ts";
import { nameOfSource, sourceKind } from "./source_kind.ts";

/** A torrent file and what it was read with. */
export interface OpenedTorrent extends TorrentFile {
  readonly hasher: Hasher;
}

/** Verbs that have said what they read, before anything was loaded. */
const TOLD: ReadonlySet<string> = new Set(["doctor", "scrape"]);

/** Reads and checks the torrent that `source` names. @throws as `readTorrentFile` does. */
export async function openTorrent(context: Context, source: string): Promise<OpenedTorrent> {
  const { shell, parts, invocation, screen, interrupts } = context;
  const { options } = invocation;
  const magnet = magnetOf(source);
  const log = openLog(context);
  await using world = await parts.openWorld({ log, workers: 0 });
  const { http, hasher, cache } = world;
  if (magnet !== undefined) {
    screen.note(`fetching the metadata of ${forTerminal(nameOfMagnet(magnet))}`);
    return { ...await fetchMetadata(context, magnet, world), hasher };
  }
  const isTold = TOLD.has(invocation.verb.name);
  if (sourceKind(source) === "url" && !isTold) {
    screen.note(`fetching ${forTerminal(nameOfSource(source))}`);
  }
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const allowPrivate = options.flag("allow-private");
  const warn = (message: string) => screen.warn(message);
  const reader = { shell, http, hasher, cache, warn, allowPrivate };
  return { ...await readTorrentFile(source, reader, { signal: limit.signal }), hasher };
}
