/**
 * The metadata of a magnet link alone: out of the cache, or from peers by a session that ends with it.
 *
 * @module
 */

import { editTorrent } from "../metainfo/edit.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import { parseTorrent } from "../metainfo/torrent_file.ts";
import type { World } from "../ports/world.ts";
import { torrentOf } from "../session/metadata_cache.ts";
import type { Context } from "./context.ts";
import { BugError } from "../base/errors.ts";
import { failureOfOutcome, TorrentFailed } from "./exit.ts";
import { nameOfMagnet } from "./magnet_source.ts";
import { asGuest, planOf } from "./plan.ts";
import { Progress } from "./progress.ts";
import type { TorrentFile } from "./source.ts";

/**
 * The torrent file that a link stands for, with the trackers and web seeds of the link in it.
 *
 * @throws {TorrentFailed} it could not be had; {NetworkError} the port that was asked for is taken.
 */
export async function fetchMetadata(
  context: Context,
  magnet: Magnet,
  world: World,
): Promise<TorrentFile> {
  const { parts, invocation, shell, interrupts, screen, json } = context;
  const plan = asGuest(planOf(invocation.options, shell));
  await using session = await parts.openSession(world, plan.session);
  const progress = new Progress(screen, shell.stderr, world.clock);
  const over = new AbortController();
  const showing = progress.run(over.signal);
  const row = progress.add(nameOfMagnet(magnet));
  const telling = (async () => {
    for await (const event of session.events()) {
      if (event.type === "warning") screen.warn(event.message);
      // The others that need metadata print something of their own, one object for example.
      if (invocation.verb.name === "meta" && event.type !== "metadata") json?.write(event);
    }
  })();
  const torrent = session.addMagnet({
    ...plan.torrent,
    seed: false,
    output: ".",
    magnet,
    isMetadataOnly: true,
    ...(plan.timeoutMs === undefined ? {} : { timeoutMs: plan.timeoutMs }),
    ...(plan.metadataMs === undefined ? {} : { metadataTimeoutMs: plan.metadataMs }),
  });
  row.follow(() => torrent.stats());
  const onStop = () => void torrent.stop();
  if (interrupts.signal.aborted) onStop();
  interrupts.signal.addEventListener("abort", onStop, { once: true });
  try {
    const { name } = torrent.stats();
    const failure = failureOfOutcome(await torrent.finished, {
      name,
      interrupted: interrupts.reason,
    });
    if (failure !== undefined) throw new TorrentFailed(failure);
  } finally {
    interrupts.signal.removeEventListener("abort", onStop);
    row.remove();
    over.abort();
    await showing;
  }
  await session[Symbol.asyncDispose]();
  await telling;
  if (torrent.metainfo === undefined) {
    throw new BugError("Cannot find the metadata: it is complete");
  }
  return fileOf(torrent.metainfo.infoBytes, magnet, world);
}

function fileOf(info: Uint8Array, magnet: Magnet, { hasher, system }: World): TorrentFile {
  const bytes = editTorrent(torrentOf(info), {
    addTrackers: magnet.trackers.map((url) => [url]),
    addWebSeeds: magnet.webSeeds,
  });
  return { bytes, metainfo: parseTorrent(bytes, { hasher, system }) };
}
