/**
 * `starling edit TORRENT`: change trackers, web seeds, comment, source, private, and nothing else of the file.
 *
 * @module
 */

import { equalBytes, hex } from "../../base/bytes.ts";
import { type Changes, editTorrent } from "../../metainfo/edit.ts";
import { formatMagnet } from "../../metainfo/magnet.ts";
import { type Metainfo, parseTorrent } from "../../metainfo/torrent_file.ts";
import type { Context, Ending } from "../context.ts";
import { forTerminal } from "../escape.ts";
import type { OptionValues } from "../option_values.ts";
import { isReadable, sourceKind } from "../source_kind.ts";
import { checkOutput, deliver, type Target, targetOf } from "../torrent_output.ts";
import { openTorrent } from "../torrent_source.ts";
import { UsageError } from "../usage_error.ts";

/** Changes the torrent in its place or writes it elsewhere, and prints its infohash before and after. */
export async function runEdit(context: Context): Promise<Ending> {
  const { shell, screen, invocation } = context;
  const { options } = invocation;
  const source = invocation.operands[0]!;
  const changes = changesOf(options);
  checkOutput(options, shell);
  if (Object.keys(changes).length === 0) {
    throw new UsageError("Nothing to change: no option says what", {
      hint: "--tracker, --no-trackers, --webseed, --no-webseeds, --comment, --source, --private",
    });
  }
  if (!isReadable(source)) {
    throw new UsageError("Cannot change a magnet link: it is no file", {
      hint: "starling meta makes a .torrent of it",
    });
  }
  if (sourceKind(source) !== "path" && !options.has("output")) {
    throw new UsageError(`Cannot change ${source} in its place`, { hint: "-o names a file" });
  }
  const { bytes, metainfo: before, hasher } = await openTorrent(context, source);
  const target: Target = options.has("output")
    ? await targetOf(options, shell, `${before.name}.torrent`)
    : { kind: "file", path: source, replace: true };
  const edited = editTorrent(bytes, changes);
  const after = parseTorrent(edited, { hasher, system: shell.system });
  const isSame = equalBytes(bytes, edited);
  if (isSame) screen.warn("nothing has changed: it was like this before");
  if (!isSame || options.has("output")) await deliver(shell, target, edited);
  tell(context, { before, after, target });
  return { exitCode: 0, facts: { infoHash: hex(after.infoHash) } };
}

function changesOf(options: OptionValues): Changes {
  const trackers = options.groups("tracker");
  const webSeeds = options.texts("webseed");
  const textAt = (name: string) => options.has(name) ? options.text(name) || null : undefined;
  const [comment, source] = [textAt("comment"), textAt("source")];
  return {
    ...(options.flag("no-trackers") ? { dropTrackers: true } : {}),
    ...(trackers.length > 0 ? { addTrackers: trackers } : {}),
    ...(options.flag("no-webseeds") ? { dropWebSeeds: true } : {}),
    ...(webSeeds.length > 0 ? { addWebSeeds: webSeeds } : {}),
    ...(comment === undefined ? {} : { comment }),
    ...(source === undefined ? {} : { source }),
    ...(options.has("private") ? { isPrivate: options.flag("private") } : {}),
  };
}

function tell(
  { shell, screen, json }: Context,
  { before, after, target }: { before: Metainfo; after: Metainfo; target: Target },
): void {
  const [old, infoHash] = [hex(before.infoHash), hex(after.infoHash)];
  const path = target.kind === "file" ? target.path : "standard output";
  screen.note(`done: ${forTerminal(path)}`);
  if (old !== infoHash) {
    screen.warn("the infohash has changed: to peers and trackers this is another torrent");
  }
  if (json !== undefined) {
    const { name, pieceMap, files, infoHashV2 } = after;
    const data = files.filter(({ isPad }) => !isPad);
    return json.write({
      v: 1,
      type: "torrent",
      at: shell.clock.epochMs(),
      infoHash,
      infoHashBefore: old,
      infoHashV2: infoHashV2 === null ? null : hex(infoHashV2),
      name,
      path,
      totalBytes: data.reduce((sum, { length }) => sum + length, 0),
      pieceLength: pieceMap.pieceLength,
      pieces: pieceMap.pieceCount,
      files: data.length,
      magnet: formatMagnet(after),
    });
  }
  const lines = [`before        ${old}`, `after         ${infoHash}`];
  if (target.kind === "stdout") lines.forEach((line) => screen.note(line));
  else shell.stdout.write(`${lines.join("\n")}\n`);
}
