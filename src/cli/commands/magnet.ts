/**
 * `starling magnet TORRENT`: the magnet link of a torrent.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import type { Context, Ending } from "../context.ts";
import { openTorrent } from "../torrent_source.ts";

/** Prints the link to standard output, alone or as one JSON object. */
export async function runMagnet(context: Context): Promise<Ending> {
  const { shell, invocation, json } = context;
  const { metainfo } = await openTorrent(context, invocation.operands[0]!);
  const magnet = formatMagnet(metainfo);
  const { name, infoHash, infoHashV2 } = metainfo;
  if (json === undefined) shell.stdout.write(`${magnet}\n`);
  else {
    json.write({
      v: 1,
      type: "magnet",
      at: shell.clock.epochMs(),
      infoHash: hex(infoHash),
      infoHashV2: infoHashV2 === null ? null : hex(infoHashV2),
      name,
      magnet,
    });
  }
  return { exitCode: 0 };
}
