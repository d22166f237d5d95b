/**
 * `starling info SOURCE`: what is in a torrent, without touching peers or the disk.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { deadline } from "../deadline.ts";
import { forJson } from "../escape.ts";
import { infoObject, infoText } from "../info_view.ts";
import { openLog } from "../log.ts";
import { chooseFiles, noMatch } from "../select.ts";
import { checkSource, readTorrent } from "../source.ts";
import { nameOfSource, sourceKind } from "../source_kind.ts";
import { wishOf } from "../plan.ts";

/** Prints the torrent to standard output, as text or as one JSON object. */
export async function runInfo(context: Context): Promise<Ending> {
  const { shell, parts, invocation, screen, interrupts } = context;
  const { options } = invocation;
  const source = invocation.operands[0]!;
  checkSource(source);
  await using log = await openLog(context);
  await using world = await parts.openWorld({ log, workers: 0 });
  if (sourceKind(source) === "url") screen.note(`fetching ${nameOfSource(source)}`);
  using limit = deadline(shell.clock, options.number("timeout"), interrupts.signal);
  const metainfo = await readTorrent(source, {
    shell,
    http: world.http,
    hasher: world.hasher,
    allowPrivate: options.flag("allow-private"),
  }, { signal: limit.signal });
  const { selection, idle } = chooseFiles(metainfo.files, wishOf(options));
  for (const glob of idle) throw noMatch("--exclude", glob, metainfo.files);
  const text = screen.look.isJson
    ? `${forJson(infoObject(metainfo, { selection, at: shell.clock.epochMs() }))}\n`
    : infoText(metainfo, selection);
  shell.stdout.write(text);
  return { exitCode: 0 };
}
