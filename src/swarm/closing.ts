/**
 * Closes open pieces, whole or not, and ends the time that a suspect has a piece to itself.
 *
 * @module
 */

import type { Millis } from "../base/units.ts";
import type { PieceMap } from "../metainfo/piece_map.ts";
import { type Assembly, HERE, type OpenPiece } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { Peer } from "./peer.ts";
import type { SwarmCounters } from "./swarm_options.ts";

/** How long a suspect may keep a piece to itself. */
const EXCLUSIVE_MS = 30_000;
/** A piece that got nothing for this long may lose its memory to one that would. */
const IDLE_PIECE_MS = 5_000;

/** What it works with. */
export interface ClosingParts {
  readonly map: PieceMap;
  readonly assembly: Assembly;
  readonly availability: Availability;
  readonly counters: SwarmCounters;
  /** Connected peers, live. */
  readonly peers: readonly Peer[];
  /** Whether a lacking piece may be asked for. */
  readonly covers: (piece: number) => boolean;
}

/** Closes the open pieces of one swarm. */
export class Closing {
  readonly #parts: ClosingParts;

  /** Nothing is closed yet. */
  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  /** Closes a piece. */
  close(open: OpenPiece): void {
    const { assembly, peers } = this.#parts;
    assembly.close(open);
    for (const peer of peers) {
      const at = peer.trial.indexOf(open.piece);
      if (at >= 0) peer.trial.splice(at, 1);
    }
  }

  /** Closes a piece that is not finished. */
  abandon(open: OpenPiece): void {
    const { counters, map } = this.#parts;
    for (let block = 0; block < open.blocks; block++) {
      if (open.state[block] === HERE) counters.wasted += map.blockBytes(open.piece, block);
    }
    this.close(open);
  }

  /** Closes a piece that is to be downloaded from the start. */
  drop(open: OpenPiece): void {
    this.abandon(open);
    this.putBack(open);
  }

  /** A piece may be opened again, where it is wanted. */
  putBack({ piece }: OpenPiece): void {
    if (this.#parts.covers(piece)) this.#parts.availability.enter(piece);
  }

  /**
   * Where somebody could go on but for memory and none is on its way back, pieces that nobody works on give
   * theirs up: all that have nothing yet, or else one. False where there was none.
   */
  freeMemory(now: Millis): boolean {
    const { assembly, peers } = this.#parts;
    if (assembly.withDisk > 0) return false;
    if (!peers.some((peer) => peer.isStarved && peer.requests.length === 0)) return false;
    for (let isDropped = false;; isDropped = true) {
      const idle = assembly.idlest(now - IDLE_PIECE_MS);
      if (idle === undefined || (isDropped && idle.here > 0)) return isDropped;
      this.drop(idle);
    }
  }

  /** Others may help with what this peer had to itself. */
  release({ slot }: Peer): void {
    for (const open of this.#parts.assembly.all) {
      if (open.exclusive === slot) open.exclusive = -1;
    }
  }

  /** Nobody has a piece to himself for longer than that. */
  releaseOld(now: Millis): void {
    for (const open of this.#parts.assembly.all) {
      if (open.exclusive >= 0 && now - open.openedAt >= EXCLUSIVE_MS) open.exclusive = -1;
    }
  }
}
