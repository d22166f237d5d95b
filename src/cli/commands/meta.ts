/**
 * `starling meta MAGNET`: only the metadata, as a torrent file.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import type { Context, Ending } from "../context.ts";
import { forTerminal } from "../escape.ts";
import { checkSource } from "../source.ts";
import { checkOutput, deliver, targetOf } from "../torrent_output.ts";
import { openTorrent } from "../torrent_source.ts";

/** Fetches it and writes it where `-o` says. */
export async function runMeta(context: Context): Promise<Ending> {
  const { shell, invocation, screen, json } = context;
  const { options } = invocation;
  const source = invocation.operands[0]!;
  checkOutput(options, shell);
  checkSource(source);
  // A file in the way is found before anybody is asked for anything.
  if (options.has("output")) await targetOf(options, shell, "metadata.torrent");
  const { bytes, metainfo } = await openTorrent(context, source);
  const target = await targetOf(options, shell, `${metainfo.name}.torrent`);
  await deliver(shell, target, bytes);
  const infoHash = hex(metainfo.infoHash);
  if (target.kind === "file") {
    screen.note(`done: ${forTerminal(metainfo.name)}, in ${forTerminal(target.path)}`);
  }
  if (json !== undefined) {
    json.write({
      v: 1,
      type: "metadata",
      at: shell.clock.epochMs(),
      infoHash,
      name: metainfo.name,
      bytesTotal: metainfo.files.reduce((sum, file) => file.isPad ? sum : sum + file.length, 0),
      piecesTotal: metainfo.pieceMap.pieceCount,
      files: metainfo.files.filter((file) => !file.isPad).length,
    });
  }
  return { exitCode: 0, facts: { infoHash } };
}
