/**
 * What a swarm starts with and what it counts.
 *
 * @module
 */

import type { Bitfield } from "../base/bitfield.ts";
import type { Millis } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import type { PieceBuffer } from "../ports/disk.ts";
import type { Random } from "../ports/random.ts";
import type { AllowedFast } from "./allowed_fast.ts";
import type { Extensions } from "./extensions.ts";

/** What a swarm starts with. */
export interface SwarmOptions {
  readonly map: PieceMap;
  /** Verified pieces; copied. */
  readonly have: Bitfield;
  /** Pieces of the selection; copied. */
  readonly wanted: Bitfield;
  readonly random: Random;
  /** Memory for a piece, or `undefined` while it is short. */
  readonly allocate: () => PieceBuffer | undefined;
  readonly isSequential: boolean;
  /** As the first seed, give every piece once before twice, where all of it is there from the start (no). */
  readonly isSuperSeed?: boolean;
  /**
   * Pieces that can be held where there is nothing but memory: only what somebody reads is asked for, and
   * it is let go once it was read (no bound: everything stays).
   */
  readonly window?: number | undefined;
  /** What newcomers may have while they are choked (nothing). */
  readonly allowedFast?: AllowedFast;
  /** Whether our own rate limit holds everything up (never). */
  readonly isThrottled?: (now: Millis) => boolean;
  /** What is spoken beside BEP 3; the swarm adds what is its own (nothing else). */
  readonly extensions?: Extensions;
  readonly now: Millis;
}

/** Counters that only grow, in payload bytes. */
export interface SwarmCounters {
  downloaded: number;
  uploaded: number;
  wasted: number;
  corrupt: number;
}
