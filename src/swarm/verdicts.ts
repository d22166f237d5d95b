/**
 * What the disk's word on a piece says about the peers that gave it: whom to trust, whom to doubt, who lied.
 *
 * @module
 */

import type { Assembly, OpenPiece } from "./assembly.ts";
import { Blame } from "./blame.ts";
import type { Peer } from "./peer.ts";
import type { SwarmCounters } from "./swarm_options.ts";

/** What it works with. */
export interface VerdictParts {
  readonly assembly: Assembly;
  readonly counters: SwarmCounters;
  /** Connected peers, live. */
  readonly peers: readonly Peer[];
  /** Closes a piece that is to be downloaded from the start. */
  readonly drop: (open: OpenPiece) => void;
}

/** Keeps the record of failed pieces. */
export class Verdicts {
  readonly #parts: VerdictParts;
  readonly #blame = new Blame();
  #guilty: number[] = [];

  constructor(parts: VerdictParts) {
    this.#parts = parts;
  }

  /** Whether the disk should tell the digests of a good piece's blocks. */
  wantsDigests(piece: number): boolean {
    return this.#blame.has(piece);
  }

  /** Givers that were proven to lie since the last call. */
  takeGuilty(): readonly number[] {
    if (this.#guilty.length === 0) return NONE;
    const guilty = this.#guilty;
    this.#guilty = [];
    return guilty;
  }

  /** A piece is right: its givers are proven. */
  onGood(open: OpenPiece, digests: Uint8Array | undefined): void {
    for (const peer of this.#parts.peers) {
      const isProven = peer.isTrusted && !peer.isOnParole;
      if (isProven || !open.giver.includes(peer.giver)) continue;
      peer.isTrusted = true;
      peer.isOnParole = false;
    }
    if (digests === undefined) return;
    for (const liar of this.#blame.onGood(open.piece, digests)) this.#convict(liar);
  }

  /** A piece is corrupt: one of its givers lied. */
  onCorrupt(open: OpenPiece, digests: Uint8Array | undefined): void {
    const givers = open.giver.slice(0, open.blocks);
    const verdict = digests === undefined
      ? { guilty: [], suspects: [...new Set(givers)] }
      : this.#blame.onCorrupt(open.piece, digests, givers);
    for (const peer of this.#parts.peers) {
      if (!verdict.suspects.includes(peer.giver)) continue;
      peer.isOnParole = true;
      peer.isTrusted = false;
    }
    for (const liar of verdict.guilty) this.#convict(liar);
  }

  #convict(giver: number): void {
    const { assembly, counters, peers, drop } = this.#parts;
    this.#guilty.push(giver);
    for (const peer of peers) {
      if (peer.giver === giver) peer.closing ??= "corrupt-data";
    }
    // What it gave to other pieces would make them fail, too. From the end, since a piece may close.
    const open = assembly.all;
    for (let i = open.length - 1; i >= 0; i--) {
      if (open[i]!.isWithDisk) continue;
      counters.wasted += assembly.discard(open[i]!, giver);
      if (open[i]!.free === open[i]!.blocks) drop(open[i]!);
    }
  }
}

const NONE: readonly never[] = [];
