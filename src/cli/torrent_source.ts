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
import { checkSource, readTorrentFile, type TorrentFile } from "./source.ts";
import { nameOfSource, sourceKind } from "./source_kind.ts";

/** A torrent file and what it was read with. */
export interface OpenedTorrent extends TorrentFile {
  readonly hasher: Hasher;
}

/** Reads and checks the torrent that `source` names. @throws as `readTorrentFile` does. */
export async function openTorrent(context: Context, source: string): Promise<OpenedTorrent> {
  const { shell, parts, invocation, screen, interrupts } = context;
  const { options } = invocation;
  checkSource(source);
  await using log = await openLog(context);
  await using world = await parts.openWorld({ log, workers: 0 });
  if (sourceKind(source) === "url") screen.note(`fetching ${forTerminal(nameOfSource(source))}`);
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const { http, hasher } = world;
  const allowPrivate = options.flag("allow-private");
  const reader = { shell, http, hasher, allowPrivate };
  return { ...await readTorrentFile(source, reader, { signal: limit.signal }), hasher };
}
