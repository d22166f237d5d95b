/**
 * The whole outside world in one value. The platform makes the real one, the simulator its own.
 *
 * @module
 */

import type { Cache } from "./cache.ts";
import type { Clock } from "./clock.ts";
import type { FileIo } from "./disk.ts";
import type { Hasher } from "./hash.ts";
import type { HttpClient } from "./http.ts";
import type { Log } from "./log.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

/** Everything a session needs from outside. */
export interface World {
  /** The system whose rules names of files must obey. */
  readonly system: "linux" | "darwin" | "windows";
  /** Time. */
  readonly clock: Clock;
  /** Randomness. */
  readonly random: Random;
  /** Small digests. */
  readonly hasher: Hasher;
  /** Streams and datagrams. */
  readonly network: Network;
  /** HTTP. */
  readonly http: HttpClient;
  /** Files. */
  readonly files: FileIo;
  /** What is kept between runs and may be lost. */
  readonly cache: Cache;
  /** Diagnostics. */
  readonly log: Log;
}
