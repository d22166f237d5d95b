/**
 * The user's cache on a simulated host: it outlives processes, as the disk does.
 *
 * @module
 */

import type { Cache } from "../../src/ports/cache.ts";
import type { Life } from "./life.ts";

/** What a host keeps, by name. A test may look into it, and spoil it. */
export type SimCache = Map<string, Uint8Array>;

/** The cache as one process sees it. */
export function processCache(kept: SimCache, life: Life): Cache {
  return {
    read: (name) => life.guard(Promise.resolve(kept.get(name)?.slice())),
    write: (name, bytes) => {
      if (life.isAlive) kept.set(name, bytes.slice());
      return life.guard(Promise.resolve());
    },
  };
}
