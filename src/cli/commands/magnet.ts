/**
 * `starling magnet TORRENT`: the magnet link of a torrent; of a link, the canonical form of it.
 *
 * @module
 */

import { hex } from "../../base/bytes.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import type { Context, Ending } from "../context.ts";
import { magnetOf } from "../magnet_source.ts";
import { openTorrent } from "../torrent_source.ts";

/** Prints the link to standard output, alone or as one JSON object. */
export async function runMagnet(context: Context): Promise<Ending> {
  const { shell, invocation, json } = context;
  const source = invocation.operands[0]!;
  const said = magnetOf(source) ?? (await openTorrent(context, source)).metainfo;
  const magnet = formatMagnet(said);
  const { name, infoHash, infoHashV2 } = said;
  if (json === undefined) shell.stdout.write(`${magnet}\n`);
  else {
    json.write({
      v: 1,
      type: "magnet",
      at: shell.clock.epochMs(),
      infoHash: hex(infoHash!),
      infoHashV2: infoHashV2 === null ? null : hex(infoHashV2),
      name: name ?? "",
      magnet,
    });
  }
  return { exitCode: 0 };
}
