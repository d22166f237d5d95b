/**
 * `starling info SOURCE`: what is in a torrent, without touching peers or the disk.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { forJson } from "../escape.ts";
import { infoObject, infoText } from "../info_view.ts";
import { chooseFiles, noMatch } from "../select.ts";
import { wishOf } from "../plan.ts";
import { openTorrent } from "../torrent_source.ts";

/** Prints the torrent to standard output, as text or as one JSON object. */
export async function runInfo(context: Context): Promise<Ending> {
  const { shell, invocation, screen } = context;
  const { options } = invocation;
  const { metainfo } = await openTorrent(context, invocation.operands[0]!);
  const { selection, idle } = chooseFiles(metainfo.files, wishOf(options));
  for (const glob of idle) throw noMatch("--exclude", glob, metainfo.files);
  const text = screen.look.isJson
    ? `${forJson(infoObject(metainfo, { selection, at: shell.clock.epochMs() }))}\n`
    : infoText(metainfo, selection);
  shell.stdout.write(text);
  return { exitCode: 0 };
}
