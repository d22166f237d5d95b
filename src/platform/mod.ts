/**
 * The platform: the one room that talks to Deno. `openWorld` makes the real outside world.
 *
 * @module
 */

import type { FileIo } from "../ports/disk.ts";
import type { Log } from "../ports/log.ts";
import type { Network } from "../ports/network.ts";
import type { World } from "../ports/world.ts";
import { openCache } from "./cache.ts";
import { systemClock } from "./clock.ts";
import { DiskPool } from "./disk_pool.ts";
import { resolveHost } from "./dns.ts";
import { systemDrafts } from "./drafts.ts";
import { PooledStore } from "./file_store.ts";
import { hostSystem } from "./host.ts";
import { systemHasher } from "./hasher.ts";
import { systemHttp } from "./http.ts";
import { systemRandom } from "./random.ts";
import { joinGroup } from "./multicast.ts";
import { listOld } from "./old_files.ts";
import { openSideFile, readBootMark } from "./side_file.ts";
import { dialTcp, listenTcp } from "./tcp.ts";
import { bindUdp } from "./udp.ts";

export { isDiskWorker } from "./disk_worker.ts";

/** How the world is opened. */
export interface WorldOptions {
  /** Disk Workers at the most (2), or one a core; 0 does all disk work on the calling thread. */
  readonly workers?: number | "all";
  /** Where diagnostics go (nowhere). */
  readonly log?: Log;
}

/** The real world. Disposing it ends the disk Workers; stores must have been disposed before. */
export function openWorld(options: WorldOptions = {}): World & AsyncDisposable {
  const heavy = new DiskPool(workersOf(options.workers ?? 2));
  const light = new DiskPool(0, { openFiles: 24 });
  const files: FileIo = {
    openStore: (spec) => Promise.resolve(new PooledStore(spec, { heavy, light })),
    openSideFile,
    listOld,
    drafts: systemDrafts,
    shortOf: async (spec) => (await import("./folder_room.ts")).shortOf(spec),
    bootMark: () => Promise.resolve(readBootMark()),
  };
  return {
    system: hostSystem,
    clock: systemClock,
    random: systemRandom,
    hasher: systemHasher,
    network,
    http: systemHttp,
    files,
    cache: openCache(),
    log: options.log ?? { write: () => {} },
    [Symbol.asyncDispose]: () => {
      heavy[Symbol.dispose]();
      light[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** More readers than this are more than disks and memory can feed. */
const MOST_WORKERS = 12;

function workersOf(wish: number | "all"): number {
  return wish === "all" ? Math.min(MOST_WORKERS, navigator.hardwareConcurrency) : wish;
}

const network: Network = {
  dial: dialTcp,
  // What is thrown becomes a rejection.
  listen: (options) => Promise.try(listenTcp, options),
  bindUdp: (options) => bindUdp(options),
  joinGroup,
  resolve: resolveHost,
};
