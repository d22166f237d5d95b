/**
 * `starling seed TORRENT [PATH]`: verify what is there, then give it to others until told to stop.
 *
 * @module
 */

import type { Context, Ending } from "../context.ts";
import { placeOf } from "../place.ts";
import { planOf, withCommand } from "../plan.ts";
import { runDownloads } from "./get.ts";

/** Seeds. Nothing is downloaded, written or locked. */
export function runSeed(context: Context): Promise<Ending> {
  const { shell, invocation } = context;
  const [torrent, path = "."] = invocation.operands;
  const plan = withCommand(planOf(invocation.options, shell), invocation);
  return runDownloads(context, [torrent!], {
    ...plan,
    stallMs: undefined,
    torrent: { ...plan.torrent, seed: true, isUploadOnly: true },
    place: (metainfo) => placeOf(metainfo, { path, shell }),
  });
}
