/**
 * How much a peer may say that brings nobody anything: keep-alives, flapping chokes, pieces it had before,
 * messages of no kind we know. Each costs us time that other peers need; no limit of a single kind of message
 * holds against all of them.
 *
 * A message costs a token and another for each KiB, what was asked for or is news gives its cost back, and
 * tokens come by time. Hot path, once per read and per message of worth: numbers only.
 *
 * @module
 */

import { PeerError } from "../base/errors.ts";
import { KIB, type Millis } from "../base/units.ts";

/** Tokens at the start, and saved up at the most: the refusals of a deep pipeline, a bitfield of 4 M pieces. */
export const CHATTER_BURST = 20_000;
/** Tokens a second. A busy peer of the real world says some tens of such messages a second. */
export const CHATTER_PER_SECOND = 1000;

/** The tokens of one peer. */
export class Chatter {
  #tokens = CHATTER_BURST;
  #at: Millis;

  /** All tokens are there. */
  constructor(now: Millis) {
    this.#at = now;
  }

  /** A message of `bytes` was of worth. */
  refund(bytes: number): void {
    this.#tokens += 1 + Math.ceil(bytes / KIB);
  }

  /**
   * So many messages and bytes were read.
   *
   * @throws {PeerError} flood: there are too few tokens for them.
   */
  charge(messages: number, bytes: number, now: Millis): void {
    const came = Math.max(0, now - this.#at) * (CHATTER_PER_SECOND / 1000);
    this.#at = now;
    this.#tokens += came - messages - bytes / KIB;
    if (this.#tokens > CHATTER_BURST) this.#tokens = CHATTER_BURST;
    else if (this.#tokens < 0) throw new PeerError("flood");
  }
}
